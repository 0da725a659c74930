"""Which scan positions make up each PACBED pattern, and their sums.

A PACBED pattern is the mean over at least one unit cell. A window of scan positions is
summed for each pixel of the map; windows may overlap. A scan is gone through once, in
blocks of scan rows, and never held whole.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pacbed.errors import OutOfRangeError

#: Where more of the pixels than this are no numbers, it is the frames that are bad.
MOST_DEAD = 0.5


@dataclass(frozen=True)
class WindowGrid:
    """Windows of scan positions; window (i, j) begins at scan position i·stride, j·stride.

    Attributes
    ----------
    scan_shape : tuple of int
        Rows and columns of scan positions.
    window : tuple of int
        Rows and columns of positions in a window.
    stride : tuple of int
        Positions from one window to the next.
    region : tuple of int
        First and last-plus-one row, then column, of the scan that is used.
    mask : ndarray of bool, shape `scan_shape`, or None
        True where a position is used.

    Raises
    ------
    OutOfRangeError
        If no window fits, or a number makes no sense.
    """

    scan_shape: tuple[int, int]
    window: tuple[int, int]
    stride: tuple[int, int]
    region: tuple[int, int, int, int] = (0, 0, 0, 0)
    mask: NDArray[np.bool_] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        rows, columns = self.scan_shape
        if self.region == (0, 0, 0, 0):
            object.__setattr__(self, "region", (0, rows, 0, columns))
        top, bottom, left, right = self.region
        if min(*self.window, *self.stride) < 1:
            raise OutOfRangeError("window and stride must be 1 or more scan positions")
        if not (0 <= top < bottom <= rows and 0 <= left < right <= columns):
            raise OutOfRangeError(
                f"the region {top}:{bottom}, {left}:{right} does not lie in the scan of "
                f"{rows} x {columns} positions; give rows and columns inside it"
            )
        if self.window[0] > bottom - top or self.window[1] > right - left:
            raise OutOfRangeError(
                f"a window of {self.window[0]} x {self.window[1]} positions is larger than the "
                f"scan of {bottom - top} x {right - left}; give a smaller window"
            )
        if self.mask is not None and self.mask.shape != self.scan_shape:
            raise OutOfRangeError(
                f"the mask has shape {self.mask.shape}, the scan {self.scan_shape}; "
                "give a mask with one entry for each scan position"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of windows: the shape of the maps."""
        top, bottom, left, right = self.region
        return (
            (bottom - top - self.window[0]) // self.stride[0] + 1,
            (right - left - self.window[1]) // self.stride[1] + 1,
        )

    def rows_of(self, row: int) -> tuple[int, int]:
        """First and last-plus-one scan row of a row of windows."""
        first = self.region[0] + row * self.stride[0]
        return first, first + self.window[0]

    def columns_of(self, column: int) -> tuple[int, int]:
        """First and last-plus-one scan column of a column of windows."""
        first = self.region[2] + column * self.stride[1]
        return first, first + self.window[1]

    def centers(self) -> tuple[np.ndarray, np.ndarray]:
        """Scan row and column of the windows' middles, arrays of the map's shape."""
        rows = self.region[0] + np.arange(self.shape[0]) * self.stride[0]
        columns = self.region[2] + np.arange(self.shape[1]) * self.stride[1]
        middle = [(n - 1) / 2 for n in self.window]
        row, column = np.meshgrid(rows + middle[0], columns + middle[1], indexing="ij")
        return row, column


@dataclass(frozen=True)
class WindowSums:
    """Summed patterns of one row of windows.

    Attributes
    ----------
    row : int
        Number of the row of windows.
    patterns : ndarray of float64, shape (columns, detector rows, detector columns)
        Sums over the frames that count; NaN where a pixel of the detector says nothing.
    frames : ndarray of int, shape (columns,)
        How many frames count: masked ones do not, nor those with a NaN at another pixel than most.
    bad : ndarray of int, shape (columns,)
        Frames left out because a pixel of them is NaN or infinite.
    """

    row: int
    patterns: np.ndarray
    frames: np.ndarray
    bad: np.ndarray


class WindowSummer:
    """Sums up rows of windows while scan rows are fed in order.

    Parameters
    ----------
    grid : WindowGrid
    first, last : int
        The rows of windows to make, last excluded.
    silent : ndarray of bool, shape (detector rows, detector columns), optional
        True where a pixel says nothing: what a frame holds there is no fault of the frame.
    """

    def __init__(
        self,
        grid: WindowGrid,
        first: int = 0,
        last: int | None = None,
        silent: NDArray[np.bool_] | None = None,
    ) -> None:
        self._grid = grid
        self._silent = silent
        self._open: dict[int, WindowSums] = {}
        self._next = first
        self._last = grid.shape[0] if last is None else last

    @property
    def scan_rows(self) -> tuple[int, int]:
        """First and last-plus-one scan row that must be fed."""
        return self._grid.rows_of(self._next)[0], self._grid.rows_of(self._last - 1)[1]

    def feed(self, scan_row: int, frames: np.ndarray) -> Iterator[WindowSums]:
        """Add one scan row, and give the rows of windows that it completes.

        Parameters
        ----------
        scan_row : int
        frames : ndarray, shape (scan columns, detector rows, detector columns)
            Real numbers of any type.
        """
        grid = self._grid
        while self._next < self._last and grid.rows_of(self._next)[0] <= scan_row:
            self._open[self._next] = _empty(grid, self._next, frames)
            self._next += 1
        needed = [row for row in self._open if scan_row < grid.rows_of(row)[1]]
        if needed:
            summed, count, bad = _sum_row(grid, scan_row, frames, self._silent)
            for row in needed:
                sums = self._open[row]
                np.add(sums.patterns, summed, out=sums.patterns)
                np.add(sums.frames, count, out=sums.frames)
                np.add(sums.bad, bad, out=sums.bad)
        for row in sorted(self._open):
            if grid.rows_of(row)[1] <= scan_row + 1:
                done = self._open.pop(row)
                if self._silent is not None:
                    done.patterns[:, self._silent] = np.nan
                yield done


