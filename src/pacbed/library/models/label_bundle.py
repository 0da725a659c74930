"""Label bundles: networks that choose among labels, as a training from a table writes them."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pacbed.errors import BundleError
from pacbed.library.models.kinds import Model
from pacbed.library.models.label_table import COLUMNS, LabelTable, parse_label_table
from pacbed.library.models.model_files import read_file

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


@dataclass(frozen=True, kw_only=True)
class LabelBundle(Model, kind=KIND):
    """A model whose networks choose among labels.

    Attributes
    ----------
    models : dict of str to LabelModel
        ``Thickness``, ``Mistilt``, ``Scale`` and ``Azimuth`` as far as they were trained; without
        ``Thickness`` the bundle answers no pattern, see :meth:`check_answers`.
    convergence_mrad : tuple of float
        Range over which the networks' second input runs from 0 to 1.
    preparation : dict
        How a pattern becomes the networks' input, see
        :mod:`pacbed.pattern.label_frame`.
    trained_from : str
        Name of the training's table of patterns; empty where that is not known.
    distortion : dict or None
        How the training distorted them, as far as known.
    """

    models: dict[str, LabelModel]
    convergence_mrad: tuple[float, float]
    preparation: dict[str, Any]
    trained_from: str = ""
    distortion: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse what no network can have."""
        if not self.models:
            raise BundleError(f"{self.folder}: has no network; train one")
        low, high = self.convergence_mrad
        if not (math.isfinite(low) and math.isfinite(high) and 0 < low <= high):
            raise BundleError(f"{self.folder}: its convergence angles {low:g} to {high:g} mrad "
                              "are no range")  # fmt: skip

    @classmethod
    def _own_entries(
        cls, content: dict[str, Any], folder: Path, hashes: dict[str, str]
    ) -> dict[str, Any]:
        low, high = (float(angle) for angle in content["convergence_mrad"])
        trained = content["provenance"]
        return {
            "models": {t: _model(folder, hashes, t, e) for t, e in content["models"].items()},
            "convergence_mrad": (low, high),
            "preparation": dict(content["preparation"]),
            "trained_from": str(trained.get("table", "")),
            "distortion": trained.get("options", {}).get("distortion"),
        }

    def check_answers(self) -> None:
        """Refuse a bundle that can be validated or trained further, but answers no pattern."""
        if "Thickness" not in self.models:
            raise BundleError(
                f"{self.folder}: has no Thickness model, without which there is no answer; "
                "train one"
            )

    def content(self, target: str) -> bytes:
        """Read the network for a target; see :meth:`read`."""
        return self.read(self.models[target].file)

    @property
    def kind(self) -> str:
        """``labels``, or the road on which patterns come to networks of another origin."""
        return str(self.preparation.get("road", KIND))

    @property
    def says_direction(self) -> bool:
        """Whether it has a network for the direction of the tilt."""
        return "Azimuth" in self.models

    @property
    def trained_here(self) -> bool:
        """Whether `pacbed train` made the networks, and left beside them what it held back."""
        return self.kind == KIND


def _model(folder: Path, hashes: dict[str, str], target: str, entry: dict[str, Any]) -> LabelModel:
    if target not in COLUMNS:
        raise ValueError(f"unknown model {target!r}")
    names = [str(entry["file"]), str(entry["labels"])]
    for name in names:
        # Windows' separators and drives as well: a bundle may come from anywhere.
        if name != Path(name).name or set(name) & set("\\:") or name in ("", ".", ".."):
            raise ValueError(f"{name!r} is not the name of a file beside the description")
    rows, columns, channels = (int(n) for n in entry["input"])
    path = folder / names[1]
    labels = parse_label_table(read_file(path, hashes), target, path)
    return LabelModel(names[0], labels, (rows, columns, channels))
