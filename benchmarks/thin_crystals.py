"""Thin crystals: errors of thickness and tilt, what the error bars say, and what is `ok` and wrong.

    python benchmarks/thin_crystals.py SET [--thickest 15] [--seed 20261125]

SET is a set of frozen-phonon patterns as ``reference_set.py`` makes it. Every pattern from 5 nm to
the thickest is recorded with 1e5, 1e6 and 1e7 electrons and answered by the shipped system, as it
is, without its camera length.
"""

import argparse
from pathlib import Path

import numpy as np
from reference_trials import trials

import pacbed
from pacbed.infer.networks.predictor import Predictor
from pacbed.library.installed import installed_systems, load_engine

BANDS_NM = ((5, 6), (6, 7), (7, 8), (8, 10), (10, 15), (5, 10))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("set", type=Path)
    parser.add_argument("--thickest", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=20261125)
    given = parser.parse_args()
    print(f"pacbed {pacbed.__version__}, seed {given.seed}")
    rows = []
    for system in installed_systems():
        predictor = Predictor(load_engine(system))
        for half in (0, 1):
            for trial in trials(given.set, system.name, half, given.seed):
                if trial.thickness_nm > given.thickest:
                    continue
                found = predictor.infer(trial.image, trial.convergence_mrad)
                off = abs(found.thickness_nm - trial.thickness_nm)
                apart = np.abs([found.tilt_x_mrad, found.tilt_y_mrad] - trial.tilt)
                rows.append(
                    (trial.thickness_nm, trial.dose, found.status == "ok", off,
                     found.thickness_std_nm, np.hypot(*apart), found.tilt_std_mrad,
                     off > 3 * found.thickness_std_nm,
                     apart.max() > 3 * found.tilt_std_mrad)
                )  # fmt: skip
    show(np.array(rows, float))


def show(rows: np.ndarray) -> None:
    for low, high in BANDS_NM:
        for dose in (*np.unique(rows[:, 1]), None):
            part = rows[(rows[:, 0] >= low) & (rows[:, 0] < high)]
            part = part if dose is None else part[part[:, 1] == dose]
            if not len(part):
                continue
            _, _, ok, off, bar, tilt, tilt_bar, far, tilt_far = part.T
            chosen = ok > 0
            print(
                f"{low}-{high} nm, {'all doses' if dose is None else f'{dose:.0e}'}: {len(part)}, "
                f"ok {chosen.mean():.0%}; of those off (median) {_mid(off, chosen)} nm, bar "
                f"{_mid(bar, chosen)}, {_mid(tilt, chosen)} mrad, bar {_mid(tilt_bar, chosen)}; "
                f"off by three bars: thickness {int((far * ok).sum())}, tilt "
                f"{int((tilt_far * ok).sum())}"
            )


def _mid(values: np.ndarray, chosen: np.ndarray) -> str:
    return f"{np.median(values[chosen]):.3f}" if chosen.any() else "-"


if __name__ == "__main__":
    main()
