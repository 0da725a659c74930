"""A model trained from a table beside one trained from a recipe, on the same patterns.

The patterns are rows that the table's training held back, recorded with a simulated
detector and given to both as measured ones: the camera length is not known.

    pacbed train sto/df.csv --id 3 --recipe recipes/sto-001-300kV.toml -o sto-model
    python benchmarks/table_against_engine.py sto-model sto/df.csv sto-001-300kV --fit
"""

import argparse
import time
from pathlib import Path

import numpy as np

from pacbed.answer.estimate import Estimate
from pacbed.commands.validate.labels import asked_rows
from pacbed.infer.open_predictor import AnyPredictor, open_predictor
from pacbed.library.installed import load_bundle
from pacbed.library.models.label_bundle import LabelBundle
from pacbed.library.tables.pattern_azimuth import AZIMUTH, read_azimuths
from pacbed.library.tables.pattern_table import PatternTable
from pacbed.pattern.detector import apply_effects, draw_effects
from pacbed.pattern.preprocess import locate
from pacbed.readers import read_pattern


def recorded(table: PatternTable, row: int, seed: int) -> np.ndarray:
    """The pattern of a row as a detector records it."""
    rng = np.random.default_rng([seed, row])
    pattern = read_pattern(table.files[row]).data
    effects = draw_effects(1, locate(pattern).radius, (3e4, 1e8), rng)
    return apply_effects(pattern[None], effects, rng)[0]


def answers(
    predictor: AnyPredictor, table: PatternTable, rows: np.ndarray, refine: bool, seed: int
) -> tuple[np.ndarray, float]:
    """Errors of thickness (nm), mistilt and tilt vector (mrad), and seconds for each pattern.

    The error of the vector is NaN where the answer has no direction, or the table none.
    """
    errors, started = [], time.process_time()
    azimuth = read_azimuths(table) if AZIMUTH in table.others else np.full(len(table), np.nan)
    true_tilt = table.mistilt_mrad * np.exp(1j * np.deg2rad(azimuth))
    for row in rows:
        estimate = predictor.infer(
            recorded(table, row, seed), float(table.convergence_mrad[row]), refine=refine
        )
        mistilt = np.nan if estimate.mistilt_mrad is None else estimate.mistilt_mrad
        errors.append(
            (
                estimate.thickness_nm - table.thickness_angstrom[row] / 10,
                mistilt - table.mistilt_mrad[row],
                abs(tilt_vector(estimate) - true_tilt[row]),
            )
        )
    return np.array(errors), (time.process_time() - started) / len(rows)


def tilt_vector(estimate: Estimate) -> complex:
    x, y = estimate.tilt_x_mrad, estimate.tilt_y_mrad
    return complex(np.nan, np.nan) if x is None or y is None else complex(x, y)


def step(values: np.ndarray) -> float:
    return float(np.diff(np.unique(values)).min())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="folder of the model trained from the table")
    parser.add_argument("table", type=Path)
    parser.add_argument("system", help="system of the model trained from a recipe")
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fit", action="store_true", help="also with the fit; slower")
    given = parser.parse_args()
    bundle = LabelBundle.load(given.model)
    table, rows, words = asked_rows(bundle, given.table, None)
    rng = np.random.default_rng(given.seed)
    rows = rng.choice(rows, min(given.count, len(rows)), replace=False)
    print(f"{len(rows)} {words} of {given.table.name}, recorded with a simulated detector")
    thickness_step, mistilt_step = step(table.thickness_angstrom) / 10, step(table.mistilt_mrad)
    print(
        f"{'':24} thickness/nm: median   95 %  within {thickness_step:g}  "
        f"mistilt/mrad: median   95 %  within {mistilt_step:g}  "
        "tilt vector/mrad: median   95 %  known   CPU s/pattern"
    )
    ways = [("table", bundle, False), ("engine", load_bundle(given.system), False)]
    if given.fit:
        ways += [(f"{n}, fit", b, True) for n, b, _ in ways if getattr(b, "table", None)]
    for name, model, refine in ways:
        errors, seconds = answers(open_predictor(model), table, rows, refine, given.seed)
        cells = []
        for column, limit in enumerate((thickness_step, mistilt_step)):
            size = np.abs(errors[:, column])
            size = np.where(np.isfinite(size), size, np.inf)
            cells += [
                f"{np.median(size):{20 if column == 0 else 17}.2f} "
                f"{np.quantile(size, 0.95):6.2f} {np.mean(size <= limit + 1e-6):9.1%}"
            ]
        tilted = errors[table.mistilt_mrad[rows] > 0, 2]
        known = tilted[np.isfinite(tilted)]
        if len(known):
            cells.append(
                f"{np.median(known):23.2f} {np.quantile(known, 0.95):6.2f} "
                f"{len(known) / len(tilted):6.1%}"
            )
        print(f"{name:24} {'  '.join(cells)}  {seconds:14.2f}")


if __name__ == "__main__":
    main()
