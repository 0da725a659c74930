"""Fits of patterns as the reference set's are recorded, from near the truth."""

import math
from dataclasses import replace
from unittest import mock

import numpy as np
from reference_trials import Trial, _record

from bias.cases import Case
from pacbed.infer.fit import closely
from pacbed.infer.fit.closely import fit_closely
from pacbed.infer.fit.contents import Contents
from pacbed.infer.fit.found import Fit
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.model import ModelShelf
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.fit.pattern_fit import REACH, beyond_disk, fit_pattern
from pacbed.infer.fit.samples import take_samples
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.clean import clean
from pacbed.pattern.preprocess import DiskLocation
from pacbed.reference.aperture import shares_inside


def from_table(
    table: LacbedTable, case: Case, mrad_per_pixel: float, size: int,
    thicknesses_nm: np.ndarray, staircase: bool = False,
) -> np.ndarray:  # fmt: skip
    """Patterns of a table on the reference engine's pixels, [thickness, row, column].

    Each pixel is one direction, whose intensities are interpolated from the table: no sum over its
    grid and no drawn edge. With `staircase` pixels are wholly inside or outside the aperture.
    """
    alpha, half = case.convergence_mrad, size // 2
    y, x = (np.mgrid[:size, :size] - half) * mrad_per_pixel
    q = np.stack([x.ravel(), y.ravel()], axis=1)
    cell = np.eye(2) * mrad_per_pixel
    contents = Contents(
        table, np.array(case.tilt_mrad), alpha + mrad_per_pixel, half * mrad_per_pixel * 1.45, 0.0
    )
    offsets = q[None] - contents.beams[:, None]
    beam, pixel = np.nonzero(np.hypot(offsets[..., 0], offsets[..., 1]) <= alpha + mrad_per_pixel)
    offset = offsets[beam, pixel]
    share = shares_inside(offset[None], cell, alpha)[0]
    if staircase:
        share = (np.hypot(*offset.T) <= alpha + 1e-6).astype(float)
    beam, pixel, offset, share = (a[share > 0] for a in (beam, pixel, offset, share))
    total = np.pi * (alpha / mrad_per_pixel) ** 2
    patterns = []
    for thickness in thicknesses_nm:
        value = contents.at(beam, offset - case.tilt_mrad, float(thickness)).value
        patterns.append(np.bincount(pixel, share * value, size**2).reshape(size, size) / total)
    return np.array(patterns)


def record(
    pattern: np.ndarray, case: Case, thickness_nm: float, mrad_per_pixel: float, seed: int
) -> Trial:
    """Turned, moved and resized at random, by cubic splines; no noise."""
    middle = len(pattern) // 2
    row = {
        "mrad_per_pixel": mrad_per_pixel, "convergence_mrad": case.convergence_mrad,
        "center_row_px": middle, "center_column_px": middle, "system": case.system,
        "tilt_x_mrad": case.tilt_mrad[0], "tilt_y_mrad": case.tilt_mrad[1],
        "thickness_nm": thickness_nm, "run": 0,
    }  # fmt: skip
    disk = np.pi * (case.convergence_mrad / mrad_per_pixel) ** 2
    generator = np.random.default_rng([seed, int(10 * thickness_nm)])
    return _record(np.asarray(pattern * disk, np.float32), row, 0, np.inf, generator)


def fit(table: LacbedTable, trial: Trial, case: Case, edges: bool) -> Fit:
    """A fit with everything free, from 0.15 nm and 0.14 mrad beside the truth."""
    alpha, center = trial.convergence_mrad, trial.center
    reach = REACH + beyond_disk(table, alpha)
    disk = DiskLocation(center[1], center[0], alpha / trial.mrad_per_pixel)
    samples = take_samples(clean(np.asarray(trial.image, np.float32)), disk, reach)
    turned = math.atan2(trial.tilt[1], trial.tilt[0])
    turned -= math.atan2(case.tilt_mrad[1], case.tilt_mrad[0])
    place = float(center[0]), float(center[1]), math.log(trial.mrad_per_pixel), turned
    truth = FitParameters(trial.thickness_nm, case.tilt_mrad, *place, math.log(alpha))
    beside = case.tilt_mrad[0] + 0.1, case.tilt_mrad[1] - 0.1
    start = replace(truth, thickness_nm=trial.thickness_nm + 0.15, tilt=beside)
    shelf = ModelShelf(table, reach)
    near = fit_pattern(samples, table, start, Known(), 14, 0.02 * alpha, shelf)
    coarse = (1000, 1000) if edges else (closely._COARSE, closely._COARSE_SECOND)
    with mock.patch.multiple(closely, _COARSE=coarse[0], _COARSE_SECOND=coarse[1]):
        return fit_closely(samples, table, start, near, shelf)


def offsets(
    table: LacbedTable, patterns: np.ndarray, case: Case, thicknesses_nm: np.ndarray,
    mrad_per_pixel: float, edges: bool = False, seed: int = 1,
) -> np.ndarray:  # fmt: skip
    """Thickness that a table's fit finds, less the true one, nm."""
    found = []
    for pattern, thickness in zip(patterns, thicknesses_nm, strict=True):
        trial = record(pattern, case, float(thickness), mrad_per_pixel, seed)
        found.append(fit(table, trial, case, edges).parameters.thickness_nm - thickness)
    return np.array(found)
