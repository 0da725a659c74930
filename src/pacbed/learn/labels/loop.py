"""One readable training loop for one label network, with checkpoints that resume exactly."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as nnf

from pacbed.errors import BundleError, OutOfRangeError
from pacbed.learn.labels.frames import Batch, Source
from pacbed.learn.labels.networks import LabelNetwork
from pacbed.learn.labels.options import TableTraining
from pacbed.learn.labels.stream import batches_in_epoch, fixed_batches, training_batches
from pacbed.learn.train import has_fast_bfloat16, load_checkpoint

#: Width, in labels, of the target that makes neighbouring labels almost right.
_SOFTNESS = 0.5
_WARM_UP = 0.05
#: Of the running mean of the weights, with which a network is judged and kept: it is
#: steadier than the weights of any one step.
_DECAY = 0.99
_REPORT_EVERY = 5


@dataclass(frozen=True)
class Epoch:
    """Figures of one epoch, a row of the log."""

    target: str
    epoch: int
    seconds: float
    learning_rate: float
    loss: float
    validation_loss: float
    accuracy: float
    within_one_label: float


#: Called with the finished share of a target's epochs, the running loss and the last epoch.
Report = Callable[[str, float, float, Epoch | None], None]


@dataclass
class Run:
    """All that changes while training one network."""

    network: LabelNetwork
    optimiser: torch.optim.Optimizer
    epoch: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0
    best_loss: float = math.inf
    average: dict[str, torch.Tensor] = field(default_factory=dict)
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    since_best: int = 0
    finished: bool = False
    epochs: int = 0
    history: list[Epoch] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds: tensors and plain values."""
        values = {name: getattr(self, name) for name in _PLAIN}
        return {
            **values,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
            "best": self.best,
            "history": [vars(epoch) for epoch in self.history],
        }

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = load_checkpoint(path)
        try:
            for name in _PLAIN:
                setattr(self, name, state[name])
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.average, self.best = state["average"], state["best"]
            self.history = [Epoch(**row) for row in state["history"]]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BundleError(
                f"{path}: is not the checkpoint of such a training; train without --resume"
            ) from error

    def follow(self, step: int) -> None:
        """Let the running mean of the weights follow them."""
        state = self.network.state_dict()
        if not self.average:
            self.average = copy.deepcopy(state)
        weight = 1 - min(_DECAY, (1 + step) / (10 + step))
        for name, value in state.items():
            if value.is_floating_point():
                self.average[name].lerp_(value.detach(), weight)
            else:
                self.average[name].copy_(value)

    def save(self, path: Path) -> None:
        """Write a checkpoint; a kill leaves the last one whole."""
        part = path.with_name(path.name + ".part")
        torch.save(self.state(), part)
        part.replace(path)


_PLAIN = ("epoch", "batch", "loss_sum", "seconds", "best_loss", "since_best", "finished", "epochs")


def train_target(
    network: LabelNetwork,
    source: Source,
    held_back: np.ndarray,
    options: TableTraining,
    head_epochs: int,
    checkpoint: Path,
    report: Report | None = None,
    on_epoch: Callable[[list[Epoch]], None] | None = None,
) -> list[Epoch]:
    """Train one network until it is done or no longer gets better; it ends with its best weights.

    Parameters
    ----------
    network : LabelNetwork
    source : Source
    held_back : ndarray of bool, shape (rows,)
    options : TableTraining
    head_epochs : int
        Epochs at the beginning in which the last layers alone are trained.
    checkpoint : Path
        Is gone on from where it exists.
    report : callable, optional
    on_epoch : callable, optional
        Called with all epochs after each.

    Returns
    -------
    list of Epoch
    """
    network.to(options.device)
    run = Run(
        network,
        torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=0.02),
        epochs=options.epochs,
    )
    if checkpoint.exists():
        run.restore(checkpoint)
        if not run.finished and run.epochs != options.epochs:
            raise OutOfRangeError(
                f"the training of {source.labels.target} began with --epochs {run.epochs}, which "
                "its learning rate follows: give the same."
            )
    labelled = source.labels.rows_with_label
    while not run.finished:
        network.freeze_body(run.epoch < head_epochs)
        _train_epoch(run, source, labelled(np.flatnonzero(~held_back)), options, checkpoint, report)
        _end_epoch(run, source, labelled(np.flatnonzero(held_back)), options)
        run.save(checkpoint)
        if on_epoch is not None:
            on_epoch(run.history)
        if report is not None:
            last = run.history[-1]
            report(source.labels.target, run.epoch / options.epochs, last.loss, last)
    network.freeze_body(False)
    network.load_state_dict(run.best)
    network.eval()
    return run.history


def learning_rate(step: int, steps: int, largest: float) -> float:
    """Linear warm-up, then half a cosine down to almost nothing."""
    warm = min(1.0, (step + 1) / max(1.0, _WARM_UP * steps))
    return largest * warm * (0.5 + 0.5 * math.cos(math.pi * step / steps)) + 1e-3 * largest


