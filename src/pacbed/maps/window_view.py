"""One window of a map, opened up: what was measured beside what was fitted."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter

from pacbed.answer.report.view import match_intensity
from pacbed.arrays import Numbers, Pixels
from pacbed.errors import OutOfRangeError
from pacbed.library.models.kinds import Model, table_of
from pacbed.maps.geometry import places
from pacbed.maps.thickness_map import ThicknessMap
from pacbed.pattern.synthesis import synthesise
from pacbed.scans.scan import Scan
from pacbed.scans.windows import WindowGrid


@dataclass(frozen=True)
class WindowView:
    """Patterns of one window, in the pixels of the detector, or in square ones where those are not.

    Attributes
    ----------
    measured : ndarray, shape (rows, columns)
        Mean of the window's frames; NaN where a pixel says nothing.
    fitted : ndarray
        Synthesised at the answer, in the unit of `measured`; NaN where the table does not reach.
    """

    measured: Numbers
    fitted: Numbers

    @property
    def difference(self) -> Numbers:
        """Measured less fitted."""
        return self.measured - self.fitted

    @property
    def unexplained(self) -> float:
        """Share of the measured variance that the fitted pattern leaves."""
        known = np.isfinite(self.difference)
        return float(np.var(self.difference[known]) / np.var(self.measured[known]))


def view_window(
    scan: Scan, result: ThicknessMap, bundle: Model, row: int, column: int
) -> WindowView:
    """Look into a window.

    Parameters
    ----------
    scan : Scan
        The one that the map is of.
    result : ThicknessMap
    bundle : Model
        The one behind the map.
    row, column : int
        Of the window in the map.

    Raises
    ------
    OutOfRangeError
        If there is no such window, it has no answer, or the map was made with a mask and
        lacks it.
    """
    rows, columns = result.shape
    if not (0 <= row < rows and 0 <= column < columns):
        raise OutOfRangeError(f"there is no window {row}, {column} in a map of {rows} x {columns}")
    thickness_nm = float(result.thickness_nm[row, column])
    if not np.isfinite(thickness_nm):
        raise OutOfRangeError(f"window {row}, {column} has no answer to compare with")
    grid, scan = grid_of(scan, result), as_mapped(scan, result)
    sums = next(scan.sums(grid, row, row + 1))
    measured = sums.patterns[column] / max(int(sums.frames[column]), 1)
    geometry = result.geometry
    shift = np.nan_to_num(result.center_shift_px[row, column])
    center = geometry.center(places(grid)[None, row, column])[0] + shift
    simulated = simulated_window(
        result, bundle, (row, column), center, geometry.mrad_per_pixel, measured.shape
    )
    return WindowView(measured, match_intensity(measured, simulated)[0])


def simulated_window(
    result: ThicknessMap,
    model: Model,
    window: tuple[int, int],
    center: Pixels,
    mrad_per_pixel: float,
    shape: tuple[int, int],
) -> Numbers:
    """The pattern that is simulated at the answer of a window, as the detector blurs it.

    Parameters
    ----------
    result : ThicknessMap
    model : Model
        The one behind the map.
    window : tuple of int
        Its row and column.
    center : ndarray, shape (2,)
        Of the disk (x, y), pixels of the picture.
    mrad_per_pixel : float
        Of the picture.
    shape : tuple of int
        Its rows and columns.

    Returns
    -------
    ndarray
        NaN where the table does not reach.

    Raises
    ------
    OutOfRangeError
        If the table does not reach the answer.
    """
    geometry = result.geometry
    low, high = model.system.convergence_mrad
    tilt = np.array([result.tilt_x_mrad[window], result.tilt_y_mrad[window]])
    convergence_mrad = float(np.clip(geometry.convergence_mrad, low, high))
    thickness_nm = float(result.thickness_nm[window])
    there = geometry.detector.pattern(thickness_nm, tilt, convergence_mrad, center)
    binned = mrad_per_pixel / geometry.mrad_per_pixel
    asked = replace(there, mrad_per_pixel=there.mrad_per_pixel * binned)
    ideal = synthesise(table_of(model), asked, shape)
    blurred = gaussian_filter(np.nan_to_num(ideal), geometry.blur_mrad / mrad_per_pixel)
    return np.asarray(np.where(np.isfinite(ideal), blurred, np.nan))


def as_mapped(scan: Scan, result: ThicknessMap) -> Scan:
    """The scan as its map took it: without the masked pixels, and on square ones."""
    return replace(
        scan.without_pixels(result.detector_mask, "the map's mask of pixels"),
        pixel_aspect=result.geometry.pixel_aspect,
    )


def grid_of(scan: Scan, result: ThicknessMap) -> WindowGrid:
    """The windows that the map was made of."""
    window, stride, region = (
        tuple(result.settings[name]) for name in ("window", "stride", "region")
    )
    if result.settings.get("masked") and result.mask is None:
        raise OutOfRangeError(
            "the map was made with a mask, and its file, of an earlier version, does not hold it: "
            "make the map again"
        )
    return WindowGrid(scan.scan_shape, window, stride, region, result.mask)
