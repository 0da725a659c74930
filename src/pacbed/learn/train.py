"""One readable training loop, with checkpoints that resume."""

import csv
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

from pacbed.errors import BundleError
from pacbed.lacbed.table import LacbedTable
from pacbed.learn.batches import Batch, StreamOptions
from pacbed.learn.network import (
    Locator,
    NetworkOptions,
    Reader,
    estimate_thickness,
    locator_loss,
    reader_loss,
)
from pacbed.learn.poses import draw_poses, reader_input
from pacbed.learn.producer import produced_batches
from pacbed.library.recipe import TrainingOptions
from pacbed.library.system import System
from pacbed.pattern.crystal_frame import CrystalFrame, make_crystal_frame, plane_operations

#: Called with finished samples, all samples and a line of figures.
Report = Callable[[int, int, str], None]

_COLUMNS = (
    "samples", "seconds", "loss", "median_thickness_error_nm", "share_within_2nm",
    "median_tilt_error_mrad", "median_located_tilt_error_mrad",
)  # fmt: skip
_REPORT_EVERY = 50


@dataclass
class Training:
    """All that changes while training."""

    locator: Locator
    reader: Reader
    frame: CrystalFrame
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    rng: np.random.Generator
    reduced: bool
    step: int = 0
    seconds: float = 0.0

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds: tensors and plain values."""
        return {
            "locator": self.locator.state_dict(),
            "reader": self.reader.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }


def train_network(
    table: LacbedTable,
    system: System,
    options: TrainingOptions,
    folder: Path,
    start: Path | None = None,
    resume: bool = False,
    report: Report | None = None,
) -> tuple[Locator, Reader, dict[str, Any]]:
    """Train the networks of a system on patterns synthesised from its table.

    Parameters
    ----------
    table : LacbedTable
    system : System
        Gives the ranges of thickness, convergence and mistilt.
    options : TrainingOptions
    folder : Path
        Gets ``checkpoint.pt`` and ``training.csv``.
    start : Path, optional
        Checkpoint of another system's training whose weights are the start.
    resume : bool
        Go on from the checkpoint in `folder`.
    report : callable, optional

    Returns
    -------
    locator : Locator
    reader : Reader
        Both in evaluation mode.
    provenance : dict
        Options, versions, time and last figures.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    steps = max(1, options.samples // options.batch_size)
    training = _begin(table, system, options, steps)
    if start is not None:
        _start(training, start)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    if resume and checkpoint.exists():
        _resume(training, load_checkpoint(checkpoint))
    # A resumed stream takes another seed, so that it does not repeat the first one.
    seed = options.seed + 1_000_003 * (training.step > 0) + training.step
    stream = _stream(options.samples)
    with produced_batches(
        table, system, stream, seed, options.batch_size, options.workers
    ) as batches:
        figures = _loop(training, batches, options, steps, folder, report)
    training.locator.eval()
    training.reader.eval()
    return (
        training.locator,
        training.reader,
        {
            "options": asdict(options),
            "stream": asdict(stream),
            "torch": str(torch.__version__),
            "bfloat16": training.reduced,
            "start": start.name if start else None,
            **figures,
        },
    )


def _stream(samples: int) -> StreamOptions:
    """What the patterns are drawn from: a short training waits for no more than it draws."""
    usual = StreamOptions()
    groups = -(-samples // (usual.tilts * usual.series))
    return replace(usual, pool_groups=max(1, min(usual.pool_groups, groups)))


def _start(training: Training, path: Path) -> None:
    """Take the weights of another training where they fit.

    Only the last layer of the reader depends on the system, by the number of its
    thicknesses.
    """
    state = load_checkpoint(path)
    for name, network in (("locator", training.locator), ("reader", training.reader)):
        own, given = network.state_dict(), state.get(name, {})
        fitting = {k: v for k, v in given.items() if k in own and own[k].shape == v.shape}
        missing = [k for k in own if k not in fitting and not k.startswith("thickness.")]
        if missing:
            raise BundleError(
                f"{path}: is not the checkpoint of such a training (no {name} {missing[0]}); "
                "give one that this version made"
            )
        network.load_state_dict({**own, **fitting})


def _begin(table: LacbedTable, system: System, options: TrainingOptions, steps: int) -> Training:
    low, high = system.thickness_nm
    shape = NetworkOptions(
        (low, high),
        round(high - low) + 1,
        table.geometry.rotation_order,
        system.convergence_mrad,
        system.mistilt_mrad[1],
    )
    locator, reader = Locator(shape), Reader(shape)
    # Channels-last convolutions are about 1.3 times faster on processors.
    for parameter in locator.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(
        [*locator.parameters(), *reader.parameters()],
        lr=options.learning_rate,
        weight_decay=0.02,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.learning_rate, total_steps=steps + 1, pct_start=0.05
    )
    frame = make_crystal_frame(
        plane_operations(table.geometry), system.convergence_mrad[1], system.mistilt_mrad[1]
    )
    rng = np.random.default_rng([options.seed, 1])
    return Training(locator, reader, frame, optimiser, schedule, rng, has_fast_bfloat16())


def has_fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware; others are slower with it."""
    known = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in known)


def _resume(training: Training, state: dict[str, Any]) -> None:
    training.locator.load_state_dict(state["locator"])
    training.reader.load_state_dict(state["reader"])
    training.optimiser.load_state_dict(state["optimiser"])
    # The position only: the length follows the options, which may have grown.
    training.schedule.load_state_dict(
        {name: state["schedule"][name] for name in ("last_epoch", "_step_count")}
    )
    training.step, training.seconds = int(state["step"]), float(state["seconds"])


def _loop(
    training: Training,
    batches: Iterator[Batch],
    options: TrainingOptions,
    steps: int,
    folder: Path,
    report: Report | None,
) -> dict[str, Any]:
    started, before = time.monotonic(), training.seconds
    saved = started
    training.locator.train()
    training.reader.train()
    running: list[np.ndarray] = []
    figures: dict[str, Any] = {}
    with open(folder / "training.csv", "a", newline="") as log:
        table = csv.writer(log)
        if log.tell() == 0:
            table.writerow(_COLUMNS)
        while training.step < steps:
            running.append(_step(training, next(batches)))
            training.step += 1
            training.seconds = before + time.monotonic() - started
            last = training.step == steps
            if training.step % _REPORT_EVERY == 0 or last:
                mean = np.mean(running, axis=0)
                running.clear()
                samples = training.step * options.batch_size
                figures = {"samples": samples, "seconds": round(training.seconds, 1)}
                table.writerow([samples, f"{training.seconds:.1f}", *(f"{v:.4f}" for v in mean)])
                log.flush()
                if report is not None:
                    words = (
                        f"loss {mean[0]:.2f}, thickness ±{mean[1]:.2f} nm, tilt ±{mean[3]:.2f} mrad"
                    )
                    report(samples, steps * options.batch_size, words)
            if time.monotonic() - saved > options.checkpoint_seconds or last:
                saved = time.monotonic()
                _save(folder, training, options)
    return figures


def _save(folder: Path, training: Training, options: TrainingOptions) -> None:
    temporary = folder / "checkpoint.pt.part"
    torch.save({**training.state(), "options": json.dumps(asdict(options))}, temporary)
    temporary.replace(folder / "checkpoint.pt")


def _step(training: Training, batch: Batch) -> np.ndarray:
    """One step of both networks; loss and errors as the log's columns from the third on."""
    order = training.reader.options.rotation_order
    frames = torch.from_numpy(batch.frames)[:, None].contiguous(memory_format=torch.channels_last)
    alpha, thickness = (torch.from_numpy(v) for v in (batch.convergence_mrad, batch.thickness_nm))
    in_pattern = torch.from_numpy(_pattern_tilt(batch))
    with torch.autocast("cpu", torch.bfloat16, enabled=training.reduced):
        geometry = training.locator(frames, alpha)
    geometry = geometry.float()
    value = locator_loss(
        geometry,
        in_pattern,
        torch.from_numpy(batch.log_zoom),
        torch.from_numpy(batch.center),
        torch.from_numpy(batch.rotation_rad),
        order,
    )
    pose, fine = draw_poses(batch, geometry.detach().numpy(), order, training.rng)
    given = reader_input(batch, training.frame, pose, fine)
    with torch.autocast("cpu", torch.bfloat16, enabled=training.reduced):
        logits, found = training.reader(given.values, given.folded_mrad, alpha)
    logits, found = logits.float(), found.float()
    bins = training.reader.bin_centers()
    value = value + reader_loss(logits, found, bins, thickness, given.errors)
    training.optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(value)
    for network in (training.locator, training.reader):
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    training.optimiser.step()
    training.schedule.step()
    with torch.no_grad():
        error = (estimate_thickness(logits, bins) - thickness).abs()[given.fine]
        tilt = (found[:, :2] - given.errors.tilt).norm(dim=1)[given.fine]
        located = (geometry[:, :2] - in_pattern).norm(dim=1) * alpha
    figures = (value.detach(), error.median(), (error <= 2).float().mean(), tilt.median())
    return np.array([float(v) for v in (*figures, located.median())])


def _pattern_tilt(batch: Batch) -> np.ndarray:
    """Tilt (x, y) in the pattern, in convergence semi-angles."""
    c, s = np.cos(batch.rotation_rad), np.sin(batch.rotation_rad)
    x, y = batch.tilt.T / batch.convergence_mrad
    return np.stack([c * x - s * y, s * x + c * y], axis=1).astype(np.float32)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; only tensors and plain values are accepted."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, UnpicklingError) as error:
        raise BundleError(
            f"{path}: is not a checkpoint of a training ({type(error).__name__}); "
            "train without --resume"
        ) from error
    return state
