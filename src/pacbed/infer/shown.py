"""What a fit shows of the microscope, with the errors that differ from pattern to pattern."""

import math

import numpy as np

from pacbed.arrays import Numbers
from pacbed.infer.confidence import thin_angle_std
from pacbed.infer.fit.parameters import ELLIPSE_A, ELLIPSE_B, LOG_ALPHA, LOG_SCALE, ROTATION
from pacbed.infer.fit.pattern_fit import Fit
from pacbed.microscope.shown import Shown

#: What the model leaves the distortion of a crystal 10 nm thick, beside the fit's own error; it
#: falls as that of all angles does (``benchmarks/sessions.py``).
_THIN_DISTORTION = 0.1


def shown_by(fit: Fit, order: int) -> Shown:
    """What the best fit of a pattern shows.

    Parameters
    ----------
    fit : Fit
    order : int
        Of the projection's rotations.
    """
    p, variance = fit.parameters, np.diag(fit.covariance)
    thin = thin_angle_std(p.thickness_nm)
    angle = math.hypot(math.sqrt(variance[LOG_ALPHA]), thin)
    scale = math.hypot(math.sqrt(variance[LOG_SCALE]), thin)
    distortion, spread = _distortion(fit, variance[ELLIPSE_A : ELLIPSE_B + 1])
    return Shown(
        p.convergence_mrad,
        angle * p.convergence_mrad,
        p.mrad_per_pixel,
        scale * p.mrad_per_pixel,
        distortion,
        math.hypot(spread, _THIN_DISTORTION * thin),
        math.degrees(p.rotation),
        math.degrees(math.sqrt(variance[ROTATION])),
        360.0 / order,
    )


def _distortion(fit: Fit, variance: Numbers) -> tuple[tuple[float, float], float]:
    """The distortion without what was known beforehand, which would count in every pattern."""
    known = fit.known
    found = np.array(fit.parameters.ellipticity)
    before = np.array(known.distortion)
    share = np.minimum(variance / known.ellipticity**2, 0.9)
    a, b = (found - share * before) / (1 - share)
    return (float(a), float(b)), float(np.sqrt((variance / (1 - share)).mean()))
