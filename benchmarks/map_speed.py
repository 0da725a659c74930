"""How fast maps are: windows a second, and reading against the disk's own speed.

    python benchmarks/map_speed.py build/wedge.npy [--without-networks]

The scan is made by benchmarks/wedge_map.py. Windows are counted in CPU seconds of one core,
without the geometry that is found once; on two free cores the map goes twice as fast.
With --without-networks the windows are inferred with networks and with the table alone in turn,
and the answers are compared; nothing else is measured.
Reading and summing run in a process of their own with a limit of 1 GiB on its memory, less
than the file holds, against plain sequential reading of the same file.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

LIMIT = 1 << 30
WINDOW = 8
ROWS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path)
    parser.add_argument("--part", choices=("plain", "sums"))
    parser.add_argument("--dropped", action="store_true")
    parser.add_argument("--without-networks", action="store_true")
    arguments = parser.parse_args()
    if arguments.part:
        limited(arguments.part, arguments.scan, arguments.dropped)
        return
    if arguments.without_networks:
        compare(arguments.scan)
        return
    reading(arguments.scan)
    windows(arguments.scan)


def compare(path: Path) -> None:
    """The same windows with networks and without, each twice, the second time in turn."""
    import numpy as np
    from table_alone import without_networks

    from pacbed.library.installed import load_engine
    from pacbed.maps.layers import MISMATCH, join_layers
    from pacbed.maps.mapping import find_geometry
    from pacbed.maps.options import MapOptions, make_grid
    from pacbed.maps.sample import read_sample
    from pacbed.maps.solver import WindowSolver
    from pacbed.maps.spread import shared_predictor
    from pacbed.scans.files import open_scan
    from pacbed.scans.wedge import WedgeOptions

    bundle = load_engine("sto-001-300kV")
    scan = open_scan(path)
    options = MapOptions(WedgeOptions().convergence_mrad, window=(WINDOW, WINDOW), step_nm=0.1)
    grid, _ = make_grid(scan, bundle, options)
    sums, where = chosen_rows(scan, grid)
    solvers, spent, answers = {}, {}, {}
    for name, model in (("networks", bundle), ("table alone", without_networks(bundle))):
        began = time.process_time()
        geometry = find_geometry(read_sample(scan, grid, options)[1], model, options)
        print(f"{name}: geometry in {time.process_time() - began:.1f} CPU s, once; {geometry}")
        solvers[name] = WindowSolver(shared_predictor(model), geometry)
        spent[name] = []
        for row in sums:
            solvers[name].solve(row, where[row.row], WINDOW * WINDOW)
    for row in sums:
        for name, solver in solvers.items():
            began = time.process_time()
            found = solver.solve(row, where[row.row], WINDOW * WINDOW)
            spent[name].append((time.process_time() - began) / grid.shape[1])
            answers.setdefault(name, []).append(found)
    for name, each in spent.items():
        print(f"{name}: {1 / np.median(each):.0f} windows per CPU second")
    print(f"speed over that with networks: {np.median(np.divide(*spent.values())):.2f}")
    first, second = (join_layers(found) for found in answers.values())
    apart = np.abs(first["thickness_nm"] - second["thickness_nm"])[..., 0]
    tilt = np.linalg.norm((first["tilt_mrad"] - second["tilt_mrad"])[..., 0, :], axis=-1)
    print(
        f"apart: {np.nanmedian(apart):.3f} nm and {np.nanmedian(tilt):.3f} mrad in the median, "
        f"{np.mean(apart > 2):.1%} by more than 2 nm"
    )
    for name, found in zip(answers, (first, second), strict=True):
        print(f"{name}: {np.mean(found['status'] == MISMATCH):.1%} mismatch")


def chosen_rows(scan, grid):
    """Sums of some rows of windows, and the places of all."""
    import numpy as np

    from pacbed.maps.geometry import places
    from pacbed.scans.windows import sum_windows

    chosen = np.linspace(1, grid.shape[0] - 2, ROWS).astype(int)
    sums = [next(sum_windows(grid, scan.rows(*grid.rows_of(r)), r, r + 1)) for r in chosen]
    return sums, places(grid)


def windows(path: Path) -> None:
    from pacbed.library.installed import load_engine
    from pacbed.maps.mapping import find_geometry
    from pacbed.maps.options import MapOptions, make_grid
    from pacbed.maps.sample import read_sample
    from pacbed.maps.solver import WindowSolver
    from pacbed.maps.spread import shared_predictor
    from pacbed.scans.files import open_scan
    from pacbed.scans.wedge import WedgeOptions

    bundle = load_engine("sto-001-300kV")
    scan = open_scan(path)
    options = MapOptions(WedgeOptions().convergence_mrad, window=(WINDOW, WINDOW), step_nm=0.1)
    grid, _ = make_grid(scan, bundle, options)
    began = time.process_time()
    geometry = find_geometry(read_sample(scan, grid, options)[1], bundle, options)
    print(f"geometry: {time.process_time() - began:.1f} CPU s, once")
    sums, where = chosen_rows(scan, grid)
    for name, refine in (("networks only", False), ("with the fit", True)):
        solver = WindowSolver(shared_predictor(bundle), geometry, refine)
        for turn in ("first", "again"):
            began = time.process_time()
            for row in sums:
                solver.solve(row, where[row.row], WINDOW * WINDOW)
            each = (time.process_time() - began) / (len(sums) * grid.shape[1])
            print(
                f"{name}, {turn}: {1e3 * each:.2f} CPU ms a window, {1 / each:.0f} windows per "
                f"CPU second, {2 / each:.0f} a second on two cores"
            )


def reading(path: Path) -> None:
    size = path.stat().st_size
    print(f"{path}: {size / 2**30:.2f} GiB, memory limit {LIMIT / 2**30:.0f} GiB")
    for dropped in (False, True):
        speed = {"plain": [], "sums": []}
        for _ in range(3):
            for part, found in speed.items():
                command = [sys.executable, __file__, str(path), "--part", part]
                output = subprocess.run(
                    command + ["--dropped"] * dropped, check=True, capture_output=True, text=True
                ).stdout
                found.append(float(output))
        plain, sums = (max(found) for found in speed.values())
        state = "dropped from the cache before" if dropped else "in the cache"
        print(
            f"{state}: plain {size * plain / 1e9:.2f} GB/s, read and summed "
            f"{size * sums / 1e9:.2f} GB/s: {sums / plain:.0%}"
        )


def limited(part: str, path: Path, dropped: bool) -> None:
    """Prints how often a second the file could be gone through."""
    from pacbed.scans.files import open_scan
    from pacbed.scans.windows import WindowGrid, sum_windows

    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    if dropped:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    began = time.perf_counter()
    if part == "plain":
        buffer = bytearray(32 << 20)
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
    else:
        scan = open_scan(path)
        grid = WindowGrid(scan.scan_shape, (WINDOW, WINDOW), (WINDOW, WINDOW))
        total = 0.0
        for sums in sum_windows(grid, scan.rows(0, scan.shape[0]), 0, grid.shape[0]):
            total += float(sums.patterns[0, 0, 0])
    print(1 / (time.perf_counter() - began))


if __name__ == "__main__":
    main()
