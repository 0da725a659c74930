"""Batches in a seeded order, made by threads beside the training step."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from pacbed.learn.labels.frames import Batch, Source

#: Batches that are made ahead for each thread.
_AHEAD = 3


def training_batches(
    source: Source,
    rows: np.ndarray,
    batch_size: int,
    seed: tuple[int, ...],
    epoch: int,
    first: int = 0,
    workers: int = 1,
) -> Iterator[Batch]:
    """Go once through some rows in random order.

    Each batch has a seed of its own, so that neither the number of threads nor an
    interruption changes what is seen.

    Parameters
    ----------
    source : Source
    rows : ndarray of int
    batch_size : int
        An incomplete last batch is left out, unless it is the only one.
    seed : tuple of int
    epoch : int
    first : int
        Number of the first batch: 0, or another where a training goes on.
    workers : int
        Threads; 0 makes each batch when it is asked for.

    Yields
    ------
    Batch
    """
    order = np.random.default_rng([*seed, epoch]).permutation(rows)
    parts = [
        order[n * batch_size : (n + 1) * batch_size]
        for n in range(batches_in_epoch(len(rows), batch_size))
    ]

    def make(number: int) -> Batch:
        return source.batch(parts[number], np.random.default_rng([*seed, epoch, number]))

    yield from _ahead(make, range(first, len(parts)), workers)


def fixed_batches(
    source: Source, rows: np.ndarray, batch_size: int, seed: tuple[int, ...], workers: int = 1
) -> Iterator[Batch]:
    """Go once through all rows, always in the same order and with the same distortions."""
    parts = [rows[n : n + batch_size] for n in range(0, len(rows), batch_size)]

    def make(number: int) -> Batch:
        return source.batch(parts[number], np.random.default_rng([*seed, number]))

    yield from _ahead(make, range(len(parts)), workers)


def batches_in_epoch(rows: int, batch_size: int) -> int:
    """Batches of :func:`training_batches`."""
    return max(1, rows // batch_size)


def _ahead(make: Callable[[int], Batch], numbers: range, workers: int) -> Iterator[Batch]:
    if workers == 0:
        yield from map(make, numbers)
        return
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(workers, "frames") as pool:
        try:
            for number in numbers:
                waiting.append(pool.submit(make, number))
                if len(waiting) > _AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
