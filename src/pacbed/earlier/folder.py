"""Data folders of the earlier system: their models, read as they are.

A model folder holds networks with ``Thickness``, ``Mistilt`` and ``Scale`` in their names
(``.h5`` or ``.tflite``) and a table of labels for each. What the system is stands in
``Register.csv``, and the range of convergence angles in ``simulation/df.csv``.
"""

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

from pacbed.bounded import read_bytes
from pacbed.earlier.formats import FORMATS, check_extra
from pacbed.errors import BundleError, MissingExtraError
from pacbed.library.csv_table import CsvRows
from pacbed.library.models.label_bundle import LabelBundle, LabelModel
from pacbed.library.models.label_table import read_label_table
from pacbed.library.register.rows import RegisterRow
from pacbed.library.system import System

#: What ``kind`` says of such a model, and ``road`` in its preparation.
EARLIER = "earlier"
PATTERN_TABLE = Path("simulation") / "df.csv"
#: What its networks say; never the tilt's direction.
EARLIER_TARGETS = ("Thickness", "Mistilt", "Scale")

_ANGLE_COLUMN = "Conv_Angle"
_LARGEST_TABLE_BYTES = 2**27
_LABELS_ENDING = "_labels.csv"
_ANGSTROM_PER_NM = 10.0


def is_earlier_model(folder: Path) -> bool:
    """Whether a folder has a network of the earlier system's formats."""
    return folder.is_dir() and any(_has_format(path) for path in folder.iterdir())


@dataclass(frozen=True)
class EarlierFolder:
    """A model of the earlier system, not read yet.

    Attributes
    ----------
    home : Path
        Folder of the system, with ``simulation/df.csv``.
    folder : Path
        Folder of the model.
    row : RegisterRow
        What the register says of the system.
    """

    home: Path
    folder: Path
    row: RegisterRow


def load_earlier(place: EarlierFolder, formats: tuple[str, ...] = tuple(FORMATS)) -> LabelBundle:
    """Read a model of the earlier system; its networks are loaded later.

    Parameters
    ----------
    place : EarlierFolder
    formats : tuple of str
        Endings of the networks that may be used.

    Returns
    -------
    LabelBundle

    Raises
    ------
    BundleError
        If something is missing or cannot be used; the message names the file.
    MissingExtraError
        If no installed extra reads the networks.
    """
    folder, row = place.folder, place.row
    if not folder.is_dir():
        raise BundleError(f"{folder}: does not exist, but is registered; restore or unregister it")
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    models = {}
    for target in EARLIER_TARGETS:
        fitting = [n for n in names if target in n and n.lower().endswith(formats)]
        file = _choose(folder, fitting)
        if file is not None:
            labels = [n for n in names if target in n and n.endswith(_LABELS_ENDING)]
            if not labels:
                raise BundleError(
                    f"{folder / file}: has no table of labels beside it; add "
                    f"{target}{_LABELS_ENDING}"
                )
            models[target] = LabelModel(file, read_label_table(folder / labels[-1], target))
    if "Thickness" not in models:
        raise BundleError(
            f"{folder}: has no network with Thickness in its name ({', '.join(formats)}); "
            "restore it"
        )
    convergence, source = _convergence_range(place.home, row)
    return LabelBundle(
        folder=folder,
        system=_system(folder, row, models, convergence),
        provenance={
            "origin": "data folder of the earlier system", "convergence_range_from": source
        },
        sealed=False,
        models=models,
        convergence_mrad=convergence,
        preparation={"road": EARLIER},
    )  # fmt: skip


def _has_format(path: Path) -> bool:
    return path.suffix.lower() in FORMATS


def _choose(folder: Path, names: list[str]) -> str | None:
    """The network to use: one whose format can be read, the last by name of several."""
    missing = None
    for ending in FORMATS:
        fitting = [name for name in names if name.lower().endswith(ending)]
        if not fitting:
            continue
        try:
            check_extra(ending)
        except MissingExtraError as error:
            missing = missing or MissingExtraError(f"{folder / fitting[-1]}: {error}")
        else:
            return fitting[-1]
    if missing is not None:
        raise missing
    return None


def _system(
    folder: Path,
    row: RegisterRow,
    models: dict[str, LabelModel],
    convergence: tuple[float, float],
) -> System:
    zone, tension = row.zone_axis, row.high_tension_kV
    if zone is None or tension is None or not row.material:
        raise BundleError(
            f"{folder}: Register.csv does not say material, direction and high tension of the "
            f"system {row.id}; complete its row"
        )
    thickness = [value / _ANGSTROM_PER_NM for value in models["Thickness"].labels.values]
    mistilt = models["Mistilt"].labels.values if "Mistilt" in models else (0.0, 0.0)
    words = re.sub(r"[^a-z0-9]+", "-", row.material.lower()).strip("-")
    axis = "".join(map(str, zone))
    return System(
        id=row.id,
        name=row.name or f"{words}-{axis}-{tension:g}kV-earlier{row.id}",
        material=row.material,
        composition=row.composition or "",
        zone_axis=zone,
        high_tension_kV=tension,
        convergence_mrad=convergence,
        thickness_nm=(min(thickness), max(thickness)),
        mistilt_mrad=(min(mistilt), max(mistilt)),
    )


def _convergence_range(system_folder: Path, row: RegisterRow) -> tuple[tuple[float, float], str]:
    """Convergence angles that the networks were trained with, and where that stands."""
    path = system_folder / PATTERN_TABLE
    if path.is_file():
        return _range_of_table(path), PATTERN_TABLE.as_posix()
    low, high = row.convergence_min_mrad, row.convergence_max_mrad
    if low is None or high is None:
        raise BundleError(
            f"{path}: is missing, and Register.csv has no convergence angles of the system "
            f"{row.id} either; restore it"
        )
    return (low, high), "Register.csv"


def _range_of_table(path: Path) -> tuple[float, float]:
    low, high = math.inf, -math.inf
    try:
        text = read_bytes(path, _LARGEST_TABLE_BYTES).decode("utf-8-sig")
        rows = CsvRows(text)
        place = rows.header().index(_ANGLE_COLUMN)
        # Few angles stand there many times over.
        found = {cells[place] for cells in rows if len(cells) > place}
        angles = [float(angle) for angle in found]
        if not all(map(math.isfinite, angles)):
            raise ValueError("an angle is not finite")
        low, high = min(angles, default=low), max(angles, default=high)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); restore it") from error
    except (ValueError, csv.Error) as error:
        raise BundleError(
            f"{path}: its column {_ANGLE_COLUMN} is missing or not of numbers ({str(error)[:200]})"
        ) from error
    if not low <= high:
        raise BundleError(f"{path}: has no row; restore it")
    return low, high
