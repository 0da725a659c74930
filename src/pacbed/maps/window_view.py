"""One window of a map, opened up: what was measured beside what was fitted."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter

from pacbed.answer.report.view import match_intensity
from pacbed.arrays import Numbers
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
    grid = grid_of(scan, result)
    scan = replace(
        scan.without_pixels(result.detector_mask, "the map's mask of pixels"),
        pixel_aspect=result.geometry.pixel_aspect,
    )
    sums = next(scan.sums(grid, row, row + 1))
    measured = sums.patterns[column] / max(int(sums.frames[column]), 1)
    geometry = result.geometry
    shift = np.nan_to_num(result.center_shift_px[row, column])
    center = geometry.center(places(grid)[None, row, column])[0] + shift
    low, high = bundle.system.convergence_mrad
    tilt = np.array([result.tilt_x_mrad[row, column], result.tilt_y_mrad[row, column]])
    convergence_mrad = float(np.clip(geometry.convergence_mrad, low, high))
    parameters = geometry.detector.pattern(thickness_nm, tilt, convergence_mrad, center)
    ideal = synthesise(table_of(bundle), parameters, measured.shape)
    blurred = gaussian_filter(np.nan_to_num(ideal), geometry.blur_mrad / geometry.mrad_per_pixel)
    fitted, _ = match_intensity(measured, np.where(np.isfinite(ideal), blurred, np.nan))
    return WindowView(measured, fitted)


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
