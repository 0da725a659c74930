"""Writing label bundles: networks that say thickness, mistilt, its direction and scale as labels.

The folder of one holds, beside ``bundle.json``, for each target a network
(``Thickness.onnx``) and its list of labels (``Thickness_labels.csv``), the weights to
go on training with, the log, the split, and ``lacbed.npz`` where a crystal was given.
Networks take ``image`` (B, size, size, channels) in −1 … 1 (see
:mod:`pacbed.pattern.label_frame`) and ``convergence`` (B, 1) in 0 … 1, and give
``probabilities`` (B, labels).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.lacbed.table import LacbedTable
from pacbed.library.models.label_bundle import KIND
from pacbed.library.models.label_table import COLUMNS
from pacbed.library.models.model_files import TABLE, write_model
from pacbed.library.system import System
from pacbed.pattern.label_frame import FramePreparation


@dataclass(frozen=True)
class TrainedModel:
    """One network for a label bundle.

    Attributes
    ----------
    onnx : bytes
    labels : ndarray, shape (n_labels,)
        Thickness in Å, mistilt in mrad, scale as a factor, direction in degrees.
    channels : int
        Of its input.
    """

    onnx: bytes
    labels: np.ndarray
    channels: int


def write_label_bundle(
    folder: Path,
    system: System,
    models: dict[str, TrainedModel],
    preparation: FramePreparation,
    provenance: dict[str, Any],
    table: LacbedTable | None = None,
    others: tuple[str, ...] = (),
) -> None:
    """Write a label bundle; its description comes last and makes it valid.

    Parameters
    ----------
    folder : Path
        Is made if it is missing.
    system : System
        Its convergence angles are what the networks' input is scaled over.
    models : dict
        By target: ``Thickness``, ``Mistilt``, ``Scale``, ``Azimuth``.
    preparation : FramePreparation
    provenance : dict
    table : LacbedTable, optional
        Of the crystal, with which an answer can be refined.
    others : tuple of str
        Files that lie in the folder already and belong to the bundle.
    """
    described: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    for target, model in models.items():
        network, labels = f"{target}.onnx", f"{target}_labels.csv"
        shape = [preparation.size, preparation.size, model.channels]
        described[target] = {"file": network, "labels": labels, "input": shape}
        files |= {network: model.onnx, labels: labels_csv(target, model.labels)}
    if table is not None:
        files[TABLE] = table.to_bytes()
    write_model(
        folder,
        system,
        files,
        label_entries(described, system.convergence_mrad, preparation.to_dict(), provenance),
        others,
    )


def label_entries(
    models: dict[str, dict[str, Any]],
    convergence_mrad: tuple[float, float],
    preparation: dict[str, Any],
    provenance: dict[str, Any],
) -> dict[str, Any]:
    """What the description of a label bundle says; see :class:`~.label_bundle.LabelBundle`."""
    return {
        "kind": KIND,
        "models": models,
        "convergence_mrad": list(convergence_mrad),
        "preparation": preparation,
        "calibration": {},
        "provenance": provenance,
    }


def labels_csv(target: str, labels: Iterable[float], digits: int = 6) -> bytes:
    """Write the labels of a network as a table, in the order of its outputs."""
    rows = (f"{number};{value:.{digits}g}\n" for number, value in enumerate(labels))
    return "".join((f"Index;{COLUMNS[target]}\n", *rows)).encode()
