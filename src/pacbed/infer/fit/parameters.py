"""The parameters of the fit: by name for those who read them, as a vector for the solver.

The vector's order and units:

====================  =====================================================
thickness             nm
tilt x, y             mrad, in the crystal's frame
centre x, y           column and row of the disk's centre, pixels
log scale             logarithm of the angle per pixel (mrad)
rotation              rad
ellipticity a, b      the distortion matrix 1 + [[a, b], [b, −a]], no unit
log convergence       logarithm of the convergence semi-angle (mrad)
====================  =====================================================
"""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Numbers, Tilt
from pacbed.pattern.detector_geometry import DetectorGeometry
from pacbed.pattern.geometry import turn_matrix

#: Places in the vector: for the solver and the model, where the vector is the variable.
(THICKNESS, TILT_X, TILT_Y, CENTER_X, CENTER_Y, LOG_SCALE, ROTATION, ELLIPSE_A, ELLIPSE_B,
 LOG_ALPHA) = range(10)  # fmt: skip


@dataclass(frozen=True)
class FitParameters:
    """Where a fit starts or ends.

    Attributes
    ----------
    thickness_nm : float
    tilt : tuple of float
        x, y in the crystal's frame, mrad.
    center_x, center_y : float
        Column and row of the disk's centre, pixels.
    log_scale : float
        Logarithm of the angle per pixel (mrad).
    rotation : float
        Of the crystal's x axis from +x towards +y of the pattern, rad.
    log_alpha : float
        Logarithm of the convergence semi-angle (mrad).
    ellipticity : tuple of float
        a, b of the distortion matrix 1 + [[a, b], [b, −a]].
    """

    thickness_nm: float
    tilt: tuple[float, float]
    center_x: float
    center_y: float
    log_scale: float
    rotation: float
    log_alpha: float
    ellipticity: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def from_vector(cls, vector: Numbers) -> "FitParameters":
        """From the solver's vector, shape (10,)."""
        thickness, tilt_x, tilt_y, x, y, scale, rotation, a, b, alpha = map(float, vector)
        return cls(thickness, (tilt_x, tilt_y), x, y, scale, rotation, alpha, (a, b))

    def to_vector(self) -> Numbers:
        """The solver's vector, shape (10,)."""
        center = self.center_x, self.center_y
        pose = *self.tilt, *center, self.log_scale, self.rotation
        return np.array([self.thickness_nm, *pose, *self.ellipticity, self.log_alpha])

    @property
    def zone_axis_place(self) -> Tilt:
        """Where the zone axis lies in the pattern, mrad from its corner, shape (2,).

        Crystals that are turned by a symmetry of theirs have it in the same place.
        """
        centre = np.array([self.center_x, self.center_y])
        return zone_axis_place(centre, self.log_scale, self.rotation, np.array(self.tilt))

    @property
    def mrad_per_pixel(self) -> float:
        """Angle per pixel, mrad."""
        return float(np.exp(self.log_scale))

    @property
    def convergence_mrad(self) -> float:
        """Convergence semi-angle, mrad."""
        return float(np.exp(self.log_alpha))

    @property
    def mistilt_mrad(self) -> float:
        """Length of the tilt, mrad."""
        return float(np.hypot(*self.tilt))

    @property
    def pattern_tilt(self) -> Tilt:
        """The tilt (x, y) along the pattern's axes, mrad."""
        tilt: Tilt = turn_matrix(self.rotation) @ self.tilt
        return tilt

    @property
    def detector(self) -> DetectorGeometry:
        """How the pattern lies on the detector."""
        return DetectorGeometry(self.mrad_per_pixel, self.rotation, self.ellipticity)


def zone_axis_place(centre_px: Tilt, log_scale: float, rotation: float, tilt: Tilt) -> Tilt:
    """Where the zone axis lies in a pattern; see :attr:`FitParameters.zone_axis_place`."""
    place: Tilt = centre_px * np.exp(log_scale) + turn_matrix(rotation) @ tilt
    return place
