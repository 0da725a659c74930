"""Blind frozen-phonon patterns answered with bundles of one folder and of another.

    python benchmarks/reference_set.py SET --first 24 --runs 28 --seed 20261127
    python benchmarks/bias/blind.py SET BUNDLES BUNDLES [--doses inf 1e6] [--every 1]

Each pattern from 5 to 100 nm is recorded as ``reference_trials.py`` does it and answered without
its camera length. Bias (mean with its error, median), median and 95 % of the errors of thickness,
and of the tilt, by system and by band of thickness, of answers within 2 nm; how many were not.
"""

import argparse
import csv
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reference_trials import trials

from pacbed.calibrate.measured import NEUTRAL
from pacbed.infer.open_predictor import open_fitting_predictor
from pacbed.library.models.bundle import Bundle

BANDS_NM = ((5, 15), (15, 40), (40, 70), (70, 101))


@dataclass(frozen=True)
class Answer:
    """What came of one pattern: errors in nm and mrad."""

    system: str
    thickness_nm: float
    off_nm: float
    tilt_off_mrad: float


def answers(folder: Path, name: str, bundle: Path, given: argparse.Namespace):
    predictor = open_fitting_predictor(replace(Bundle.load(bundle), calibration=NEUTRAL))
    doses = tuple(given.doses)
    for half in given.halves:
        of_half = trials(folder, name, half, 20261127, doses)
        for number, trial in enumerate(of_half):
            if (number // len(doses)) % given.every:
                continue
            found = predictor.infer(trial.image, trial.convergence_mrad)
            tilt = np.array([found.tilt_x_mrad, found.tilt_y_mrad], float)
            off = found.thickness_nm - trial.thickness_nm
            yield Answer(name, trial.thickness_nm, off, float(np.linalg.norm(tilt - trial.tilt)))


def show(label: str, found: list[Answer]) -> None:
    off = np.array([a.off_nm for a in found])
    near = np.abs(off) < 2
    tilt, off = np.array([a.tilt_off_mrad for a in found])[near], off[near]
    if not len(off):
        return
    size = np.abs(off)
    print(
        f"  {label:18}{len(off):4} ({np.count_nonzero(~near)} far): bias {off.mean():+.3f} ± "
        f"{off.std() / np.sqrt(len(off)):.3f}, median {np.median(off):+.3f}; error median "
        f"{np.median(size):.3f}, 95 % {np.quantile(size, 0.95):.2f} nm; "
        f"tilt {np.median(tilt):.3f}, 95 % {np.quantile(tilt, 0.95):.2f} mrad",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("set", type=Path)
    parser.add_argument("bundles", type=Path, nargs="+")
    parser.add_argument("--doses", type=float, nargs="*", default=[np.inf, 1e6])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--halves", type=int, nargs="*", default=[0, 1], help="1: never tuned on")
    given = parser.parse_args()
    with (given.set / "patterns.csv").open(encoding="utf-8") as file:
        names = list(dict.fromkeys(row["system"] for row in csv.DictReader(file)))
    for bundles in given.bundles:
        print(bundles)
        every: list[Answer] = []
        for name in names:
            own = list(answers(given.set, name, bundles / name, given))
            show(name, own)
            every += own
        for low, high in BANDS_NM:
            show(f"{low}-{high} nm", [a for a in every if low <= a.thickness_nm < high])
        show("all", every)


if __name__ == "__main__":
    main()
