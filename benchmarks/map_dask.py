"""Maps on a Dask cluster of this machine: equal to the eager one, times, parts, a killed worker.

    python benchmarks/map_dask.py build/wedge.npy [--rows 32] [--window 8] [--workers 1,2,4]

Each map is made twice, its geometry with it: the first time by workers that have just been
started, with nothing made beforehand; the second time they have read everything and have the
patterns of the scan's tilts. Beside the wall time stands what free cores would take at most: the
CPU time of this process, which hands out the work, and of the busiest worker. From the parts
follows what a large map on a large cluster takes. The scan is made by benchmarks/wedge_map.py, or
by ``pacbed wedge``.
"""

import argparse
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pacbed.cluster import local_cluster, run_on_cluster
from pacbed.infer.shared import dictionary
from pacbed.infer.shared.blocks import BlockMaker
from pacbed.library.installed import load_engine
from pacbed.maps import blocks, sampled_fits
from pacbed.maps.cluster import spread_over_cluster
from pacbed.maps.mapping import infer_map
from pacbed.maps.options import MapOptions
from pacbed.maps.settle import settle
from pacbed.maps.spread import Job, Run, Spread, here, shared_predictor
from pacbed.maps.thickness_map import ThicknessMap
from pacbed.scans.files import open_scan
from pacbed.scans.wedge import WedgeOptions

SYSTEM = "sto-001-300kV"
#: What a worker does before its first window, but for the patterns of tilts.
START = f"""
import time, pacbed.maps.cluster
from pacbed.library.installed import load_engine
from pacbed.maps.spread import shared_predictor
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
    #: Without the patterns of tilts that it needs, of which so many blocks.
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
            f"parts, CPU s: start of a worker {self.start:.1f}; geometry {self.geometry:.1f}; "
            f"patterns {self.block * self.blocks:.1f} ({self.blocks} blocks of "
            f"{self.block_bytes / 1e6:.1f} MB, {self.geometry_blocks} of them for the geometry); "
            f"a window {1e3 * self.window:.1f} ms; neighbours {1e3 * self.neighbours:.3f} ms a "
            "window"
        )

    def extrapolate(self, windows: int, cores: int) -> None:
        """What a large square map takes; a row of windows is the least that a core is given."""
        rows = round(windows**0.5)
        # One worker is busy with a window of the sample, or makes a block that others need not.
        spread = min(cores, 16), min(cores, self.blocks)
        before = {
            "start of the workers": self.start,
            "geometry": self.geometry / spread[0],
            "patterns": self.block * math.ceil(self.blocks / spread[1]),
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
    model = load_engine(SYSTEM)

    def run(spread: Spread, store=None) -> tuple[ThicknessMap, float, float]:
        forget()
        began, used = time.perf_counter(), time.process_time()
        result = infer_map(scan, model, options, store=store, spread=spread)
        return result, time.perf_counter() - began, time.process_time() - used

    say_load()
    eager, parts = measure(run, model, side**2 * int(np.prod(scan.shape[2:])) * 2)
    parts.show()
    before: list[float] = []
    for workers in (int(text) for text in arguments.workers.split(",")):
        with local_cluster(workers) as client, tempfile.TemporaryDirectory() as folder:
            spread = counted(spread_over_cluster(client, Path(folder)), Path(folder))
            idle = cpu(client)
            result, first, used = run(spread)
            busy = cpu(client) - idle
            again, second, _ = run(spread)
            parts.task = scheduling(client)
        path = used + busy.max()
        before = before or [first, second, path]
        print(
            f"{workers} workers: {first:.1f} s, {first / before[0]:.0%} of one; again in "
            f"{second:.1f} s, {second / before[1]:.0%} of one; CPU of this process {used:.1f} s "
            f"and of the busiest worker {busy.max():.1f} s, together {path / before[2]:.0%} of "
            f"one; of all workers {busy.sum():.1f} s; "
            f"equal: {equal(eager, result) and equal(eager, again)}",
            flush=True,
        )
        say_load()
    with local_cluster(2) as client:
        result, seconds, _ = run(killing(spread_over_cluster(client), client))
    print(f"2 workers, one killed after its first rows: {seconds:.1f} s; "
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

    shared_predictor(model)
    BlockMaker.make = counting
    store = GeometryNoted(lambda: (time.process_time(), len(made)))
    began = time.process_time()
    result, seconds, whole = run(here, store)
    BlockMaker.make = make
    geometry, geometry_blocks = store.noted[0] - began, store.noted[1]
    beginning = time.process_time()
    settle(result.alternatives)
    neighbours = (time.process_time() - beginning) / result.status.size
    print(f"eager: {result.status.size} windows in {seconds:.1f} s")
    patterns = [seconds for seconds, _ in made]
    return result, Parts(
        start=float(start.stdout),
        geometry=geometry - sum(patterns[:geometry_blocks]),
        geometry_blocks=geometry_blocks,
        block=sum(patterns) / len(made),
        blocks=len(made),
        block_bytes=made[0][1],
        window=(whole - geometry - sum(patterns[geometry_blocks:])) / result.status.size,
        neighbours=neighbours,
        window_bytes=window_bytes,
    )


class GeometryNoted:
    """Keeps nothing of a map, and notes something when its geometry is found."""

    def __init__(self, note: Callable) -> None:
        self._note = note

    def geometry(self) -> None: ...

    def keep_geometry(self, geometry) -> None:
        self.noted = self._note()

    def rows(self) -> dict:
        return {}

    def keep_row(self, row, layers) -> None: ...


def forget() -> None:
    """Nothing that this process has made of patterns shall help."""
    for kept in (dictionary.shared_dictionary, blocks._solver, sampled_fits._solver):
        kept.cache_clear()


def counted(spread: Spread, folder: Path) -> Spread:
    """Says how many blocks of patterns were made and laid down for all."""

    @contextmanager
    def counting(job: Job) -> Iterator[Run]:
        with spread(job) as run:
            yield run
            print(f"    {len(list(folder.glob('*/*/*.npz')))} blocks of patterns made")

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
    @contextmanager
    def broken(job: Job) -> Iterator[Run]:
        with spread(job) as run:
            yield lambda pieces: breaking(run, pieces)

    def breaking(run: Run, pieces) -> Iterator:
        for number, answer in enumerate(run(pieces)):
            if number == 0 and isinstance(pieces[0], blocks.Block):
                pid = next(iter(client.run(os.getpid).values()))
                os.kill(pid, signal.SIGKILL)
            yield answer

    return broken


def equal(one: ThicknessMap, other: ThicknessMap) -> bool:
    pairs = [(one.alternatives[name], other.alternatives[name]) for name in one.alternatives]
    pairs.append((one.thickness_nm, other.thickness_nm))
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs)


if __name__ == "__main__":
    main()
