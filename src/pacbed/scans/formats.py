"""Scans in HDF5 files, zarr stores and the formats of RosettaSciIO, opened lazily."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.errors import MissingExtraError, PacbedError
from pacbed.pattern.square_pixels import LARGEST, are_square
from pacbed.readers.axis_units import length_nm
from pacbed.readers.checks import not_readable, reason
from pacbed.readers.formats import ROSETTASCIIO_MODULES
from pacbed.readers.hdf5 import metadata_of
from pacbed.readers.hdf5_content import Hdf5Content, choose_array, read_content
from pacbed.readers.measurement import Metadata
from pacbed.readers.metadata import groups, read_metadata
from pacbed.readers.pixel_mask import read_pixel_mask
from pacbed.readers.signals import choose_signal, open_signals
from pacbed.readers.tags import as_number
from pacbed.readers.zarr_store import open_zarr
from pacbed.scans.orientation import read_orientation
from pacbed.scans.scan import ArrayRows, Scan, as_four, check_declared, damaged, shapes_of

#: Extensions that RosettaSciIO reads lazily.
LAZY_FORMATS = tuple(n for n in ROSETTASCIIO_MODULES if n not in (".tif", ".tiff"))


class LazyRows:
    """Reads rows through RosettaSciIO; may be sent to other processes.

    Parameters
    ----------
    path : Path
    scan_shape : tuple of int or None
        Shape of the scan, for a series of frames.
    dataset : str or None
        Which of several signals.
    alone : bool
        Refuse a file that has others read; see :mod:`pacbed.links`.
    """

    def __init__(
        self,
        path: Path,
        scan_shape: tuple[int, int] | None,
        dataset: str | None = None,
        alone: bool = False,
    ) -> None:
        self.path = path
        self._scan_shape = scan_shape
        self._dataset = dataset
        self._alone = alone
        self._opened: dict[str, Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_opened": None}

    @property
    def signal(self) -> dict[str, Any]:
        """The file's one 4-D signal; `data` has the axes in our order."""
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def __call__(self, first: int, last: int) -> np.ndarray:
        """Scan rows from `first` to before `last`."""
        rows = ArrayRows(self.signal["data"])
        try:
            return rows(first, last)
        except Exception as error:  # whatever the parsers meet in a damaged file
            raise damaged(self.path, first, error) from error

    def _open(self) -> dict[str, Any]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                signals = open_signals(self.path, self._alone, scan_shape=self._scan_shape,
                                       dataset=self._dataset)  # fmt: skip
                signal = choose_signal(signals, self.path, 3, self._dataset)
                data = signal["data"]
                shape = as_four(tuple(int(n) for n in data.shape), self._scan_shape, str(self.path))
                return {**signal, "data": data.reshape(shape)}
        except PacbedError:
            raise
        except Exception as error:  # RosettaSciIO raises whatever its parsers meet
            raise not_readable(self.path, reason(error)) from error


def open_lazily(rows: LazyRows) -> Scan:
    """Open a scan with what the file says about it."""
    signal = rows.signal
    data, axes = signal["data"], signal["axes"]
    chunks = getattr(data, "chunks", None)
    return _with_metadata(
        Scan(tuple(int(n) for n in data.shape), np.dtype(data.dtype), rows, str(rows.path),  # type: ignore[arg-type]
             rows_at_once=None if chunks is None else max(int(n) for n in chunks[0])),
        read_metadata(signal), axes,
    )  # fmt: skip


@dataclass(frozen=True)
class FrameRows:
    """Reads rows of an array in an HDF5 file or a zarr store; may be sent to other processes.

    Attributes
    ----------
    path : Path
    array : Hdf5Array or ZarrFrames
    shape : tuple of int
        With four axes.
    """

    path: Path
    array: Any
    shape: tuple[int, int, int, int]

    def __call__(self, first: int, last: int) -> np.ndarray:
        """Scan rows from `first` to before `last`."""
        columns = 1 if self.array.ndim == 4 else self.shape[1]
        try:
            frames = self.array[first * columns : last * columns]
            return np.asarray(frames).reshape(last - first, *self.shape[1:])
        except MissingExtraError:
            raise
        except Exception as error:  # h5py and zarr raise many classes on damage
            raise damaged(self.path, first, error) from error


