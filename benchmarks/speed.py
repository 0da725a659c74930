"""Speed of the engine as ratios against a twin in the same run.

    python benchmarks/speed.py [--recipe recipes/sto-001-300kV.toml]

Prints the time of a whole table, of synthesis in NumPy and in torch, of an
inference, and of loading a bundle. Times on a shared machine are noise; the
ratios are what to quote. Synthesis and the grid are timed in seconds of the processor
on one thread, which other jobs disturb least.

The grid of 139,986 patterns (thickness 0 to 100 nm in 1 nm, mistilt 0 to 10 mrad in
1 mrad, 6 azimuths, convergence 15 to 25 mrad in 0.5 mrad) is extrapolated from measured
parts, for our engine from a batch of directions and from all patterns of 128×128 at 15, 20
and 25 mrad, for abTEM from the first 4 nm of a scanned probe at 20 mrad. abTEM is given
all thicknesses of a run for one (exit planes), so that it runs once for each tilt and
convergence angle.
"""

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np
import torch
from abtem_probe import displaced_atoms, potential, quiet, scan

from pacbed.crystal.projection import project
from pacbed.infer.networks.predictor import Predictor
from pacbed.lacbed.bloch import beam_intensities, beams_within
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.neighbourhood import choose_reach, prepare_kernel
from pacbed.learn.series_synthesis import SeriesSynthesiser
from pacbed.library.installed import load_bundle
from pacbed.library.recipe import load_recipe
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.many_series import ManySeries
from pacbed.pattern.plan import make_plan
from pacbed.pattern.synthesis import synthesise
from pacbed.reference import ReferenceOptions
from pacbed.reference.engine import make_engine
from pacbed.reference.scan import probe_positions

GRID_RUNS = 11 * 6 * 21
GRID_PATTERNS = 101 * GRID_RUNS


def seconds(work, runs=5):
    work()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def kernels(recipe):
    """Production kernel against the literal twin, per direction, 120 nm in 1 nm steps."""
    cell = project(recipe.crystal, recipe.system.zone_axis)
    voltage = recipe.system.high_tension_kV
    beams = beams_within(cell, 2.0)
    # A neighbourhood of 3 mrad in steps of 0.5 mrad.
    k = 0.3 + np.random.default_rng(0).uniform(0, 0.15, (36, 2))
    kernel = prepare_kernel(cell, voltage, choose_reach(cell, voltage), 0.5, 2.0, 10.0, 120, 1)
    fast = seconds(lambda: kernel(k, beams), 3) / len(k)
    steps = np.arange(10.0, 1201.0, 10.0)
    slow = seconds(lambda: beam_intensities(cell, beams, k[0], voltage, steps[:6]), 1) * 20
    print(f"kernel: {fast * 1e3:.2f} ms a direction, literal twin {slow / fast:.0f} times slower")


def cpu_seconds(work, runs=3):
    work()
    times = []
    for _ in range(runs):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return float(np.median(times))


def series(table):
    """Seconds for each pattern of the grid, from three of its apertures."""
    tilts = [
        (mistilt * np.cos(azimuth), mistilt * np.sin(azimuth))
        for mistilt in range(11)
        for azimuth in np.deg2rad(np.arange(0, 90, 15))
    ]
    count = 0

    def patterns():
        nonlocal count
        count = 0
        source = ManySeries(table, np.arange(101.0))
        for alpha in (15.0, 20.0, 25.0):
            parameters = [PatternParameters(0.0, x, y, alpha, 0.4) for x, y in tilts]
            for images in source.synthesise(parameters):
                count += len(images)

    return cpu_seconds(patterns, 1) / count


