"""Scans in files without a header: what they hold must be said, and must fit their size."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pacbed.errors import FileFormatError
from pacbed.readers.checks import EMPAD_ROWS, EMPAD_STORED
from pacbed.readers.empad_raw import empad_shape
from pacbed.scans.scan import Scan, as_four, shapes_of

#: Types of numbers that detectors write, for what is said of a size that does not fit.
_TYPES = ("uint8", "uint16", "uint32", "float32", "float64")
#: A header is no longer than this, bytes.
_LONGEST_HEADER = 1 << 20


@dataclass(frozen=True)
class RawLayout:
    """What a file without a header holds.

    Attributes
    ----------
    shape : tuple of int
        Scan rows, scan columns, detector rows, detector columns.
    dtype : str
        Such as ``uint16`` or ``>u2``.
    offset : int
        Bytes before the first pixel.
    """

    shape: tuple[int, int, int, int]
    dtype: str = "uint16"
    offset: int = 0


@dataclass(frozen=True)
class PlainRows:
    """Reads rows of a file of plain numbers; may be sent to other processes.

    Attributes
    ----------
    path : Path
    shape : tuple of int
    dtype : dtype
    offset : int
        Bytes before the first pixel.
    """

    path: Path
    shape: tuple[int, int, int, int]
    dtype: np.dtype
    offset: int

    def __call__(self, first: int, last: int) -> np.ndarray:
        """Scan rows from `first` to before `last`."""
        row = math.prod(self.shape[1:])
        count = row * (last - first)
        place = self.offset + first * row * self.dtype.itemsize
        values = np.fromfile(self.path, self.dtype, count, offset=place)
        if values.size != count:
            raise FileFormatError(f"{self.path}: the file has been cut short: copy it again.")
        return values.reshape(last - first, *self.shape[1:])


def open_raw(path: Path, raw: RawLayout | None, scan_shape: tuple[int, int] | None) -> Scan:
    """Open a file without a header.

    Parameters
    ----------
    path : Path
    raw : RawLayout or None
        May be left out for an EMPAD's file, which is known by its size and name.
    scan_shape : tuple of int or None
        Of an EMPAD's file whose name does not say it.

    Raises
    ------
    FileFormatError
        If nothing says what the file holds, or its size contradicts it.
    PatternError
        If the scan's shape is not given or does not fit.
    """
    stored = empad_shape(path)
    if raw is None:
        if stored is None:
            raise FileFormatError(
                f"{path}: a file without a header: add --raw-shape ROWS,COLUMNS,DETECTOR-ROWS,"
                "DETECTOR-COLUMNS and --raw-type TYPE."
            )
        return _plain(path, as_four(stored, scan_shape, str(path)), np.dtype("<f4"), 0)
    dtype = _type(path, raw)
    if stored is not None and _is_empad(raw, dtype) and _frames(raw) == math.prod(stored[:-2]):
        return _plain(path, (*raw.shape[:2], *EMPAD_STORED), dtype, 0)
    check_size(path, raw.shape, dtype, raw.offset, exact=True)
    return _plain(path, raw.shape, dtype, raw.offset)


def check_size(
    path: Path, shape: tuple[int, ...], dtype: np.dtype, offset: int, *, exact: bool
) -> None:
    """Refuse a file that is shorter than its shape says, or `exact`, longer.

    Raises
    ------
    FileFormatError
        With the shapes that would fit.
    """
    needed = offset + math.prod(shape) * dtype.itemsize
    there = path.stat().st_size
    if there < needed or (exact and there != needed):
        raise FileFormatError(
            f"{path}: the file holds {there} bytes, a scan of shape {shape} and type {dtype} needs "
            f"{needed}: {'it is cut short, or ' if there < needed else ''}shape or type are wrong"
            f"{_fitting(there, shape, dtype, offset) if exact else ''}."
        )


def _plain(path: Path, shape: tuple[int, int, int, int], dtype: np.dtype, offset: int) -> Scan:
    return Scan(shape, dtype, PlainRows(path, shape, dtype, offset), str(path))


def _type(path: Path, raw: RawLayout) -> np.dtype:
    try:
        dtype = np.dtype(raw.dtype)
    except TypeError:
        raise FileFormatError(
            f'{path}: "{raw.dtype}" is no type of numbers: give one such as uint16 or float32.'
        ) from None
    if dtype.kind not in "biuf":
        raise FileFormatError(
            f"{path}: the type {dtype} holds no intensities: give one such as uint16 or float32."
        )
    if min(raw.shape) < 1 or raw.offset < 0:
        raise FileFormatError(f"{path}: the shape {raw.shape} is impossible: give four sizes.")
    return dtype


def _is_empad(raw: RawLayout, dtype: np.dtype) -> bool:
    """Whether a layout is an EMPAD's without the two rows that it stores beside each frame."""
    return raw.shape[2:] == (EMPAD_ROWS, EMPAD_STORED[1]) and dtype == "<f4" and raw.offset == 0


def _frames(raw: RawLayout) -> int:
    return raw.shape[0] * raw.shape[1]


def _fitting(there: int, shape: tuple[int, ...], dtype: np.dtype, offset: int) -> str:
    """Shapes, types and offsets with which the file's size would agree."""
    words = []
    body = there - offset
    frames, rest = divmod(body, math.prod(shape[2:]) * dtype.itemsize)
    if not rest and frames > 0:
        detector = ",".join(map(str, shape[2:]))
        words.append(
            f"with a detector of {detector} there are {frames} frames, and the scan "
            f"may be {shapes_of(frames, (shape[0], shape[1]))}"
        )
    others = [t for t in _TYPES if math.prod(shape) * np.dtype(t).itemsize == body]
    if others:
        words.append(f"with this shape its type is {' or '.join(others)}")
    header = there - math.prod(shape) * dtype.itemsize
    if 0 < header <= _LONGEST_HEADER and header != offset:
        words.append(f"with this shape and type --raw-offset {header}, if a header comes first")
    return "".join(f"; {word}" for word in words)
