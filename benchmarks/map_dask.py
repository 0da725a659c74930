"""Maps on a Dask cluster of this machine: equal to the eager one, times, parts, a killed worker.

    python benchmarks/map_dask.py build/wedge.npy [--rows 32] [--window 8] [--workers 1,2,4]

The geometry is found once, here. Then each map is made twice: the first time by workers that
have just been started, with nothing made beforehand; the second time they have read everything
and have the patterns of the scan's tilts. From the parts follows what a large map on a large
cluster takes. The scan is made by benchmarks/wedge_map.py, or by ``pacbed wedge``.
"""

import argparse
import contextlib
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pacbed.cluster import local_cluster, run_on_cluster
from pacbed.infer.shared import dictionary
from pacbed.infer.shared.blocks import BlockMaker
from pacbed.library.installed import load_engine
from pacbed.maps import blocks
from pacbed.maps.blocks import Block, BlockTask, Rows, Spread, here
from pacbed.maps.cluster import spread_over_cluster
from pacbed.maps.mapping import infer_map
from pacbed.maps.options import MapOptions
from pacbed.maps.settle import settle
from pacbed.maps.thickness_map import ThicknessMap
from pacbed.scans.files import open_scan
from pacbed.scans.wedge import WedgeOptions

SYSTEM = "sto-001-300kV"
#: What a worker does before its first window, but for the patterns of tilts.
START = f"""
import time, pacbed.maps.cluster
from pacbed.library.installed import load_engine
from pacbed.maps.blocks import shared_predictor
model = load_engine("{SYSTEM}")
shared_predictor(model), model.table.common_basis
print(time.process_time())
"""
#: Bytes a second of a file system for many machines.
FILE_SYSTEM = 10e9


