"""Where a pixel of a pattern lies in the crystal's frame."""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Matrix, Tilt
from pacbed.errors import OutOfRangeError


@dataclass(frozen=True)
class PatternParameters:
    """Everything that a noiseless pattern depends on.

    Attributes
    ----------
    thickness_nm : float
        Along the zone axis.
    tilt_x_mrad, tilt_y_mrad : float
        Position of the zone axis in the pattern, seen from the centre of the
        bright-field disk: x to the right, y downwards.
    convergence_mrad : float
        Convergence semi-angle.
    mrad_per_pixel : float
    rotation_deg : float
        Turns the crystal's x axis from +x towards +y of the pattern.
    center_row_px, center_column_px : float or None
        Centre of the bright-field disk; None is the middle of the grid.
    ellipticity : float
        ε of a small distortion: angles along the axis `ellipticity_angle_deg` are
        stretched by 1 + ε, across it by 1 − ε.
    ellipticity_angle_deg : float
    """

    thickness_nm: float
    tilt_x_mrad: float
    tilt_y_mrad: float
    convergence_mrad: float
    mrad_per_pixel: float
    rotation_deg: float = 0.0
    center_row_px: float | None = None
    center_column_px: float | None = None
    ellipticity: float = 0.0
    ellipticity_angle_deg: float = 0.0

    def __post_init__(self) -> None:
        if not self.convergence_mrad > 0 or not self.mrad_per_pixel > 0:
            raise OutOfRangeError("convergence_mrad and mrad_per_pixel must be positive")
        if not abs(self.ellipticity) < 0.3:
            raise OutOfRangeError("ellipticity must lie between -0.3 and 0.3")


def rotation_matrix(angle_deg: float) -> Matrix:
    """Matrix that turns (x, y) by an angle from +x towards +y, shape (2, 2)."""
    return turn_matrix(np.deg2rad(angle_deg))


def turn_matrix(angle: float) -> Matrix:
    """As :func:`rotation_matrix`, of an angle in rad."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])


def pixel_to_crystal(parameters: PatternParameters) -> Matrix:
    """Matrix from pixel offsets (x, y) to angles in the crystal's frame, mrad, (2, 2)."""
    p = parameters
    axis = rotation_matrix(p.ellipticity_angle_deg)
    stretch = axis @ np.diag([1 / (1 + p.ellipticity), 1 / (1 - p.ellipticity)]) @ axis.T
    return rotation_matrix(-p.rotation_deg) @ stretch * p.mrad_per_pixel


def crystal_tilt(parameters: PatternParameters) -> Tilt:
    """Tilt vector in the crystal's frame, mrad, shape (2,)."""
    tilt: Tilt = np.array([parameters.tilt_x_mrad, parameters.tilt_y_mrad])
    return rotation_matrix(-parameters.rotation_deg) @ tilt
