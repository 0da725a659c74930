"""The measured patterns of all windows of a map, small enough to be kept after its scan is gone.

All are cut to the surroundings of the bright disk and binned alike; what scattered beyond the disk
is kept as one number each, the dark-field picture.
"""

import io
import math
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pacbed.answer.report.view import ReportView
from pacbed.arrays import Numbers
from pacbed.errors import FileFormatError, OutOfRangeError
from pacbed.files import write_atomically
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.library.models.kinds import Model
from pacbed.maps.geometry import places
from pacbed.maps.thickness_map import ThicknessMap
from pacbed.maps.window_view import as_mapped, grid_of, simulated_window
from pacbed.scans.scan import Scan

#: Half width of the cut, and where the dark field begins, in convergence semi-angles.
_FIELD, _DARK_FROM = 1.8, 1.05
#: All patterns together, and one of them, are at most so large.
_MOST_BYTES, _MOST_SIDE = 64 * 2**20, 160
_LEVELS = 65534


@dataclass(frozen=True)
class KeptWindows:
    """Patterns of the windows of a map.

    Attributes
    ----------
    patterns : ndarray of uint16, shape (rows, columns, side, side)
        0 is no value, 1 to 65535 run from `lowest` to `highest`.
    lowest, highest : ndarray, shape (rows, columns)
        Mean counts of a frame.
    center_px : ndarray, shape (rows, columns, 2)
        The disk's centre (x, y) in pixels of the patterns.
    mrad_per_pixel : ndarray, shape ()
        Of the patterns.
    dark_field : ndarray, shape (rows, columns)
        Mean intensity of a pixel of the detector beyond the disk; NaN where none is recorded.
    """

    patterns: NDArray[np.uint16]
    lowest: Numbers
    highest: Numbers
    center_px: Numbers
    mrad_per_pixel: Numbers
    dark_field: Numbers

    def measured(self, row: int, column: int) -> Numbers:
        """One pattern, NaN where there is no value.

        Raises
        ------
        OutOfRangeError
            If there is no such window.
        """
        rows, columns = self.lowest.shape
        if not (0 <= row < rows and 0 <= column < columns):
            raise OutOfRangeError(
                f"there is no window {row}, {column} in a map of {rows} x {columns}"
            )
        levels = self.patterns[row, column].astype(np.float64)
        low, high = self.lowest[row, column], self.highest[row, column]
        return np.asarray(
            np.where(levels == 0, np.nan, low + (levels - 1) / _LEVELS * (high - low))
        )


def keep_windows(scan: Scan, result: ThicknessMap, most_bytes: int = _MOST_BYTES) -> KeptWindows:
    """Take the patterns of all windows from a scan, in one pass.

    Parameters
    ----------
    scan : Scan
        The one that the map is of.
    result : ThicknessMap
    most_bytes : int
        Of all patterns together; they are binned to that.

    Returns
    -------
    KeptWindows
    """
    grid, geometry = grid_of(scan, result), result.geometry
    scan = as_mapped(scan, result)
    rows, columns = grid.shape
    centers = np.stack([geometry.center(place) for place in places(grid)])
    kept: list[tuple[Numbers, Numbers]] = []
    cut: _Cut | None = None
    for sums in scan.sums(grid, 0, rows):
        means = sums.patterns / np.maximum(sums.frames, 1)[:, None, None]
        cut = cut or _Cut.around(
            centers, geometry, means.shape[1:], most_bytes // (2 * rows * columns)
        )
        dark = np.array(
            [_dark(m, c, geometry) for m, c in zip(means, centers[sums.row], strict=True)]
        )
        kept.append((cut.of(means), dark))
    if cut is None:
        raise OutOfRangeError("a map without windows has no patterns")
    patterns = np.stack([patterns for patterns, _ in kept])
    low = _finite_or(0.0, np.where(np.isfinite(patterns), patterns, np.inf).min(axis=(-2, -1)))
    high = _finite_or(0.0, np.where(np.isfinite(patterns), patterns, -np.inf).max(axis=(-2, -1)))
    width = np.where(high > low, high - low, 1.0)
    shares = (patterns - low[..., None, None]) / width[..., None, None]
    levels = np.where(np.isfinite(shares), np.rint(np.nan_to_num(shares) * _LEVELS) + 1, 0)
    return KeptWindows(
        levels.astype(np.uint16), low, low + width, cut.places(centers),
        np.array(geometry.mrad_per_pixel * cut.binning), np.stack([dark for _, dark in kept]),
    )  # fmt: skip


