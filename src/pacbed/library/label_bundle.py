"""Label bundles: networks that choose among labels, as a training from a table writes them."""

import hashlib
import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pacbed.bounded import read_bytes, read_json
from pacbed.errors import BundleError
from pacbed.lacbed.table import LacbedTable
from pacbed.library.bundle import DESCRIPTION, SCHEMA, TABLE
from pacbed.library.label_table import COLUMNS, LabelTable, read_label_table
from pacbed.library.system import System

#: What ``kind`` says in the description of a label bundle.
KIND = "labels"
#: A network larger than this is not read.
_LARGEST_BYTES = 2**30


@dataclass(frozen=True)
class LabelModel:
    """One network of a label bundle.

    Attributes
    ----------
    file : str
        Its file; the ending tells the format.
    labels : LabelTable
    input : tuple of int or None
        Rows, columns and channels of the image that it expects; None where only the
        file itself says so.
    """

    file: str
    labels: LabelTable
    input: tuple[int, int, int] | None = None

    @property
    def format(self) -> str:
        """Ending of the file in small letters, such as ``.onnx``."""
        return Path(self.file).suffix.lower()


@dataclass(frozen=True)
class LabelBundle:
    """Networks that choose among labels; the large parts are read when they are needed.

    Attributes
    ----------
    folder : Path
    system : System
    models : dict of str to LabelModel
        ``Thickness``, ``Mistilt``, ``Scale`` and ``Azimuth`` as far as they were trained; without
        ``Thickness`` the bundle answers no pattern, see :meth:`check_answers`.
    convergence_mrad : tuple of float
        Range over which the networks' second input runs from 0 to 1.
    preparation : dict
        How a pattern becomes the networks' input, see
        :mod:`pacbed.pattern.label_frame`.
    provenance : dict
        Versions, options and dates that made the networks, as far as known.
    hashes : dict
        SHA-256 of each file, hexadecimal; empty for a folder of the earlier system.
    calibration : dict
        See :mod:`pacbed.infer.confidence`.
    kind : str
        ``labels``, or ``earlier`` for a folder of the earlier system.
    """

    folder: Path
    system: System
    models: dict[str, LabelModel]
    convergence_mrad: tuple[float, float]
    preparation: dict[str, Any]
    provenance: dict[str, Any]
    hashes: dict[str, str] = field(default_factory=dict)
    calibration: dict[str, Any] = field(default_factory=dict)
    kind: str = KIND

    def __post_init__(self) -> None:
        """Refuse what no network can have."""
        if not self.models:
            raise BundleError(f"{self.folder}: has no network; train one")
        low, high = self.convergence_mrad
        if not (math.isfinite(low) and math.isfinite(high) and 0 < low <= high):
            raise BundleError(f"{self.folder}: its convergence angles {low:g} to {high:g} mrad "
                              "are no range")  # fmt: skip

    @classmethod
    def load(cls, folder: Path) -> "LabelBundle":
        """Read a label bundle's description and its tables of labels.

        Parameters
        ----------
        folder : Path

        Raises
        ------
        BundleError
            If the folder is no label bundle or one of another schema.
        """
        folder = Path(folder)
        path = folder / DESCRIPTION
        try:
            content = read_json(path)
            if content["schema"] != SCHEMA or content["kind"] != KIND:
                raise BundleError(
                    f"{path}: has schema {content['schema']} and kind {content['kind']}, this "
                    f"version reads schema {SCHEMA}, kind {KIND}; train the bundle again"
                )
            low, high = (float(angle) for angle in content["convergence_mrad"])
            return cls(
                folder,
                System.from_json(content["system"]),
                {t: _model(folder, t, entry) for t, entry in content["models"].items()},
                (low, high),
                dict(content["preparation"]),
                dict(content["provenance"]),
                {str(k): str(v) for k, v in content["sha256"].items()},
                dict(content.get("calibration", {})),
            )
        except OSError as error:
            raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(
                f"{path}: is not the description of a label bundle ({error!r}); train it again"
            ) from error

    def check_answers(self) -> None:
        """Refuse a bundle that can be validated or trained further, but answers no pattern.

        Raises
        ------
        BundleError
            If it has no network for the thickness.
        """
        if "Thickness" not in self.models:
            raise BundleError(
                f"{self.folder}: has no Thickness model, without which there is no answer; "
                "train one"
            )

    def content(self, target: str) -> bytes:
        """Read the network for a target.

        Raises
        ------
        BundleError
            If it is missing, or not the one that the bundle was made with.
        """
        return self._verified(self.models[target].file)

    def digest(self, target: str) -> str:
        """SHA-256 of the network for a target, hexadecimal."""
        return hashlib.sha256(self.content(target)).hexdigest()

    def _verified(self, name: str) -> bytes:
        path = self.folder / name
        try:
            content = read_bytes(path, _LARGEST_BYTES)
        except OSError as error:
            raise BundleError(f"{path}: cannot be read ({error.strerror}); restore it") from error
        if self.kind == KIND and hashlib.sha256(content).hexdigest() != self.hashes.get(name):
            raise BundleError(
                f"{path}: is not the file that the bundle was made with (SHA-256 differs); "
                "install the bundle again"
            )
        return content

    @cached_property
    def table(self) -> LacbedTable | None:
        """The LACBED table; None where the bundle has none, and no fit is possible."""
        if TABLE not in self.hashes:
            return None
        self._verified(TABLE)
        return LacbedTable.load(self.folder / TABLE)


def _model(folder: Path, target: str, entry: dict[str, Any]) -> LabelModel:
    if target not in COLUMNS:
        raise ValueError(f"unknown model {target!r}")
    names = [str(entry["file"]), str(entry["labels"])]
    for name in names:
        # Windows' separators and drives as well: a bundle may come from anywhere.
        if name != Path(name).name or set(name) & set("\\:") or name in ("", ".", ".."):
            raise ValueError(f"{name!r} is not the name of a file beside the description")
    rows, columns, channels = (int(n) for n in entry["input"])
    labels = read_label_table(folder / names[1], target)
    return LabelModel(names[0], labels, (rows, columns, channels))
