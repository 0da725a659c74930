"""What it brings that the end of a fit draws the edges of disks as they are.

    python benchmarks/edge_drawing.py [--recipe recipes/sto-001-200kV.toml] [--count 24]

A table of the recipe's crystal is sampled as one of a user's own crystal is. Its patterns, summed
on a much finer grid and with noise, are fitted by the same table from 0.3 nm and 0.7 mrad beside
the truth: on the table's grid alone, and with an end that draws edges as they are
(:mod:`pacbed.infer.fit.edges`). No model's error is in them. Errors of thickness and of the tilt
vector, what is left inside the disk, and processor time, by aperture and thickness.
"""

import argparse
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pacbed.crystal.projection import project
from pacbed.infer.fit.closely import fit_closely
from pacbed.infer.fit.found import Fit
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.model import ModelShelf
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.fit.pattern_fit import REACH, fit_pattern
from pacbed.infer.fit.samples import take_samples
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.sampling import choose_sampling
from pacbed.library.recipe import load_recipe
from pacbed.pattern.clean import clean
from pacbed.pattern.geometry import PatternParameters, rotation_matrix
from pacbed.pattern.grid import step_mrad
from pacbed.pattern.preprocess import DiskLocation
from pacbed.pattern.synthesis import synthesise

ROOT = Path(__file__).resolve().parents[1]
SIZE, RADIUS_PX, DOSE = 190, 66.0, 3e6
APERTURES, BANDS = (8.0, 12.0, 18.0), ((4.0, 12.0), (12.0, 40.0), (40.0, 90.0))


@dataclass(frozen=True)
class Trial:
    """A pattern with its truth."""

    image: np.ndarray
    truth: FitParameters


def draw(table, rng, alpha: float, band: tuple[float, float]) -> Trial:
    tilt = rng.normal(0, 2.0, 2)
    rotation = rng.uniform(0, 90)
    thickness = rng.uniform(*band)
    x, y = rotation_matrix(rotation) @ tilt
    asked = PatternParameters(thickness, x, y, alpha, alpha / RADIUS_PX, rotation)
    image = np.maximum(synthesise(table, asked, (SIZE, SIZE), samples=160), 0)
    image = rng.poisson(image / image.sum() * DOSE).astype(np.float32)
    middle, scale = (SIZE - 1) / 2, math.log(alpha / RADIUS_PX)
    place = (middle, middle, scale, math.radians(rotation), math.log(alpha))
    return Trial(image, FitParameters(thickness, (float(tilt[0]), float(tilt[1])), *place))


def fits(table, trial: Trial, rng) -> list[tuple[Fit, float]]:
    """Fits on the grid and with edges as they are, with processor time in ms."""
    truth = trial.truth
    disk = DiskLocation(truth.center_y, truth.center_x, RADIUS_PX)
    samples = take_samples(clean(trial.image), disk, REACH)
    turn = rng.uniform(0, 2 * np.pi)
    tilt = truth.tilt[0] + 0.7 * math.cos(turn), truth.tilt[1] + 0.7 * math.sin(turn)
    start = replace(truth, thickness_nm=truth.thickness_nm + 0.3, tilt=tilt)
    shelf = ModelShelf(table, REACH)
    begun = time.process_time()
    on_grid = fit_pattern(samples, table, start, Known(), 12, 0.02 * truth.convergence_mrad, shelf)
    between = time.process_time()
    close = fit_closely(samples, table, start, on_grid, shelf)
    ended = time.process_time()
    return [(on_grid, 1e3 * (between - begun)), (close, 1e3 * (ended - begun))]


def line(found: list[tuple[Fit, float]], trials: list[Trial]) -> str:
    off = np.array(
        [
            f.parameters.thickness_nm - t.truth.thickness_nm
            for (f, _), t in zip(found, trials, strict=True)
        ]
    )
    tilt = [
        math.dist(f.parameters.tilt, t.truth.tilt) for (f, _), t in zip(found, trials, strict=True)
    ]
    left = np.median([f.contrast_residual for f, _ in found])
    spent = np.median([ms for _, ms in found])
    return (
        f"median {np.median(np.abs(off)):.3f} nm, bias {np.median(off):+.3f}, "
        f"95 % {np.quantile(np.abs(off), 0.95):.3f}; tilt {np.median(tilt):.3f}, "
        f"95 % {np.quantile(tilt, 0.95):.3f} mrad; left {left:.4f}; {spent:.0f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes/sto-001-200kV.toml")
    parser.add_argument("--count", type=int, default=24, help="patterns in a line")
    parser.add_argument("--seed", type=int, default=20261127)
    arguments = parser.parse_args()
    recipe = load_recipe(arguments.recipe)
    cell = project(recipe.crystal, recipe.system.zone_axis)
    kV = recipe.system.high_tension_kV
    rng = np.random.default_rng(arguments.seed)
    for alpha in APERTURES:
        sampling = choose_sampling(cell, kV, (alpha, alpha), 8.0, BANDS[-1][1])
        table = simulate_table(cell, kV, alpha, 8.0, BANDS[-1][1], sampling)
        print(f"{alpha:g} mrad, steps of {step_mrad(table.geometry):.3f} mrad")
        for band in BANDS:
            trials = [draw(table, rng, alpha, band) for _ in range(arguments.count)]
            pairs = [fits(table, trial, rng) for trial in trials]
            for name, found in zip(("on the grid", "edges"), zip(*pairs, strict=True), strict=True):
                print(
                    f"  {band[0]:g}-{band[1]:g} nm, {name}: {line(list(found), trials)}", flush=True
                )


if __name__ == "__main__":
    main()
