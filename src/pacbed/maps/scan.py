"""A 4D-STEM scan that is read piece by piece."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pacbed.errors import PatternError

#: Frames that are read at once hold at most so many bytes.
_CHUNK_BYTES = 64 << 20


@dataclass(frozen=True)
class Scan:
    """A 4D-STEM scan; nothing of it is in memory until rows are read.

    Attributes
    ----------
    shape : tuple of int
        Scan rows, scan columns, detector rows, detector columns.
    dtype : dtype
    read : callable
        ``read(first, last)`` gives the scan rows from `first` to before `last` as an
        array of shape (last − first, scan columns, detector rows, detector columns).
    name : str
        File or what else the scan is called, for messages.
    step_nm : tuple of float or None
        Distance of scan rows and of scan columns, nm.
    mrad_per_pixel, high_tension_kV, convergence_mrad : float or None
        What the file says.
    """

    shape: tuple[int, int, int, int]
    dtype: np.dtype
    read: Callable[[int, int], np.ndarray] = field(repr=False, compare=False)
    name: str = "scan"
    step_nm: tuple[float, float] | None = None
    mrad_per_pixel: float | None = None
    high_tension_kV: float | None = None
    convergence_mrad: float | None = None

    def __post_init__(self) -> None:
        if len(self.shape) != 4:
            raise PatternError(
                f"{self.name}: an array of shape {self.shape} is no 4D-STEM scan: its axes must "
                "be scan row, scan column, detector row, detector column."
            )
        if np.dtype(self.dtype).kind not in "biuf":
            raise PatternError(f"{self.name}: holds {self.dtype}; give real numbers.")
        if min(self.shape) < 1:
            raise PatternError(f"{self.name}: the array of shape {self.shape} is empty.")
        if min(self.shape[2:]) < 32:
            raise PatternError(
                f"{self.name}: the detector has {self.shape[2]} x {self.shape[3]} pixels and the "
                f"scan {self.shape[0]} x {self.shape[1]} positions; patterns need 32 pixels along "
                "each side. Give the axes in the order scan row, scan column, detector row, "
                "detector column."
            )

    @property
    def scan_shape(self) -> tuple[int, int]:
        """Rows and columns of scan positions."""
        return self.shape[:2]

    @classmethod
    def from_array(cls, array: Any, name: str = "scan", **known: Any) -> "Scan":
        """Scan of an array in memory, memory-mapped, or of Dask.

        Parameters
        ----------
        array : array_like, shape (rows, columns, detector rows, detector columns)
        name : str
        **known
            ``step_nm``, ``mrad_per_pixel`` and the other attributes.
        """

        def read(first: int, last: int) -> np.ndarray:
            return np.asarray(array[first:last])

        shape = tuple(int(n) for n in array.shape)
        return cls(shape, np.dtype(array.dtype), read, name, **known)  # type: ignore[arg-type]

    def rows(self, first: int, last: int) -> Iterator[tuple[int, np.ndarray]]:
        """Scan rows one by one, read in chunks of a bounded size."""
        row_bytes = int(np.prod(self.shape[1:], dtype=np.int64)) * np.dtype(self.dtype).itemsize
        several = max(1, _CHUNK_BYTES // max(row_bytes, 1))
        for start in range(first, last, several):
            chunk = self.read(start, min(start + several, last))
            for offset in range(len(chunk)):
                yield start + offset, chunk[offset]