def open_hdf5(
    path: Path, scan_shape: tuple[int, int] | None, dataset: str | None, alone: bool = False
) -> Scan:
    """Open the 4-D dataset of an HDF5 file: the one asked for, its default, or the largest.

    With `alone` a file that has others read is refused; see :mod:`pacbed.links`.
    """
    content = read_content(path, alone)
    if scan_shape is None and dataset is None:
        scan_shape = _triggered(content)
    series = max((a.shape[0] for a in content.arrays.values() if a.ndim == 3), default=None)
    name, array = choose_array(content, dataset, 3 if scan_shape is not None else 4,
                               _no_scan(series))  # fmt: skip
    check_declared(array.shape, scan_shape, str(path))
    four = as_four(array.shape, scan_shape, str(path))
    at_once = int(array.chunks[0]) if array.chunks and array.ndim == 4 else 1
    return _with_metadata(
        Scan(four, array.dtype, FrameRows(path, array, four), str(path),
             rows_at_once=at_once if at_once > 1 else None,
             pixel_mask=read_pixel_mask(path, four[2:], alone=alone),
             orientation=read_orientation(content.tags)),
        metadata_of(content, name), content.axes[name],
    )  # fmt: skip


def open_zarr_scan(path: Path, scan_shape: tuple[int, int] | None, dataset: str | None) -> Scan:
    """Open the scan in a zarr store, as abTEM writes it."""
    array, axes, tags = open_zarr(path, dataset)
    check_declared(array.shape, scan_shape, str(path))
    four = as_four(array.shape, scan_shape, str(path))
    known = read_metadata({"axes": axes, "metadata": {}, "original_metadata": {"abtem": tags}})
    return _with_metadata(
        Scan(four, array.dtype, FrameRows(path, array, four), str(path)), known, axes
    )


def _triggered(content: Hdf5Content) -> tuple[int, int] | None:
    """The scan's rows and columns, where a Dectris detector was triggered once a row."""
    if any(array.ndim == 4 for array in content.arrays.values()):
        return None
    settings = next(groups(content.tags, "detectorSpecific"), {})
    rows, columns = (as_number(settings.get(name)) for name in ("ntrigger", "nimages"))
    if rows is None or columns is None or min(rows, columns) < 2:
        return None
    frames = {array.shape[0] for array in content.arrays.values() if array.ndim == 3}
    return (int(rows), int(columns)) if rows * columns in frames else None


def _no_scan(series: int | None) -> str:
    """What is said of a file without a scan, with the shapes that a series of frames may have."""
    words = (
        "holds no array with four axes: scan row, scan column, detector row, detector column; "
        "for a series of frames add --scan-shape ROWS,COLUMNS"
    )
    return f"{words}." if series is None else f"{words}, such as {shapes_of(series)}."


def _with_metadata(scan: Scan, known: Metadata, axes: list[Any]) -> Scan:
    return replace(
        with_angles(scan, known),
        step_nm=_step(axes[:-2] if len(axes) == 4 else []),
        high_tension_kV=known.high_tension_kV,
        convergence_mrad=known.convergence_mrad,
    )


def with_angles(scan: Scan, known: Metadata) -> Scan:
    """The scan with the angles of its pixels: where they are not square, of square ones."""
    aspect = known.pixel_aspect
    if known.mrad_per_pixel_axes is None or aspect is None or are_square(aspect):
        return replace(scan, mrad_per_pixel=known.mrad_per_pixel)
    if not 1 / LARGEST < aspect < LARGEST:
        return scan
    return replace(scan, mrad_per_pixel=min(known.mrad_per_pixel_axes), pixel_aspect=aspect)


def _step(axes: list[Any]) -> tuple[float, float] | None:
    steps = [_length(axis) for axis in axes]
    if len(steps) != 2 or steps[0] is None or steps[1] is None:
        return None
    return steps[0], steps[1]


def _length(axis: Any) -> float | None:
    scale = as_number(axis.get("scale"))
    return None if scale is None else length_nm(scale, axis.get("units"))
