"""Scans in HDF5 files and in the formats of RosettaSciIO, opened lazily."""

import importlib
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.errors import FileFormatError, MissingExtraError, PacbedError, PatternError
from pacbed.links import check_hdf5
from pacbed.readers.checks import not_readable, reason
from pacbed.readers.declared_size import check_declared_size
from pacbed.readers.metadata import groups, read_metadata
from pacbed.readers.names_inside import check_names_inside
from pacbed.scans.scan import ArrayRows, Scan, as_four, damaged

#: Reader modules of RosettaSciIO that read lazily, by extension.
LAZY_FORMATS = {
    ".dm3": "digitalmicrograph",
    ".dm4": "digitalmicrograph",
    ".mib": "quantumdetector",
    ".xml": "empad",
    ".emd": "emd",
    ".de5": "emd",
    ".hspy": "hspy",
    ".zspy": "zspy",
    ".blo": "blockfile",
    ".mrc": "mrc",
    ".tvips": "tvips",
    ".app5": "topspin",
    ".prz": "pantarhei",
    ".ser": "tia",
    ".emi": "tia",
}
#: Lengths in nm.
_LENGTHS = {
    "nm": 1.0,
    "å": 0.1,
    "a": 0.1,
    "angstrom": 0.1,
    "pm": 1e-3,
    "µm": 1e3,
    "um": 1e3,
    "m": 1e9,
}


class LazyRows:
    """Reads rows through RosettaSciIO; may be sent to other processes.

    Parameters
    ----------
    path : Path
    module : str
        Of RosettaSciIO.
    scan_shape : tuple of int or None
        Shape of the scan, for a series of frames.
    alone : bool
        Refuse a file that has others read; see :mod:`pacbed.links`.
    """

    def __init__(
        self, path: Path, module: str, scan_shape: tuple[int, int] | None, alone: bool = False
    ) -> None:
        self.path = path
        self._module = module
        self._scan_shape = scan_shape
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
            reader = importlib.import_module(f"rsciio.{self._module}")
        except ImportError as error:
            raise self._lacking(error) from error
        # RosettaSciIO logs to the standard output, where the answer goes.
        logging.getLogger("rsciio").setLevel(logging.CRITICAL)
        options: dict[str, Any] = {}
        if self._module == "quantumdetector" and self._scan_shape is not None:
            options["navigation_shape"] = self._scan_shape[::-1]
        if self._module == "zspy":
            # By default it is opened for writing too, which an archive does not allow.
            options["mode"] = "r"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                check_names_inside(self.path, self._alone)
                check_declared_size(self.path)
                signals = reader.file_reader(str(self.path), lazy=True, **options)
                return self._choose(signals)
        except PacbedError:
            raise
        except ImportError as error:
            raise self._lacking(error) from error
        except Exception as error:  # RosettaSciIO raises whatever its parsers meet
            raise not_readable(self.path, reason(error)) from error

    def _lacking(self, error: ImportError) -> MissingExtraError:
        package = (error.name or "rosettasciio[all]").split(".")[0]
        return MissingExtraError(
            f"{self.path}: reading {self.path.suffix} needs a further package ({error}): "
            f"pip install '{package}'."
        )

    def _choose(self, signals: list[dict[str, Any]]) -> dict[str, Any]:
        large = [s for s in signals if len(s["data"].shape) >= 3]
        if len(large) != 1:
            shapes = ", ".join(str(tuple(s["data"].shape)) for s in signals)
            raise PatternError(
                f"{self.path}: holds {len(large)} scans (shapes: {shapes or 'none'}): "
                "save the one scan in a file of its own."
            )
        signal = _scan_first(large[0]) if self._module == "digitalmicrograph" else dict(large[0])
        data, axes = signal["data"], signal.get("axes") or []
        detector = [n for n, axis in enumerate(axes) if not axis.get("navigate", False)]
        if len(detector) == 2 and len(axes) == data.ndim:
            order = [n for n in range(data.ndim) if n not in detector] + detector
            data, axes = data.transpose(order), [axes[n] for n in order]
        shape = as_four(tuple(int(n) for n in data.shape), self._scan_shape, str(self.path))
        return {**signal, "data": data.reshape(shape), "axes": axes}


def _scan_first(signal: dict[str, Any]) -> dict[str, Any]:
    """A signal of DigitalMicrograph with the scan's axes before the detector's.

    Earlier versions let the scan run fastest in the file, and say so in a tag; RosettaSciIO
    takes the axes as they come.
    """
    tags = next(groups(signal.get("original_metadata"), "Meta Data"), {})
    swapped = tags.get("Data Order Swapped")
    if swapped is None or bool(int(swapped)) or len(signal["data"].shape) != 4:
        return dict(signal)
    order = (2, 3, 0, 1)
    axes = [
        {**signal["axes"][n], "navigate": place < 2, "index_in_array": place}
        for place, n in enumerate(order)
    ]
    return {**signal, "data": signal["data"].transpose(order), "axes": axes}


