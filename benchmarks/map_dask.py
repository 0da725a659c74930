"""Maps on a Dask cluster of this machine: equal to the eager one, times, a killed worker.

    python benchmarks/map_dask.py build/wedge.npy [--rows 16] [--workers 1,2,4]

Each map is made twice: the first time every worker makes the patterns of the scan's tilts
for itself, the second time it has them. The scan is made by benchmarks/wedge_map.py.
"""

import argparse
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pacbed.cluster import local_cluster
from pacbed.library.installed import load_engine
from pacbed.maps.blocks import Block, BlockTask, Rows, Spread, here
from pacbed.maps.cluster import spread_over_cluster
from pacbed.maps.mapping import infer_map
from pacbed.maps.options import MapOptions
from pacbed.maps.thickness_map import ThicknessMap
from pacbed.scans.files import open_scan
from pacbed.scans.wedge import WedgeOptions

WINDOW = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path)
    parser.add_argument("--rows", type=int, default=16, help="Rows of windows.")
    parser.add_argument("--workers", default="1,2,4")
    arguments = parser.parse_args()
    scan = open_scan(arguments.scan)
    options = MapOptions(
        WedgeOptions().convergence_mrad,
        window=(WINDOW, WINDOW),
        region=(0, arguments.rows * WINDOW, 0, scan.shape[1]),
        step_nm=0.1,
    )
    bundle = load_engine("sto-001-300kV")
    kept = Kept()

    def run(spread: Spread) -> tuple[ThicknessMap, float]:
        result = infer_map(scan, bundle, options, store=kept, spread=timed(spread, clock))
        return result, clock.pop()

    clock: list[float] = []
    _, cold = run(here)  # finds the geometry, and makes the patterns of the scan's tilts
    eager, alone = run(here)
    print(f"eager: {eager.status.size} windows in {cold:.1f} s, again in {alone:.1f} s")
    before: list[float] = []
    for workers in (int(text) for text in arguments.workers.split(",")):
        with local_cluster(workers) as client:
            result, first = run(spread_over_cluster(client))
            # The workers keep the patterns that each has made.
            again, second = run(spread_over_cluster(client))
        before = before or [first * workers, second * workers]
        print(
            f"{workers} workers: {first:.1f} s, again in {second:.1f} s; efficiency "
            f"{before[0] / workers / first:.0%} and {before[1] / workers / second:.0%} of the "
            f"first; equal: {equal(eager, result) and equal(eager, again)}"
        )
    with local_cluster(2) as client:
        result, seconds = run(killing(spread_over_cluster(client), client))
    print(f"2 workers, one killed after its first block: {seconds:.1f} s; "
          f"equal: {equal(eager, result)}")  # fmt: skip


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


def timed(spread: Spread, clock: list[float]) -> Spread:
    def measured(task: BlockTask, blocks: list[Block]) -> Iterator:
        began = time.perf_counter()
        yield from spread(task, blocks)
        clock.append(time.perf_counter() - began)

    return measured


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
