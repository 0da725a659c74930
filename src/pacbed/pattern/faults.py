"""What is wrong with how a pattern was recorded or stored, said by its name."""

import numpy as np
from numpy.typing import DTypeLike

from pacbed.arrays import Counts, Numbers, Pattern
from pacbed.errors import PatternError
from pacbed.pattern.preprocess import bin_pixels

_SMALLEST, _LARGEST = 32, 4096
_WRAP = 65536.0
#: Least share of the pixels at each of two values.
_LEAST_OF_TWO = 0.002
#: Pixels of negative value that it takes to be wrapped, and the share of the steps between them
#: and their neighbours that a turn makes smaller.
_LEAST_WRAPPED, _MENDED = 12, 0.8
#: A frame whose rim is brighter than this, in units of the range, is inverted where the rim is
#: even and so much of the frame is darker than the middle of the range, or where its darkest
#: parts are brighter than this and its middle is darker than this.
_RIM, _EVEN, _DARK = 0.75, 0.12, 0.04
_RIM_DARKEST, _MIDDLE = 0.3, 0.45
#: Pixels along a side of the blocks over which noise averages out, and how much more than of
#: noise the variance of their means must be.
_BLOCK, _SIGNAL = 8, 2.0


def check_form(pattern: Counts) -> Counts:
    """Refuse what cannot be a pattern by its shape or type.

    Raises
    ------
    PatternError
    """
    given = np.asarray(pattern)
    if given.ndim == 3 and given.shape[-1] in (3, 4):
        raise PatternError(
            f"pattern has shape {given.shape}, a picture in colours; give the intensities as they "
            "were recorded, one number for each pixel"
        )
    if given.ndim != 2:
        raise PatternError(
            f"pattern has shape {given.shape}; give one 2-D array (choose a frame of a stack)"
        )
    if min(given.shape) < _SMALLEST or max(given.shape) > _LARGEST:
        raise PatternError(
            f"pattern has {given.shape[0]} x {given.shape[1]} pixels; "
            f"give {_SMALLEST} to {_LARGEST} along each side"
        )
    if given.dtype.kind not in "iufb":
        raise PatternError(f"pattern has the type {given.dtype}; give real numbers")
    _check_depth(given)
    return given


def _check_depth(given: Counts) -> None:
    low, high = given.min(), given.max()
    low_share = float((given == low).mean())
    two = _LEAST_OF_TWO < low_share < 1 - _LEAST_OF_TWO and bool(
        ((given == low) | (given == high)).all()
    )
    if given.dtype.kind == "b" or two:
        raise PatternError(
            "pattern has two values only, one bit per pixel; give the intensities as recorded"
        )


def unwrapped(values: Numbers, kind: DTypeLike) -> tuple[Numbers, tuple[str, ...]]:
    """Counts of 16 bits that were stored as negative numbers, and what is to be said of them.

    Parameters
    ----------
    values : ndarray of float64, shape (rows, columns)
    kind : dtype
        As they were stored.

    Returns
    -------
    values : ndarray of float64, shape (rows, columns)
    remarks : tuple of str
    """
    negative = values < 0
    count = int(negative.sum())
    if np.dtype(kind).itemsize < 2 or not _LEAST_WRAPPED <= count < 0.9 * values.size:
        return values, ()
    if values.min() < -_WRAP / 2 or values.max() >= _WRAP / 2:
        return values, ()
    better, steps = 0, 0
    for axis in (0, 1):
        step = np.abs(np.diff(values, axis=axis))
        across = np.diff(negative.astype(np.int8), axis=axis) != 0
        steps += int(across.sum())
        better += int((step[across] > _WRAP / 2).sum())
    if not steps or better < _MENDED * steps:
        return values, ()
    remark = (
        f"{count} pixels are negative: counts above 32767 were wrapped to 16 bit; 65536 was added "
        "to them; store the pattern as unsigned or 32-bit numbers"
    )
    return values + _WRAP * negative, (remark,)


def check_signal(values: Pattern) -> None:
    """Refuse a frame that holds nothing but noise.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)

    Raises
    ------
    PatternError
    """
    noise = float(np.mean(np.diff(values.astype(float), axis=1) ** 2)) / 2
    wide = bin_pixels(values, _BLOCK).astype(float)
    # Of noise alone the means over blocks keep a known share of the variance.
    if float(wide.var()) < _SIGNAL * noise / _BLOCK**2:
        raise PatternError("no disk stands out of the noise: an empty frame, or far too few counts")


def check_contrast(values: Pattern) -> None:
    """Refuse a pattern whose contrast is inverted.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)

    Raises
    ------
    PatternError
    """
    low, high = np.quantile(values[::2, ::2], [0.01, 0.99])
    span = max(float(high - low), 1e-12)
    rim = np.concatenate([values[:2].ravel(), values[-2:].ravel(),
                          values[:, :2].ravel(), values[:, -2:].ravel()])  # fmt: skip
    level = (float(np.median(rim)) - low) / span
    spread = float(np.subtract(*np.quantile(rim, [0.8, 0.2]))) / span
    dark = float((values < low + 0.5 * span).mean())
    darkest = (float(np.quantile(rim, 0.05)) - low) / span
    quarter = [n // 4 for n in values.shape]
    inner = values[quarter[0] : -quarter[0], quarter[1] : -quarter[1]]
    middle = (float(np.median(inner)) - low) / span
    even = spread < _EVEN and dark > _DARK
    if level > _RIM and (even or (darkest > _RIM_DARKEST and middle < _MIDDLE)):
        raise PatternError(
            "the contrast is inverted: the frame's rim is bright and the disk is dark; give the "
            "intensities as recorded, or the largest value minus these"
        )
