"""From a table of patterns to a label bundle."""

import dataclasses
import datetime
import hashlib
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pacbed.errors import FileFormatError
from pacbed.files import write_atomically
from pacbed.lacbed.table import LacbedTable
from pacbed.learn.export import to_onnx
from pacbed.learn.labels.cache import Progress, Read, open_cache
from pacbed.learn.labels.frames import Source, measure_preparation
from pacbed.learn.labels.labels import Labels, make_labels, split_rows
from pacbed.learn.labels.loop import Epoch, Report, train_target
from pacbed.learn.labels.networks import (
    LabelNetwork,
    make_network,
    transfer_file,
    weights_name,
)
from pacbed.learn.labels.options import TableTraining
from pacbed.library.csv_table import csv_text
from pacbed.library.models.write_labels import TrainedModel, write_label_bundle
from pacbed.library.system import System
from pacbed.library.tables.pattern_azimuth import AZIMUTH
from pacbed.library.tables.pattern_table import PatternTable
from pacbed.pattern.label_frame import FramePreparation
from pacbed.version import __version__

#: Part of the bundle's folder that the training works in; a bundle needs none of it.
WORK = "training"
LOG, SPLIT, _PLAN = "training.csv", "split.csv", "plan.json"


@dataclass(frozen=True)
class Prepared:
    """All that is known before the first step.

    Attributes
    ----------
    table : PatternTable
    patterns : ndarray
    held_back : ndarray of bool, shape (rows,)
    labels : dict of Labels
        By target.
    preparation : FramePreparation
    """

    table: PatternTable
    patterns: np.ndarray
    held_back: np.ndarray
    labels: dict[str, Labels]
    preparation: FramePreparation

    def source(self, target: str, options: TableTraining) -> Source:
        """The frames of one target."""
        angles = self.table.convergence_mrad
        return Source(
            self.patterns,
            angles,
            (float(angles.min()), float(angles.max())),
            self.labels[target],
            self.preparation,
            options.distortion,
            options.channels,
        )


def prepare(
    table: PatternTable,
    options: TableTraining,
    cache: Path,
    read: Read,
    progress: Progress | None = None,
) -> Prepared:
    """Check labels and split, and read the patterns.

    Parameters
    ----------
    table : PatternTable
    options : TableTraining
    cache : Path
        Folder of the stored patterns.
    read : callable
        From a file to a 2-D array.
    progress : callable, optional
        Called with the number of patterns that are read.

    Raises
    ------
    FileFormatError
        If the table cannot be trained on.
    """
    labels = {name: make_labels(table, name, options.distortion) for name in options.targets}
    held_back = split_rows(table, options.validation_share, options.seed)
    _check_split(table, labels, held_back)
    patterns = open_cache(table, options.input_size, cache, read, progress)
    preparation = measure_preparation(
        patterns, table.convergence_mrad, options.input_size, options.distortion.zoom, options.seed
    )
    return Prepared(table, patterns, held_back, labels, preparation)


def _check_split(table: PatternTable, labels: dict[str, Labels], held_back: np.ndarray) -> None:
    for target, those in labels.items():
        if not all(
            len(those.rows_with_label(np.flatnonzero(rows))) for rows in (held_back, ~held_back)
        ):
            raise FileFormatError(
                f"{table.path}: too few tilted patterns to hold some back for {target}: simulate "
                f"more, or leave {target} out of --targets."
            )


def check_folder(folder: Path, table: PatternTable, options: TableTraining, resume: bool) -> None:
    """Refuse to overwrite a training, or to go on with another one.

    Raises
    ------
    FileFormatError
        If the folder holds a training and `resume` is not set, or one with other options.
    """
    if folder.exists() and not folder.is_dir():
        raise FileFormatError(f"{folder}: this is a file: give the folder of the model to make.")
    path = folder / WORK / _PLAN
    if not path.exists():
        return
    if not resume:
        raise FileFormatError(
            f"{folder}: the folder holds a training already: add --resume to go on with it, "
            "or give another folder."
        )
    before = json.loads(path.read_text(encoding="utf-8"))
    now = json.loads(_plan(table, options))
    # What an earlier version did not write down cannot be compared.
    changed = [name for name in now if name in before and before[name] != now[name]]
    if changed:
        raise FileFormatError(
            f"{folder}: the training began with another {', '.join(changed)}: "
            "give the same, or another folder."
        )


