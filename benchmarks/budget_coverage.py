"""Whether budgets hold: answers to specimens that are not quite what the recipe says.

    python benchmarks/budget_coverage.py [--system sto-001-200kV] [--specimens 10] [--patterns 8]

Each specimen differs from the system's recipe in the common scale of its Debye-Waller factors and
in its absorption (20 %, one standard deviation) and in its potential (1 %), at random. Its
patterns (8 to 90 nm, 11 to 19 mrad, mistilts to 5 mrad, 1e6 electrons) come from a table of its own
and are answered by the system as it is. Prints how many truths lie within intervals of the fit's
own error, and of that error and the budget's other parts together.
"""

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np

from pacbed.budget.changes import ABSORPTION, POTENTIAL
from pacbed.calibrate.measured import NEUTRAL
from pacbed.crystal.factor_errors import ASSUMED
from pacbed.crystal.projection import project
from pacbed.infer.open_predictor import open_fitting_predictor
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.options import TableOptions
from pacbed.library.installed import load_bundle
from pacbed.library.recipe import load_recipe
from pacbed.pattern.detector import apply_effects, perfect_detector
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

RECIPES = Path(__file__).parents[1] / "recipes"
SEED, DOSE, SIZE = 20261127, 1e6, 128
ANGLES_MRAD, THICKNESSES_NM, MISTILT_MRAD = (11.0, 19.0), (8.0, 90.0), 5.0
OPTIONS = TableOptions(quantum=1e-3)


def errors_of(model, recipe, count, rng):
    """Errors of one specimen's answers, their own and the other parts' sizes, (n, 3) each."""
    scale, absorption = np.maximum(1 + rng.normal(0, [ASSUMED, ABSORPTION]), 0.1)
    potential = 1 + rng.normal(0, POTENTIAL)
    cell = project(recipe.crystal, recipe.system.zone_axis)
    other = dataclasses.replace(cell, b_iso=cell.b_iso * scale, weights=cell.weights * potential)
    kV = recipe.system.known_high_tension_kV
    limits = ANGLES_MRAD[1], MISTILT_MRAD, THICKNESSES_NM[1]
    table = simulate_table(other, kV, *limits, OPTIONS, absorption=absorption)
    predictor = open_fitting_predictor(dataclasses.replace(model, calibration=NEUTRAL))
    rows = []
    for _ in range(count):
        thickness, angle = rng.uniform(*THICKNESSES_NM), rng.uniform(*ANGLES_MRAD)
        size, azimuth = MISTILT_MRAD * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
        tilt = size * np.array([np.cos(azimuth), np.sin(azimuth)])
        parameters = PatternParameters(
            thickness, *tilt, angle, 1.45 * angle / (SIZE / 2), rng.uniform(-180, 180)
        )
        image = synthesise(table, parameters, (SIZE, SIZE))
        effects = perfect_detector(1, dose=DOSE, blur_px=0.5, read_noise=0.005, offset=0.02)
        counted = apply_effects(np.maximum(image, 0)[None], effects, rng)[0]
        found = predictor.infer(counted, angle)
        beside = [part for part in found.budget.parts if not part.in_std]
        rows.append((
            (found.thickness_nm - thickness, *(np.array([found.tilt_x_mrad, found.tilt_y_mrad])
             - tilt)),
            (found.thickness_std_nm, *[found.tilt_std_mrad] * 2),
            (np.hypot.reduce([0.0, *(part.thickness_nm for part in beside)]),
             *[np.hypot.reduce([0.0, *(part.tilt_mrad for part in beside)])] * 2),
        ))  # fmt: skip
    print(f"B x {scale:.2f}, absorption x {absorption:.2f}, potential x {potential:.3f}: "
          f"{', '.join(f'{row[0][0]:+.2f}' for row in rows)} nm", flush=True)  # fmt: skip
    return np.array(rows)


def main():
    """Draw specimens, answer, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--system", default="sto-001-200kV")
    parser.add_argument("--specimens", type=int, default=10)
    parser.add_argument("--patterns", type=int, default=8)
    options = parser.parse_args()
    model = load_bundle(options.system)
    recipe = load_recipe(RECIPES / f"{options.system}.toml")
    started = time.process_time()
    rng = np.random.default_rng(SEED)
    rows = np.concatenate(
        [errors_of(model, recipe, options.patterns, rng) for _ in range(options.specimens)]
    )
    errors, own, beside = rows[:, 0], rows[:, 1], rows[:, 2]
    # Other solutions are not what a budget is about.
    near = np.abs(errors[:, 0]) < 3
    print(f"{len(rows)} answers, {(~near).sum()} left out as other solutions, "
          f"{time.process_time() - started:.0f} CPU s")  # fmt: skip
    for name, places in (("thickness", [0]), ("tilt", [1, 2])):
        size = np.abs(errors[near][:, places])
        for words, sigma in (("own error", own), ("with the budget", np.hypot(own, beside))):
            std = sigma[near][:, places]
            held = [100 * float((size <= factor * std).mean()) for factor in (1.0, 1.96)]
            print(f"{name}, {words}: median {np.median(std):.3f}; 68 %: {held[0]:.0f} %, "
                  f"95 %: {held[1]:.0f} %; off by {np.median(size):.3f} (median)")  # fmt: skip


if __name__ == "__main__":
    main()
