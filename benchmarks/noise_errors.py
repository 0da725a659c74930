"""Whether the part of the fit's own error that it calls noise is the scatter that electrons make.

    python benchmarks/noise_errors.py

Patterns of shipped tables are recorded again and again with other electrons, and fitted with the
same table from a start that is off in every parameter: no error of a model is in them but that of
how
edges and pixels are drawn. For each number of electrons and band of thickness, over all patterns:
the scatter of a pattern's fits over the error that they state (1 where the error is right), the
error of their mean, and how many of the truths lie within one and 1.96 stated errors.
"""

import argparse
import math
import time
from dataclasses import dataclass

import numpy as np

from pacbed.infer.fit.closely import fit_closely
from pacbed.infer.fit.found import Fit
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.model import ModelShelf
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.fit.pattern_fit import REACH, fit_pattern
from pacbed.infer.fit.samples import take_samples
from pacbed.lacbed.table import LacbedTable
from pacbed.library.installed import load_with_table
from pacbed.pattern.clean import clean
from pacbed.pattern.detector import apply_effects, perfect_detector
from pacbed.pattern.geometry import PatternParameters, rotation_matrix
from pacbed.pattern.preprocess import DiskLocation
from pacbed.pattern.synthesis import synthesise

SYSTEMS = ("sto-001-200kV", "rutile-001-80kV")
DOSES = (1e5, 1e6, 1e7)
BANDS_NM = ((5.0, 15.0), (15.0, 40.0), (40.0, 100.0))
SIZE, STEPS = 160, 12
#: How far off the start is, in the fit's parameters.
START = np.array([0.8, 0.15, -0.1, 0.7, -0.5, 0.008, 0.015, 0, 0, 0])


@dataclass(frozen=True)
class Drawn:
    """A pattern without noise and its truth."""

    image: np.ndarray
    truth: np.ndarray
    disk: DiskLocation
    blur_px: float


def draw(table: LacbedTable, band: tuple[float, float], rng: np.random.Generator) -> Drawn:
    """A pattern of a table at random, as ``pacbed calibrate`` records them."""
    thickness, alpha = rng.uniform(*band), rng.uniform(12, 24)
    tilt = 8 * math.sqrt(rng.random()) * (rotation_matrix(rng.uniform(0, 360)) @ np.array([1, 0]))
    turn, scale = rng.uniform(-180, 180), alpha / rng.uniform(44, 52)
    x, y = rotation_matrix(turn) @ tilt
    centre = (SIZE - 1) / 2 + rng.normal(0, 1.5, 2)
    asked = PatternParameters(
        thickness, x, y, alpha, scale, turn, center_row_px=centre[1], center_column_px=centre[0]
    )
    image = np.maximum(synthesise(table, asked, (SIZE, SIZE)), 0)
    truth = np.array(
        [thickness, *tilt, *centre, math.log(scale), math.radians(turn), 0, 0, math.log(alpha)]
    )
    return Drawn(
        image, truth, DiskLocation(centre[1], centre[0], alpha / scale), rng.uniform(0.3, 1)
    )


def fitted(table: LacbedTable, drawn: Drawn, dose: float, rng: np.random.Generator) -> Fit:
    """The fit to a pattern with some electrons."""
    effects = perfect_detector(1, dose=dose, blur_px=drawn.blur_px, read_noise=0.005, offset=0.02)
    image = apply_effects(drawn.image[None], effects, rng)[0]
    samples = take_samples(clean(image), drawn.disk, REACH)
    start = FitParameters.from_vector(drawn.truth + START)
    fit = fit_pattern(samples, table, start, Known(), STEPS, 0.02 * start.convergence_mrad)
    return fit_closely(samples, table, start, fit, ModelShelf(table, REACH, every=True))


def main() -> None:
    """Fit, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patterns", type=int, default=6, help="in each band")
    parser.add_argument("--copies", type=int, default=16, help="of each pattern and dose")
    parser.add_argument("--seed", type=int, default=20261126)
    given = parser.parse_args()
    print("electrons, nm: scatter over stated error, middle (thickness, tilt); stated error, "
          "nm and mrad; error of the mean; within 1 and 1.96 of thickness, of tilt")  # fmt: skip
    for system in SYSTEMS:
        table = load_with_table(system).table
        spent, fits = time.process_time(), 0
        print(system)
        for band in BANDS_NM:
            rng = np.random.default_rng([given.seed, round(band[0])])
            drawn = [draw(table, band, rng) for _ in range(given.patterns)]
            for dose in DOSES:
                groups = [
                    [fitted(table, one, dose, rng) for _ in range(given.copies)] for one in drawn
                ]
                fits += given.patterns * given.copies
                show(dose, band, drawn, groups)
        print(f"{(time.process_time() - spent) / fits * 1e3:.0f} ms of the processor a fit")


def show(dose: float, band: tuple[float, float], drawn: list[Drawn], groups) -> None:
    """A line for a dose and a band."""
    rows = []
    for one, fits in zip(drawn, groups, strict=True):
        off = np.array([fit.parameters.to_vector()[:3] - one.truth[:3] for fit in fits])
        stated = np.array(
            [
                np.array([f.thickness_std_nm, f.tilt_std_mrad, f.tilt_std_mrad])
                * np.sqrt(f.noise_share)
                for f in fits
            ]
        )
        scatter = np.sqrt(((off - off.mean(axis=0)) ** 2).sum(axis=0) / (len(fits) - 1))
        ratio = scatter / np.sqrt((stated**2).mean(axis=0))
        rows.append((ratio, stated.mean(axis=0), off.mean(axis=0), np.abs(off) / stated))
    ratio = np.median([row[0] for row in rows], axis=0)
    stated = np.median([row[1] for row in rows], axis=0)
    mean = np.sqrt(np.mean([row[2] ** 2 for row in rows], axis=0))
    share = np.concatenate([row[3] for row in rows])
    held = [(share[:, part] < limit).mean() for part in ([0], [1, 2]) for limit in (1, 1.96)]
    print(
        f"{dose:.0e} {band[0]:3.0f}–{band[1]:3.0f}: {ratio[0]:.2f} {ratio[1:].mean():.2f}; "
        f"{stated[0]:.3f} {stated[1]:.3f}; {mean[0]:.3f} {np.hypot(*mean[1:]) / 2**0.5:.3f}; "
        + " ".join(f"{one:.0%}" for one in held),
        flush=True,
    )


if __name__ == "__main__":
    main()
