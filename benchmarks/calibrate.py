"""Calibrate a bundle's error bars and its refusal, and write them into it.

    python benchmarks/calibrate.py SET [--bundle DIR ...] [--seed 20261125]

Error bars: the scale of the fit's own errors and the model's error are fitted to the
errors on the calibration half of the frozen-phonon set (``reference_set.py``), so that
68 % and 95 % of them are covered. Refusal: the figures of the evidence for that half and
for synthetic patterns with the detector effects of training; the threshold keeps 98.5 %
of them. Patterns of the other systems are asked for comparison only.
"""

import argparse
import dataclasses
import itertools
from dataclasses import fields
from pathlib import Path

import numpy as np
from reference_trials import trials
from refusal import draw

import pacbed
from pacbed.infer.confidence import Calibration, Evidence
from pacbed.infer.predictor import Predictor
from pacbed.library.installed import installed_systems, load_bundle
from pacbed.library.models.bundle import Bundle, write_calibration

SEED = 20261125
#: Share of right patterns that the threshold keeps.
KEPT = 0.985
SYNTHETIC = 60
#: Added to that: real specimens (amorphous layers, bending, gain curves) are further from
#: the model than both; the measured patterns at hand have doubts of 4 to 7.
MARGIN = 3.5


def neutral(bundle: Bundle) -> Predictor:
    """A predictor whose error bars are the fit's own."""
    raw = {
        "thickness_scale": 1.0, "thickness_floor_nm": 0.0, "thickness_relative": 0.0,
        "tilt_scale": 1.0, "tilt_floor_mrad": 0.0, "tilt_thin_mrad": 0.0,
        "mismatch": np.inf,
    }  # fmt: skip
    return Predictor(dataclasses.replace(bundle, calibration=raw))


def measure(predictor: Predictor, folder: Path, half: int, seed: int) -> np.ndarray:
    """Thickness, its error, the fit's own; tilt errors x, y, the fit's own; figures."""
    rows = []
    for trial in trials(folder, predictor.bundle.system.name, half, seed):
        found = predictor.infer(trial.image, trial.convergence_mrad)
        rows.append(
            (
                trial.thickness_nm,
                found.thickness_nm - trial.thickness_nm,
                found.thickness_std_nm,
                found.tilt_x_mrad - trial.tilt[0],
                found.tilt_y_mrad - trial.tilt[1],
                found.tilt_std_mrad,
                *evidence(found),
            )
        )
    return np.array(rows)


def evidence(found) -> np.ndarray:
    """Figures of the evidence behind an estimate."""
    names = [entry.name for entry in fields(Evidence)]
    return Evidence(**{name: found.provenance[name] for name in names}).figures()


def synthetic(predictor: Predictor, count: int, seed: int) -> np.ndarray:
    """Figures of synthetic patterns with the detector effects of training."""
    rng = np.random.default_rng([seed, predictor.bundle.system.id])
    system = predictor.bundle.system
    rows = []
    for _ in range(count):
        image, alpha = draw(
            predictor.bundle.table, system.convergence_mrad, 10.0, 100.0, rng, (1e5, 1e8)
        )
        rows.append(evidence(predictor.infer(image, alpha)))
    return np.array(rows)


def wrong_figures(predictor: Predictor, folder: Path, seed: int) -> np.ndarray:
    """Figures of patterns of the other systems in the set."""
    low, high = predictor.bundle.system.convergence_mrad
    found = []
    for system in installed_systems():
        if system.name == predictor.bundle.system.name:
            continue
        others = trials(folder, system.name, 0, seed, doses=(1e6,), thinnest_nm=8.0)
        for trial in itertools.islice(others, 0, None, 6):
            if low <= trial.convergence_mrad <= high:
                found.append(evidence(predictor.infer(trial.image, trial.convergence_mrad)))
    return np.array(found)