def sum_windows(
    grid: WindowGrid,
    scan_rows: Iterator[tuple[int, np.ndarray]],
    first: int,
    last: int,
    silent: NDArray[np.bool_] | None = None,
) -> Iterator[WindowSums]:
    """Sum rows of windows in one pass.

    Parameters
    ----------
    grid : WindowGrid
    scan_rows : iterator of (int, ndarray)
        Number and frames of the scan rows, in order.
    first, last : int
        Rows of windows, last excluded.
    silent : ndarray of bool, optional
        See :class:`WindowSummer`.
    """
    summer = WindowSummer(grid, first, last, silent)
    for number, frames in scan_rows:
        yield from summer.feed(number, frames)


def window_for_cell(cell_nm: float, step_nm: float) -> int:
    """Smallest number of scan positions along one side that covers a unit cell."""
    return max(1, math.ceil(cell_nm / step_nm - 1e-6))


def projected_cell_nm(reciprocal: np.ndarray) -> float:
    """Longer side of the projected cell, nm, from its reciprocal vectors (rows, 1/Å)."""
    sides = np.linalg.norm(np.linalg.inv(reciprocal), axis=0)
    return float(sides.max()) / 10


def _empty(grid: WindowGrid, row: int, frames: np.ndarray) -> WindowSums:
    columns = grid.shape[1]
    zeros = np.zeros((2, columns), np.int64)
    patterns = np.zeros((columns, *frames.shape[1:]), np.float64)
    return WindowSums(row, patterns, zeros[0], zeros[1])


def _sum_row(
    grid: WindowGrid, scan_row: int, frames: np.ndarray, silent: NDArray[np.bool_] | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums of one scan row over the columns of each window, and what counts."""
    integers = frames.dtype.kind in "iub"
    used = np.ones(len(frames), bool) if grid.mask is None else grid.mask[scan_row].copy()
    # A sum over all pixels is NaN or infinite where one of them is.
    finite = np.ones(len(frames), bool)
    if not integers:
        with np.errstate(over="ignore", invalid="ignore"):
            finite = np.isfinite(frames.sum(axis=(1, 2), dtype=np.float64))
            if silent is not None and not finite.all():
                frames = np.where(silent, 0, frames)
                finite = np.isfinite(frames.sum(axis=(1, 2), dtype=np.float64))
    dead = _dead_pixels(frames, finite)
    if dead is not None:
        frames = np.where(dead, 0, frames)
        finite = np.isfinite(frames.sum(axis=(1, 2), dtype=np.float64))
    counts = used & finite
    whole = bool(counts.all())
    kind = _accumulator(frames.dtype, grid.window[1])
    columns = grid.shape[1]
    summed = np.empty((columns, *frames.shape[1:]), kind)
    for column in range(columns):
        first, last = grid.columns_of(column)
        part = frames[first:last] if whole else frames[first:last][counts[first:last]]
        np.add.reduce(part, axis=0, dtype=kind, out=summed[column])
    if dead is not None:
        summed[:, dead] = np.nan
    windows = [grid.columns_of(column) for column in range(columns)]
    return (
        summed,
        np.array([int(counts[a:b].sum()) for a, b in windows]),
        np.array([int((used & ~finite)[a:b].sum()) for a, b in windows]),
    )


def _dead_pixels(frames: np.ndarray, finite: np.ndarray) -> NDArray[np.bool_] | None:
    """Pixels that are no numbers in most frames: the detector's, not a frame's; None of none."""
    if finite.mean() > 0.5:
        return None
    dead: NDArray[np.bool_] = (~np.isfinite(frames)).mean(axis=0) > 0.5
    return dead if 0 < dead.mean() < MOST_DEAD else None


def _accumulator(dtype: np.dtype, count: int) -> np.dtype:
    """Type in which a sum of so many values is exact; float64 for real numbers."""
    if dtype.kind == "b" or (dtype.kind == "u" and dtype.itemsize <= 2 and count <= 2**15):
        return np.dtype(np.uint32)
    return np.dtype({"u": np.uint64, "i": np.int64}.get(dtype.kind, np.float64))
