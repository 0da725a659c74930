"""Writing label bundles: networks that say thickness, mistilt, its direction and scale as labels.

The folder of one holds, beside ``bundle.json``, for each target a network
(``Thickness.onnx``) and its list of labels (``Thickness_labels.csv``), the weights to
go on training with, the log, the split, and ``lacbed.npz`` where a crystal was given.
Networks take ``image`` (B, size, size, channels) in −1 … 1 (see
:mod:`pacbed.pattern.label_frame`) and ``convergence`` (B, 1) in 0 … 1, and give
``probabilities`` (B, labels).
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.files import write_atomically
from pacbed.lacbed.table import LacbedTable
from pacbed.library.bundle import DESCRIPTION, SCHEMA, TABLE
from pacbed.library.label_bundle import KIND
from pacbed.library.label_table import COLUMNS
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
    folder.mkdir(parents=True, exist_ok=True)
    described, files = {}, list(others)
    for target, model in models.items():
        network, labels = f"{target}.onnx", f"{target}_labels.csv"
        write_atomically(folder / network, model.onnx)
        write_atomically(folder / labels, _labels_csv(target, model.labels))
        shape = [preparation.size, preparation.size, model.channels]
        described[target] = {"file": network, "labels": labels, "input": shape}
        files += [network, labels]
    if table is not None:
        table.save(folder / TABLE)
        files.append(TABLE)
    content = {
        "schema": SCHEMA,
        "kind": KIND,
        "system": dataclasses.asdict(system),
        "models": described,
        "convergence_mrad": list(system.convergence_mrad),
        "preparation": preparation.to_dict(),
        "calibration": {},
        "provenance": provenance,
        "sha256": {name: _digest(folder / name) for name in files},
    }
    write_atomically(folder / DESCRIPTION, (json.dumps(content, indent=1) + "\n").encode())


def _labels_csv(target: str, labels: np.ndarray) -> bytes:
    rows = [f"Index;{COLUMNS[target]}", *(f"{i};{v:.6g}" for i, v in enumerate(labels))]
    return ("\n".join(rows) + "\n").encode()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