def fit_thickness(rows: np.ndarray) -> tuple[float, float, float, float]:
    """Scale, floor, relative error and tail that suit the errors best (Student's t, 4)."""
    thickness, error, own = rows[:, 0], rows[:, 1], rows[:, 2]
    best = (np.inf, (1.0, 0.3, 0.0))
    for scale, floor, relative in itertools.product(
        (0.7, 1.0, 1.4, 2.0, 2.8), (0.08, 0.12, 0.18, 0.25, 0.35, 0.5), (0, 2e-3, 4e-3, 7e-3)
    ):
        sigma = np.sqrt((scale * own) ** 2 + floor**2 + (relative * thickness) ** 2)
        cost = (np.log(sigma) + 2.5 * np.log1p((error / sigma) ** 2 / 4)).mean()
        best = min(best, (float(cost), (scale, floor, relative)))
    scale, floor, relative = best[1]
    sigma = np.sqrt((scale * own) ** 2 + floor**2 + (relative * thickness) ** 2)
    ratio = np.abs(error) / sigma
    middle, wide = np.quantile(ratio, [0.683, 0.95])
    return scale * middle, floor * middle, relative * middle, float(wide / middle)


def fit_tilt(rows: np.ndarray) -> tuple[float, float, float]:
    """Scale, floor and thin crystals' part of a tilt component's error."""
    error, own = np.abs(rows[:, 3:5]).ravel(), np.repeat(rows[:, 5], 2)
    grows = np.repeat((10 / rows[:, 0]) ** 2, 2)
    best = (np.inf, (1.0, 0.1, 0.2))
    for scale, floor, thin in itertools.product(
        (0.7, 1.0, 1.5, 2.0, 3.0), (0.02, 0.04, 0.06, 0.1), (0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
    ):
        sigma = np.sqrt((scale * own) ** 2 + floor**2 + (thin * grows) ** 2)
        cost = (np.log(sigma) + 2.5 * np.log1p((error / sigma) ** 2 / 4)).mean()
        best = min(best, (float(cost), (scale, floor, thin)))
    scale, floor, thin = best[1]
    sigma = np.sqrt((scale * own) ** 2 + floor**2 + (thin * grows) ** 2)
    middle = float(np.quantile(error / sigma, 0.683))
    return scale * middle, floor * middle, thin * middle


def calibrate(bundle: Bundle, folder: Path, seed: int) -> dict:
    """Measure a bundle and return its calibration."""
    predictor = neutral(bundle)
    right = measure(predictor, folder, 0, seed)
    figures = np.concatenate([right[:, 6:], synthetic(predictor, SYNTHETIC, seed)])
    # The figures' widths are those of their bulk: a few odd patterns must not widen them.
    low, middle, high = np.quantile(figures, [0.16, 0.5, 0.84], axis=0)
    centers, widths = middle, np.maximum((high - low) / 2, 0.2)
    judge = Calibration(doubt_centers=tuple(centers), doubt_widths=tuple(widths))
    doubts = np.array([judge.doubt_of(row) for row in figures])
    threshold = float(np.clip(np.quantile(doubts, KEPT) + MARGIN, 9.0, 10.0))
    wrong = np.array([judge.doubt_of(row) for row in wrong_figures(predictor, folder, seed)])
    used = right[doubts[: len(right)] <= threshold]
    scale, floor, relative, tail = fit_thickness(used)
    tilt_scale, tilt_floor, tilt_thin = fit_tilt(used)
    usual = np.quantile(doubts, KEPT)
    print(f"  {len(figures)} right patterns, {KEPT:.1%} have a doubt below {usual:.1f}, "
          f"threshold {threshold:.1f}; "
          f"{len(wrong)} of other systems, {np.mean(wrong <= threshold):.1%} below")  # fmt: skip
    numbers = {
        "thickness_scale": scale, "thickness_floor_nm": floor, "thickness_relative": relative,
        "tilt_scale": tilt_scale, "tilt_floor_mrad": tilt_floor, "tilt_thin_mrad": tilt_thin,
        "tail": tail, "mismatch": threshold,
    }  # fmt: skip
    return {
        **{name: round(float(value), 5) for name, value in numbers.items()},
        "doubt_centers": centers.round(4).tolist(),
        "doubt_widths": widths.round(4).tolist(),
        "calibrated": True,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--system", help="name of one system; all by default")
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    print(f"pacbed {pacbed.__version__}, seed {arguments.seed}")
    for system in installed_systems():
        if arguments.system not in (None, system.name):
            continue
        bundle = load_bundle(system)
        print(system.name)
        values = calibrate(bundle, arguments.set, arguments.seed)
        for name, value in values.items():
            print(f"  {name:20s} {value}")
        write_calibration(bundle.folder, values)


if __name__ == "__main__":
    main()
