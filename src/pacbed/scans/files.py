"""Opening the file of a 4D-STEM scan without reading it."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.errors import FileFormatError
from pacbed.readers.formats import FOLDERS, HDF5, ZARR
from pacbed.readers.names_inside import check_names_inside
from pacbed.scans.formats import (
    LAZY_FORMATS,
    LazyRows,
    open_hdf5,
    open_lazily,
    open_zarr_scan,
)
from pacbed.scans.scan import Scan, as_four
from pacbed.scans.seq import open_seq

#: Extensions of files that hold numbers alone.
RAW = (".raw", ".bin", ".dat")
#: Every extension that can be opened, in lower case.
EXTENSIONS = (".npy", *RAW, *HDF5, *ZARR, *LAZY_FORMATS, ".seq")


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


def open_scan(
    path: Path,
    raw: RawLayout | None = None,
    scan_shape: tuple[int, int] | None = None,
    dataset: str | None = None,
    *,
    alone: bool = False,
) -> Scan:
    """Open a 4D-STEM scan.

    Parameters
    ----------
    path : Path
        File in one of the formats of ``EXTENSIONS``, told by its extension.
    raw : RawLayout, optional
        For a file without a header.
    scan_shape : tuple of int, optional
        Rows and columns of the scan, for a file that holds one long series of frames.
    dataset : str, optional
        Name of the array in an HDF5 file that holds several.
    alone : bool
        Refuse a file that has others read, as for one that somebody sent. Else such links
        may lead to the file's own folder and below.

    Returns
    -------
    Scan

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, cut short, of an unknown format, or leads to files
        that it may not lead to.
    PatternError
        If its content is no 4D-STEM scan.
    MissingExtraError
        If the format needs a package that is not installed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if not path.exists():
        raise FileFormatError(f"{path}: there is no such file: check the name and the folder.")
    if path.is_dir() and suffix not in FOLDERS:
        raise FileFormatError(f"{path}: this is a folder: give the file of a scan.")
    if raw is not None or suffix in RAW:
        if raw is None:
            raise FileFormatError(
                f"{path}: a file without a header: add --raw-shape ROWS,COLUMNS,DETECTOR-ROWS,"
                "DETECTOR-COLUMNS and --raw-type TYPE."
            )
        return _open_raw(path, raw)
    if suffix == ".npy":
        return _open_npy(path, scan_shape)
    if suffix in HDF5:
        return open_hdf5(path, scan_shape, dataset, alone)
    if suffix == ".seq":
        check_names_inside(path, alone)
        return open_seq(path, scan_shape)
    if suffix in LAZY_FORMATS:
        return open_lazily(LazyRows(path, scan_shape, dataset, alone))
    if suffix in ZARR:
        return open_zarr_scan(path, scan_shape, dataset)
    raise FileFormatError(
        f"{path}: unknown format {path.suffix or '(no extension)'}: "
        f"give one of {', '.join(EXTENSIONS)}."
    )


def _open_raw(path: Path, raw: RawLayout) -> Scan:
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
    _check_size(path, raw.shape, dtype, raw.offset)
    return Scan(raw.shape, dtype, PlainRows(path, raw.shape, dtype, raw.offset), str(path))


def _open_npy(path: Path, scan_shape: tuple[int, int] | None) -> Scan:
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read: Any = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, fortran, dtype = read(file)
            offset = file.tell()
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise FileFormatError(
            f"{path}: not a NumPy .npy file, or cut short ({error}): save it again with numpy.save."
        ) from error
    if dtype.hasobject or dtype.kind not in "biuf":
        raise FileFormatError(
            f"{path}: the file holds {dtype}, not numbers: save integers or real numbers."
        )
    if fortran:
        raise FileFormatError(
            f"{path}: the axes are stored in Fortran's order, which cannot be read row by row: "
            "save it with numpy.save(name, numpy.ascontiguousarray(data))."
        )
    four = as_four(tuple(int(n) for n in shape), scan_shape, str(path))
    _check_size(path, four, dtype, offset)
    return Scan(four, dtype, PlainRows(path, four, dtype, offset), str(path))


def _check_size(path: Path, shape: tuple[int, int, int, int], dtype: np.dtype, offset: int) -> None:
    needed = offset + math.prod(shape) * dtype.itemsize
    there = path.stat().st_size
    if there < needed:
        raise FileFormatError(
            f"{path}: the file holds {there} bytes, a scan of shape {shape} and type {dtype} needs "
            f"{needed}: it is cut short, or shape and type are wrong."
        )
