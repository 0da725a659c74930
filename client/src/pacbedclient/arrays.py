"""A pattern in memory → the bytes, data type and size that the service reads."""

from typing import Any, NamedTuple

import numpy as np

from pacbedclient.errors import PatternError


class RawPattern(NamedTuple):
    """A pattern in the service's raw format.

    Attributes
    ----------
    data : bytes
        The pixels row by row, little-endian.
    dtype : str
        Data type of a pixel, such as ``"uint16"``.
    width, height : int
        Columns and rows.
    """

    data: bytes
    dtype: str
    width: int
    height: int


def raw_pattern(pattern: Any) -> RawPattern:
    """Bring a pattern into the form in which it is sent.

    Any byte order, memory order and stride is accepted. What the service does not
    know is converted where nothing is lost: bool to uint8, float16 to float32, and
    long double to float64, which keeps all that a detector gives.

    Parameters
    ----------
    pattern : array_like
        Intensities, indexed ``[row, column]``.

    Raises
    ------
    PatternError
        Not two-dimensional, empty, masked, or not made of real numbers.
    """
    if np.ma.is_masked(pattern):
        raise PatternError("the pattern has masked pixels: fill them first, see numpy.ma.filled")
    array = np.asarray(pattern)
    if array.ndim != 2:
        raise PatternError(f"a pattern has two dimensions, this array has the shape {array.shape}")
    if array.size == 0:
        raise PatternError(f"the pattern is empty: its shape is {array.shape}")
    dtype = _sent_dtype(array.dtype)
    sent = np.ascontiguousarray(array, dtype=dtype.newbyteorder("<"))
    height, width = sent.shape
    return RawPattern(sent.tobytes(), dtype.name, width, height)


def _sent_dtype(dtype: Any) -> Any:
    """Return the data type in which an array of this one is sent."""
    if dtype.kind == "c":
        raise PatternError(
            f"the pattern is complex ({dtype}): send its intensity, numpy.abs(pattern) ** 2"
        )
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind in "ui":
        return dtype
    if dtype.kind == "f":
        return np.dtype(np.float32 if dtype.itemsize <= 4 else np.float64)
    raise PatternError(f"the pattern's data type {dtype} is not one of real numbers")
