"""Patterns whose pixels are not square, brought to square ones."""

import math

import numpy as np

from pacbed.arrays import Counts, Mask, Numbers
from pacbed.errors import OutOfRangeError

#: How many times as high as wide a pixel may be, or the other way round.
LARGEST = 8.0
#: Pixels that differ by less are square: the fit takes up what is left.
_SAME = 0.01


def check_aspect(aspect: float) -> float:
    """Refuse an aspect that no detector has.

    Raises
    ------
    OutOfRangeError
    """
    if not 1 / LARGEST <= aspect <= LARGEST:
        raise OutOfRangeError(
            f"the pixel aspect (angle per row over angle per column) must lie between "
            f"{1 / LARGEST:g} and {LARGEST:g}, not {aspect:g}"
        )
    return aspect


def are_square(aspect: float) -> bool:
    """Whether pixels of an aspect count as square."""
    return abs(math.log(aspect)) < _SAME


def square_pixels(patterns: Counts, aspect: float, known: Mask | None = None) -> Numbers:
    """Stretch patterns along rows or columns so that their pixels are square.

    Parameters
    ----------
    patterns : ndarray, shape (..., rows, columns)
        NaN where a pixel says nothing.
    aspect : float
        Angle per row over angle per column, which is how many times as wide as high a round
        disk looks: 2 where two rows were binned.
    known : ndarray of bool, shape (rows, columns), optional
        Which pixels say something; by default all.

    Returns
    -------
    ndarray of float64, shape (..., rows', columns')
        Pixels of the smaller of both angles, linear in between; NaN where a pixel that counts says
        nothing.

    Raises
    ------
    OutOfRangeError
        If the aspect is impossible.

    Examples
    --------
    Two rows were binned into one:

    >>> import numpy as np, pacbed
    >>> pacbed.square_pixels(np.ones((64, 128)), aspect=2.0).shape
    (128, 128)
    """
    values = np.asarray(patterns, np.float64)
    if known is not None:
        values = np.where(known, values, np.nan)
    if are_square(check_aspect(aspect)):
        return values
    if aspect < 1:
        return np.swapaxes(_stretched(np.swapaxes(values, -1, -2), 1 / aspect), -1, -2)
    return _stretched(values, aspect)


def _stretched(values: Numbers, factor: float) -> Numbers:
    """As many times as many rows, linear in between; beyond the last ones these repeat."""
    rows = values.shape[-2]
    place = (np.arange(round(rows * factor)) + 0.5) / factor - 0.5
    place = np.clip(place, 0, rows - 1)
    below = np.minimum(place.astype(np.intp), rows - 2)
    share = (place - below)[:, None]
    low, high = values[..., below, :], values[..., below + 1, :]
    # A pixel without weight must not spread what it is not.
    mixed = np.where(share == 0, low, low + share * (high - low))
    stretched: Numbers = np.where(share == 1, high, mixed)
    return stretched
