"""Cubic splines through values at knots.

Those of SciPy are the same; importing them takes a sixth of a short command's time, since half of
SciPy comes along.
"""

import numpy as np
from scipy.linalg import solve_banded

from pacbed.arrays import Numbers


class CubicSpline:
    """The cubic spline through values, its third derivative continuous at the last but one knots.

    Parameters
    ----------
    knots : ndarray, shape (n,)
        Ascending; three carry a parabola, two a line.
    values : ndarray, shape (..., n, ...)
        Real or complex.
    axis : int
        Of the values, along which the knots lie.
    """

    def __init__(self, knots: Numbers, values: Numbers, axis: int = 0) -> None:
        self._knots = np.asarray(knots, float)
        self._values = np.moveaxis(np.asarray(values) * 1.0, axis, 0)
        self._axis = axis
        self._slopes = _slopes(self._knots, self._values)

    def __call__(self, at: Numbers | float, order: int = 0) -> Numbers:
        """Values, or derivatives of an order from 1 to 3, at some places.

        Parameters
        ----------
        at : float or ndarray
            Beyond the knots the outermost cubics go on.
        order : int

        Returns
        -------
        ndarray
            With the shape of `at` in place of the values' axis.
        """
        places = np.asarray(at, float)
        first = np.clip(np.searchsorted(self._knots, places, "right") - 1, 0, len(self._knots) - 2)
        width = self._knots[first + 1] - self._knots[first]
        u = (places - self._knots[first]) / width
        expand = (...,) + (None,) * (self._values.ndim - 1)
        left, right, left_slope, right_slope = (
            (row / width**order)[expand] for row in _HERMITE[order](u)
        )
        width = width[expand]
        values = left * self._values[first] + right * self._values[first + 1]
        values += width * (left_slope * self._slopes[first] + right_slope * self._slopes[first + 1])
        last = places.ndim
        return np.moveaxis(values, range(last), range(self._axis, self._axis + last))


#: Weights of the values and slopes at both knots of a piece in the spline and its derivatives.
_HERMITE = (
    lambda u: (1 + u * u * (2 * u - 3), u * u * (3 - 2 * u), u * (1 - u) ** 2, u * u * (u - 1)),
    lambda u: (6 * u * (u - 1), 6 * u * (1 - u), (1 - u) * (1 - 3 * u), u * (3 * u - 2)),
    lambda u: (12 * u - 6, 6 - 12 * u, 6 * u - 4, 6 * u - 2),
    lambda u: (12 + 0 * u, -12 + 0 * u, 6 + 0 * u, 6 + 0 * u),
)


def _slopes(x: Numbers, y: Numbers) -> Numbers:
    """Slopes at the knots: de Boor, A Practical Guide to Splines (1978), chapter IV."""
    count = len(x)
    step = np.diff(x)
    wide = step.reshape(-1, *[1] * (y.ndim - 1))
    rise = np.diff(y, axis=0) / wide
    if count == 2:
        return np.concatenate([rise, rise])
    if count == 3:
        middle = (wide[1] * rise[0] + wide[0] * rise[1]) / (wide[0] + wide[1])
        return np.stack([2 * rise[0] - middle, middle, 2 * rise[1] - middle])
    bands = np.zeros((3, count))
    bands[1, 1:-1] = 2 * (step[:-1] + step[1:])
    bands[0, 2:] = step[:-1]
    bands[2, :-2] = step[1:]
    right = np.empty_like(y)
    right[1:-1] = 3 * (wide[1:] * rise[:-1] + wide[:-1] * rise[1:])
    both = x[2] - x[0]
    bands[1, 0], bands[0, 1] = step[1], both
    right[0] = ((step[0] + 2 * both) * step[1] * rise[0] + step[0] ** 2 * rise[1]) / both
    both = x[-1] - x[-3]
    bands[1, -1], bands[2, -2] = step[-2], both
    right[-1] = (step[-1] ** 2 * rise[-2] + (2 * both + step[-1]) * step[-2] * rise[-1]) / both
    flat = right.reshape(count, -1)
    slopes: Numbers = solve_banded((1, 1), bands, flat, check_finite=False).reshape(y.shape)
    return slopes