def open_lazily(rows: LazyRows) -> Scan:
    """Open a scan with what the file says about it."""
    signal = rows.signal
    data, axes = signal["data"], signal["axes"]
    known = read_metadata(signal)
    navigation = axes[:-2] if len(axes) == 4 else []
    chunks = getattr(data, "chunks", None)
    return Scan(
        tuple(int(n) for n in data.shape),  # type: ignore[arg-type]
        np.dtype(data.dtype),
        rows,
        str(rows.path),
        rows_at_once=None if chunks is None else max(int(n) for n in chunks[0]),
        step_nm=_step(navigation),
        mrad_per_pixel=known.mrad_per_pixel,
        high_tension_kV=known.high_tension_kV,
        convergence_mrad=known.convergence_mrad,
    )


class Hdf5Rows:
    """Reads rows of a dataset in an HDF5 file; may be sent to other processes.

    Parameters
    ----------
    path : Path
    dataset : str
    shape : tuple of int
        With four axes.
    """

    def __init__(self, path: Path, dataset: str, shape: tuple[int, int, int, int]) -> None:
        self._path, self._dataset, self._shape = path, dataset, shape

    def __call__(self, first: int, last: int) -> np.ndarray:
        """Scan rows from `first` to before `last`."""
        import h5py

        try:
            with h5py.File(self._path, "r") as file:
                array = _dataset(file, self._dataset)
                if array.ndim == 4:
                    return np.asarray(array[first:last])
                columns = self._shape[1]
                frames = array[first * columns : last * columns]
                return np.asarray(frames).reshape(last - first, *self._shape[1:])
        except Exception as error:  # h5py raises many classes on damaged files
            raise damaged(self._path, first, error) from error


def _dataset(file: Any, name: str) -> Any:
    """A dataset whose external storage, if any, is named from the folder of its file."""
    import h5py

    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    access.set_efile_prefix(b"${ORIGIN}")
    return h5py.Dataset(h5py.h5d.open(file.id, name.encode(), access))


def open_hdf5(
    path: Path, scan_shape: tuple[int, int] | None, dataset: str | None, alone: bool = False
) -> Scan:
    """Open the 4-D dataset of an HDF5 file: the one asked for, or the largest.

    With `alone` a file that has others read is refused; see :mod:`pacbed.links`.
    """
    import h5py

    check_hdf5(path, alone, beside=True)
    found: dict[str, Any] = {}

    def collect(name: str, item: Any) -> None:
        least = 3 if scan_shape is not None else 4
        if isinstance(item, h5py.Dataset) and item.ndim in range(least, 5):
            found.setdefault(name, (tuple(int(n) for n in item.shape), item.dtype, item.chunks))

    try:
        with h5py.File(path, "r") as file:
            file.visititems(collect)
            # What another name leads to, in this file or in the one beside it.
            file.visititems_links(
                lambda name, link: (
                    None if isinstance(link, h5py.HardLink) else collect(name, file.get(name))
                )
            )
    except Exception as error:  # h5py raises many classes on damaged files
        raise FileFormatError(
            f"{path}: not a readable HDF5 file, or cut short ({reason(error)}): copy it again."
        ) from error
    if dataset is not None and dataset.strip("/") not in found:
        raise PatternError(
            f"{path}: there is no 4-D array {dataset}: it has {', '.join(found) or 'none'}."
        )
    if not found:
        raise PatternError(
            f"{path}: holds no array with four axes: scan row, scan column, detector row, "
            "detector column; for a series of frames add --scan-shape ROWS,COLUMNS."
        )
    name = (
        dataset.strip("/")
        if dataset
        else max(found, key=lambda n: np.prod(found[n][0], dtype=float))
    )
    shape, dtype, chunks = found[name]
    four = as_four(shape, scan_shape, str(path))
    at_once = int(chunks[0]) if chunks and len(shape) == 4 and chunks[0] > 1 else None
    return Scan(four, np.dtype(dtype), Hdf5Rows(path, name, four), str(path), rows_at_once=at_once)


def _step(axes: list[Any]) -> tuple[float, float] | None:
    steps = [_length(axis) for axis in axes]
    if len(steps) != 2 or steps[0] is None or steps[1] is None:
        return None
    return steps[0], steps[1]


def _length(axis: Any) -> float | None:
    unit = str(axis.get("units") or "").replace("\u03bc", "\u00b5").strip().casefold()
    try:
        scale = abs(float(axis.get("scale")))
    except (TypeError, ValueError):
        return None
    if unit not in _LENGTHS or not np.isfinite(scale) or scale == 0:
        return None
    return scale * _LENGTHS[unit]
