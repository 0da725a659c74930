"""The fit against a brute-force least-squares search over the same table, in one run.

    python benchmarks/brute_force.py [--patterns 4] [--seed 20261125] [--system NAME]

The peer does by search what is done by hand for PACBED: from the same start (centre and
scale of the network, thickness within ±6 nm of the truth) it renders the pattern for
every thickness, then every tilt, rotation, scale and shift in turn, keeps the best by
least squares with free intensity and offset, and repeats with half the steps. It is
given the truth as the middle of its thickness range, which the fit is not.
"""

import argparse
import time
from dataclasses import replace

import numpy as np

from pacbed.infer.networks.predictor import Predictor
from pacbed.library.installed import find_system, load_bundle
from pacbed.pattern.detector import apply_effects, perfect_detector
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

SIZE = 96


def residual(image, table, parameters):
    """Sum of squares that intensity and offset leave."""
    simulated = synthesise(table, parameters, image.shape).ravel()
    columns = np.stack([simulated, np.ones_like(simulated)], axis=1)
    fit = np.linalg.lstsq(columns, image.ravel(), rcond=None)[0]
    return float(((image.ravel() - columns @ fit) ** 2).sum())


def search(image, table, start):
    """Coordinate-wise grid search with halved steps; returns the best and the renderings."""
    steps = {
        "thickness_nm": (1.0, 6), "tilt_x_mrad": (0.4, 3), "tilt_y_mrad": (0.4, 3),
        "rotation_deg": (1.0, 3), "mrad_per_pixel": (0.01 * start.mrad_per_pixel, 3),
        "center_row_px": (0.5, 2), "center_column_px": (0.5, 2),
    }  # fmt: skip
    best, cost, count = start, residual(image, table, start), 1
    for level in range(5):
        for name, (step, reach) in steps.items():
            origin = best
            width = step / 2**level
            for offset in range(-reach, reach + 1):
                value = getattr(origin, name) + offset * width
                if offset == 0 or (name == "thickness_nm" and not 0 < value < 120):
                    continue
                trial = replace(origin, **{name: value})
                new = residual(image, table, trial)
                count += 1
                if new < cost:
                    best, cost = trial, new
    return best, count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patterns", type=int, default=4)
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--system", default="sto-001-300kV")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    bundle = load_bundle(find_system(arguments.system))
    predictor, table = Predictor(bundle), bundle.table
    predictor.infer(np.asarray(_pattern(table, rng)[0]), 20.0)  # loads what is loaded once
    rows = []
    for _ in range(arguments.patterns):
        image, truth = _pattern(table, rng)
        started = time.process_time()
        fit = predictor.infer(image, truth.convergence_mrad)
        ours = time.process_time() - started
        alone = predictor.infer(image, truth.convergence_mrad, refine=False)
        start = replace(
            truth,
            thickness_nm=truth.thickness_nm + rng.uniform(-4, 4),
            tilt_x_mrad=alone.tilt_x_mrad,
            tilt_y_mrad=alone.tilt_y_mrad,
            mrad_per_pixel=alone.mrad_per_pixel,
            rotation_deg=truth.rotation_deg + rng.normal(0, 1),
            center_row_px=alone.center_row_px,
            center_column_px=alone.center_column_px,
        )
        started = time.process_time()
        found, count = search(image, table, start)
        theirs = time.process_time() - started
        rows.append(
            (
                abs(fit.thickness_nm - truth.thickness_nm),
                abs(found.thickness_nm - truth.thickness_nm),
                np.hypot(fit.tilt_x_mrad - truth.tilt_x_mrad, fit.tilt_y_mrad - truth.tilt_y_mrad),
                np.hypot(found.tilt_x_mrad - truth.tilt_x_mrad,
                         found.tilt_y_mrad - truth.tilt_y_mrad),
                theirs / ours,
                count,
            )
        )  # fmt: skip
    errors = np.array(rows)
    ours_t, theirs_t, ours_tilt, theirs_tilt, ratio, count = np.median(errors, axis=0)
    print(f"{arguments.system}, {len(rows)} patterns, seed {arguments.seed}, medians")
    print(f"  thickness error: fit {ours_t:.3f} nm, search {theirs_t:.3f} nm")
    print(f"  tilt error: fit {ours_tilt:.3f} mrad, search {theirs_tilt:.3f} mrad")
    print(f"  largest thickness error: fit {errors[:, 0].max():.3f} nm, "
          f"search {errors[:, 1].max():.3f} nm")  # fmt: skip
    print(f"  processor time: search over fit {ratio:.0f} ({count:.0f} patterns rendered)")


def _pattern(table, rng):
    """A pattern with blur and noise, and its truth."""
    alpha = rng.uniform(14, 24)
    mistilt, azimuth = 8 * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
    radius = rng.uniform(26, 32)
    truth = PatternParameters(
        rng.uniform(10, 90), mistilt * np.cos(azimuth), mistilt * np.sin(azimuth), alpha,
        alpha / radius, rng.uniform(-180, 180), *((SIZE - 1) / 2 + rng.normal(0, 1, 2)),
    )  # fmt: skip
    clean = np.maximum(synthesise(table, truth, (SIZE, SIZE)), 0)
    effects = perfect_detector(1, blur_px=0.7, dose=3e6, read_noise=0.003, offset=0.02)
    return apply_effects(clean[None], effects, rng)[0], truth


if __name__ == "__main__":
    main()
