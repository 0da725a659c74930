"""Speed of the engine as ratios against a twin in the same run.

    python benchmarks/speed.py [--recipe recipes/sto-001-300kV.toml]

Prints the time of a whole table, of synthesis in NumPy and in torch, of an
inference, and of loading a bundle. Times on a shared machine are noise; the
ratios are what to quote.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from pacbed.crystal.projection import project
from pacbed.infer.predictor import Predictor
from pacbed.lacbed.bloch import beam_intensities, beams_within
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.multislice import MultisliceOptions, propagate
from pacbed.learn.torch_synthesis import TorchSynthesiser, make_plan
from pacbed.library.recipe import load_recipe
from pacbed.library.register import load_bundle
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise


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
    k = np.random.default_rng(0).normal(0, 0.3, (128, 2))
    fast = seconds(
        lambda: list(propagate(cell, k, beams, voltage, 10.0, 120, MultisliceOptions())), 3
    ) / len(k)
    steps = np.arange(10.0, 1201.0, 10.0)
    slow = seconds(lambda: beam_intensities(cell, beams, k[0], voltage, steps[:6]), 1) * 20
    print(f"kernel: {fast * 1e3:.2f} ms a direction, literal twin {slow / fast:.0f} times slower")


def synthesis(table):
    one = PatternParameters(45.0, 3.0, -2.0, 20.0, 0.4)
    numpy_time = seconds(lambda: synthesise(table, one, (128, 128)))
    source = TorchSynthesiser(table, make_plan(table, 21.0, 12.0, 1))
    tilt = torch.randn(128, 2) * 4
    angles = torch.full((128,), 20.0)
    matrix = 0.4 * torch.eye(2).repeat(128, 1, 1)

    def batch():
        with torch.no_grad():
            native = source.native(45.0, tilt, angles)
            return source.sample(native, matrix, torch.zeros(128, 2), tilt, 128)

    torch_time = seconds(batch) / 128
    print(
        f"synthesis at 128x128, 20 mrad: torch {1 / torch_time:.0f} patterns/s in batches of one "
        f"thickness, {numpy_time / torch_time:.0f} times NumPy's {1 / numpy_time:.0f}/s one by one"
    )


def inference(name):
    started = time.perf_counter()
    bundle = load_bundle(name)
    predictor = Predictor(bundle)
    loading = time.perf_counter() - started
    parameters = PatternParameters(45.0, 3.0, -2.0, 20.0, 0.15)
    image = synthesise(bundle.table, parameters, (512, 512))
    whole = seconds(lambda: predictor.infer(image, 20.0), 21)
    print(f"bundle loaded in {loading * 1e3:.0f} ms; inference of 512x512 in {whole * 1e3:.1f} ms")


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
    synthesis(table)
    inference(system.name)


if __name__ == "__main__":
    main()
