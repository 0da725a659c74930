"""Where models lie: bundles of either kind, and folders of the earlier system."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pacbed.bounded import read_json
from pacbed.errors import PacbedError, UnknownSystemError
from pacbed.lacbed.table import LacbedTable
from pacbed.library.bundle import DESCRIPTION, ENGINE, Bundle
from pacbed.library.contained import contained, in_words
from pacbed.library.data_register import (
    MODELS,
    RegisterRow,
    register_models,
    system_folder,
)
from pacbed.library.earlier_folder import (
    EARLIER,
    PATTERN_TABLE,
    EarlierFolder,
    is_earlier_model,
    load_earlier,
)
from pacbed.library.label_bundle import KIND, LabelBundle
from pacbed.library.readable_rows import readable_rows

#: An installed model: with an engine behind it, or one that chooses among labels.
Model = Bundle | LabelBundle
#: What tells whether a model was changed.
Stamp = tuple[object, ...]

#: A model of the earlier system has some ten files.
_MOST_FILES = 1000
_SHIPPED = Path(__file__).parent / "bundles"


@dataclass(frozen=True)
class ModelPlace:
    """A folder with a model in it, read only when asked.

    Attributes
    ----------
    folder : Path
    load : callable
        Reads the description; raises a :class:`PacbedError` where it is broken.
    system_id : int or None
        Number of the system as the folder's place or the register says it.
    watched : tuple of Path
        Files that say, beside the description, whether the model was changed.
    row : RegisterRow or None
        Row of the register that says what system it is, for a model of the earlier system.
    """

    folder: Path
    load: Callable[[], Model]
    system_id: int | None
    watched: tuple[Path, ...]
    row: RegisterRow | None = None

    def stamp(self) -> Stamp | None:
        """State on disk; None where the model is gone."""
        found: list[object] = [self.row]
        for number, path in enumerate(self.watched):
            try:
                status = path.stat()
            except OSError:
                if number == 0:
                    return None
                found.append(None)
            else:
                found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        return tuple(found)


@dataclass(frozen=True)
class Fault:
    """A model or register that cannot be used.

    Attributes
    ----------
    folder : Path
    system_id : int or None
    error : PacbedError
    """

    folder: Path
    system_id: int | None
    error: PacbedError


def open_model(folder: Path) -> Model:
    """Read the bundle in a folder, of whichever kind it is.

    Raises
    ------
    BundleError
        If the folder has no bundle, or a broken one.
    """
    path = Path(folder) / DESCRIPTION
    try:
        content = read_json(path)
    except (OSError, ValueError):
        content = None  # the reader below says what is wrong
    if isinstance(content, dict) and content.get("kind") == KIND:
        return LabelBundle.load(folder)
    return Bundle.load(folder)


def kind_of(model: Model) -> str:
    """What kind of model it is: ``engine``, ``labels`` or ``earlier``."""
    if isinstance(model, LabelBundle):
        return EARLIER if model.preparation.get("road") == EARLIER else KIND
    return ENGINE


def _open_answering(folder: Path) -> Model:
    model = open_model(folder)
    if isinstance(model, LabelBundle):
        model.check_answers()
    return model


def table_of(model: Model) -> LacbedTable:
    """The LACBED table of a model, for simulating patterns.

    Raises
    ------
    UnknownSystemError
        If the model has none.
    BundleError
        If it is broken.
    """
    if model.table is None:
        raise UnknownSystemError(
            f"the model of the system {model.system.name} has no table to simulate patterns with; "
            "use a system with a bundle made from its crystal"
        )
    return model.table


def model_places(data: Path | None) -> tuple[list[ModelPlace], list[Fault]]:
    """Places of all models in the order of search; of one system the first counts.

    Parameters
    ----------
    data : Path or None
        Data folder. Of a system's models the one of the last row in its
        ``Register_models.csv`` comes first, what is not listed after what is, and models
        of the earlier system after bundles where no bundle is listed. The shipped bundles
        come last.

    Returns
    -------
    places : list of ModelPlace
    faults : list of Fault
        What of the register cannot be read.
    """
    shipped = [_bundle_place(path.parent) for path in sorted(_SHIPPED.glob(f"*/{DESCRIPTION}"))]
    if data is None:
        return shipped, []
    # Where the register does not say which model is the latest, the last by name counts.
    own = [_bundle_place(p.parent) for p in sorted(data.glob(f"*/models/*/{DESCRIPTION}"))[::-1]]
    earlier, faults = earlier_folders(data)
    return [*_latest_first(data, [*own, *map(_earlier_place, earlier)]), *shipped], faults


def _latest_first(data: Path, places: list[ModelPlace]) -> list[ModelPlace]:
    """Order the places of each system by the rows of its register; systems keep theirs."""
    of_system: dict[int | None, list[ModelPlace]] = {}
    for place in places:
        of_system.setdefault(place.system_id, []).append(place)
    # Read once, not for each system: there may be many.
    rows = _rows(data) if any(len(those) > 1 for those in of_system.values()) else {}
    ordered = {
        number: iter(
            those
            if number is None or len(those) < 2
            else _sorted(data, rows.get(number, RegisterRow(number)), those)
        )
        for number, those in of_system.items()
    }
    return [next(ordered[place.system_id]) for place in places]


def _rows(data: Path) -> dict[int, RegisterRow]:
    try:
        return {row.id: row for row in readable_rows(data)[0]}
    except PacbedError:  # which is told among the faults
        return {}


def _sorted(data: Path, row: RegisterRow, places: list[ModelPlace]) -> list[ModelPlace]:
    """Order the places of one system: the last row first, then what is not listed."""
    rows = _rows_of_models(data, row)
    bundle_listed = any(_end(place.folder) in rows for place in places if place.row is None)
    unlisted, behind = -1, -2

    def rank(place: ModelPlace) -> int:
        if place.row is not None and not bundle_listed:
            return behind
        return rows.get(_end(place.folder), unlisted)

    return sorted(places, key=rank, reverse=True)


def _rows_of_models(data: Path, row: RegisterRow) -> dict[Path, int]:
    """Row of each listed model of a system; none where their table cannot be read."""
    try:
        models = register_models(data, row.id, row)
    except PacbedError:  # which is told among the faults
        return {}
    return {_end(model.folder): row for row, model in enumerate(models)}


def _end(folder: Path) -> Path:
    """Where the links of a path lead; the path itself where they run in a circle."""
    try:
        return folder.resolve()
    except (OSError, RuntimeError):
        return folder


def _bundle_place(folder: Path) -> ModelPlace:
    number = folder.parents[1].name
    return ModelPlace(
        folder,
        lambda: contained(folder, lambda: _open_answering(folder)),
        int(number) if number.isascii() and number.isdigit() else None,
        (folder / DESCRIPTION,),
    )


def earlier_folders(data: Path) -> tuple[list[EarlierFolder], list[Fault]]:
    """Models of the earlier system in the order of search, and what cannot be read."""
    places: list[EarlierFolder] = []
    faults: list[Fault] = []
    try:
        rows, row_faults = readable_rows(data)
    except PacbedError as error:
        return [], [Fault(data, None, error)]
    for fault in row_faults:
        folder = data if fault.id is None else data / str(fault.id)
        faults.append(Fault(folder, fault.id, fault.error))
    for row in rows:
        try:
            places += _earlier_folders_of(data, row)
        except (PacbedError, OSError) as error:
            faults.append(Fault(data / str(row.id), row.id, in_words(data / str(row.id), error)))
    return places, faults


def _earlier_folders_of(data: Path, row: RegisterRow) -> list[EarlierFolder]:
    home = system_folder(data, row)
    registered = [model.folder for model in register_models(data, row.id, row)]
    if not registered and (home / "models").is_dir():
        # The table of models may be missing: what is there counts.
        registered = [f for f in sorted((home / "models").iterdir()) if is_earlier_model(f)]
    return [
        EarlierFolder(home, folder, row)
        for folder in reversed(registered)
        if not (folder / DESCRIPTION).is_file()
    ]


def _earlier_place(place: EarlierFolder) -> ModelPlace:
    home, folder, row = place.home, place.folder, place.row
    files: list[str] = []
    with contextlib.suppress(OSError):  # which is told when it is loaded
        files = sorted(entry.path for entry in os.scandir(folder))[:_MOST_FILES]
    watched = (folder, home / PATTERN_TABLE, home / "models" / MODELS, *map(Path, files))
    return ModelPlace(
        folder, lambda: contained(folder, lambda: load_earlier(place)), row.id, watched, row
    )
