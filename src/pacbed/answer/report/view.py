"""The part of a measured pattern that the validation picture shows."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pacbed.answer.report.shown import Shown
from pacbed.errors import OutOfRangeError, PatternError
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.square_pixels import square_pixels
from pacbed.pattern.synthesis import synthesise

FloatArray = NDArray[np.float32] | NDArray[np.float64]

#: A wider crop is binned: the picture cannot show more, and it keeps the simulation cheap.
_LARGEST_SIDE = 512
#: A crop has at least this half width in pixels, however wrong the camera length is.
_SMALLEST_HALF_WIDTH = 4.0


@dataclass(frozen=True)
class ReportView:
    """A measured pattern and its simulation on one pixel grid.

    Attributes
    ----------
    measured : array, shape (rows, columns)
        Measured intensity in any unit; NaN where there is no measurement.
    mrad_per_pixel : float
        Angle per pixel of this grid, mrad.
    center_row_px, center_column_px : float
        Centre of the bright-field disk in this grid, pixels; it may lie outside.
    convergence_mrad : float
        Convergence semi-angle, the radius of the disk, mrad.
    simulated : array, shape (rows, columns), optional
        Simulated intensity in any unit, in the orientation of ``measured``; NaN
        where the simulation does not reach.

    Raises
    ------
    PatternError
        If an array is not two-dimensional, the shapes differ, or an angle is not
        a positive number.
    """

    measured: FloatArray
    mrad_per_pixel: float
    center_row_px: float
    center_column_px: float
    convergence_mrad: float
    simulated: FloatArray | None = None

    def __post_init__(self) -> None:
        """Check shapes and angles."""
        if self.measured.ndim != 2 or self.measured.size == 0:
            raise PatternError(
                f"the report needs a two-dimensional pattern, not shape {self.measured.shape}"
            )
        if self.simulated is not None and self.simulated.shape != self.measured.shape:
            raise PatternError(
                f"the simulated pattern has shape {self.simulated.shape}, the measured one "
                f"{self.measured.shape}: simulate it on the grid of the measured one"
            )
        for name in ("mrad_per_pixel", "convergence_mrad"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise PatternError(f"{name} must be a positive number, not {value!r}")
        if not (math.isfinite(self.center_row_px) and math.isfinite(self.center_column_px)):
            raise PatternError("the centre of the bright-field disk must be a pair of numbers")

    @property
    def extent_mrad(self) -> tuple[float, float, float, float]:
        """Outer edges (left, right, bottom, top) in mrad from the centre, y downwards."""
        rows, columns = self.measured.shape
        return (
            (-0.5 - self.center_column_px) * self.mrad_per_pixel,
            (columns - 0.5 - self.center_column_px) * self.mrad_per_pixel,
            (rows - 0.5 - self.center_row_px) * self.mrad_per_pixel,
            (-0.5 - self.center_row_px) * self.mrad_per_pixel,
        )


def crop_view(
    data: ArrayLike, estimate: Shown, convergence_mrad: float, field: float = 1.8
) -> ReportView:
    """Cut the surroundings of the bright-field disk out of a measured pattern.

    Parameters
    ----------
    data : array_like, shape (rows, columns)
        The pattern as given to the inference.
    estimate : Shown
        Gives the centre of the disk and the angle per pixel.
    convergence_mrad : float
        Convergence semi-angle α, mrad.
    field : float
        Half width of the cut in units of α.

    Returns
    -------
    ReportView
        Square cut without a simulation. What lies beyond the array is NaN. A cut
        wider than 512 pixels is binned by a whole number, so its ``mrad_per_pixel``
        can be a multiple of the estimate's.

    Raises
    ------
    PatternError
        If ``data`` is not a two-dimensional array of real numbers, or an angle,
        the centre or the field is not usable.

    Examples
    --------
    ::

        view = crop_view(data, estimate, convergence_mrad=20.0)
        figure = draw_report(simulate_view(view, bundle.table, estimate), estimate)
    """
    image = np.asarray(data)
    if image.ndim != 2 or image.dtype.kind not in "buif":
        raise PatternError(
            "the report needs a two-dimensional array of real numbers, "
            f"not shape {image.shape} of type {image.dtype}"
        )
    image = square_pixels(image, estimate.basis.pixel_aspect)
    known = estimate.basis.known
    if known is not None and known.shape == image.shape:
        # What said nothing is not shown either.
        image = np.where(known, image, np.nan)
    # The checks of ReportView come first: the arithmetic below needs these numbers.
    whole = ReportView(
        image,
        estimate.mrad_per_pixel,
        estimate.center_row_px,
        estimate.center_column_px,
        convergence_mrad,
    )
    if not (math.isfinite(field) and field > 0):
        raise PatternError(f"the field of the report must be a positive number, not {field!r}")

    half_width = max(field * convergence_mrad / whole.mrad_per_pixel, _SMALLEST_HALF_WIDTH)
    binning = math.ceil((2 * half_width + 1) / _LARGEST_SIDE)
    side = 2 * math.ceil(half_width / binning - 0.5) + 1
    first_row = _first_index(whole.center_row_px, side * binning)
    first_column = _first_index(whole.center_column_px, side * binning)
    return ReportView(
        measured=_bin_cut(image, first_row, first_column, side, binning),
        mrad_per_pixel=whole.mrad_per_pixel * binning,
        center_row_px=(whole.center_row_px - first_row + 0.5) / binning - 0.5,
        center_column_px=(whole.center_column_px - first_column + 0.5) / binning - 0.5,
        convergence_mrad=convergence_mrad,
    )


def simulate_view(view: ReportView, table: LacbedTable | None, estimate: Shown) -> ReportView:
    """Add to a view the pattern simulated at the answer.

    Parameters
    ----------
    view : ReportView
        From :func:`crop_view`.
    table : LacbedTable or None
        Table of the system that the estimate is for; None where its model has none.
    estimate : Shown
        Gives thickness, tilt and rotation.

    Returns
    -------
    ReportView
        The simulation has the measured pattern's grid and orientation, and NaN
        beyond the field that the table records. The view comes back as it was where
        there is no table, the rotation or the tilt's direction is not known, or the answer
        lies outside the table: the picture then says so.
    """
    x, y = estimate.tilt_x_mrad, estimate.tilt_y_mrad
    if table is None or estimate.rotation_deg is None or x is None or y is None:
        return view
    parameters = PatternParameters(
        thickness_nm=estimate.thickness_nm,
        tilt_x_mrad=x,
        tilt_y_mrad=y,
        convergence_mrad=view.convergence_mrad,
        mrad_per_pixel=view.mrad_per_pixel,
        rotation_deg=estimate.rotation_deg,
        center_row_px=view.center_row_px,
        center_column_px=view.center_column_px,
    )
    rows, columns = view.measured.shape
    try:
        simulated = synthesise(table, parameters, shape=(rows, columns))
    except OutOfRangeError:
        return view
    row, column = np.ogrid[:rows, :columns]
    distance = np.hypot(row - view.center_row_px, column - view.center_column_px)
    distance = distance * view.mrad_per_pixel
    recorded = distance <= table.geometry.field * view.convergence_mrad
    return replace(view, simulated=np.where(recorded, simulated, np.nan))


def match_intensity(measured: FloatArray, simulated: FloatArray) -> tuple[FloatArray, float]:
    """Scale and offset a simulated pattern to a measured one by least squares.

    Parameters
    ----------
    measured, simulated : array, shape (rows, columns)
        Two patterns on one grid; pixels that are not finite in either are left out.

    Returns
    -------
    matched : array, shape (rows, columns)
        ``a * simulated + b`` in the unit of ``measured``. A negative ``a`` is
        replaced by zero: a pattern of inverted contrast is no match.
    residual : float
        Share of the variance of ``measured`` that ``matched`` leaves, 0..1.
    """
    usable = np.isfinite(measured) & np.isfinite(simulated)
    if not usable.any():
        return np.full(simulated.shape, np.nan), 1.0
    target = measured[usable].astype(np.float64)
    model = simulated[usable].astype(np.float64)
    target_mean, model_mean = target.mean(), model.mean()
    model_variance = model.var()
    slope = 0.0
    if model_variance > 0:
        slope = max(0.0, float(np.mean((target - target_mean) * (model - model_mean))))
        slope /= float(model_variance)
    matched = slope * (simulated.astype(np.float64) - model_mean) + target_mean
    variance = float(target.var())
    left = float(np.mean((target - matched[usable]) ** 2))
    return matched, min(1.0, left / variance) if variance > 0 else 1.0


def _first_index(center: float, width: int) -> int:
    """First index of a run of ``width`` pixels whose middle is nearest to ``center``."""
    return round(center - (width - 1) / 2)


def _bin_cut(
    image: NDArray[np.generic], first_row: int, first_column: int, side: int, binning: int
) -> NDArray[np.float64]:
    """Mean of the finite pixels of each bin of a square cut; NaN where there are none."""
    picture = np.full((side, side), np.nan)
    rows, columns = image.shape
    # Only pixels that exist are touched, so a cut far larger than the array stays cheap.
    row_index = np.arange(
        min(max(first_row, 0), rows), min(max(first_row + side * binning, 0), rows)
    )
    column_index = np.arange(
        min(max(first_column, 0), columns), min(max(first_column + side * binning, 0), columns)
    )
    if row_index.size == 0 or column_index.size == 0:
        return picture
    row_bins, row_starts = np.unique((row_index - first_row) // binning, return_index=True)
    column_bins, column_starts = np.unique(
        (column_index - first_column) // binning, return_index=True
    )
    inside = image[np.ix_(row_index, column_index)].astype(np.float64)
    finite = np.isfinite(inside)

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        by_row = np.add.reduceat(values, row_starts, axis=0)
        return np.asarray(np.add.reduceat(by_row, column_starts, axis=1))

    count = total(finite.astype(np.float64))
    mean = np.full(count.shape, np.nan)
    np.divide(total(np.where(finite, inside, 0.0)), count, out=mean, where=count > 0)
    picture[np.ix_(row_bins, column_bins)] = mean
    return picture
