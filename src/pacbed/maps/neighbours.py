"""What the neighbours of a window let expect there: a robust plane through their values."""

import numpy as np

from pacbed.arrays import Indices, Mask, Numbers

#: Windows on each side that are neighbours, and how many must be clear.
_REACH, FEWEST = 2, 4
#: Rows of windows that are looked at together: bounds the memory.
_ROWS_AT_ONCE = 64


def expected_here(
    values: Numbers, errors: Numbers, trusted: Mask, rough: float
) -> tuple[Numbers, Numbers, Indices]:
    """A robust plane through the trusted neighbours of each window, at the window.

    Parameters
    ----------
    values, errors : ndarray, shape (rows, columns)
    trusted : ndarray of bool, shape (rows, columns)
        Windows that have a say.
    rough : float
        By how much real values differ from a plane.

    Returns
    -------
    expected, spread : ndarray, shape (rows, columns)
        NaN where there are no neighbours; the spread is the plane's own error.
    count : ndarray of int
        Trusted neighbours.
    """
    trusted = trusted & np.isfinite(values) & np.isfinite(errors)
    pad = [(_REACH, _REACH)] * 2
    there = np.pad(trusted.astype(float), pad)
    value = np.pad(np.where(trusted, values, 0.0), pad)
    error = np.pad(np.where(trusted, errors, 1.0), pad, constant_values=1.0)
    parts = []
    for first in range(0, len(values), _ROWS_AT_ONCE):
        part = slice(first, first + _ROWS_AT_ONCE + 2 * _REACH)
        parts.append(_planes(there[part], value[part], error[part], rough))
    expected, spread, count = (np.concatenate(part) for part in zip(*parts, strict=True))
    none = count < 1
    return np.where(none, np.nan, expected), np.where(none, np.nan, spread), count


def _planes(
    there: Numbers, value: Numbers, error: Numbers, rough: float
) -> tuple[Numbers, Numbers, Indices]:
    """As :func:`expected_here`, of padded arrays with 1 where a window is trusted."""
    size = 2 * _REACH + 1

    def around(array: Numbers) -> Numbers:
        windows = np.lib.stride_tricks.sliding_window_view(array, (size, size))
        flat = windows.reshape(*windows.shape[:2], -1)
        return np.delete(flat, size * size // 2, axis=-1)

    there, value, error = around(there), around(value), around(error)
    steps = np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1].reshape(2, -1)
    y, x = np.delete(steps, size * size // 2, axis=1)
    terms = np.stack([np.ones(size * size - 1), x, y], axis=1)
    scale = np.sqrt(error**2 + rough**2)
    ridge = np.diag([1e-9, 1e-2, 1e-2])
    weights = there / error**2
    for _ in range(6):
        normal = np.einsum("rcn,ni,nj->rcij", weights, terms, terms, optimize=True) + ridge
        right = np.einsum("rcn,ni,rcn->rci", weights, terms, value, optimize=True)
        solution = np.linalg.solve(normal, right[..., None])[..., 0]
        left = np.abs(value - solution @ terms.T)
        weights = there / error**2 / np.maximum(1, left / (2 * scale)) ** 2
    spread = np.sqrt(np.linalg.inv(normal)[..., 0, 0])
    return solution[..., 0], spread, there.sum(axis=-1).astype(int)