def train_from_table(
    prepared: Prepared,
    system: System,
    options: TableTraining,
    folder: Path,
    transfer_from: Path | None = None,
    lacbed: LacbedTable | None = None,
    report: Report | None = None,
) -> dict[str, Epoch]:
    """Train the label networks of a table and write the bundle.

    Parameters
    ----------
    prepared : Prepared
    system : System
    options : TableTraining
    folder : Path
        Of the bundle. What lies in its ``training`` folder is gone on with.
    transfer_from : Path, optional
        Folder of the bundle whose networks are the start.
    lacbed : LacbedTable, optional
        Goes into the bundle.
    report : callable, optional

    Returns
    -------
    dict of Epoch
        By target, the epoch whose weights were kept.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    starts = {
        target: transfer_file(transfer_from, target, options.backbone) if transfer_from else None
        for target in options.targets
    }
    work = folder / WORK
    work.mkdir(parents=True, exist_ok=True)
    write_atomically(work / _PLAN, _plan(prepared.table, options))
    write_atomically(folder / SPLIT, _split_csv(prepared))
    (folder / "weights").mkdir(exist_ok=True)
    models, best, log = {}, {}, _Log(folder / LOG)
    for target in options.targets:
        network, history = _train_one(prepared, target, options, work, starts[target], report, log)
        best[target] = min(history, key=lambda epoch: epoch.validation_loss)
        _save_weights(network, folder / weights_name(target, options.backbone))
        models[target] = TrainedModel(
            _export(network, options), prepared.labels[target].values, options.channels
        )
    provenance = _provenance(prepared, options, best, transfer_from)
    others = (LOG, SPLIT, *(weights_name(t, options.backbone) for t in options.targets))
    write_label_bundle(folder, system, models, prepared.preparation, provenance, lacbed, others)
    return best


def _train_one(
    prepared: Prepared,
    target: str,
    options: TableTraining,
    work: Path,
    start: Path | None,
    report: Report | None,
    log: "_Log",
) -> tuple[LabelNetwork, list[Epoch]]:
    torch.manual_seed(options.seed)
    network = make_network(options, target, len(prepared.labels[target].values))
    head_epochs = 0
    checkpoint = work / f"{target}.pt"
    if start is not None:
        if not checkpoint.exists():
            network.start_from(start)
        head_epochs = options.head_epochs or -(-options.epochs // 5)
    history = train_target(
        network,
        prepared.source(target, options),
        prepared.held_back,
        options,
        head_epochs,
        checkpoint,
        report,
        lambda epochs: log.write(target, epochs),
    )
    log.write(target, history)
    return network, history


class _Log:
    """The log of all targets, written anew after each epoch."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._epochs: dict[str, list[Epoch]] = {}

    def write(self, target: str, epochs: list[Epoch]) -> None:
        self._epochs[target] = epochs
        names = [field.name for field in dataclasses.fields(Epoch)]
        rows = [
            [f"{v:.6g}" if isinstance(v, float) else v for v in dataclasses.astuple(epoch)]
            for epoch in itertools.chain(*self._epochs.values())
        ]
        write_atomically(self._path, csv_text(names, rows).encode())


class _Probabilities(nn.Module):
    """A label network with a softmax at its end."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor, convergence: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.network(image, convergence), dim=1)


def _export(network: LabelNetwork, options: TableTraining) -> bytes:
    size = options.input_size
    example = (torch.zeros(2, size, size, options.channels), torch.zeros(2, 1))
    whole = _Probabilities(network.cpu())
    return to_onnx(whole, example, ["image", "convergence"], ["probabilities"])


def _save_weights(network: LabelNetwork, path: Path) -> None:
    # Keras tells the format by the ending, which therefore stays.
    part = path.with_name(f".part-{path.name}")
    network.save(part)
    part.replace(path)


def _split_csv(prepared: Prepared) -> bytes:
    """Which rows were held back: line of the table, file, 0 or 1."""
    table = prepared.table
    columns = zip(table.lines, table.files, prepared.held_back, strict=True)
    rows = [(int(line), file.name, int(held)) for line, file, held in columns]
    return csv_text(("Line", "Path", "Held_back"), rows).encode()


def _plan(table: PatternTable, options: TableTraining) -> bytes:
    """What must be the same where a training goes on."""
    azimuths = hashlib.sha256("\0".join(table.others.get(AZIMUTH, ())).encode()).hexdigest()
    plan = {"table": table.digest(), "azimuth": azimuths, **options.plan()}
    return json.dumps(plan).encode()


def _provenance(
    prepared: Prepared,
    options: TableTraining,
    best: dict[str, Epoch],
    transfer_from: Path | None,
) -> dict[str, Any]:
    return {
        "version": __version__,
        "date": datetime.date.today().isoformat(),
        "torch": str(torch.__version__),
        "table": prepared.table.path.name,
        "table_sha256": prepared.table.digest(),
        "rows": len(prepared.table),
        "held_back": int(prepared.held_back.sum()),
        "options": dataclasses.asdict(options),
        "transfer_from": transfer_from.name if transfer_from else None,
        "validation": {target: dataclasses.asdict(epoch) for target, epoch in best.items()},
    }
