"""What the sampling of a table costs an answer.

    python benchmarks/table_sampling.py [--patterns 24] [--only NAME ...]

Patterns are synthesised from a fine table (a third of the chosen steps or less), with counting
noise, at random thicknesses and tilts. They are fitted with tables of other samplings from starts
that are off in every parameter. Prints, for each sampling, how long the table took, how
large it is, and the median and the 95 % quantile of the errors.
"""

import argparse
import math
import time
from dataclasses import replace

import numpy as np
from table_crystals import gallium_nitride, gold, strontium_titanate

from pacbed.crystal.projection import ProjectedCell, project
from pacbed.infer.fit.pattern_fit import REACH, fit_pattern
from pacbed.infer.fit.samples import take_samples
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.options import TableOptions
from pacbed.lacbed.sampling import choose_sampling
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.clean import clean
from pacbed.pattern.geometry import PatternParameters, rotation_matrix
from pacbed.pattern.preprocess import DiskLocation
from pacbed.pattern.synthesis import synthesise

SHAPE, CENTER, ROTATION_DEG = (128, 128), (64.0, 61.5), 20.0
#: Room for the fit of the convergence angle.
ROOM = 1.06
START = np.array([1.2, 0.25, -0.2, 1.0, -0.8, 0.01, 0.02, 0, 0, 0])


#: Crystal, axis, kV, convergence (mrad), largest tilt (mrad) and thickness (nm).
CASES = {
    "GaN [11-20] 200 kV 18 mrad": (gallium_nitride, (1, 1, 0), 200.0, 18.0, 6.0, 80.0),
    "GaN [11-20] 200 kV 6 mrad": (gallium_nitride, (1, 1, 0), 200.0, 6.0, 6.0, 80.0),
    "SrTiO3 [001] 300 kV 18 mrad": (strontium_titanate, (0, 0, 1), 300.0, 18.0, 6.0, 100.0),
    "SrTiO3 [001] 80 kV 25 mrad": (strontium_titanate, (0, 0, 1), 80.0, 25.0, 6.0, 60.0),
    "Au [110] 200 kV 15 mrad": (gold, (1, 1, 0), 200.0, 15.0, 6.0, 60.0),
}


def samplings(chosen: TableOptions) -> dict[str, TableOptions]:
    """The chosen sampling, and others around it."""
    direction, thickness = chosen.direction_step_mrad, chosen.thickness_step_nm
    return {
        "habit": TableOptions(),
        "chosen": chosen,
        "quantum / 4": replace(chosen, quantum=chosen.quantum / 4),
        "quantum x 2": replace(chosen, quantum=chosen.quantum * 2),
        "quantum x 4": replace(chosen, quantum=chosen.quantum * 4),
        "direction / 1.5": replace(chosen, direction_step_mrad=direction / 1.5),
        "direction x 1.5": replace(chosen, direction_step_mrad=direction * 1.5),
        "thickness / 2": replace(chosen, thickness_step_nm=thickness / 2),
        "thickness x 1.5": replace(chosen, thickness_step_nm=thickness * 1.5),
    }


def draw(
    rng: np.random.Generator, alpha: float, tilt_max: float, thickness_max: float, dose: float
):
    """Parameters of a pattern, the truth of its fit and its scale."""
    thickness = rng.uniform(0.08, 0.95) * thickness_max
    size, angle = tilt_max * math.sqrt(rng.random()), rng.uniform(0, 2 * math.pi)
    tilt = size * np.array([math.cos(angle), math.sin(angle)])
    x, y = rotation_matrix(ROTATION_DEG) @ tilt
    scale = alpha / 42.0
    parameters = PatternParameters(
        thickness, x, y, alpha, scale, ROTATION_DEG,
        center_row_px=CENTER[1], center_column_px=CENTER[0],
    )  # fmt: skip
    truth = np.array(
        [thickness, *tilt, *CENTER, math.log(scale), math.radians(ROTATION_DEG), 0, 0,
         math.log(alpha)]
    )  # fmt: skip
    return parameters, truth, DiskLocation(CENTER[1], CENTER[0], alpha / scale)


def measure(name: str, patterns: int, dose: float) -> None:
    make, axis, kV, alpha, tilt_max, thickness_max = CASES[name]
    cell: ProjectedCell = project(make(), axis)
    ranges = (alpha * ROOM, tilt_max * 1.2, thickness_max)
    chosen = choose_sampling(cell, kV, (alpha, alpha * ROOM), ranges[1], thickness_max)
    fine = simulate_table(
        cell, kV, *ranges,
        TableOptions(chosen.direction_step_mrad / 3, chosen.thickness_step_nm / 2, quantum=4e-4),
    )  # fmt: skip
    rng = np.random.default_rng(7)
    drawn = [draw(rng, alpha, tilt_max, thickness_max, dose) for _ in range(patterns)]
    images = []
    for parameters, _, _ in drawn:
        image = synthesise(fine, parameters, SHAPE)
        # A cubic may swing below zero.
        image = np.maximum(image, 0)
        images.append(rng.poisson(image / image.sum() * dose).astype(np.float32))
    print(f"\n{name}: {chosen}", flush=True)
    report("fine", fine, images, drawn, 0.0)
    for words, options in samplings(chosen).items():
        started = time.process_time()
        table = simulate_table(cell, kV, *ranges, options)
        report(words, table, images, drawn, time.process_time() - started)


def report(words: str, table: LacbedTable, images, drawn, seconds: float) -> None:
    errors = []
    for image, (_, truth, disk) in zip(images, drawn, strict=True):
        samples = take_samples(clean(image), disk, REACH)
        fit = fit_pattern(samples, table, truth + START, False, 25, 0.3)
        off = fit.parameters - truth
        errors.append([abs(off[0]), np.hypot(*off[1:3]), fit.structured_residual])
    middle, high = np.quantile(errors, [0.5, 0.95], axis=0)
    print(
        f"{words:16s} {seconds:6.1f} CPU s {len(table.to_bytes()) / 1e6:6.2f} MB  "
        f"thickness {middle[0]:.3f} {high[0]:.3f} nm  tilt {middle[1]:.3f} {high[1]:.3f} mrad  "
        f"left {middle[2]:.4f} {high[2]:.4f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patterns", type=int, default=24)
    parser.add_argument("--dose", type=float, default=2e6, help="electrons in a pattern")
    parser.add_argument("--only", nargs="*", default=[], help="parts of the cases' names")
    arguments = parser.parse_args()
    for name in CASES:
        if not arguments.only or any(part in name for part in arguments.only):
            measure(name, arguments.patterns, arguments.dose)


if __name__ == "__main__":
    main()
