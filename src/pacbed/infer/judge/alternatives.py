"""Other solutions that a pattern allows: of the fit, or peaks of what the networks read."""

import math

from pacbed.answer.estimate import Alternative
from pacbed.answer.peaks import on_a_line, peaks
from pacbed.arrays import Probabilities, Thicknesses
from pacbed.infer.fit.found import Fit

#: Thicknesses so many bins beside a peak belong to it.
PEAK_HALF_WIDTH = 3
#: A second peak of the networks' thickness distribution counts from this probability on.
_LEAST_SHARE = 0.1
_MOST_PEAKS = 4


def fitted_alternative(fit: Fit, order: int, probability: float) -> Alternative:
    """Tell another fit of the same pattern, with what is needed to draw it.

    Parameters
    ----------
    fit : Fit
    order : int
        Order of the projection's rotations.
    probability : float
        Share of the probability that this solution holds, 0..1.

    Returns
    -------
    Alternative
    """
    p = fit.parameters
    tilt = p.pattern_tilt
    return Alternative(
        p.thickness_nm,
        p.mistilt_mrad,
        probability,
        tilt_x_mrad=float(tilt[0]),
        tilt_y_mrad=float(tilt[1]),
        rotation_deg=fold(math.degrees(p.rotation), order),
        convergence_mrad=p.convergence_mrad,
        mrad_per_pixel=p.mrad_per_pixel,
        center_row_px=p.center_y,
        center_column_px=p.center_x,
        residual=fit.residual,
    )


def read_alternatives(
    bins: Thicknesses, probability: Probabilities, mistilt_mrad: float
) -> tuple[Alternative, ...]:
    """Tell other peaks of the networks' thickness distribution, the likelier first.

    Parameters
    ----------
    bins : ndarray
        Thicknesses of the distribution, nm.
    probability : ndarray
        Of each.
    mistilt_mrad : float
        As the networks read it, whatever the thickness, mrad.

    Returns
    -------
    tuple of Alternative
    """
    found = peaks(probability, on_a_line(bins, PEAK_HALF_WIDTH), _MOST_PEAKS, _LEAST_SHARE)
    return tuple(Alternative(peak.value, mistilt_mrad, peak.share) for peak in found[1:])


def fold(rotation_deg: float, order: int) -> float:
    """Rotation modulo the symmetry, degrees, −180/order … 180/order."""
    turn = 360.0 / order
    return (rotation_deg + turn / 2) % turn - turn / 2
