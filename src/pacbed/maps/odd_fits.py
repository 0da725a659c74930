"""Windows of a map that the crystal explains far worse than it does the others.

A window alone has too few electrons to tell; beside others of the same dose its residual
does. Thickness and tilt change the residual too, but slowly over a map and not by much.
"""

import numpy as np

from pacbed.arrays import Mask, Numbers
from pacbed.maps.layers import AMBIGUOUS, OK, SETTLED, Layers
from pacbed.maps.neighbours import FEWEST, expected_here

#: A fit is odd whose residual is so many times that of the neighbours, or of the whole map,
_BESIDE_NEIGHBOURS, _BESIDE_MAP = 1.35, 2.0
#: and so many σ of the map's own scatter away from it.
_SIGMA = 6.0
#: σ of a residual's logarithm that is expected anyway.
_ROUGH = 0.05
#: Passes over the map: an area of odd windows is taken away from its rim.
_PASSES = 8


def odd_fits(layers: Layers) -> Mask:
    """Find the windows whose fit is far worse than the map's others.

    Parameters
    ----------
    layers : dict of ndarray
        See :mod:`pacbed.maps.layers`, shape (rows, columns, …).

    Returns
    -------
    ndarray of bool, shape (rows, columns)
    """
    residual = _residual(layers)
    trusted = np.isin(layers["status"], (OK, AMBIGUOUS, SETTLED)) & np.isfinite(residual)
    odd = np.zeros(trusted.shape, bool)
    if trusted.sum() <= FEWEST:
        return odd
    typical = float(np.median(residual[trusted]))
    odd |= trusted & (residual - typical > _limit(residual[trusted] - typical, _BESIDE_MAP))
    for _ in range(_PASSES):
        found = _odd_beside_neighbours(residual, trusted & ~odd) & (residual > typical)
        if not found.any():
            break
        odd |= found
    return odd


def _odd_beside_neighbours(residual: Numbers, trusted: Mask) -> Mask:
    error = np.full(trusted.shape, _ROUGH)
    expected, _, count = expected_here(residual, error, trusted, _ROUGH)
    judged = trusted & (count >= FEWEST)
    if not judged.any():
        return judged
    excess = np.where(judged, residual - expected, 0.0)
    return excess > _limit(excess[judged], _BESIDE_NEIGHBOURS)


def _limit(excess: Numbers, times: float) -> float:
    return max(float(np.log(times)), _SIGMA * 1.4826 * float(np.median(np.abs(excess))))


def _residual(layers: Layers) -> Numbers:
    """Logarithm of the residual of the likeliest solution, shape (rows, columns).

    Noise leaves more of a window of which frames are missing: it is taken for as much less.
    """
    frames = layers["frames"].astype(float)
    whole = float(np.median(frames[frames > 0])) if (frames > 0).any() else 1.0
    fewer = np.clip(frames / whole, 1e-6, 1.0) if (frames > 0).any() else 1.0
    logarithm: Numbers = np.log(np.maximum(layers["residual"][..., 0] * fewer, 1e-6))
    return logarithm
