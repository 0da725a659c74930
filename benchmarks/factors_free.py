"""What patterns with phonons ask for where the Debye-Waller factors are free: should they be?

    python benchmarks/factors_free.py [sto-001-200kV ...]

The patterns of ``tests/data/reference_set`` were simulated with displaced atoms of known factors.
Each is fitted with three tables: of the recipe, and with all factors 20 % smaller and larger. The
likelihoods of the three give the common scale that the pattern asks for under a prior of 20 %,
and the thicknesses what the answer would then be.
"""

import csv
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from pacbed.crystal.factor_errors import ASSUMED
from pacbed.crystal.projection import project
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.model import ModelShelf
from pacbed.infer.fit.pattern_fit import REACH, fit_pattern
from pacbed.infer.fit.samples import take_samples
from pacbed.infer.open_predictor import open_fitting_predictor
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.options import TableOptions
from pacbed.library.installed import load_bundle
from pacbed.library.recipe import load_recipe
from pacbed.pattern.clean import clean
from pacbed.pattern.preprocess import DiskLocation

ROOT = Path(__file__).parents[1]
SET = ROOT / "tests/data/reference_set"
OPTIONS = TableOptions(field=1.5, quantum=1e-3)


def tables(name, lines):
    """Tables with smaller, the recipe's and larger factors, over what the patterns need."""
    recipe = load_recipe(ROOT / f"recipes/{name}.toml")
    cell = project(recipe.crystal, recipe.system.zone_axis)
    angle = 1.1 * max(float(line["convergence_mrad"]) for line in lines)
    thickest = max(float(line["thickness_nm"]) for line in lines) + 5
    kV = recipe.system.known_high_tension_kV
    return [
        simulate_table(
            replace(cell, b_iso=cell.b_iso * (1 + share)), kV, angle, 10.5, thickest, OPTIONS
        )
        for share in (-ASSUMED, 0.0, ASSUMED)
    ]


def asked_for(image, line, predictor, three):
    """Error with the recipe's factors and with free ones, nm; scale asked for, and its error."""
    angle, truth = float(line["convergence_mrad"]), float(line["thickness_nm"])
    start = predictor.solve(image, angle).solutions[0].fit
    at = start.parameters
    disk = DiskLocation(at.center_y, at.center_x, at.convergence_mrad / at.mrad_per_pixel)
    samples = take_samples(clean(image), disk, REACH)
    first = replace(at, log_alpha=np.log(angle))
    fits = [
        fit_pattern(
            samples, table, first, Known(), 20, start.blur_mrad,
            ModelShelf(table, REACH, every=True), at,
        )
        for table in three
    ]  # fmt: skip
    left = np.array([fit.ranked_residual for fit in fits])
    # Minus twice the logarithm of likelihood and prior, a parabola of the scale in units of 20 %.
    cost = fits[1].chi_square * np.log(left / left[1]) + np.array([1.0, 0.0, 1.0])
    curvature, slope = cost[2] - 2 * cost[1] + cost[0], (cost[2] - cost[0]) / 2
    share = -slope / curvature
    found = np.array([fit.parameters.thickness_nm for fit in fits])
    bent, along = (found[2] - 2 * found[1] + found[0]) / 2, (found[2] - found[0]) / 2
    free = found[1] + along * share + bent * share**2
    return found[1] - truth, free - truth, ASSUMED * share, ASSUMED * np.sqrt(2 / curvature)


def main():
    """All patterns of the systems."""
    with (SET / "patterns.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    frames = np.load(SET / "patterns.npz", allow_pickle=False)["patterns"]
    for name in sys.argv[1:] or sorted({line["system"] for line in lines}):
        started, own = time.process_time(), [line for line in lines if line["system"] == name]
        three, predictor = tables(name, own), open_fitting_predictor(load_bundle(name))
        rows = np.array([
            asked_for(frames[int(line["frame"])].astype(float), line, predictor, three)
            for line in own
        ])  # fmt: skip
        held, free, share, std = rows.T
        thick = np.array([float(line["thickness_nm"]) for line in own]) > 40
        print(
            f"{name}, {len(rows)} patterns: bias {np.median(held):+.2f} nm, free "
            f"{np.median(free):+.2f}; off by {np.median(np.abs(held)):.2f} nm, free "
            f"{np.median(np.abs(free)):.2f}; scale asked for {100 * np.median(share):+.0f} %, "
            f"beyond 40 nm {100 * np.median(share[thick]):+.0f} ± "
            f"{100 * np.median(std[thick]):.0f} %; {time.process_time() - started:.0f} CPU s",
            flush=True,
        )


if __name__ == "__main__":
    main()
