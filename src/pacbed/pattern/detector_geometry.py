"""How a pattern lies on the detector: scale, rotation and distortion."""

import math
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Matrix, Pixels, Tilt
from pacbed.pattern.geometry import PatternParameters, turn_matrix


@dataclass(frozen=True)
class DetectorGeometry:
    """From pixels to angles in the crystal's frame.

    Attributes
    ----------
    mrad_per_pixel : float
    rotation : float
        Of the crystal's x axis from +x towards +y of the pattern, rad.
    distortion : tuple of float
        a, b of the distortion matrix 1 + [[a, b], [b, −a]].
    """

    mrad_per_pixel: float
    rotation: float = 0.0
    distortion: tuple[float, float] = (0.0, 0.0)

    @property
    def to_crystal(self) -> Matrix:
        """Matrix from pixel offsets (x, y) to angles in the crystal's frame, mrad."""
        a, b = self.distortion
        distortion: Matrix = np.array([[1 + a, b], [b, 1 - a]])
        return turn_matrix(-self.rotation) @ distortion * self.mrad_per_pixel

    def pattern(
        self, thickness_nm: float, tilt: Tilt, convergence_mrad: float, center: Pixels
    ) -> PatternParameters:
        """Parameters of a pattern on this detector.

        Parameters
        ----------
        thickness_nm : float
        tilt : ndarray, shape (2,)
            x, y in the pattern's frame, mrad.
        convergence_mrad : float
            Convergence semi-angle.
        center : ndarray, shape (2,)
            x, y of the disk's centre, pixels.
        """
        # 1 + [[a, b], [b, −a]] shrinks by 1 − r and stretches by 1 + r, which is ε = r up to
        # the factor 1 − r² of both.
        a, b = self.distortion
        ellipticity = float(np.hypot(a, b))
        return PatternParameters(
            thickness_nm=thickness_nm,
            tilt_x_mrad=float(tilt[0]),
            tilt_y_mrad=float(tilt[1]),
            convergence_mrad=convergence_mrad,
            mrad_per_pixel=self.mrad_per_pixel * (1 - ellipticity**2),
            rotation_deg=math.degrees(self.rotation),
            center_row_px=float(center[1]),
            center_column_px=float(center[0]),
            ellipticity=ellipticity,
            ellipticity_angle_deg=float(np.degrees(np.arctan2(b, a)) / 2 + 90),
        )