def save_windows(path: Path, windows: KeptWindows) -> None:
    """Write the patterns of a map's windows.

    Raises
    ------
    FileFormatError
        If the file cannot be written.
    """
    content = io.BytesIO()
    np.savez(content, **vars(windows))
    write_atomically(path, content.getvalue())


def load_windows(path: Path) -> KeptWindows:
    """Read what :func:`save_windows` wrote.

    Raises
    ------
    FileFormatError
        If the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return KeptWindows(**{field.name: arrays[field.name] for field in fields(KeptWindows)})
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise FileFormatError(f"{path}: holds no patterns of a map ({error})") from error


def draw_window(
    windows: KeptWindows, result: ThicknessMap, model: Model, row: int, column: int
) -> ReportView:
    """Put the pattern of a window beside the one that is simulated at its answer.

    Parameters
    ----------
    windows : KeptWindows
    result : ThicknessMap
    model : Model
        The one behind the map.
    row, column : int
        Of the window in the map.

    Returns
    -------
    ReportView
        Without a simulation where the window has no answer.

    Raises
    ------
    OutOfRangeError
        If there is no such window.
    """
    measured = windows.measured(row, column)
    geometry, pitch = result.geometry, float(windows.mrad_per_pixel)
    shift = np.nan_to_num(result.center_shift_px[row, column])
    center = windows.center_px[row, column] + shift * geometry.mrad_per_pixel / pitch
    view = ReportView(
        measured, pitch, float(center[1]), float(center[0]), geometry.convergence_mrad
    )
    answer = (result.thickness_nm, result.tilt_x_mrad, result.tilt_y_mrad)
    if not all(math.isfinite(layer[row, column]) for layer in answer):
        return view
    try:
        simulated = simulated_window(result, model, (row, column), center, pitch, measured.shape)
    except OutOfRangeError:
        return view
    return replace(view, simulated=simulated)


@dataclass(frozen=True)
class _Cut:
    """The part of the detector that is kept, and how many of its pixels become one."""

    top: int
    left: int
    side: int
    binning: int

    @classmethod
    def around(
        cls, centers: Numbers, geometry: SharedGeometry, shape: tuple[int, ...], most: int
    ) -> "_Cut":
        """Around all centres (x, y), with at most so many pixels."""
        flat = centers.reshape(-1, 2)
        reach = _FIELD * geometry.radius_px
        low, high = flat.min(axis=0) - reach, flat.max(axis=0) + reach
        extent = min(int(np.ceil((high - low).max())), max(shape))
        side = max(1, min(_MOST_SIDE, math.isqrt(max(1, most))))
        binning = max(1, math.ceil(extent / side))
        side = math.ceil(extent / binning)
        middle = (low + high) / 2
        first = np.round(middle - (side * binning - 1) / 2).astype(int)
        return cls(int(first[1]), int(first[0]), side, binning)

    def of(self, patterns: Numbers) -> Numbers:
        """The cut of patterns, NaN beyond the detector."""
        count, rows, columns = patterns.shape
        extent = self.side * self.binning
        whole = np.full((count, extent, extent), np.nan)
        top, left = max(0, self.top), max(0, self.left)
        bottom, right = min(rows, self.top + extent), min(columns, self.left + extent)
        inside = (
            slice(top - self.top, bottom - self.top),
            slice(left - self.left, right - self.left),
        )
        whole[:, inside[0], inside[1]] = patterns[:, top:bottom, left:right]
        blocks = whole.reshape(count, self.side, self.binning, self.side, self.binning)
        known = np.isfinite(blocks)
        sums, counts = np.where(known, blocks, 0.0).sum(axis=(2, 4)), known.sum(axis=(2, 4))
        return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))

    def places(self, centers: Numbers) -> Numbers:
        """Centres (x, y) of the detector in pixels of the cut."""
        return (centers - (self.left, self.top) + 0.5) / self.binning - 0.5


def _finite_or(value: float, found: Numbers) -> Numbers:
    return np.asarray(np.where(np.isfinite(found), found, value))


def _dark(pattern: Numbers, center: Numbers, geometry: SharedGeometry) -> float:
    row, column = np.ogrid[: pattern.shape[0], : pattern.shape[1]]
    beyond = np.hypot(row - center[1], column - center[0]) > _DARK_FROM * geometry.radius_px
    values = pattern[beyond & np.isfinite(pattern)]
    return float(values.mean()) if values.size else math.nan
