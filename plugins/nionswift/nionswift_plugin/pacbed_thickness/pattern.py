"""From what Swift holds of an acquisition to the pattern that is inferred."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pacbed import square_pixels
from pacbed.errors import PatternError
from pacbed.readers.axis_units import angle_mrad

if TYPE_CHECKING:
    from nion.data.DataAndMetadata import DataAndMetadata

#: A pattern with more pixels is none.
_MOST_PIXELS = 2**26
#: Where Swift keeps what it calls stem.high_tension_v and stem.convergence_angle_rad, now and in
#: older files: its own function finds the first alone.
HIGH_TENSION_V = ("instrument.high_tension", "hardware_source.autostem.high_tension_v")
CONVERGENCE_RAD = ("instrument.convergence_angle", "hardware_source.convergence_angle_rad")
#: Angles per row and per column that differ by less are one.
_SQUARE = 0.01


@dataclass(frozen=True)
class SwiftPattern:
    """A position-averaged pattern, and what Swift knows of how it was recorded.

    Attributes
    ----------
    data : ndarray of float, shape (rows, columns)
        With square pixels.
    frames : int
        How many were averaged.
    high_tension_kV, convergence_mrad, mrad_per_pixel : float or None
        None where Swift does not know it; the convergence is the semi-angle.
    """

    data: NDArray[np.floating[Any]]
    frames: int
    high_tension_kV: float | None
    convergence_mrad: float | None
    mrad_per_pixel: float | None


def pattern_of(xdata: "DataAndMetadata") -> SwiftPattern:
    """The pattern of a data item.

    Parameters
    ----------
    xdata : DataAndMetadata
        An image, a sequence of images, or a scan with an image at each position: over positions
        and time it is averaged, which is what position-averaged means. A scan should cover whole
        cells of the crystal.

    Raises
    ------
    PatternError
        If it holds no images of real numbers.
    """
    if xdata.datum_dimension_count != 2 or xdata.data_shape[-1] * xdata.data_shape[-2] == 0:
        raise PatternError(
            f"data of shape {tuple(xdata.data_shape)} are no diffraction patterns: choose an "
            "image, or a sequence or scan of images."
        )
    if xdata.is_data_rgb_type or xdata.is_data_complex_type:
        raise PatternError("the data are coloured or complex: choose those of the camera itself.")
    if xdata.data_shape[-1] * xdata.data_shape[-2] > _MOST_PIXELS:
        raise PatternError(f"a pattern of {tuple(xdata.data_shape[-2:])} pixels is too large.")
    high_tension = _number(xdata.metadata, HIGH_TENSION_V, 1e-3)
    by_row, by_column = (
        angle_mrad(abs(calibration.scale), calibration.units, high_tension)
        for calibration in xdata.dimensional_calibrations[-2:]
    )
    data: NDArray[np.floating[Any]]
    data, frames = _average(xdata)
    scale = None
    if by_row and by_column:
        aspect, scale = by_row / by_column, min(by_row, by_column)
        if abs(aspect - 1) > _SQUARE:
            data = square_pixels(data, aspect)
    convergence = _number(xdata.metadata, CONVERGENCE_RAD, 1e3)
    return SwiftPattern(data, frames, high_tension, convergence, scale)


def _average(xdata: "DataAndMetadata") -> tuple[NDArray[np.float64], int]:
    """The mean of all images, and of how many it is."""
    data = xdata.data
    if data.ndim == 2:
        return np.asarray(data, np.float64), 1
    # Row by row: the data may lie in a file and be larger than the memory.
    total = np.zeros(data.shape[-2:], np.float64)
    for part in data:
        total += np.asarray(part).reshape(-1, *data.shape[-2:]).sum(axis=0, dtype=np.float64)
    frames = int(np.prod(data.shape[:-2]))
    return total / max(frames, 1), frames


def _number(metadata: Mapping[str, Any], paths: tuple[str, ...], unit: float) -> float | None:
    """A positive number of Swift's metadata in another unit; None where there is none."""
    for path in paths:
        found: Any = metadata
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        try:
            value = float(found) * unit
        except (TypeError, ValueError):
            continue
        if 0 < value < math.inf:
            return value
    return None
