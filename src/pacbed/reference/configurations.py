"""Configurations of displaced atoms, each with its probe positions, on one thread each."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Indices, Singles, Vectors
from pacbed.lacbed.workers import run_in_threads
from pacbed.reference.engine import Engine
from pacbed.reference.intensities import patterns_of

#: Waves that go through the same atoms together take at most this much memory, bytes.
_MOST_BYTES = 256e6

#: Called with the finished and all work; may raise to end it.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Share:
    """Probe positions that meet one arrangement of the atoms.

    Attributes
    ----------
    configuration : int
        Fixes the arrangement, together with the seed.
    places : ndarray of int
        Numbers of the positions.
    """

    configuration: int
    places: Indices


def deal(engine: Engine, places: Sequence[Indices]) -> list[Share]:
    """Shares of work for each configuration's positions, no larger than the memory allows."""
    most = max(1, int(_MOST_BYTES // engine.wave_bytes))
    return [
        Share(number, part)
        for number, own in enumerate(places)
        for part in np.array_split(own, max(1, math.ceil(len(own) / most)))
        if len(part)
    ]


def run(
    engine: Engine,
    positions: Vectors,
    shares: Sequence[Share],
    collect: Callable[[Singles], Singles],
    progress: Progress | None = None,
    threads: int | None = None,
) -> Iterator[tuple[Share, Singles]]:
    """Simulate all shares; results do not depend on the number of threads.

    Parameters
    ----------
    engine : Engine
    positions : ndarray, shape (n, 2)
        Å.
    shares : sequence of Share
    collect : callable
        What is kept of the patterns of a share at one thickness, shape (P, *window).
    progress : callable, optional
    threads : int, optional
        By default as many as there are processors.

    Yields
    ------
    share, kept : Share and ndarray
        In the order of the shares; kept at every thickness, stacked along a new first axis.
    """
    layers = engine.exits[-1]
    passed = [0] * len(shares)

    def task(number: int, tick: Callable[[], None]) -> tuple[int, Singles]:
        share = shares[number]
        options = engine.options
        generator = (
            np.random.default_rng([options.seed, share.configuration])
            if options.configurations
            else None
        )

        def step() -> None:
            passed[number] += 1
            tick()

        found = patterns_of(engine, positions[share.places], generator, step)
        return number, np.stack([collect(patterns) for patterns in found])

    def told(_: int) -> None:
        if progress is not None:
            progress(min(sum(passed), layers * len(shares)), layers * len(shares))

    waiting: dict[int, Singles] = {}
    following = 0
    for number, kept in run_in_threads(task, range(len(shares)), told, threads):
        waiting[number] = kept
        while following in waiting:
            yield shares[following], waiting.pop(following)
            following += 1
    told(len(shares))
