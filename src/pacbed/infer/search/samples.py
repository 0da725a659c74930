"""A measured pattern at the points that it is compared on, in any pose."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from pacbed.arrays import Angles, Mask, Matrix, Numbers, Pixels, Singles
from pacbed.pattern.detector_geometry import DetectorGeometry
from pacbed.pattern.filling import smoothed
from pacbed.pattern.preprocess import bin_pixels
from pacbed.pattern.recorded import CleanPattern

#: Pixels in one step of the lattice that are kept when a pattern is binned.
_PIXELS_PER_STEP = 2.0
#: Least smoothing of a pattern that is sampled between its pixels, pixels.
_LEAST_PX = 0.5
#: Share of a binned pixel that must say something.
_KNOWN = 0.6


@dataclass(frozen=True)
class Pose:
    """How a crystal's directions lie on the detector.

    Attributes
    ----------
    center : ndarray, shape (2,)
        Column and row of the disk's centre, pixels.
    log_scale : float
        Logarithm of the angle per pixel, mrad.
    rotation : float
        Of the crystal's x axis from +x towards +y of the pattern, rad.
    ellipse : tuple of float
        a, b of the distortion 1 + [[a, b], [b, −a]].
    """

    center: Pixels
    log_scale: float
    rotation: float
    ellipse: tuple[float, float] = (0.0, 0.0)

    @property
    def to_pixels(self) -> Matrix:
        """From angles (x, y) in the crystal's frame, mrad, to pixel offsets, shape (2, 2)."""
        detector = DetectorGeometry(math.exp(self.log_scale), self.rotation, self.ellipse)
        matrix: Matrix = np.linalg.inv(detector.to_crystal)
        return matrix


class SmoothPattern:
    """A pattern smoothed to what a lattice of points resolves.

    Parameters
    ----------
    data : CleanPattern
    step_px : float
        Step of the lattice, pixels.
    width_px : float
        σ of the smoothing, pixels.
    """

    def __init__(self, data: CleanPattern, step_px: float, width_px: float) -> None:
        most = max(1, min(data.shape) // 8)
        self._factor = min(most, max(1, int(step_px / _PIXELS_PER_STEP)))
        binned = bin_pixels(data.values, self._factor).astype(np.float32)
        width = max(_LEAST_PX, width_px / self._factor)
        known = None if data.known is None else data.known.astype(np.float32)
        self._known = None if known is None else bin_pixels(known, self._factor) > _KNOWN
        self._image: Singles = smoothed(binned, self._known, width)

    @cached_property
    def _gradient(self) -> tuple[Singles, Singles]:
        rows, columns = (np.asarray(part, np.float32) for part in np.gradient(self._image))
        step = np.float32(self._factor)
        return columns / step, rows / step

    def at(self, places: Pixels) -> Singles:
        """Values at places (x, y) in pixels of the pattern as recorded, shape (..., 2)."""
        return self._taken(self._image, places)

    def gradient(self, places: Pixels) -> Numbers:
        """Derivatives by x and y at places, shape (..., 2), 1/pixel."""
        return np.stack([self._taken(part, places) for part in self._gradient], axis=-1)

    def recorded(self, places: Pixels) -> Mask:
        """Whether places lie on the detector, and their pixels say something."""
        height, width = self._image.shape
        x, y = self._binned(places)
        inside: Mask = (x >= -0.5) & (y >= -0.5) & (x <= width - 0.5) & (y <= height - 0.5)
        if self._known is not None:
            row = np.clip(np.rint(y).astype(np.intp), 0, height - 1)
            column = np.clip(np.rint(x).astype(np.intp), 0, width - 1)
            inside &= self._known[row, column]
        return inside

    def _binned(self, places: Pixels) -> tuple[Numbers, Numbers]:
        inner = (places + 0.5) / self._factor - 0.5
        return inner[..., 0], inner[..., 1]

    def _taken(self, image: Singles, places: Pixels) -> Singles:
        x, y = self._binned(places)
        taken: Singles = ndimage.map_coordinates(image, [y, x], order=1, mode="nearest")
        return taken


def places_of(angles: Angles, pose: Pose) -> Pixels:
    """Where directions (x, y) from the disk's centre lie on the detector, pixels."""
    places: Pixels = angles @ pose.to_pixels.T + pose.center
    return places
