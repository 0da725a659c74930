"""The plateau of a detector that was saturated."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pacbed.arrays import Mask, Numbers

#: Least pixels of a plateau, their least share of all, and least pixels of its largest piece.
#: A smaller one is the tip of a peak, which says almost all that it would.
_LEAST, _SHARE, _PIECE = 12, 0.004, 6
#: Where more of the pixels than this have one value, it is no plateau: there is no pattern.
_MOST = 0.6
#: So many times more pixels have the largest value than the few values below it each.
_CROWDED, _BELOW = 5.0, 8


@dataclass(frozen=True)
class Plateau:
    """Saturated pixels.

    Attributes
    ----------
    pixels : ndarray of bool, shape (rows, columns)
    level : float
        Their value.
    """

    pixels: Mask
    level: float


def plateau(values: Numbers, known: Mask) -> Plateau | None:
    """Find the pixels at the largest value, where they are too many for a peak's top.

    A peak that is stored in whole numbers has a flat top too, but about as many pixels at the
    value below.

    Parameters
    ----------
    values : ndarray of float64, shape (rows, columns)
    known : ndarray of bool, shape (rows, columns)

    Returns
    -------
    Plateau or None
    """
    level = float(values[known].max())
    top = known & (values == level)
    if not max(_LEAST, _SHARE * values.size) <= top.sum() <= _MOST * values.size:
        return None
    below = values[known & ~top]
    near = np.sort(below[below > np.median(below)])[::-1]
    _, counts = np.unique(near, return_counts=True)
    usual = float(counts[-_BELOW:].mean()) if len(counts) else 0.0
    pieces, number = ndimage.label(top)
    largest = int(ndimage.sum_labels(top, pieces, range(1, number + 1)).max())
    if top.sum() < _CROWDED * usual or largest < _PIECE:
        return None
    return Plateau(top, level)
