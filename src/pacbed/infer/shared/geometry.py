"""What all patterns of a scan share: scale, rotation, distortion, aperture and blur."""

import math
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Matrix, Numbers, Pixels, Tilts
from pacbed.pattern.detector_geometry import DetectorGeometry
from pacbed.pattern.geometry import rotation_matrix
from pacbed.pattern.preprocess import DiskLocation


@dataclass(frozen=True)
class SharedGeometry:
    """How the patterns of one scan lie on the detector.

    Attributes
    ----------
    convergence_mrad : float
        Convergence semi-angle as found, mrad.
    mrad_per_pixel : float
    rotation_deg : float
        Of the crystal's x axis from +x towards +y of the pattern.
    ellipticity : tuple of float
        a, b of the distortion matrix 1 + [[a, b], [b, −a]].
    blur_mrad : float
        σ of the detector's blur beside the pixels' own width.
    center_x, center_y : tuple of float
        Disk's centre, pixels: value in the scan's middle, and change from the middle to
        the last scan row and to the last scan column.
    center_std_px : float
        How far the centres of single windows lie from that plane.
    convergence_shift : float or None
        Logarithm of the convergence semi-angle found over the one given; None where none was.
    pixel_aspect : float
        The patterns were stretched to square pixels from pixels so many times as high as wide;
        everything here is of square pixels.
    """

    convergence_mrad: float
    mrad_per_pixel: float
    rotation_deg: float = 0.0
    ellipticity: tuple[float, float] = (0.0, 0.0)
    blur_mrad: float = 0.0
    center_x: tuple[float, float, float] = (0.0, 0.0, 0.0)
    center_y: tuple[float, float, float] = (0.0, 0.0, 0.0)
    center_std_px: float = 0.1
    convergence_shift: float | None = None
    pixel_aspect: float = 1.0

    @property
    def radius_px(self) -> float:
        """Radius of the bright-field disk, pixels."""
        return self.convergence_mrad / self.mrad_per_pixel

    @property
    def detector(self) -> DetectorGeometry:
        """How all patterns lie on the detector."""
        return DetectorGeometry(self.mrad_per_pixel, self.rotation, self.ellipticity)

    @property
    def to_crystal(self) -> Matrix:
        """Matrix from pixel offsets (x, y) to angles in the crystal's frame, mrad."""
        return self.detector.to_crystal

    def center(self, place: Numbers) -> Pixels:
        """Disk's centre (x, y) at places of the scan, pixels.

        Parameters
        ----------
        place : ndarray, shape (B, 2)
            Row and column of the scan from −1 (first) to 1 (last).

        Returns
        -------
        ndarray, shape (B, 2)
        """
        terms = np.column_stack([np.ones(len(place)), place])
        planes: Numbers = np.array([self.center_x, self.center_y])
        return terms @ planes.T

    def disk(self, center: Pixels) -> DiskLocation:
        """The bright-field disk around a centre (x, y)."""
        return DiskLocation(float(center[1]), float(center[0]), self.radius_px)

    def tilt_in_pattern(self, tilt: Tilts) -> Tilts:
        """Turn tilts (..., 2) from the crystal's frame into the pattern's."""
        return tilt @ rotation_matrix(self.rotation_deg).T

    def tilt_in_crystal(self, tilt: Tilts) -> Tilts:
        """Turn tilts (..., 2) from the pattern's frame into the crystal's."""
        return tilt @ rotation_matrix(-self.rotation_deg).T

    @property
    def rotation(self) -> float:
        """Rotation, rad."""
        return math.radians(self.rotation_deg)