def grid(recipe):
    """Cost of the grid of 139,986 patterns against abTEM's scanned probe, one thread."""
    cell = project(recipe.crystal, recipe.system.zone_axis)
    voltage = recipe.system.high_tension_kV
    table = load_bundle(recipe.system.name).table
    pattern_seconds = series(table)
    kernel = cpu_seconds(
        lambda: simulate_table(cell, voltage, *recipe.system.largest, recipe.table), 1
    )
    ours = kernel + GRID_PATTERNS * pattern_seconds
    options = ReferenceOptions(
        high_tension_kV=voltage,
        convergence_mrad=20.0,
        thicknesses_nm=(4.0,),
        tilt_x_mrad=3.0,
        resolution_mrad=0.51,
        max_angle_mrad=35.0,
    )
    still = dataclasses.replace(recipe.crystal, b_iso=np.zeros(len(recipe.crystal.symbols)))
    engine = make_engine(still, recipe.system.zone_axis, options)
    positions = probe_positions(engine.lattice, engine.scan, np.random.default_rng(0))

    def scanned():
        with quiet():
            atoms = displaced_atoms(engine, 10, [0, 0])
            for _ in scan(engine, potential(engine, atoms, 0.1).build(lazy=False), positions):
                pass

    theirs = cpu_seconds(scanned, 1) * 100.0 / (0.1 * engine.edges.period * 10) * GRID_RUNS
    print(
        f"grid of {GRID_PATTERNS} patterns, one thread: table {kernel:.0f} s and "
        f"{pattern_seconds * 1e3:.2f} ms a pattern; abTEM with atoms at rest "
        f"{theirs / ours:.0f} times, with 8 frozen-phonon configurations "
        f"{8 * theirs / ours:.0f} times as long"
    )


def synthesis(table):
    one = PatternParameters(45.0, 3.0, -2.0, 20.0, 0.4)
    numpy_time = cpu_seconds(lambda: synthesise(table, one, (128, 128)))
    source = SeriesSynthesiser(table, make_plan(table, 21.0, 12.0, 1))
    # As in a training: series over all thicknesses of few tilts.
    thickness = np.tile(np.linspace(1.0, table.geometry.thicknesses_nm[-1], 32), (4, 1))
    tilt = torch.randn(4, 2) * 4
    angles = torch.full((4,), 20.0)
    matrix = 0.4 * torch.eye(2).repeat(128, 1, 1)
    tilts = tilt.repeat_interleave(32, dim=0)

    def batch():
        with torch.no_grad():
            native = source.native(thickness, tilt, angles)
            return source.sample(native, matrix, torch.zeros(128, 2), tilts, 128)

    torch_time = cpu_seconds(batch) / 128
    print(
        f"synthesis at 128x128, 20 mrad, one thread: torch {1 / torch_time:.0f} patterns/s in "
        f"series of 32 thicknesses, {numpy_time / torch_time:.0f} times NumPy's one by one"
    )


def inference(name):
    started = time.perf_counter()
    bundle = load_bundle(name)
    predictor = Predictor(bundle)
    loading = time.perf_counter() - started
    parameters = PatternParameters(45.0, 3.0, -2.0, 20.0, 0.15)
    image = synthesise(bundle.table, parameters, (512, 512))
    whole = seconds(lambda: predictor.infer(image, 20.0), 21)
    alone = seconds(lambda: predictor.infer(image, 20.0, refine=False), 21)
    print(
        f"bundle loaded in {loading * 1e3:.0f} ms; inference of 512x512 in {whole * 1e3:.1f} ms, "
        f"by the networks alone in {alone * 1e3:.1f} ms"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", type=Path, default=Path("recipes/sto-001-300kV.toml"))
    parser.add_argument("--skip-table", action="store_true", help="take the shipped table")
    arguments = parser.parse_args()
    recipe = load_recipe(arguments.recipe)
    kernels(recipe)
    system = recipe.system
    if arguments.skip_table:
        table = load_bundle(system.name).table
    else:
        started = time.perf_counter()
        table = simulate_table(
            project(recipe.crystal, system.zone_axis),
            system.high_tension_kV,
            system.convergence_mrad[1],
            system.mistilt_mrad[1],
            system.thickness_nm[1],
            recipe.table,
        )
        print(f"whole table: {time.perf_counter() - started:.0f} s, {table.provenance}")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    synthesis(table)
    grid(recipe)
    torch.set_num_threads(threads)
    inference(system.name)


if __name__ == "__main__":
    main()