@dataclass
class Parts:
    """CPU seconds of the parts of a map, on one core."""

    #: Libraries, model and table.
    start: float
    #: With the patterns of tilts that it needs, of which so many blocks.
    geometry: float
    geometry_blocks: int
    #: A block of patterns, how many the map needs, and bytes of each.
    block: float
    blocks: int
    block_bytes: int
    #: A window, its share in what is done with its neighbours, and its bytes in the file.
    window: float
    neighbours: float
    window_bytes: int
    #: Seconds of the scheduler for a task.
    task: float = 0.001

    def show(self) -> None:
        print(
            f"parts, CPU s: start of a worker {self.start:.1f}; geometry {self.geometry:.1f}, with "
            f"{self.geometry_blocks} blocks of patterns; the map's patterns "
            f"{self.block * self.blocks:.1f} ({self.blocks} blocks of {self.block_bytes / 1e6:.1f} "
            f"MB); a window {1e3 * self.window:.1f} ms; neighbours "
            f"{1e3 * self.neighbours:.3f} ms a window"
        )

    def extrapolate(self, windows: int, cores: int) -> None:
        """What a large square map takes; a row of windows is the least that a core is given."""
        rows = round(windows**0.5)
        missing = max(self.blocks - self.geometry_blocks, 0)
        before = {
            "geometry (one core)": self.geometry,
            "start of the workers": self.start,
            # Of which each is made by one worker while the others make others.
            "other patterns": self.block * missing / min(cores, max(missing, 1)),
            "reading all patterns in every process": (
                self.block_bytes * self.blocks * cores / FILE_SYSTEM
            ),
        }
        # At the same time: the slowest counts.
        together = {
            "windows": self.window * rows * math.ceil(rows / cores),
            "scheduling": self.task * rows,
            "reading the scan": self.window_bytes * windows / FILE_SYSTEM,
        }
        after = self.neighbours * windows
        total = sum(before.values()) + max(together.values()) + after
        print(f"{windows:,} windows on {cores:,} cores: about {total:.0f} s")
        for name, seconds in before.items():
            print(f"    first {name}: {seconds:.1f} s")
        for name, seconds in together.items():
            print(f"    at the same time {name}: {seconds:.1f} s")
        print(f"    last neighbours (one core): {after:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path)
    parser.add_argument("--rows", type=int, default=32, help="Rows of windows.")
    parser.add_argument("--window", type=int, default=8, help="Positions along a window's side.")
    parser.add_argument("--workers", default="1,2,4")
    arguments = parser.parse_args()
    scan, side = open_scan(arguments.scan), arguments.window
    options = MapOptions(
        WedgeOptions().convergence_mrad,
        window=(side, side),
        region=(0, arguments.rows * side, 0, scan.shape[1]),
        step_nm=0.1,
    )
    model, kept = load_engine(SYSTEM), Kept()

    def run(spread: Spread) -> tuple[ThicknessMap, float]:
        forget()
        result = infer_map(scan, model, options, store=kept, spread=timed(spread, clock))
        return result, clock.pop()

    clock: list[float] = []
    say_load()
    eager, parts = measure(run, model, side**2 * int(np.prod(scan.shape[2:])) * 2)
    parts.show()
    before: list[float] = []
    for workers in (int(text) for text in arguments.workers.split(",")):
        with local_cluster(workers) as client, tempfile.TemporaryDirectory() as folder:
            spread = counted(spread_over_cluster(client, Path(folder)), Path(folder))
            idle = cpu(client)
            result, first = run(spread)
            busy = cpu(client) - idle
            again, second = run(spread)
            parts.task = scheduling(client)
        before = before or [first, second, busy.max()]
        print(
            f"{workers} workers: {first:.1f} s, {first / before[0]:.0%} of one; again in "
            f"{second:.1f} s, {second / before[1]:.0%} of one; CPU of the busiest worker "
            f"{busy.max():.1f} s, {busy.max() / before[2]:.0%}, of all {busy.sum():.1f} s; "
            f"equal: {equal(eager, result) and equal(eager, again)}",
            flush=True,
        )
        say_load()
    with local_cluster(2) as client:
        result, seconds = run(killing(spread_over_cluster(client), client))
    print(f"2 workers, one killed after its first block: {seconds:.1f} s; "
          f"equal: {equal(eager, result)}")  # fmt: skip
    print(f"scheduling: {1e3 * parts.task:.2f} ms a task")
    parts.extrapolate(10**6, 1000)


def measure(run: Callable, model, window_bytes: int) -> tuple[ThicknessMap, Parts]:
    """The map by this process, and what its parts take."""
    start = subprocess.run(
        [sys.executable, "-c", START], capture_output=True, text=True, check=True
    )
    made: list[tuple[float, int]] = []
    make = BlockMaker.make

    def counting(self: BlockMaker, block: tuple[int, int]) -> np.ndarray:
        began = time.process_time()
        patterns = make(self, block)
        made.append((time.process_time() - began, patterns.nbytes))
        return patterns

    blocks.shared_predictor(model)
    BlockMaker.make = counting
    began = time.process_time()
    with contextlib.suppress(FoundError):
        run(nothing)
    geometry, geometry_blocks = time.process_time() - began, len(made)
    made.clear()
    began = time.process_time()
    result, seconds = run(here)
    whole = time.process_time() - began
    BlockMaker.make = make
    began = time.process_time()
    settle(result.alternatives)
    neighbours = (time.process_time() - began) / result.status.size
    print(f"eager: {result.status.size} windows in {seconds:.1f} s")
    patterns = sum(seconds for seconds, _ in made)
    return result, Parts(
        start=float(start.stdout),
        geometry=geometry,
        geometry_blocks=geometry_blocks,
        block=patterns / len(made),
        blocks=len(made),
        block_bytes=made[0][1],
        window=(whole - patterns) / result.status.size,
        neighbours=neighbours,
        window_bytes=window_bytes,
    )


class Kept:
    """Keeps the geometry alone, so that it is found once."""

    def __init__(self) -> None:
        self._geometry = None

    def geometry(self):
        return self._geometry

    def keep_geometry(self, geometry) -> None:
        self._geometry = geometry

    def rows(self) -> dict:
        return {}

    def keep_row(self, row, layers) -> None: ...


class FoundError(Exception):
    """The geometry is found."""


def nothing(task: BlockTask, blocks: list[Block]) -> Rows:
    raise FoundError
    yield


def forget() -> None:
    """Nothing that this process has made of patterns shall help."""
    dictionary.shared_dictionary.cache_clear()
    blocks._solver.cache_clear()


def timed(spread: Spread, clock: list[float]) -> Spread:
    def measured(task: BlockTask, blocks: list[Block]) -> Iterator:
        forget()
        began = time.perf_counter()
        yield from spread(task, blocks)
        clock.append(time.perf_counter() - began)

    return measured


def counted(spread: Spread, folder: Path) -> Spread:
    """Says how many blocks of patterns were made and laid down for all."""

    def counting(task: BlockTask, blocks: list[Block]) -> Rows:
        for done, row in enumerate(spread(task, blocks)):
            if done == sum(last - first for first, last in blocks) - 1:
                print(f"    {len(list(folder.glob('*/*/*.npz')))} blocks of patterns made")
            yield row

    return counting


def cpu(client) -> np.ndarray:
    """CPU seconds of each worker."""
    return np.array(list(client.run(time.process_time).values()))


def scheduling(client) -> float:
    """Seconds for a task that does nothing."""
    began = time.perf_counter()
    for _ in run_on_cluster(client, abs, range(1000)):
        pass
    return (time.perf_counter() - began) / 1000


def say_load() -> None:
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)


def killing(spread: Spread, client) -> Spread:
    def broken(task: BlockTask, blocks: list[Block]) -> Rows:
        for number, row in enumerate(spread(task, blocks)):
            if number == 0:
                pid = next(iter(client.run(os.getpid).values()))
                os.kill(pid, signal.SIGKILL)
            yield row

    return broken


def equal(one: ThicknessMap, other: ThicknessMap) -> bool:
    pairs = [(one.alternatives[name], other.alternatives[name]) for name in one.alternatives]
    pairs.append((one.thickness_nm, other.thickness_nm))
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs)


if __name__ == "__main__":
    main()
