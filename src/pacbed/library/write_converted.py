"""Turning a model folder of the earlier system into a label bundle, in place."""

import dataclasses
import datetime
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pacbed
from pacbed.files import write_atomically
from pacbed.library.bundle import DESCRIPTION, SCHEMA
from pacbed.library.earlier_folder import EARLIER
from pacbed.library.label_bundle import KIND, LabelBundle
from pacbed.library.label_table import COLUMNS


@dataclass(frozen=True)
class ConvertedNetwork:
    """A network of the earlier system, in ONNX.

    Attributes
    ----------
    content : bytes
    input : tuple of int
        Rows, columns and channels of its image.
    """

    content: bytes
    input: tuple[int, int, int]


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
    models, hashes = {}, {}
    for target, network in networks.items():
        model = bundle.models[target]
        stem = Path(model.file).stem
        labels = f"Index;{COLUMNS[target]}\n" + "".join(
            f"{number};{value:.10g}\n" for number, value in enumerate(model.labels.values)
        )
        # Not the names of the earlier files, which stay as they are.
        files = {f"{stem}.onnx": network.content, f"{stem}_onnx_labels.csv": labels.encode()}
        for name, content in files.items():
            write_atomically(bundle.folder / name, content)
            hashes[name] = hashlib.sha256(content).hexdigest()
        names = list(files)
        models[target] = {"file": names[0], "labels": names[1], "input": list(network.input)}
    description = {
        "schema": SCHEMA,
        "kind": KIND,
        "system": dataclasses.asdict(bundle.system),
        "models": models,
        "convergence_mrad": list(bundle.convergence_mrad),
        "preparation": {"road": EARLIER},
        "calibration": {},
        "provenance": {
            **bundle.provenance,
            "converted_from": {t: m.file for t, m in bundle.models.items()},
            "converted_from_sha256": {t: bundle.digest(t) for t in bundle.models},
            "version": pacbed.__version__,
            "date": datetime.date.today().isoformat(),
        },
        "sha256": hashes,
    }
    path = bundle.folder / DESCRIPTION
    write_atomically(path, (json.dumps(description, indent=1) + "\n").encode())
    return path
