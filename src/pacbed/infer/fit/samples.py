"""The measured pixels that a fit looks at."""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Numbers
from pacbed.errors import PatternError
from pacbed.infer.fit.parameters import FitParameters
from pacbed.pattern.preprocess import DiskLocation, bin_pixels
from pacbed.pattern.recorded import CleanPattern

#: Binned pixels in one radius of the disk, at least, where the pattern has as many.
_PIXELS_PER_RADIUS = 17
#: Share of a binned pixel that must say something.
_KNOWN = 0.6


@dataclass(frozen=True)
class Samples:
    """Binned pixels around the bright-field disk.

    Attributes
    ----------
    values : ndarray, shape (N,)
        Intensities, with mean 1 inside the disk and a minimum near 0.
    x, y : ndarray, shape (N,)
        Column and row of their centres in the pattern as recorded, pixels.
    pitch_px : float
        Their width, pixels.
    reach : float
        Radius of the region that they were taken from, in radii of the disk.
    """

    values: Numbers
    x: Numbers
    y: Numbers
    pitch_px: float
    reach: float


def take_samples(data: CleanPattern, disk: DiskLocation, reach: float) -> Samples:
    """Bin the pixels within `reach` radii of the disk's centre, but those that say nothing.

    Parameters
    ----------
    data : CleanPattern
    disk : DiskLocation
    reach : float
        Radius of the region, in radii of the disk.

    Returns
    -------
    Samples

    Raises
    ------
    PatternError
        If hardly any of the disk is recorded.
    """
    factor = max(1, int(disk.radius / _PIXELS_PER_RADIUS))
    half = reach * disk.radius + factor
    top, left = (max(0, int(c - half)) for c in (disk.row, disk.column))
    part = slice(top, int(disk.row + half) + 2), slice(left, int(disk.column + half) + 2)
    window = data.values[part]
    if min(window.shape, default=0) < 4 * factor:
        raise PatternError("the bright-field disk lies outside the array; crop less")
    window = bin_pixels(window, factor)
    row = top + (np.arange(window.shape[0]) + 0.5) * factor - 0.5
    column = left + (np.arange(window.shape[1]) + 0.5) * factor - 0.5
    x, y = np.meshgrid(column, row)
    distance = np.hypot(x - disk.column, y - disk.row) / disk.radius
    inside = distance <= reach
    if data.known is not None:
        # What is binned with them was filled from the known pixels around.
        inside &= bin_pixels(data.known[part].astype(np.float32), factor) > _KNOWN
    disk_pixels = window[inside & (distance < 0.9)]
    if disk_pixels.size < 100:
        left_out = data.left_out.words
        mend = f"of its pixels {left_out} say nothing" if left_out else "crop less"
        raise PatternError(f"too little of the bright-field disk is recorded; {mend}")
    low = float(np.quantile(window[inside], 0.01))
    level = float(disk_pixels.mean()) - low
    if not level > 0:
        raise PatternError("pattern has no bright-field disk; give a recorded pattern")
    return Samples(
        (window[inside].astype(float) - low) / level, x[inside], y[inside], float(factor), reach
    )


def take_again(data: CleanPattern, found: FitParameters, before: Samples) -> Samples:
    """Take the samples around the disk that a fit has found, or keep those that it had.

    What lies beyond the disk, where others are, holds a fit up if it was taken for the disk.

    Parameters
    ----------
    data : CleanPattern
    found : FitParameters
    before : Samples
        Kept where hardly any of that disk is recorded.
    """
    radius = found.convergence_mrad / found.mrad_per_pixel
    try:
        return take_samples(
            data, DiskLocation(found.center_y, found.center_x, radius), before.reach
        )
    except PatternError:
        return before
