"""The physical fit behind an answer: from the networks' hypotheses to the best ones.

The networks say where the crystal is and which thicknesses are likely. A scan of all
thicknesses at that pose adds what they may have missed. Each distinct hypothesis is
fitted briefly, the best ones to the end; nothing is simulated on the way.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from pacbed.infer.fit import REACH, Fit, fit_pattern
from pacbed.infer.fit_model import FitModel
from pacbed.infer.posing import Placement, Reading
from pacbed.infer.samples import Samples, take_samples
from pacbed.infer.thickness_scan import ThicknessScan, valleys
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.geometry import rotation_matrix
from pacbed.pattern.preprocess import DiskLocation

#: Hypotheses that are fitted briefly, and to the end.
_BRIEF, _FULL = 4, 2
_BRIEF_STEPS, _FULL_STEPS = 3, 14
#: Two thicknesses closer than this are one hypothesis, nm.
_DISTINCT_NM = 2.0
#: Scales that are tried where the best fit is bad: the wrong basin of scale is the one
#: way in which the geometry fails.
_SCALES = (0.93, 1.07)
_BAD_CONTRAST = 0.5
#: Smoothing of the pattern before the scan, and first guess of the blur, semi-angles.
_SMOOTHING, _FIRST_BLUR = 0.03, 0.02


@dataclass(frozen=True)
class Solution:
    """One thickness that the pattern allows.

    Attributes
    ----------
    fit : Fit
    weight : float
        Likelihood relative to the best solution's, 0..1.
    """

    fit: Fit
    weight: float


def refine(
    data: np.ndarray,
    reading: Reading,
    bins: np.ndarray,
    table: LacbedTable,
    convergence_mrad: float,
    scale_given: bool,
) -> list[Solution]:
    """Fit the synthesised pattern to the measured one.

    Parameters
    ----------
    data : ndarray of float32, shape (rows, columns)
    reading : Reading
        The networks' answer.
    bins : ndarray
        Thicknesses of its distribution, nm.
    table : LacbedTable
    convergence_mrad : float
    scale_given : bool
        Whether the angle per pixel is known.

    Returns
    -------
    list of Solution
        The best first.
    """
    placement = reading.placement
    samples = take_samples(data, placement.disk, REACH)
    scanned = _scan(data, placement, table, convergence_mrad)
    thicknesses = _hypotheses(reading.probability, bins, scanned)
    fits = _fit_all(
        samples, table, placement, thicknesses, convergence_mrad, scale_given, _BRIEF_STEPS
    )
    if not scale_given and min(f.contrast_residual for f, _ in fits) > _BAD_CONTRAST:
        for zoom in _SCALES:
            other = _rescaled(placement, zoom)
            fits += _fit_all(
                samples, table, other, thicknesses[:2], convergence_mrad, False, _BRIEF_STEPS
            )
    best = _distinct(sorted(fits, key=lambda item: item[0].contrast_residual))[:_FULL]
    finished = []
    for fit, model in best:
        # The prior's centre is where the parameters came from, not where they are.
        start = fit.parameters.copy()
        start[7:9], start[9] = 0.0, math.log(convergence_mrad)
        done, _ = fit_pattern(
            samples, table, start, scale_given, _FULL_STEPS, fit.blur_mrad, model
        )
        finished.append((done, model))
    finished = _distinct(sorted(finished, key=lambda item: item[0].residual))
    return _weighted([fit for fit, _ in finished])


def start_parameters(placement: Placement, thickness: float, convergence_mrad: float) -> np.ndarray:
    """Parameters of the fit for a placement, see :mod:`pacbed.infer.fit_model`."""
    disk = placement.disk
    return np.array(
        [
            thickness,
            *placement.tilt,
            disk.column,
            disk.row,
            math.log(convergence_mrad / disk.radius),
            math.radians(placement.rotation_deg),
            0.0,
            0.0,
            math.log(convergence_mrad),
        ]
    )


def _scan(
    data: np.ndarray, placement: Placement, table: LacbedTable, convergence_mrad: float
) -> list[float]:
    """Thicknesses that explain the pattern best at this pose."""
    disk = placement.disk
    reach = 1.1 * disk.radius
    top, left = (max(0, int(c - reach)) for c in (disk.row, disk.column))
    window = data[top : int(disk.row + reach) + 2, left : int(disk.column + reach) + 2]
    image = gaussian_filter(window, _SMOOTHING * disk.radius)
    scan = ThicknessScan(table, placement.tilt, convergence_mrad, 0.1)
    matrix = rotation_matrix(placement.rotation_deg) * (disk.radius / convergence_mrad)
    center = np.array([disk.column - left, disk.row - top])
    left_over = scan.explained(image, matrix, center, placement.tilt)
    return valleys(left_over, scan.thickness_nm, 3)


def _hypotheses(
    probability: np.ndarray, bins: np.ndarray, scanned: list[float]
) -> list[float]:
    """Distinct thicknesses to try, those of the network and of the scan in turn."""
    remaining = probability.copy()
    read = []
    for _ in range(3):
        peak = int(remaining.argmax())
        near = slice(max(0, peak - 3), peak + 4)
        share = float(remaining[near].sum())
        if share < 0.03:
            break
        read.append(float((remaining[near] * bins[near]).sum() / share))
        remaining[near] = 0
    chosen: list[float] = []
    for pair in zip(read + [math.nan] * 3, scanned + [math.nan] * 3, strict=False):
        for thickness in pair:
            if math.isfinite(thickness) and all(
                abs(thickness - other) >= _DISTINCT_NM for other in chosen
            ):
                chosen.append(thickness)
    return chosen[:_BRIEF]


def _fit_all(
    samples: Samples,
    table: LacbedTable,
    placement: Placement,
    thicknesses: list[float],
    convergence_mrad: float,
    scale_given: bool,
    steps: int,
) -> list[tuple[Fit, FitModel]]:
    model: FitModel | None = None
    fits = []
    for thickness in thicknesses:
        start = start_parameters(placement, thickness, convergence_mrad)
        fit, model = fit_pattern(
            samples, table, start, scale_given, steps, _FIRST_BLUR * convergence_mrad, model
        )
        fits.append((fit, model))
    return fits


def _rescaled(placement: Placement, zoom: float) -> Placement:
    disk = placement.disk
    return Placement(
        DiskLocation(disk.row, disk.column, disk.radius * zoom),
        placement.rotation_deg,
        placement.tilt,
    )


def _distinct(fits: list[tuple[Fit, FitModel]]) -> list[tuple[Fit, FitModel]]:
    """Fits of different thickness, in the order given."""
    kept: list[tuple[Fit, FitModel]] = []
    for fit, model in fits:
        if all(abs(fit.parameters[0] - other.parameters[0]) > 0.5 for other, _ in kept):
            kept.append((fit, model))
    return kept


def _weighted(fits: list[Fit]) -> list[Solution]:
    """Relative likelihoods from the residuals and the number of independent pixels."""
    best = fits[0]
    count = max(best.chi_square, 1.0)
    return [
        Solution(fit, float((best.residual / max(fit.residual, 1e-12)) ** (count / 2)))
        for fit in fits
    ]
