"""Dead lines, gaps between modules, and a rim outside of the recorded field: of any one value.

What gives them away is that one value stands along a line while the pattern jumps on both of its
sides. A dark surrounding is of one value too, and the pattern does not jump there: it is kept.
"""

import numpy as np

from pacbed.arrays import Indices, Mask, Numbers

#: A jump, as a share of the span of the pattern.
_JUMP = 0.1
#: Widest gap, shortest line, as shares of the frame; a line has at least so many pixels.
_WIDEST, _SHORTEST, _LEAST = 1 / 5, 1 / 12, 8
#: Of the pixels between the first and the last jump of a line, so many jump.
_DENSE = 0.5
#: Brighter than this, as a share of the span, is part of the disk; pixels that tell the span.
_LIT, _LOOKED_AT = 0.4, 200_000
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
    step = max(1, values.size // _LOOKED_AT)
    low, high = np.quantile(values[known][::step], [0.05, 0.995])
    span = float(high - low)
    if not span > 0:
        return np.zeros_like(known)
    # What is not a number is unlike all others.
    numbers = np.where(known, values, np.nan)
    found = _lines(numbers, _JUMP * span)
    found |= _lines(np.ascontiguousarray(numbers.T), _JUMP * span).T
    bright = values > low + _LIT * span
    for axis, turned in ((0, False), (0, True), (1, False), (1, True)):
        found |= _rim(values, bright, axis, turned, 2 * _JUMP * span)
    return found


def _lines(values: Numbers, jump: float) -> Mask:
    """Gaps along rows that lie inside the frame."""
    height, width = values.shape
    found = np.zeros(values.shape, bool)
    least = max(_LEAST, round(_SHORTEST * width))
    jumps = _apart(values[1:], values[:-1], jump)
    # Where fewer neighbours are alike no value stands long enough: hardly any row is looked at.
    alike = (values[1:, 1:] == values[1:, :-1]).sum(axis=1) >= least - 1
    for row in 1 + np.flatnonzero((jumps.sum(axis=1) >= least) & alike):
        if found[row].all():
            continue
        for run in _runs(values[row], least):
            places = run.start + np.flatnonzero(jumps[row - 1, run])
            if not _dense(places, least):
                continue
            deep = _depth(values[row : row + int(_WIDEST * height) + 1, places])
            after = row + deep
            if after < height and _mostly(_apart(values[after, places], values[row, places], jump)):
                found[row:after, run] = True
    return found


def _apart(one: Numbers, other: Numbers, jump: float) -> Mask:
    """Where two differ by more than a jump, or one of them is not a number."""
    apart: Mask = ~(np.abs(one - other) <= jump)
    return apart


def _runs(line: Numbers, least: int) -> list[slice]:
    """Where one value stands at least so many times in a row."""
    ends = np.flatnonzero(line[1:] != line[:-1]) + 1
    edges = np.concatenate([[0], ends, [len(line)]])
    return [
        slice(int(edges[n]), int(edges[n + 1])) for n in np.flatnonzero(np.diff(edges) >= least)
    ]


def _dense(places: Indices, least: int) -> bool:
    return len(places) >= least and len(places) >= _DENSE * (places[-1] - places[0] + 1)


def _mostly(which: Mask) -> bool:
    return bool(which.mean() >= _DENSE)


def _depth(below: Numbers) -> int:
    """How many rows most columns keep the value that they have in the first one."""
    alike = (below == below[0]).mean(axis=1) >= _DENSE
    return len(alike) if alike.all() else int(alike.argmin())


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
