"""The patterns of a table in one file, which is read from disk as it is needed.

Patterns are stored as 16-bit numbers between their smallest and largest value: gain
and offset, which are lost, are removed from every frame anyway.
"""

import hashlib
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pacbed.errors import FileFormatError, PacbedError
from pacbed.library.tables.pattern_table import PatternTable
from pacbed.pattern.preprocess import bin_pixels

#: From a file to a 2-D array.
Read = Callable[[Path], np.ndarray]
#: Called with the number of patterns that are stored.
Progress = Callable[[int], None]

_SMALLEST = 16
_DAY = 86_400.0


def open_cache(
    table: PatternTable,
    input_size: int,
    folder: Path,
    read: Read,
    progress: Progress | None = None,
) -> np.ndarray:
    """Open the patterns of a table, reading their files once where that was not done.

    Parameters
    ----------
    table : PatternTable
    input_size : int
        Patterns of more than twice as many pixels along a side are averaged down.
    folder : Path
        Of the stored patterns; the name follows from the table's content.
    read : callable
        From a file to a 2-D array.
    progress : callable, optional

    Returns
    -------
    ndarray of uint16, shape (rows, n, m)
        Mapped from the file: only what is used is in memory.

    Raises
    ------
    FileFormatError
        If a pattern cannot be read, or differs in size; the message names file and line.
    """
    path = folder / f"patterns-{_key(table, input_size)}.npy"
    if not path.exists():
        _store(table, input_size, path, read, progress)
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{path}: is damaged ({error}): remove it.") from error
    if len(array) != len(table):
        raise FileFormatError(f"{path}: is damaged (it has {len(array)} patterns): remove it.")
    return array


def _key(table: PatternTable, input_size: int) -> str:
    return hashlib.sha256(f"1 {table.digest()} {input_size}".encode()).hexdigest()[:20]


def _store(
    table: PatternTable, input_size: int, path: Path, read: Read, progress: Progress | None
) -> None:
    first = _pattern(table, 0, read)
    factor = max(1, min(first.shape) // (2 * input_size))
    shape = bin_pixels(first, factor).shape
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path.parent)
        array = np.lib.format.open_memmap(part, "w+", np.uint16, (len(table), *shape))
        for row in range(len(table)):
            pattern = _pattern(table, row, read)
            if pattern.shape != first.shape:
                raise FileFormatError(
                    f"{table.path}: line {table.lines[row]}: {table.files[row].name} has "
                    f"{pattern.shape[0]} x {pattern.shape[1]} pixels where the first pattern has "
                    f"{first.shape[0]} x {first.shape[1]}: simulate all with the same field."
                )
            array[row] = _to_16_bit(bin_pixels(pattern, factor))
            if progress is not None:
                progress(row + 1)
        array.flush()
        del array
        os.replace(part, path)
    except OSError as error:
        raise FileFormatError(
            f"{path.parent}: the patterns cannot be stored there ({error.strerror}): "
            "give another folder with --cache."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left; a day old, as others may be writing now."""
    for file in folder.glob(".patterns-*.part"):
        if time.time() - file.stat().st_mtime > _DAY:
            file.unlink(missing_ok=True)


def _pattern(table: PatternTable, row: int, read: Read) -> np.ndarray:
    try:
        pattern = np.asarray(read(table.files[row]), np.float32)
    except PacbedError as error:
        raise type(error)(f"{table.path}: line {table.lines[row]}: {error}") from error
    problem = None
    if pattern.ndim != 2 or min(pattern.shape) < _SMALLEST:
        problem = f"is no image of at least {_SMALLEST} x {_SMALLEST} pixels"
    elif not np.isfinite(pattern).all():
        problem = "has pixels that are no numbers"
    elif not pattern.max() > pattern.min():
        problem = "has the same value in all pixels"
    if problem:
        raise FileFormatError(
            f"{table.path}: line {table.lines[row]}: {table.files[row]} {problem}: "
            "simulate it again, or remove the line."
        )
    return pattern


def _to_16_bit(pattern: np.ndarray) -> np.ndarray:
    low, high = float(pattern.min()), float(pattern.max())
    return np.asarray(np.rint((pattern - low) * (65535 / (high - low))), np.uint16)
