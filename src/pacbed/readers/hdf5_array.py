"""An array in an HDF5 file, read frame by frame; a detector's may be cut into several."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.errors import MissingExtraError


@dataclass(frozen=True)
class Hdf5Array:
    """An array that stays in its file; may be sent to other processes.

    Attributes
    ----------
    path : Path
    parts : tuple of str
        Names of the datasets that hold it, one after the other along the first axis.
    lengths : tuple of int
        Of each part along the first axis.
    shape : tuple of int
        Of the whole, frames last.
    dtype : dtype
    reversed_axes : bool
        The file's axes run the other way round, as MATLAB writes them.
    chunks : tuple of int or None
        What is read at once, along the axes of `shape`.
    """

    path: Path
    parts: tuple[str, ...]
    lengths: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: np.dtype
    reversed_axes: bool = False
    chunks: tuple[int, ...] | None = None

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, index: tuple[int, ...] | slice) -> np.ndarray:
        """One frame by its place along the leading axes, or a slice of the first axis."""
        if isinstance(index, slice):
            return self.rows(index.start or 0, min(index.stop, self.shape[0]))
        if not index:
            return self._read(self.parts[0], ())
        number, rest = index[0], tuple(slice(n, n + 1) for n in index[1:])
        part, place = self._part(number)
        frame = self._read(part, (slice(place, place + 1), *rest))
        return frame.reshape(self.shape[-2:])

    def rows(self, first: int, last: int) -> np.ndarray:
        """What lies from `first` to before `last` along the first axis."""
        pieces = []
        begin = 0
        for part, length in zip(self.parts, self.lengths, strict=True):
            start, end = max(first - begin, 0), min(last - begin, length)
            if start < end:
                pieces.append(self._read(part, (slice(start, end),)))
            begin += length
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _part(self, number: int) -> tuple[str, int]:
        for part, length in zip(self.parts, self.lengths, strict=True):
            if number < length:
                return part, number
            number -= length
        raise IndexError(number)

    def _read(self, part: str, index: tuple[slice, ...]) -> np.ndarray:
        import h5py

        load_filters()
        with h5py.File(self.path, "r") as file:
            dataset = _dataset(file, part)
            try:
                if self.reversed_axes:
                    whole = (slice(None),) * (self.ndim - len(index))
                    return np.asarray(dataset[whole + index[::-1]]).T
                return np.asarray(dataset[index])
            except OSError as error:
                raise _lacking_filter(self.path, error) from error


def load_filters() -> None:
    """Make the compressions of detectors known to HDF5, where their package is installed."""
    import contextlib

    with contextlib.suppress(ImportError):
        import hdf5plugin  # noqa: F401


def _lacking_filter(path: Path, error: OSError) -> Exception:
    """The error itself, or what is missing where HDF5 does not know a compression."""
    if "filter" not in str(error) and "plugin" not in str(error):
        return error
    return MissingExtraError(
        f"{path}: its compression needs a further package ({' '.join(str(error).split())[:80]}): "
        "pip install 'pacbed-cnn[dectris]'."
    )


def _dataset(file: Any, name: str) -> Any:
    """A dataset whose external storage, if any, is named from the folder of its file."""
    import h5py

    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    access.set_efile_prefix(b"${ORIGIN}")
    return h5py.Dataset(h5py.h5d.open(file.id, name.encode(), access))
