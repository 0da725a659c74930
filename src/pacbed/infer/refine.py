"""The physical fit behind an answer: from the networks' hypotheses to the best ones.

The networks say where the crystal is and which thicknesses are likely. A scan of all
thicknesses at that pose adds what they may have missed. Each distinct hypothesis is
fitted briefly, the best ones to the end; nothing is simulated on the way.
"""

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter

from pacbed.infer.fit import REACH, Fit, fit_pattern
from pacbed.infer.fit_model import ELLIPSE_A, ELLIPSE_B, LOG_ALPHA, THICKNESS, FitModel
from pacbed.infer.posing import Placement, Reading
from pacbed.infer.samples import Samples, take_samples
from pacbed.infer.thickness_scan import ThicknessScan, valleys
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.geometry import rotation_matrix
from pacbed.pattern.preprocess import DiskLocation

#: Hypotheses beside the first that are fitted briefly, and those fitted to the end.
_BRIEF, _FULL = 3, 2
_BRIEF_STEPS, _FULL_STEPS = 4, 12
#: A first fit that leaves less than this, and a thickness that the networks give at
#: least this share, need no other hypotheses.
_GOOD, _SURE = 0.12, 0.6
#: Two thicknesses closer than this are one hypothesis, nm.
_DISTINCT_NM = 2.0
#: Scales that are tried where the best fit is bad: the wrong basin of scale is the one
#: way in which the geometry fails.
_SCALES = (0.93, 1.07)
_BAD = 0.35
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
    samples = take_samples(data, reading.placement.disk, REACH)
    job = _Job(samples, table, reading.placement, convergence_mrad, scale_given)
    read = _read_thicknesses(reading.probability, bins)
    best, model = job.fit(read[0], _FULL_STEPS, None)
    if best.structured_residual < _GOOD and _share(reading.probability, bins, best) > _SURE:
        return [Solution(best, 1.0)]
    fits = [best]
    scanned = _scan(data, reading.placement, table, convergence_mrad)
    for thickness in _others(read, scanned, best):
        fit, model = job.fit(thickness, _BRIEF_STEPS, model)
        fits.append(fit)
    if not scale_given and min(f.structured_residual for f in fits) > _BAD:
        fits += [job.rescaled(zoom).fit(read[0], _BRIEF_STEPS, None)[0] for zoom in _SCALES]
    chosen = _distinct(sorted(fits, key=lambda fit: fit.contrast_residual))[:_FULL]
    finished = [fit if fit is best else job.finish(fit) for fit in chosen]
    return _weighted(_distinct(sorted(finished, key=lambda fit: fit.residual)))


@dataclass(frozen=True)
class _Job:
    """What all fits of one pattern share."""

    samples: Samples
    table: LacbedTable
    placement: Placement
    convergence_mrad: float
    scale_given: bool

    def fit(self, thickness: float, steps: int, model: FitModel | None) -> tuple[Fit, FitModel]:
        """Fit from the placement and a thickness in nm."""
        start = start_parameters(self.placement, thickness, self.convergence_mrad)
        blur = _FIRST_BLUR * self.convergence_mrad
        return fit_pattern(self.samples, self.table, start, self.scale_given, steps, blur, model)

    def finish(self, fit: Fit) -> Fit:
        """Go on from where a brief fit ended."""
        start = fit.parameters.copy()
        # What is known beforehand is centred on what was given, not on where the fit is.
        start[ELLIPSE_A : ELLIPSE_B + 1], start[LOG_ALPHA] = 0.0, math.log(self.convergence_mrad)
        return fit_pattern(
            self.samples, self.table, start, self.scale_given, _FULL_STEPS, fit.blur_mrad
        )[0]

    def rescaled(self, zoom: float) -> "_Job":
        """The same with another size of the disk."""
        disk = self.placement.disk
        other = DiskLocation(disk.row, disk.column, disk.radius * zoom)
        return replace(self, placement=replace(self.placement, disk=other))


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


def _read_thicknesses(probability: np.ndarray, bins: np.ndarray) -> list[float]:
    """Peaks of the networks' distribution, the likeliest first."""
    remaining = probability.copy()
    read: list[float] = []
    for _ in range(3):
        peak = int(remaining.argmax())
        near = slice(max(0, peak - 3), peak + 4)
        share = float(remaining[near].sum())
        if read and share < 0.03:
            break
        read.append(float((remaining[near] * bins[near]).sum() / max(share, 1e-12)))
        remaining[near] = 0
    return read


def _share(probability: np.ndarray, bins: np.ndarray, fit: Fit) -> float:
    """What the networks give to thicknesses near a fit's."""
    return float(probability[np.abs(bins - fit.parameters[THICKNESS]) <= 3.5].sum())


def _others(read: list[float], scanned: list[float], best: Fit) -> list[float]:
    """Thicknesses worth trying beside the first fit's, of scan and networks in turn."""
    taken = [float(best.parameters[THICKNESS])]
    for pair in itertools.zip_longest(scanned, read[1:]):
        for thickness in pair:
            if thickness is not None and all(abs(thickness - t) >= _DISTINCT_NM for t in taken):
                taken.append(thickness)
    return taken[1 : 1 + _BRIEF]


def _distinct(fits: list[Fit]) -> list[Fit]:
    """Fits of different thickness, in the order given."""
    kept: list[Fit] = []
    for fit in fits:
        if all(abs(fit.parameters[THICKNESS] - k.parameters[THICKNESS]) > 0.5 for k in kept):
            kept.append(fit)
    return kept


def _weighted(fits: list[Fit]) -> list[Solution]:
    """Relative likelihoods from the residuals and the number of independent pixels."""
    best = fits[0]
    count = max(best.chi_square, 1.0)
    return [
        Solution(fit, float((best.residual / max(fit.residual, 1e-12)) ** (count / 2)))
        for fit in fits
    ]
