"""Dead lines, gaps between modules, and a rim outside of the recorded field: of any one value.

What gives them away is that one value stands along a line while the pattern jumps on both of its
sides. A dark surrounding is of one value too, and the pattern does not jump there: it is kept.
"""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Indices, Mask, Numbers

#: A jump, as a share of the span of the pattern.
_JUMP = 0.1
#: Widest gap, shortest line, as shares of the frame; a line has at least so many pixels.
_WIDEST, _SHORTEST, _LEAST = 1 / 5, 1 / 12, 8
#: Of the pixels between the first and the last jump of a line, so many jump.
_DENSE = 0.5
#: A straight rim is at least so long, as a share of the pattern's bright extent: a disk that
#: stands in a dark surrounding begins with a line too, but with a short one.
_RIM = 0.4


def gaps(values: Numbers, known: Mask) -> Mask:
    """Pixels of gaps and rims.

    Parameters
    ----------
    values : ndarray of float64, shape (rows, columns)
    known : ndarray of bool, shape (rows, columns)
        Pixels that are not yet known to say nothing.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
    """
    low, high = np.quantile(values[known], [0.05, 0.995])
    span = float(high - low)
    if not span > 0:
        return np.zeros_like(known)
    bright = values > low + 0.4 * span
    found = _lines(values, known, _JUMP * span) | _lines(values.T, known.T, _JUMP * span).T
    for axis, turned in ((0, False), (0, True), (1, False), (1, True)):
        found |= _rim(values, bright, axis, turned, 2 * _JUMP * span)
    return found


@dataclass(frozen=True)
class _Runs:
    """For each pixel where the run of equal values down its column begins and ends, rows."""

    first: Indices
    last: Indices


def _runs(values: Numbers) -> _Runs:
    row = np.arange(len(values))[:, None] * np.ones(values.shape[1], np.intp)
    same = values[1:] == values[:-1]
    begins = np.concatenate([np.ones((1, values.shape[1]), bool), ~same])
    ends = np.concatenate([~same, np.ones((1, values.shape[1]), bool)])
    first = np.maximum.accumulate(np.where(begins, row, 0), axis=0)
    last = np.minimum.accumulate(np.where(ends, row, len(values))[::-1], axis=0)[::-1]
    return _Runs(first, last)


def _lines(values: Numbers, known: Mask, jump: float) -> Mask:
    """Gaps along rows that lie inside the frame."""
    height, width = values.shape
    found = np.zeros(values.shape, bool)
    least = max(_LEAST, round(_SHORTEST * width))
    if (values[:, 1:] == values[:, :-1]).sum(axis=1).max() < least - 1:
        return found
    runs = _runs(values)
    thin = (runs.last - runs.first < _WIDEST * height) & (runs.first > 0)
    thin &= runs.last < height - 1
    column = np.arange(width)[None]
    for beside in (np.maximum(runs.first - 1, 0), np.minimum(runs.last + 1, height - 1)):
        # Beside a pixel that says nothing the pattern is not known to be dark.
        thin &= (np.abs(values[beside, column] - values) > jump) | ~known[beside, column]
    along = _runs(values.T)
    first, last = along.first.T, along.last.T
    for row in np.flatnonzero((thin & (last - first >= least)).any(axis=1)):
        for begin in np.unique(first[row, thin[row]]):
            end = last[row, begin] + 1
            places = np.flatnonzero(thin[row, begin:end])
            dense = len(places) >= _DENSE * (places[-1] - places[0] + 1)
            if len(places) >= least and dense:
                found[row, begin:end] = True
    return found


def _rim(values: Numbers, bright: Mask, axis: int, turned: bool, jump: float) -> Mask:
    """A rim of one value along one side of the frame that cuts through the pattern."""
    side, lit = np.moveaxis(values, axis, 0), np.moveaxis(bright, axis, 0)
    if turned:
        side, lit = side[::-1], lit[::-1]
    found = np.zeros(side.shape, bool)
    alike = side == side[0]
    length = np.where(alike.all(axis=0), len(side), np.argmin(alike, axis=0))
    inner = np.minimum(length, len(side) - 1)
    column = np.arange(side.shape[1])
    level = np.median(side[0])
    cut = (np.abs(side[inner, column] - side[0]) > jump) & (length < len(side) / 2)
    cut &= side[0] == level
    if cut.any():
        lengths, counts = np.unique(length[cut], return_counts=True)
        depth = int(lengths[counts.argmax()])
        extent = max(int(lit.sum(axis=1).max()), 1)
        flat = (side[:depth] == level).all()
        if counts.max() >= max(_LEAST, _RIM * extent) and flat:
            found[:depth] = True
    if turned:
        found = found[::-1]
    return np.moveaxis(found, 0, axis)
