"""Windows summed frame by frame, in any order and by any worker, and added up afterwards.

:class:`~pacbed.scans.windows.WindowSummer` goes through a scan once in its order. Where
others decide which frames come when, as LiberTEM does, each worker has only the windows open
that it has seen frames of.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from pacbed.scans.scan import Scan
from pacbed.scans.windows import MOST_DEAD, WindowGrid, WindowSums


@dataclass
class OpenWindow:
    """A window that is being summed.

    Attributes
    ----------
    pattern : ndarray of float64, shape (detector rows, detector columns)
        Sum of the frames of finite numbers.
    frames, bad : int
        How many these are, and how many others there are: with a pixel that is NaN or infinite.
    others : ndarray of float64 or None
        Sum of the others, NaN where one of them is no finite number; None where there are none.
    """

    pattern: np.ndarray
    frames: int = 0
    bad: int = 0
    others: np.ndarray | None = None

    def add(self, frame: np.ndarray, finite: bool) -> None:
        """Add a frame."""
        if finite:
            self.pattern += frame
            self.frames += 1
        else:
            self._add_others(np.where(np.isfinite(frame), frame, np.nan))
            self.bad += 1

    def join(self, other: "OpenWindow") -> None:
        """Add what another worker has summed of the same window."""
        self.pattern += other.pattern
        self.frames += other.frames
        self.bad += other.bad
        if other.others is not None:
            self._add_others(other.others)

    def _add_others(self, frames: np.ndarray) -> None:
        if self.others is None:
            self.others = np.zeros(self.pattern.shape, np.float64)
        self.others += frames

    def sums(self) -> tuple[np.ndarray, int, int]:
        """The pattern, how many frames count, and how many were left out.

        Where most frames have such pixels, these are the detector's, and the frames count.
        """
        if self.others is None or self.bad <= self.frames:
            return self.pattern, self.frames, self.bad
        dead = np.isnan(self.others)
        if dead.mean() > MOST_DEAD:
            return self.pattern, self.frames, self.bad
        return self.pattern + self.others, self.frames + self.bad, 0


#: By row and column of the window.
OpenWindows = dict[tuple[int, int], OpenWindow]


def windows_at(grid: WindowGrid, row: int, column: int) -> Iterator[tuple[int, int]]:
    """Windows that hold a scan position, none where it lies outside the region or the mask.

    Parameters
    ----------
    grid : WindowGrid
    row, column : int
        Scan position.
    """
    top, bottom, left, right = grid.region
    if not (top <= row < bottom and left <= column < right):
        return
    if grid.mask is not None and not grid.mask[row, column]:
        return
    for i in _along(row - top, grid.window[0], grid.stride[0], grid.shape[0]):
        for j in _along(column - left, grid.window[1], grid.stride[1], grid.shape[1]):
            yield i, j


def _along(position: int, window: int, stride: int, count: int) -> range:
    first = max(0, -(-(position - window + 1) // stride))
    return range(first, min(count - 1, position // stride) + 1)


def add_frame(
    windows: OpenWindows,
    grid: WindowGrid,
    row: int,
    column: int,
    frame: np.ndarray,
    silent: np.ndarray | None = None,
) -> None:
    """Add a frame to all windows that hold it.

    Parameters
    ----------
    windows : dict
        Is changed.
    grid : WindowGrid
    row, column : int
        Scan position.
    frame : ndarray, shape (detector rows, detector columns)
        Real numbers of any type.
    silent : ndarray of bool, shape (detector rows, detector columns), optional
        True where a pixel says nothing: what a frame holds there is no fault of the frame.
    """
    finite: bool | None = None
    for place in windows_at(grid, row, column):
        if finite is None:
            finite = frame.dtype.kind in "iub" or bool(np.isfinite(frame.sum(dtype=np.float64)))
            if silent is not None and not finite:
                frame = np.where(silent, 0, frame)
                finite = bool(np.isfinite(frame.sum(dtype=np.float64)))
        if place not in windows:
            windows[place] = OpenWindow(np.zeros(frame.shape, np.float64))
        windows[place].add(frame, finite)


def join_windows(into: OpenWindows, others: OpenWindows) -> None:
    """Add windows of another worker; `into` is changed, `others` is not."""
    for place, window in others.items():
        if place in into:
            into[place].join(window)
        else:
            into[place] = OpenWindow(np.zeros_like(window.pattern))
            into[place].join(window)


def row_of_sums(
    windows: OpenWindows, grid: WindowGrid, row: int, shape: tuple[int, ...]
) -> WindowSums:
    """A row of windows, as the summer of a scan in order gives it.

    Parameters
    ----------
    windows : dict
    grid : WindowGrid
    row : int
        Of windows.
    shape : tuple of int
        Detector rows and columns.
    """
    columns = grid.shape[1]
    sums = WindowSums(
        row,
        np.zeros((columns, *shape), np.float64),
        np.zeros(columns, np.int64),
        np.zeros(columns, np.int64),
    )
    for column in range(columns):
        window = windows.get((row, column))
        if window is not None:
            sums.patterns[column], sums.frames[column], sums.bad[column] = window.sums()
    return sums


@dataclass(frozen=True)
class SummedScan(Scan):
    """A scan whose windows somebody else has summed; its frames are not at hand.

    Attributes
    ----------
    windows : dict
        Sums of the windows of the one grid that it is asked for.
    """

    windows: OpenWindows = field(default_factory=dict, repr=False, compare=False)

    def sums(self, grid: WindowGrid, first: int, last: int) -> Iterator[WindowSums]:
        """Summed patterns of rows of windows."""
        for row in range(first, last):
            sums = row_of_sums(self.windows, grid, row, self.shape[2:])
            if self.pixel_mask is not None:
                sums.patterns[:, self.pixel_mask] = np.nan
            yield self.on_square_pixels(sums)


def no_frames(first: int, last: int) -> np.ndarray:
    """Stands where a scan has no way to read its frames."""
    raise NotImplementedError("the frames of this scan are elsewhere")


def complete_windows(grid: WindowGrid, seen: np.ndarray) -> np.ndarray:
    """Windows of which every position that counts was seen.

    Parameters
    ----------
    grid : WindowGrid
    seen : ndarray of bool, shape `grid.scan_shape`

    Returns
    -------
    ndarray of bool, shape `grid.shape`
    """
    missing = ~seen if grid.mask is None else ~seen & grid.mask
    # Number of missing positions above and left of each place; windows are its differences.
    table = np.zeros((missing.shape[0] + 1, missing.shape[1] + 1), np.int64)
    table[1:, 1:] = missing.cumsum(axis=0, dtype=np.int64).cumsum(axis=1)
    rows = grid.region[0] + np.arange(grid.shape[0]) * grid.stride[0]
    columns = grid.region[2] + np.arange(grid.shape[1]) * grid.stride[1]
    below, right = rows + grid.window[0], columns + grid.window[1]
    left_out = (
        table[np.ix_(below, right)]
        - table[np.ix_(rows, right)]
        - table[np.ix_(below, columns)]
        + table[np.ix_(rows, columns)]
    )
    return np.asarray(left_out == 0)
