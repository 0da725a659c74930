"""Label bundles: networks that choose among labels, as a training from a table writes them."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pacbed.errors import BundleError
from pacbed.lacbed.table import LacbedTable
from pacbed.library.kinds import register_kind
from pacbed.library.label_table import COLUMNS, LabelTable, parse_label_table
from pacbed.library.model_files import TABLE, Description, ModelFiles, read_description
from pacbed.library.system import System

#: What ``kind`` says in the description of a label bundle.
KIND = "labels"


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
class LabelTraining:
    """What a validation needs to know of the training.

    Attributes
    ----------
    table : str
        Name of the table of patterns; empty where that is not known.
    distortion : dict or None
        How its patterns were distorted, see
        :class:`pacbed.learn.from_table.options.Distortion`.
    """

    table: str = ""
    distortion: dict[str, Any] | None = None

    @classmethod
    def of(cls, provenance: dict[str, Any]) -> "LabelTraining":
        """As far as a bundle's description says."""
        options = provenance.get("options")
        distortion = options.get("distortion") if isinstance(options, dict) else None
        return cls(
            str(provenance.get("table", "")), distortion if isinstance(distortion, dict) else None
        )


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
        Versions, options and dates that made the networks, as far as known; to be shown.
    hashes : dict
        SHA-256 of each file, hexadecimal; None for a folder whose files nobody has listed.
    calibration : dict
        See :mod:`pacbed.infer.confidence`.
    training : LabelTraining
    """

    folder: Path
    system: System
    models: dict[str, LabelModel]
    convergence_mrad: tuple[float, float]
    preparation: dict[str, Any]
    provenance: dict[str, Any]
    hashes: dict[str, str] | None = None
    calibration: dict[str, Any] = field(default_factory=dict)
    training: LabelTraining = LabelTraining()

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
        return cls.described(read_description(folder, KIND))

    @classmethod
    def described(cls, description: Description) -> "LabelBundle":
        """The bundle that a description is of; see :meth:`load`."""
        with description.explained() as (content, hashes):
            files = ModelFiles(description.folder, hashes)
            low, high = (float(angle) for angle in content["convergence_mrad"])
            return cls(
                description.folder,
                System.from_json(content["system"]),
                {t: _model(files, t, entry) for t, entry in content["models"].items()},
                (low, high),
                dict(content["preparation"]),
                dict(content["provenance"]),
                hashes,
                dict(content.get("calibration", {})),
                LabelTraining.of(content["provenance"]),
            )

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
        return ModelFiles(self.folder, self.hashes).read(self.models[target].file)

    @property
    def road(self) -> str:
        """By which road patterns come to its networks, see :mod:`pacbed.infer.label_roads`."""
        return str(self.preparation.get("road", KIND))

    @property
    def kind(self) -> str:
        """``labels``, or the system that such networks come from: ``earlier``."""
        return self.road

    @property
    def says_direction(self) -> bool:
        """Whether it has a network for the direction of the tilt."""
        return "Azimuth" in self.models

    @property
    def trained_here(self) -> bool:
        """Whether `pacbed train` made the networks, and left beside them what it held back."""
        return self.road == KIND

    @property
    def has_table(self) -> bool:
        """Whether there is a table, and so a fit."""
        return TABLE in (self.hashes or {})

    @cached_property
    def table(self) -> LacbedTable | None:
        """The LACBED table; None where the bundle has none, and no fit is possible."""
        if not self.has_table:
            return None
        content = ModelFiles(self.folder, self.hashes).read(TABLE)
        return LacbedTable.from_bytes(content, str(self.folder / TABLE))

    @property
    def engine(self) -> None:
        """None: its networks do not read where the crystal lies."""

    @property
    def labels(self) -> "LabelBundle":
        """Itself."""
        return self


def _model(files: ModelFiles, target: str, entry: dict[str, Any]) -> LabelModel:
    if target not in COLUMNS:
        raise ValueError(f"unknown model {target!r}")
    names = [str(entry["file"]), str(entry["labels"])]
    for name in names:
        # Windows' separators and drives as well: a bundle may come from anywhere.
        if name != Path(name).name or set(name) & set("\\:") or name in ("", ".", ".."):
            raise ValueError(f"{name!r} is not the name of a file beside the description")
    rows, columns, channels = (int(n) for n in entry["input"])
    labels = parse_label_table(files.read(names[1]), target, files.folder / names[1])
    return LabelModel(names[0], labels, (rows, columns, channels))


register_kind(KIND, LabelBundle.described)