def soft_loss(logits: torch.Tensor, labels: torch.Tensor, circular: bool = False) -> torch.Tensor:
    """Cross-entropy with a narrow Gaussian around the right label, mean over the batch.

    Parameters
    ----------
    logits : Tensor, shape (B, labels)
    labels : Tensor of int, shape (B,)
    circular : bool
        Whether the last label has the first one as its neighbour.
    """
    count = logits.shape[1]
    places = torch.arange(count, device=logits.device)
    distance = places - labels[:, None]
    if circular:
        distance = torch.remainder(distance + count // 2, count) - count // 2
    wanted = torch.softmax(-0.5 * (distance / _SOFTNESS) ** 2, dim=1)
    return -(wanted * nnf.log_softmax(logits, dim=1)).sum(1).mean()


def _train_epoch(
    run: Run,
    source: Source,
    rows: np.ndarray,
    options: TableTraining,
    checkpoint: Path,
    report: Report | None,
) -> None:
    count = batches_in_epoch(len(rows), options.batch_size)
    seed = (options.seed, 21)
    started, before = time.monotonic(), run.seconds
    saved = started
    run.network.train()
    for batch in training_batches(
        source, rows, options.batch_size, seed, run.epoch, run.batch, options.workers
    ):
        step = run.epoch * count + run.batch
        rate = learning_rate(step, count * options.epochs, options.learning_rate)
        # What is dropped follows from the step, so that an interruption changes nothing.
        torch.manual_seed(options.seed * 1_000_003 + step)
        run.loss_sum += train_step(run, batch, rate, options.device, source.labels.circular)
        run.follow(step)
        run.batch += 1
        run.seconds = before + time.monotonic() - started
        if report is not None and run.batch % _REPORT_EVERY == 0:
            share = (step + 1) / (count * options.epochs)
            last = run.history[-1] if run.history else None
            report(source.labels.target, share, run.loss_sum / run.batch, last)
        if time.monotonic() - saved > options.checkpoint_seconds:
            run.save(checkpoint)
            saved = time.monotonic()


def train_step(run: Run, batch: Batch, rate: float, device: str, circular: bool = False) -> float:
    """One step of the optimiser; return the loss before it."""
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    logits, labels = _forward(run.network, batch, device)
    value = soft_loss(logits, labels, circular)
    if not torch.isfinite(value):
        raise OutOfRangeError("the training diverged: give a smaller --learning-rate.")
    run.optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(value)
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 2.0)
    run.optimiser.step()
    return float(value.detach())


def _forward(network: LabelNetwork, batch: Batch, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    images, convergence, labels = (
        torch.from_numpy(values).to(device)
        for values in (batch.images, batch.convergence, batch.labels)
    )
    reduced = has_fast_bfloat16() if device == "cpu" else True
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=reduced):
        logits = network(images, convergence)
    return logits.float(), labels


def _end_epoch(run: Run, source: Source, rows: np.ndarray, options: TableTraining) -> None:
    """Judge the epoch on the rows held back, and keep the weights if they are the best."""
    started = time.monotonic()
    last = copy.deepcopy(run.network.state_dict())
    run.network.load_state_dict(run.average)
    found, truth, loss = predict(run.network, source, rows, options)
    run.network.load_state_dict(last)
    run.seconds += time.monotonic() - started
    off = source.labels.distance(found, truth)
    run.epoch += 1
    run.history.append(
        Epoch(
            source.labels.target,
            run.epoch,
            round(run.seconds, 1),
            float(run.optimiser.param_groups[0]["lr"]),
            run.loss_sum / max(run.batch, 1),
            loss,
            float((off == 0).mean()),
            float((off <= 1).mean()),
        )
    )
    run.batch, run.loss_sum = 0, 0.0
    run.since_best += 1
    if loss < run.best_loss:
        run.best_loss, run.since_best = loss, 0
        run.best = copy.deepcopy(run.average)
    run.finished = run.epoch >= options.epochs or run.since_best >= options.patience


def predict(
    network: LabelNetwork, source: Source, rows: np.ndarray, options: TableTraining
) -> tuple[np.ndarray, np.ndarray, float]:
    """Most likely labels of some rows, the true ones, and the mean loss.

    The rows are distorted in the same way every time.
    """
    network.eval()
    found, truth, losses = [], [], []
    with torch.no_grad():
        for batch in fixed_batches(
            source, rows, options.batch_size, (options.seed, 22), options.workers
        ):
            logits, labels = _forward(network, batch, options.device)
            loss = soft_loss(logits, labels, source.labels.circular)
            losses.append(float(loss) * len(labels))
            found.append(logits.argmax(1).cpu().numpy())
            truth.append(batch.labels)
    return np.concatenate(found), np.concatenate(truth), sum(losses) / len(rows)
