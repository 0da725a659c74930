"""What a fit shows of the microscope, with the errors that differ from pattern to pattern."""

import math

from pacbed.infer.fit.found import Fit
from pacbed.infer.judge.confidence import thin_angle_std
from pacbed.microscope.shown import Shown

#: What the model leaves the distortion of a thin crystal's pattern beside the fit's own error, over
#: what it leaves the angles (``benchmarks/sessions.py``).
_THIN_DISTORTION = 0.1
#: Of the distortion's variance, how much may be what was known beforehand.
_MOST_KNOWN = 0.9


def shown_by(fit: Fit, order: int) -> Shown:
    """What the best fit of a pattern shows.

    Parameters
    ----------
    fit : Fit
    order : int
        Of the projection's rotations.
    """
    p = fit.parameters
    thin = thin_angle_std(p.thickness_nm)
    distortion, spread = _distortion(fit)
    return Shown(
        convergence_mrad=p.convergence_mrad,
        convergence_std_mrad=math.hypot(fit.convergence_std_mrad, thin * p.convergence_mrad),
        mrad_per_pixel=p.mrad_per_pixel,
        mrad_per_pixel_std=math.hypot(fit.mrad_per_pixel_std, thin * p.mrad_per_pixel),
        distortion=distortion,
        distortion_std=math.hypot(spread, _THIN_DISTORTION * thin),
        rotation_deg=math.degrees(p.rotation),
        rotation_std_deg=math.degrees(fit.rotation_std),
        period_deg=360.0 / order,
    )


def _distortion(fit: Fit) -> tuple[tuple[float, float], float]:
    """The distortion without what was known beforehand, which would count in every pattern."""
    share = min(fit.ellipticity_std**2 / fit.known.ellipticity**2, _MOST_KNOWN)
    a, b = (
        (found - share * before) / (1 - share)
        for found, before in zip(fit.parameters.ellipticity, fit.known.distortion, strict=True)
    )
    return (a, b), fit.ellipticity_std / math.sqrt(1 - share)
