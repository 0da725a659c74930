"""A 4D-STEM scan that is read piece by piece."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pacbed.errors import FileFormatError, PatternError
from pacbed.pattern.square_pixels import are_square, square_pixels
from pacbed.readers.checks import reason
from pacbed.scans.orientation import ScanOrientation
from pacbed.scans.windows import WindowGrid, WindowSums, sum_windows

#: Frames that are read at once hold at most so many bytes.
_CHUNK_BYTES = 32 << 20


@dataclass(frozen=True)
class ArrayRows:
    """Reads rows of an array; may be sent to other processes.

    Attributes
    ----------
    array : array_like
        In memory, memory-mapped or of Dask.
    """

    array: Any

    def __call__(self, first: int, last: int) -> np.ndarray:
        """Scan rows from `first` to before `last`."""
        part = self.array[first:last]
        if hasattr(part, "compute"):
            # One chunk after the other: the memory stays that of one.
            part = part.compute(scheduler="synchronous")
        return np.asarray(part)


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
    rows_at_once : int or None
        Scan rows that are best read together; None leaves it to the size.
    step_nm : tuple of float or None
        Distance of scan rows and of scan columns, nm.
    mrad_per_pixel, high_tension_kV, convergence_mrad : float or None
        What the file says.
    pixel_mask : ndarray of bool, shape (detector rows, detector columns), or None
        True where a pixel of the detector says nothing, as the file says.
    pixel_aspect : float
        Angle per row over angle per column of the detector. The summed patterns have square
        pixels, of the smaller of both angles, which is what `mrad_per_pixel` is of.
    orientation : ScanOrientation or None
        How the scan's axes lie in the patterns, as the file says.
    """

    shape: tuple[int, int, int, int]
    dtype: np.dtype
    read: Callable[[int, int], np.ndarray] = field(repr=False, compare=False)
    name: str = "scan"
    rows_at_once: int | None = None
    step_nm: tuple[float, float] | None = None
    mrad_per_pixel: float | None = None
    high_tension_kV: float | None = None
    convergence_mrad: float | None = None
    pixel_mask: NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)
    pixel_aspect: float = 1.0
    orientation: ScanOrientation | None = None

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
    def detector_shape(self) -> tuple[int, int]:
        """Rows and columns of the detector."""
        return self.shape[2], self.shape[3]

    def without_pixels(self, silent: NDArray[np.bool_] | None, whose: str) -> Self:
        """The same scan of which more pixels of the detector say nothing.

        Parameters
        ----------
        silent : ndarray of bool, shape (detector rows, detector columns), or None
            None leaves the scan as it is.
        whose : str
            What the mask is called, for messages.

        Raises
        ------
        PatternError
            If the mask has another shape.
        """
        if silent is None:
            return self
        if silent.shape != self.detector_shape:
            raise PatternError(
                f"{self.name}: {whose} has the shape {silent.shape}, the detector "
                f"{self.detector_shape}; give one entry for each pixel of the detector"
            )
        joined = silent if self.pixel_mask is None else silent | self.pixel_mask
        return replace(self, pixel_mask=joined)

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
        shape = tuple(int(n) for n in array.shape)
        if "rows_at_once" not in known and hasattr(array, "chunks") and array.chunks:
            known["rows_at_once"] = max(int(n) for n in array.chunks[0])
        return cls(shape, np.dtype(array.dtype), ArrayRows(array), name, **known)  # type: ignore[arg-type]

    def rows(self, first: int, last: int) -> Iterator[tuple[int, np.ndarray]]:
        """Scan rows one by one, read in chunks of a bounded size, one chunk ahead."""
        row_bytes = int(np.prod(self.shape[1:], dtype=np.int64)) * np.dtype(self.dtype).itemsize
        several = self.rows_at_once or max(1, _CHUNK_BYTES // max(row_bytes, 1))
        with ThreadPoolExecutor(1) as ahead:
            waiting = ahead.submit(self.read, first, min(first + several, last))
            for start in range(first, last, several):
                chunk = waiting.result()
                following = start + several
                if following < last:
                    waiting = ahead.submit(self.read, following, min(following + several, last))
                for offset in range(len(chunk)):
                    yield start + offset, chunk[offset]

    def sums(self, grid: WindowGrid, first: int, last: int) -> Iterator[WindowSums]:
        """Summed patterns of rows of windows, in one pass over their scan rows."""
        begin, end = grid.rows_of(first)[0], grid.rows_of(last - 1)[1]
        for sums in sum_windows(grid, self.rows(begin, end), first, last, self.pixel_mask):
            yield self.on_square_pixels(sums)

    def on_square_pixels(self, sums: WindowSums) -> WindowSums:
        """The same windows with patterns of square pixels."""
        if are_square(self.pixel_aspect):
            return sums
        return replace(sums, patterns=square_pixels(sums.patterns, self.pixel_aspect))


def damaged(path: Path, first: int, error: Exception) -> FileFormatError:
    """What is said of a file that cannot be read from a scan row on."""
    return FileFormatError(
        f"{path}: cannot be read from scan row {first} on, it is damaged or cut short "
        f"({reason(error)}): copy it again."
    )


def as_four(
    shape: tuple[int, ...], scan_shape: tuple[int, int] | None, name: str
) -> tuple[int, int, int, int]:
    """Shape with four axes; a series of frames becomes a scan where its shape is given.

    Raises
    ------
    PatternError
        If there are not four axes and no scan shape that fits.
    """
    if scan_shape is not None and len(shape) in (3, 4):
        frames = math.prod(shape[:-2])
        if math.prod(scan_shape) != frames:
            raise PatternError(
                f"{name}: a scan of {scan_shape[0]} x {scan_shape[1]} has "
                f"{math.prod(scan_shape)} positions, the file {frames} frames: mend --scan-shape, "
                f"such as {shapes_of(frames, scan_shape)}."
            )
        return scan_shape[0], scan_shape[1], shape[-2], shape[-1]
    if len(shape) == 3:
        raise PatternError(
            f"{name}: a series of {shape[0]} frames, not a scan: add --scan-shape ROWS,COLUMNS, "
            f"such as {shapes_of(shape[0])}."
        )
    if len(shape) != 4:
        raise PatternError(
            f"{name}: an array of shape {shape} is no 4D-STEM scan: its axes must be scan row, "
            "scan column, detector row, detector column."
        )
    return shape[0], shape[1], shape[2], shape[3]


def check_declared(shape: tuple[int, ...], scan_shape: tuple[int, int] | None, name: str) -> None:
    """Refuse a scan shape that contradicts the one of an array with four axes.

    Raises
    ------
    PatternError
        Read in another shape its rows would be sheared.
    """
    if scan_shape is None or len(shape) != 4 or min(shape[:2]) < 2:
        return
    if tuple(scan_shape) != tuple(shape[:2]):
        raise PatternError(
            f"{name}: the array itself says that the scan is {shape[0]} x {shape[1]}, not "
            f"{scan_shape[0]} x {scan_shape[1]}: leave out --scan-shape, which is for one long "
            "series of frames."
        )


def shapes_of(frames: int, meant: tuple[int, int] | None = None) -> str:
    """Shapes of a scan that have so many frames: near what was meant, or nearly square."""
    divisors = [n for n in range(1, math.isqrt(frames) + 1) if frames % n == 0]
    pairs = {(n, frames // n) for n in divisors} | {(frames // n, n) for n in divisors}
    aim = math.log(meant[0] / meant[1]) if meant is not None and min(meant) > 0 else 0.0

    def away(pair: tuple[int, int]) -> tuple[int, float]:
        kept = 0 if meant is not None and (pair[0] == meant[0] or pair[1] == meant[1]) else 1
        return kept, round(abs(math.log(pair[0] / pair[1]) - aim), 9)

    nearest = sorted(pairs, key=lambda pair: (*away(pair), pair))[:3]
    return " or ".join(f"{rows},{columns}" for rows, columns in nearest)
