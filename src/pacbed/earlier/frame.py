"""What the networks of the earlier system expect to see of a pattern.

They were trained on simulated pictures that show the pattern whole, min–max scaled to
−1 … 1. Their *scale* is the enlargement that a pattern needs until it fills the frame as
the simulated ones do: the search begins with the largest square around the bright-field
disk, at scale 1, and a frame in which the scale network sees *s* is sampled anew *s*
times as large.
"""

import numpy as np
from scipy import ndimage

from pacbed.errors import PatternError
from pacbed.pattern.label_frame import Placement, sample_frame
from pacbed.pattern.preprocess import locate

#: Share of the width that counts as border, whose mean is taken as background.
_BORDER = 0.1
#: Blur against noise, as a share of the square's width: 3 in 680 pixels.
_BLUR = 3 / 680
_SMALLEST_HALF_WIDTH = 4.0


def prepare_pattern(data: np.ndarray) -> tuple[np.ndarray, Placement]:
    """Take the background off a pattern, and find the square around its disk.

    Parameters
    ----------
    data : ndarray of float32, shape (rows, columns)
        From :func:`pacbed.pattern.preprocess.clean`.

    Returns
    -------
    pattern : ndarray of float32, shape (rows, columns)
        Not negative.
    square : Placement
        The largest square around the middle of the bright-field disk.

    Raises
    ------
    PatternError
        If the disk is not found, or touches the edge of the array.
    """
    pattern = np.maximum(data, 0)
    rows, columns = (max(1, round(_BORDER * n)) for n in pattern.shape)
    inner = pattern[rows:-rows, columns:-columns]
    count = pattern.size - inner.size
    background = (float(pattern.sum(dtype=float)) - float(inner.sum(dtype=float))) / count
    pattern = np.maximum(pattern - np.float32(background), 0)
    disk = locate(pattern)
    room = (
        disk.row, disk.column, pattern.shape[0] - 1 - disk.row, pattern.shape[1] - 1 - disk.column
    )  # fmt: skip
    half_width = min(room) + 0.5
    if half_width < _SMALLEST_HALF_WIDTH:
        raise PatternError("the bright-field disk lies at the edge of the array; crop less")
    blurred = ndimage.gaussian_filter(pattern, _BLUR * 2 * half_width)
    return blurred, Placement(disk.row, disk.column, half_width)


def earlier_frame(pattern: np.ndarray, placement: Placement, size: int) -> np.ndarray:
    """Sample the frame at a placement, scaled to −1 … 1.

    Parameters
    ----------
    pattern : ndarray of float32, shape (rows, columns)
        From :func:`prepare_pattern`.
    placement : Placement
    size : int
        Pixels along a side of the frame.

    Returns
    -------
    ndarray of float32, shape (size, size)
        Positions outside the pattern repeat its edge.

    Raises
    ------
    PatternError
        If there is nothing to see in the frame.
    """
    frame = sample_frame(pattern, placement, size)
    low, high = float(frame.min()), float(frame.max())
    if not high > low:
        raise PatternError("pattern is constant around its disk; give a recorded pattern")
    return np.asarray(2 * (frame - low) / (high - low) - 1, np.float32)
