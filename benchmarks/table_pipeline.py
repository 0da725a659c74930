"""Patterns per second: what makes frames from a table, against the training step.

Both use the same threads. The figure of interest is the ratio: from 2 on, the frames
never limit the training. Processor time is given beside it, as it depends less on what
else the machine does.

    python benchmarks/table_pipeline.py --threads 2
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from pacbed.learn.labels.cache import open_cache
from pacbed.learn.labels.frames import Source, measure_preparation
from pacbed.learn.labels.labels import make_labels
from pacbed.learn.labels.loop import Run, train_step
from pacbed.learn.labels.networks import make_network
from pacbed.learn.labels.options import Distortion, TableTraining
from pacbed.learn.labels.stream import training_batches
from pacbed.library.tables.pattern_table import PatternTable


def made_up_table(folder: Path, count: int) -> PatternTable:
    """Rows that all name one file; the patterns are made up as they are read."""
    file = folder / "pattern"
    file.touch()
    return PatternTable(
        folder / "table.csv", np.arange(count) + 2, (file,) * count,
        np.repeat(np.arange(20.0), count // 20), np.zeros(count), np.full(count, 20.0), {},
    )  # fmt: skip


def make_source(folder: Path, count: int, size: int, options: TableTraining) -> Source:
    table = made_up_table(folder, count)
    rng = np.random.default_rng(0)
    axis = np.arange(size) - (size - 1) / 2
    disk = np.hypot(axis[:, None], axis) < 0.25 * size

    def read(path: Path) -> np.ndarray:
        return disk * (1 + rng.random((size, size)))

    patterns = open_cache(table, options.input_size, folder, read)
    preparation = measure_preparation(patterns, table.convergence_mrad, options.input_size, 0.04, 0)
    labels = make_labels(table, "Thickness", Distortion())
    return Source(
        patterns, table.convergence_mrad, (20, 25), labels, preparation, options.distortion, 1
    )


def measure(work: Callable[[], int], seconds: float) -> tuple[float, float]:
    """Patterns per second, and processor milliseconds for each."""
    work()
    done, start, cpu = 0, time.monotonic(), time.process_time()
    while time.monotonic() - start < seconds:
        done += work()
    return done / (time.monotonic() - start), 1e3 * (time.process_time() - cpu) / done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, default=170, help="pixels of a pattern")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.set_flush_denormal(True)
    options = TableTraining(workers=given.threads)
    with TemporaryDirectory() as folder:
        source = make_source(Path(folder), given.count, given.size, options)
        rows = np.arange(given.count)
        endless = (
            batch
            for epoch in range(10**9)
            for batch in training_batches(
                source, rows, options.batch_size, (0,), epoch, workers=options.workers
            )
        )
        network = make_network(options, "Thickness", 20)
        run = Run(network, torch.optim.AdamW(network.parameters()))
        network.train()
        one = next(endless)

        def step() -> int:
            train_step(run, one, 1e-3, "cpu")
            return len(one.labels)

        frames, frame_ms = measure(lambda: len(next(endless).labels), given.seconds)
        steps, step_ms = measure(step, given.seconds)
    print(f"frames: {frames:.0f} patterns/s, {frame_ms:.2f} ms of processor time each")
    print(f"steps:  {steps:.0f} patterns/s, {step_ms:.2f} ms of processor time each")
    print(f"ratio:  {frames / steps:.1f} by the clock, {step_ms / frame_ms:.1f} by processor time")


if __name__ == "__main__":
    main()
