"""The finder's training loop, its checkpoints and its export."""

import io
import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pacbed.errors import FileFormatError
from pacbed.files import write_atomically
from pacbed.learn.export import to_onnx
from pacbed.learn.finder.bank import PatternImages, kept, load_or_make
from pacbed.learn.finder.frames import Frames, draw_frames
from pacbed.learn.finder.network import Finder, loss
from pacbed.learn.finder.two_beam import made_up
from pacbed.learn.producer import produced
from pacbed.learn.train import load_checkpoint
from pacbed.pattern.finder_frame import FRAME_SIZE
from pacbed.version import __version__

Report = Callable[[float, str], None]
#: Share of the frames that show made-up lattices.
_MADE_UP = 0.4
_LATTICES_OF_A_FILE = 250


@dataclass(frozen=True)
class FinderTraining:
    """How the finder is trained.

    Attributes
    ----------
    crystals : int
        Random crystals, each with its own axis and voltage, that are simulated.
    lattices : int
        Made-up lattices beside them, see :mod:`pacbed.learn.finder.two_beam`.
    samples : int
        Frames seen in all.
    batch_size : int
    learning_rate : float
        Largest of the one-cycle schedule.
    seed : int
    threads : int
        Processor threads of the training step.
    workers : int
        Processes that draw frames beside it; 0 draws them in turn. With more than one their
        order is not fixed.
    checkpoint_seconds : float
    """

    crystals: int = 64
    lattices: int = 4000
    samples: int = 600_000
    batch_size: int = 128
    learning_rate: float = 2e-3
    seed: int = 0
    threads: int = 1
    workers: int = 1
    checkpoint_seconds: float = 60.0


def train_finder(options: FinderTraining, work: Path, report: Report) -> tuple[Finder, list[str]]:
    """Make the bank, then train; goes on from a checkpoint of the same options.

    Parameters
    ----------
    options : FinderTraining
    work : Path
        Where bank and checkpoint are kept.
    report : callable
        Called with the finished share and words.

    Returns
    -------
    network : Finder
    names : list of str
        The crystals.

    Raises
    ------
    FileFormatError
        If the folder holds a training with other options.
    """
    work.mkdir(parents=True, exist_ok=True)
    bank, names = _make_bank(options, work, report)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    network = Finder()
    optimiser = torch.optim.AdamW(network.parameters(), options.learning_rate, weight_decay=1e-4)
    steps = max(1, options.samples // options.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.learning_rate, total_steps=steps + 1, pct_start=0.1
    )
    parts = {"network": network, "optimiser": optimiser, "schedule": schedule}
    first = _resume(work / "checkpoint.pt", options, parts)
    saved, smooth = time.monotonic(), None
    network.train()
    with produced(partial(_frames, bank, options, first), options.workers) as batches:
        for step, frames in zip(range(first, steps), batches, strict=False):
            optimiser.zero_grad()
            value = loss(
                network(torch.from_numpy(frames.images)[:, None]), torch.from_numpy(frames.truth)
            )
            value.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            smooth = value.item() if smooth is None else 0.99 * smooth + 0.01 * value.item()
            report((step + 1) / steps, f"loss {smooth:.3f}")
            if time.monotonic() - saved > options.checkpoint_seconds or step + 1 == steps:
                _save(work / "checkpoint.pt", step + 1, options, parts)
                saved = time.monotonic()
    return network.eval(), names


@dataclass(frozen=True)
class _Bank:
    """Images of simulated crystals and of made-up lattices."""

    simulated: list[PatternImages]
    made_up: list[PatternImages]


def _make_bank(options: FinderTraining, work: Path, report: Report) -> tuple[_Bank, list[str]]:
    simulated, names, lattices = [], [], []
    for number in range(options.crystals):
        name, images = load_or_make(number, options.seed, work)
        simulated += images
        names.append(name)
        report(0.0, f"crystal {number + 1} of {options.crystals}: {name}")
    for first in range(0, options.lattices, _LATTICES_OF_A_FILE):
        numbers = range(first, min(first + _LATTICES_OF_A_FILE, options.lattices))
        path = work / f"lattices-{options.seed}-{numbers[0]}-{numbers[-1]}.npz"
        lattices += kept(path, partial(_made_up, numbers, options.seed))[1]
        report(0.0, f"made-up lattice {numbers[-1] + 1} of {options.lattices}")
    return _Bank(simulated, lattices), names


def _made_up(numbers: range, seed: int) -> tuple[str, list[PatternImages]]:
    return "made-up lattices", [made_up(number, seed) for number in numbers]


def export_finder(network: Finder, options: FinderTraining, names: list[str], path: Path) -> None:
    """Write the network as ONNX, with what made it in the file's metadata."""
    import onnx

    example = (torch.zeros(2, 1, FRAME_SIZE, FRAME_SIZE),)
    model = onnx.load_from_string(to_onnx(network, example, ["frames"], ["found"]))
    made: dict[str, Any] = {
        "version": __version__, "options": asdict(options), "crystals": names,
    }  # fmt: skip
    entry = model.metadata_props.add()
    entry.key, entry.value = "pacbed", json.dumps(made)
    write_atomically(path, model.SerializeToString())


def _resume(path: Path, options: FinderTraining, parts: dict[str, Any]) -> int:
    if not path.is_file():
        return 0
    stored = load_checkpoint(path)
    if stored["plan"] != _plan(options):
        raise FileFormatError(
            f"{path}: is of a training with other options; give the same ones, or another folder"
        )
    for name, part in parts.items():
        part.load_state_dict(stored[name])
    return int(stored["step"])


def _save(path: Path, step: int, options: FinderTraining, parts: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    states = {name: part.state_dict() for name, part in parts.items()}
    torch.save({"step": step, "plan": _plan(options), **states}, buffer)
    write_atomically(path, buffer.getvalue())


def _plan(options: FinderTraining) -> str:
    """What must be the same where a training goes on."""
    same = ("crystals", "lattices", "samples", "batch_size", "learning_rate", "seed")
    return json.dumps({name: getattr(options, name) for name in same})


def _frames(bank: _Bank, options: FinderTraining, first: int, number: int) -> Iterator[Frames]:
    """A worker's batches from the first one on; each has its own seed, whoever draws it."""
    for step in itertools.count(first + number, max(1, options.workers)):
        yield _batch(bank, options, step)


def _batch(bank: _Bank, options: FinderTraining, step: int) -> Frames:
    rng = np.random.default_rng((options.seed, 1, step))
    count = round(options.batch_size * _MADE_UP) if bank.made_up else 0
    parts = [draw_frames(bank.simulated, options.batch_size - count, rng)]
    if count:
        parts.append(draw_frames(bank.made_up, count, rng))
    return Frames(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.truth for part in parts]),
    )
