"""Values that stand for "nothing was recorded": far from all others, or negative among counts."""

import numpy as np

from pacbed.arrays import Mask, Numbers

#: A value this many times farther from the next than that is from the middle of all is no count.
_FAR = 5.0
#: One value alone is a hot pixel; it takes this many to be a fill, and most fills at a time.
_LEAST, _FILLS = 4, 3
#: Pixels that tell the middle of all.
_LOOKED_AT = 200_000


def fill_values(values: Numbers, known: Mask) -> Mask:
    """Pixels that hold a fill value, such as 2³²−1, 65535 among small counts, or −1.

    Parameters
    ----------
    values : ndarray of float64, shape (rows, columns)
    known : ndarray of bool, shape (rows, columns)
        Which pixels are looked at.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
    """
    fills = np.zeros(values.shape, bool)
    for _ in range(_FILLS):
        left = known & ~fills
        if not left.any():
            break
        found = _extreme(values, left, 1.0) | _extreme(values, left, -1.0)
        found |= _negative(values, left)
        if not found.any():
            break
        fills |= found
    return fills


def _extreme(values: Numbers, left: Mask, sign: float) -> Mask:
    """Pixels at the largest value times `sign`, where it lies far from all the others."""
    signed = np.where(left, sign * values, -np.inf)
    largest = signed.max()
    # Values that were stored in single precision are equal but for their last digits.
    same = signed >= largest - 1e-6 * abs(largest)
    others = signed[left & ~same]
    if same.sum() < _LEAST or not len(others):
        return np.zeros_like(left)
    spread = others.max() - np.median(others[:: max(1, len(others) // _LOOKED_AT)])
    far = spread > 0 and largest - others.max() > _FAR * spread
    return same if far else np.zeros_like(left)


def _negative(values: Numbers, left: Mask) -> Mask:
    """Pixels at one negative value, where all others are counts."""
    below = left & (values < 0)
    negative = values[below]
    single = len(negative) >= _LEAST and negative.min() == negative.max()
    return below if single else np.zeros_like(left)
