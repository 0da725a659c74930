"""What a map is asked for, and the windows that follow from it."""

from dataclasses import dataclass, field

import numpy as np

from pacbed.arrays import Mask
from pacbed.errors import OutOfRangeError
from pacbed.library.models.kinds import Model, table_of
from pacbed.pattern.square_pixels import check_aspect
from pacbed.scans.orientation import ScanOrientation
from pacbed.scans.scan import Scan
from pacbed.scans.windows import WindowGrid, projected_cell_nm, window_for_cell


@dataclass(frozen=True)
class MapOptions:
    """Settings of a thickness map, validated on construction.

    Attributes
    ----------
    convergence_mrad : float or None
        Convergence semi-angle; None finds it.
    window : tuple of int or None
        Rows and columns of scan positions in a window; None finds the smallest that covers
        a unit cell, for which the scan step must be known.
    stride : tuple of int or None
        Positions from one window to the next; None is the window itself.
    region : tuple of int or None
        First and last-plus-one scan row, then column, of what is mapped.
    mask : ndarray of bool or None
        True where a scan position is used.
    mrad_per_pixel : float or None
        Angle per pixel; None finds it.
    refine : bool
        Fit; without it the answers are the networks' alone. A model without networks always
        fits.
    samples : int
        Windows from which scale, rotation and centre are found.
    step_nm : float or None
        Distance of scan positions, where the file does not say.
    detector_mask : ndarray of bool or None
        True where a pixel of the detector says nothing, beside those that the file lists and
        those that are found: dead lines, gaps and a beam stop.
    scan_rotation_deg : float or None
        Turns vectors of the pattern from +x towards +y to be vectors of the scan; None takes
        what the file says. See :class:`pacbed.scans.orientation.ScanOrientation`.
    flip_y : bool
        The pattern's y is reversed before it is turned.
    pixel_aspect : float or None
        Angle per row over angle per column of the detector; None takes what the file says, and
        where no window fits then, what the bright disk shows. The map's pixels are square ones.

    Raises
    ------
    OutOfRangeError
        If a number makes no sense.
    """

    convergence_mrad: float | None = None
    window: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    region: tuple[int, int, int, int] | None = None
    mask: Mask | None = field(default=None, compare=False)
    mrad_per_pixel: float | None = None
    refine: bool = True
    samples: int = 16
    step_nm: float | None = None
    detector_mask: Mask | None = field(default=None, compare=False)
    scan_rotation_deg: float | None = None
    flip_y: bool = False
    pixel_aspect: float | None = None

    def __post_init__(self) -> None:
        for name in ("convergence_mrad", "mrad_per_pixel", "step_nm"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise OutOfRangeError(f"{name} must be a positive number, not {value}")
        if self.samples < 1:
            raise OutOfRangeError("samples must be 1 or more")
        if self.pixel_aspect is not None:
            check_aspect(self.pixel_aspect)
        # It is checked where it is made.
        self.orientation  # noqa: B018

    @property
    def orientation(self) -> ScanOrientation | None:
        """How the scan's axes lie in the patterns; None where nothing was given."""
        if self.scan_rotation_deg is None and not self.flip_y:
            return None
        return ScanOrientation(self.scan_rotation_deg or 0.0, self.flip_y)

    def settings(self) -> dict[str, object]:
        """The settings as plain values for a file; masks only as whether there are any."""
        return {
            "convergence_mrad": self.convergence_mrad,
            "window": None if self.window is None else list(self.window),
            "stride": None if self.stride is None else list(self.stride),
            "region": None if self.region is None else list(self.region),
            "masked": self.mask is not None,
            "mrad_per_pixel": self.mrad_per_pixel,
            "refine": self.refine,
            "samples": self.samples,
            "step_nm": self.step_nm,
            "detector_masked": self.detector_mask is not None,
            "scan_rotation_deg": self.scan_rotation_deg,
            "flip_y": self.flip_y,
            "pixel_aspect": self.pixel_aspect,
        }


def scan_step_nm(scan: Scan, options: MapOptions) -> tuple[float, float] | None:
    """Distance of scan rows and columns, nm: as given, else as the file says."""
    if options.step_nm is not None:
        return options.step_nm, options.step_nm
    return scan.step_nm


def make_grid(scan: Scan, bundle: Model, options: MapOptions) -> tuple[WindowGrid, tuple[str, ...]]:
    """Windows for a scan, and what the user should know of them.

    Parameters
    ----------
    scan : Scan
    bundle : Model
    options : MapOptions

    Returns
    -------
    grid : WindowGrid
    warnings : tuple of str

    Raises
    ------
    OutOfRangeError
        If the window cannot be found or does not fit.
    """
    step = scan_step_nm(scan, options)
    cell = projected_cell_nm(table_of(bundle).geometry.reciprocal)
    window = options.window
    if window is None:
        if step is None:
            raise OutOfRangeError(
                f"{scan.name}: the file does not give the scan step, from which the window is "
                "found: add --window N, or --step NM."
            )
        window = (window_for_cell(cell, step[0]), window_for_cell(cell, step[1]))
    warnings = []
    if step is None:
        warnings.append(
            "the scan step is not known: whether a window covers a unit cell was not checked"
        )
    elif min(n * s for n, s in zip(window, step, strict=True)) < cell * (1 - 1e-6):
        sides = " x ".join(f"{n * s:.3g}" for n, s in zip(window, step, strict=True))
        warnings.append(
            f"a window of {sides} nm is smaller than the unit cell of {cell:.3g} nm: its mean "
            "is not a PACBED pattern, and thickness and tilt will be wrong; take larger windows"
        )
    region = options.region or (0, 0, 0, 0)
    return (
        WindowGrid(scan.scan_shape, window, options.stride or window, region, options.mask),
        tuple(warnings),
    )
