"""Map a simulated wedge, and compare with what it is.

    python benchmarks/wedge_map.py [--scan build/wedge.npy] [--size 256] [--seed 1]
        [--without-networks]

Makes the scan first where it is missing (some minutes, 2 GB). Prints which share of the
windows lies within 2 nm and 0.5 mrad, and the wrong jumps that are not marked.

Seed 1 is the wedge on which the threshold for joining tilts was chosen. Every other seed is
another wedge: bending, rotation, scale, drift and noise are drawn from it.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from table_alone import without_networks

from pacbed.library.installed import load_engine
from pacbed.library.models.bundle import Bundle
from pacbed.maps.mapping import infer_map
from pacbed.maps.options import MapOptions
from pacbed.maps.output import save_map
from pacbed.maps.picture import map_png
from pacbed.maps.thickness_map import ThicknessMap
from pacbed.scans.files import open_scan
from pacbed.scans.wedge import WedgeOptions, WedgeTruth, wedge_rows, wedge_truth
from pacbed.scans.writer import write_npy_rows

SYSTEM = "sto-001-300kV"
#: An error beyond this is a wrong basin, nm.
WRONG_NM = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scan", type=Path, default=Path("build/wedge.npy"))
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--window", type=int, default=8)
    parser.add_argument("--no-refine", action="store_true")
    parser.add_argument("--without-networks", action="store_true")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    wedge = plan(arguments.seed, arguments.size)
    print(wedge)
    bundle = load_engine(SYSTEM)
    if not arguments.scan.exists():
        make(arguments.scan, wedge, bundle)
    model = without_networks(bundle) if arguments.without_networks else bundle
    options = MapOptions(
        wedge.convergence_mrad,
        window=(arguments.window, arguments.window),
        refine=not arguments.no_refine,
        step_nm=wedge.step_nm,
    )
    began, cpu = time.perf_counter(), time.process_time()
    result = infer_map(open_scan(arguments.scan), model, options)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    count = result.status.size
    print(f"{count} windows in {seconds:.1f} s, {cpu:.1f} CPU s: {1e3 * cpu / count:.1f} ms each")
    report(result, wedge_truth(wedge), arguments.window)
    if arguments.output:
        save_map(arguments.output, result)
        arguments.output.with_suffix(".png").write_bytes(map_png(result))


def plan(seed: int, size: int) -> WedgeOptions:
    """The wedge of a seed."""
    wedge = WedgeOptions(scan_shape=(size, size), seed=seed)
    if seed == 1:
        return wedge
    draw = np.random.default_rng(seed)
    return replace(
        wedge,
        bend=(draw.uniform(0.2, 0.8), draw.uniform(0.2, 0.8), draw.uniform(0, 2 * np.pi)),
        rotation_deg=draw.uniform(-45, 45),
        mrad_per_pixel=draw.uniform(0.47, 0.53),
        drift_px=draw.uniform(-3, 3),
    )


def make(path: Path, wedge: WedgeOptions, bundle: Bundle) -> None:
    began = time.process_time()
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (*wedge.scan_shape, wedge.detector_px, wedge.detector_px)
    write_npy_rows(path, shape, np.dtype(np.uint16), wedge_rows(bundle.table, wedge))
    print(f"made {path} in {time.process_time() - began:.0f} CPU s")


def report(result: ThicknessMap, truth: WedgeTruth, window: int) -> None:
    thickness = mean(truth.thickness_nm, window)
    tilt = mean(truth.tilt_mrad, window)
    error = result.thickness_nm - thickness
    astray = np.hypot(result.tilt_x_mrad - tilt[..., 0], result.tilt_y_mrad - tilt[..., 1])
    good = (np.abs(error) <= 2) & (astray <= 0.5)
    print(f"geometry: {result.geometry}")
    print(f"status: {result.counts()}; {'; '.join(result.warnings) or 'no warnings'}")
    print(
        f"within 2 nm: {np.mean(np.abs(error) <= 2):.1%}; within 0.5 mrad: "
        f"{np.mean(astray <= 0.5):.1%}; both: {good.mean():.1%}; medians "
        f"{np.median(np.abs(error)):.2f} nm and {np.median(astray):.3f} mrad"
    )
    for low, high in ((0, 10), (10, 20), (20, 40), (40, 60), (60, 100)):
        part = (thickness >= low) & (thickness < high)
        if part.any():
            print(
                f"  {low:3d} to {high:3d} nm: {part.sum():4d} windows, rms "
                f"{np.sqrt(np.mean(error[part] ** 2)):.2f} nm and "
                f"{np.sqrt(np.mean(astray[part] ** 2)):.2f} mrad, both {good[part].mean():.1%}, "
                f"bias {np.median(error[part]):+.2f} nm"
            )
    own = np.hypot(*np.moveaxis(result.tilt_alone_mrad - tilt, -1, 0))
    print(
        f"tilts drawn to the neighbours': {result.tilt_joined.mean():.1%} of the windows; alone "
        f"{np.mean((np.abs(error) <= 2) & (own <= 0.5)):.1%} were within both"
    )
    pull = error / result.thickness_std_nm
    print(f"errors over their bars: rms {np.sqrt(np.nanmean(pull**2)):.2f}")
    wrong = np.abs(error) > WRONG_NM
    marked = result.jump | ~np.isin(result.status, (0, 5))
    unmarked, called = int((wrong & ~marked).sum()), int((result.jump & ~wrong).sum())
    print(
        f"off by more than {WRONG_NM:g} nm: {wrong.sum()}, of them unmarked: {unmarked}; "
        f"right ones called jumps: {called}"
    )
    alone = np.abs(result.thickness_alone_nm - thickness) > WRONG_NM
    print(f"off by more than {WRONG_NM:g} nm before settling: {alone.sum()}")


def mean(values: np.ndarray, window: int) -> np.ndarray:
    rows, columns = (n // window for n in values.shape[:2])
    cut = values[: rows * window, : columns * window]
    return cut.reshape(rows, window, columns, window, *values.shape[2:]).mean(axis=(1, 3))


if __name__ == "__main__":
    main()
