"""Turning a model folder of the earlier system into a label bundle, in place."""

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pacbed
from pacbed.library.label_bundle import LabelBundle
from pacbed.library.model_files import write_model
from pacbed.library.write_labels import label_entries, labels_csv


@dataclass(frozen=True)
class ConvertedNetwork:
    """A network of the earlier system, in ONNX.

    Attributes
    ----------
    content : bytes
    input : tuple of int
        Rows, columns and channels of its image.
    converted_from_sha256 : str
        Of the file that it was made from.
    """

    content: bytes
    input: tuple[int, int, int]
    converted_from_sha256: str


def write_converted(bundle: LabelBundle, networks: dict[str, ConvertedNetwork]) -> Path:
    """Write networks, labels and a description beside the files they were made from.

    Parameters
    ----------
    bundle : LabelBundle
        The model as it is.
    networks : dict
        By target, all that the model has.

    Returns
    -------
    Path
        The description. It is written last, and makes the folder a bundle.
    """
    models: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    for target, network in networks.items():
        model = bundle.models[target]
        # Not the names of the earlier files, which stay as they are.
        stem = Path(model.file).stem
        name, labels = f"{stem}.onnx", f"{stem}_onnx_labels.csv"
        files |= {name: network.content, labels: labels_csv(target, model.labels.values, 10)}
        models[target] = {"file": name, "labels": labels, "input": list(network.input)}
    provenance = {
        **bundle.provenance,
        "converted_from": {t: m.file for t, m in bundle.models.items()},
        "converted_from_sha256": {t: n.converted_from_sha256 for t, n in networks.items()},
        "version": pacbed.__version__,
        "date": datetime.date.today().isoformat(),
    }
    entries = label_entries(models, bundle.convergence_mrad, bundle.preparation, provenance)
    return write_model(bundle.folder, bundle.system, files, entries)
