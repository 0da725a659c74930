"""Opening the file of a 4D-STEM scan without reading it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.errors import FileFormatError
from pacbed.readers.checks import EMPAD_ROWS, EMPAD_STORED
from pacbed.readers.formats import FOLDERS, HDF5, ZARR
from pacbed.readers.names_inside import check_names_inside
from pacbed.scans.formats import (
    LAZY_FORMATS,
    LazyRows,
    open_hdf5,
    open_lazily,
    open_zarr_scan,
)
from pacbed.scans.order import check_order
from pacbed.scans.raw import PlainRows, RawLayout, check_size, open_raw
from pacbed.scans.scan import Scan, as_four, check_declared
from pacbed.scans.seq import open_seq

__all__ = ["EXTENSIONS", "RAW", "RawLayout", "open_scan"]

#: Extensions of files that hold numbers alone.
RAW = (".raw", ".bin", ".dat")
#: Every extension that can be opened, in lower case.
EXTENSIONS = (".npy", *RAW, *HDF5, *ZARR, *LAZY_FORMATS, ".seq")


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
        If its content is no 4D-STEM scan, or has the detector's axes first.
    MissingExtraError
        If the format needs a package that is not installed.
    """
    scan = _open(Path(path), raw, scan_shape, dataset, alone)
    if scan.shape[2:] == EMPAD_STORED and np.dtype(scan.dtype).kind == "f":
        scan = replace(
            scan, shape=(*scan.shape[:2], EMPAD_ROWS, EMPAD_STORED[1]), read=PixelRows(scan.read)
        )
    check_order(scan)
    return scan


@dataclass(frozen=True)
class PixelRows:
    """Reads rows of a scan without the two lines of each EMPAD frame that are no pixels.

    Attributes
    ----------
    read : callable
        Gives scan rows with those lines.
    """

    read: Callable[[int, int], np.ndarray]

    def __call__(self, first: int, last: int) -> np.ndarray:
        """Scan rows from `first` to before `last`."""
        return self.read(first, last)[..., :EMPAD_ROWS, :]


def _open(
    path: Path,
    raw: RawLayout | None,
    scan_shape: tuple[int, int] | None,
    dataset: str | None,
    alone: bool,
) -> Scan:
    suffix = path.suffix.lower()
    if not path.exists():
        raise FileFormatError(f"{path}: there is no such file: check the name and the folder.")
    if path.is_dir() and suffix not in FOLDERS:
        raise FileFormatError(f"{path}: this is a folder: give the file of a scan.")
    if raw is not None or suffix in RAW:
        return open_raw(path, raw, scan_shape)
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
    check_declared(shape, scan_shape, str(path))
    four = as_four(tuple(int(n) for n in shape), scan_shape, str(path))
    check_size(path, four, dtype, offset, exact=False)
    return Scan(four, dtype, PlainRows(path, four, dtype, offset), str(path))
