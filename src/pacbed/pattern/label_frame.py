"""What a label model sees of a pattern: the same frame in training and inference.

A *label model* says thickness, mistilt, its direction or scale as one of a list of labels.
It was trained on a table of simulated patterns, and the table's own scale is its measure:

- The frame is square and shows what the whole image of a table pattern shows; the
  middle of the image is the middle of the frame. Along its longer side an oblong
  image is cut.
- In a measured pattern the bright-field disk gives the middle of the frame, and the
  disk's radius its width: :attr:`FramePreparation.disk_shares` says which share of
  half the frame the disk has in the table, as :func:`pacbed.pattern.preprocess.locate`
  finds it there. It is tabulated over the convergence semi-angle, because some
  programs simulate the same angles for every aperture and others scale them with it.
- *Zoom* (the label of a scale model) is the size of the pattern in the frame over the
  right one: at 1.2 everything is 1.2 times as far from the middle as in the table. A
  frame in which the scale model sees the zoom z is mended by sampling it anew with
  its half-width multiplied by z (:meth:`Placement.corrected`).
- Values are brought to mean 0 inside the inscribed circle, divided by
  :data:`SPREAD` standard deviations, and cut to −1 … 1. Outside the circle is 0, so
  that a rotation of the pattern never changes what is seen.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import ndimage

from pacbed.arrays import Angles, Pattern, Patterns, Singles
from pacbed.errors import BundleError, PatternError
from pacbed.pattern.preprocess import DiskLocation, bin_pixels, normalise

#: Standard deviations that a value of 1 stands for.
SPREAD = 4.0
#: Smallest and largest side of a frame, pixels.
SIZES = (32, 1024)


@dataclass(frozen=True)
class Placement:
    """Where a frame lies in an array.

    Attributes
    ----------
    row, column : float
        Position of the frame's middle, pixels of the array.
    half_width : float
        From the middle to the edge of the frame, pixels of the array.
    zoom : float
        Size of what is seen over the right one, see the module.
    rotation_deg : float
        Turns what is seen from +x (right) towards +y (down).
    """

    row: float
    column: float
    half_width: float
    zoom: float = 1.0
    rotation_deg: float = 0.0

    def corrected(self, seen_zoom: float) -> "Placement":
        """The placement that shows at zoom 1 what this one shows at `seen_zoom`."""
        return replace(self, half_width=self.half_width * seen_zoom)


@dataclass(frozen=True)
class FramePreparation:
    """How the frames of a label model are made, as its bundle records it.

    Attributes
    ----------
    size : int
        Pixels along a side.
    convergence_mrad : tuple of float
        Convergence semi-angles of the table, rising.
    disk_shares : tuple of float
        For each of them the radius of the bright-field disk, as found by
        :func:`pacbed.pattern.preprocess.locate`, over half the frame's width.
    zoom_tolerance : float
        Relative error of the zoom that thickness and mistilt were trained with.
    """

    size: int
    convergence_mrad: tuple[float, ...]
    disk_shares: tuple[float, ...]
    zoom_tolerance: float

    def __post_init__(self) -> None:
        """Refuse what cannot have been written by a training."""
        if not SIZES[0] <= self.size <= SIZES[1]:
            raise BundleError(f"a frame of {self.size} pixels lies outside {SIZES[0]}…{SIZES[1]}")
        if len(self.convergence_mrad) != len(self.disk_shares) or not self.disk_shares:
            raise BundleError("disk_shares must have one entry for each convergence angle")
        if any(not 0 < share < 2 for share in self.disk_shares):
            raise BundleError("disk_shares must lie between 0 and 2")
        if any(
            b <= a for a, b in zip(self.convergence_mrad, self.convergence_mrad[1:], strict=False)
        ):
            raise BundleError("convergence_mrad must rise")

    def disk_share(self, convergence_mrad: float) -> float:
        """Radius of the disk over half the frame's width, between the table's angles."""
        angles = np.array(self.convergence_mrad)
        # What is interpolated is the field of view in mrad, which depends on the angle least.
        field = np.interp(convergence_mrad, angles, angles / np.array(self.disk_shares))
        return float(convergence_mrad / field)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for ``bundle.json``."""
        return {
            "size": self.size,
            "convergence_mrad": list(self.convergence_mrad),
            "disk_shares": list(self.disk_shares),
            "zoom_tolerance": self.zoom_tolerance,
            "spread": SPREAD,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "FramePreparation":
        """Read what :meth:`to_dict` wrote.

        Raises
        ------
        BundleError
            If an entry is missing or wrong.
        """
        try:
            if float(values["spread"]) != SPREAD:
                raise BundleError("the values' spread is that of another version")
            return cls(
                int(values["size"]),
                tuple(float(v) for v in values["convergence_mrad"]),
                tuple(float(v) for v in values["disk_shares"]),
                float(values["zoom_tolerance"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"preparation has a missing or wrong entry ({error!r})") from error


def whole_image(shape: tuple[int, int]) -> Placement:
    """The frame of a pattern of the table: all of it."""
    return Placement((shape[0] - 1) / 2, (shape[1] - 1) / 2, min(shape) / 2)


def around_disk(
    disk: DiskLocation, convergence_mrad: float, preparation: FramePreparation
) -> Placement:
    """The frame of a measured pattern at zoom 1, as far as its disk tells."""
    half = disk.radius / preparation.disk_share(convergence_mrad)
    return Placement(disk.row, disk.column, half)


def sample_frame(pattern: Pattern, placement: Placement, size: int) -> Pattern:
    """Sample a pattern, turned and zoomed, on the pixels of a frame.

    Parameters
    ----------
    pattern : ndarray of float, shape (rows, columns)
    placement : Placement
    size : int
        Pixels along a side of the frame.

    Returns
    -------
    ndarray of float32, shape (size, size)
        In the pattern's unit; positions outside the pattern repeat its edge.

    Raises
    ------
    PatternError
        If the frame lies outside the pattern.
    """
    step = 2 * placement.half_width / (size * placement.zoom)
    row, column = placement.row, placement.column
    # Averaging down first wastes no dose and does not alias.
    factor = min(max(1, int(step)), max(1, min(pattern.shape) // 2))
    if factor > 1:
        reach = math.sqrt(0.5) * step * size + 2 * factor
        top, left = max(0, int(row - reach)), max(0, int(column - reach))
        window = pattern[top : int(row + reach) + 1, left : int(column + reach) + 1]
        if min(window.shape, default=0) < 2 * factor:
            raise PatternError("the bright-field disk lies outside the array; crop less")
        pattern = bin_pixels(window, factor)
        row, column = ((v + 0.5) / factor - 0.5 for v in (row - top, column - left))
    c, s = (f(math.radians(placement.rotation_deg)) for f in (math.cos, math.sin))
    # The array's positions turn the other way: the pattern shall turn from +x to +y.
    matrix = step / factor * np.array([[c, -s], [s, c]])
    middle = (size - 1) / 2
    offset = np.array([row, column]) - matrix @ np.array([middle, middle])
    frame = np.empty((size, size), np.float32)
    ndimage.affine_transform(pattern, matrix, offset, output=frame, order=1, mode="nearest")
    return frame


def finish_frames(frames: Patterns, channels: int = 1) -> Patterns:
    """Bring sampled frames to the values that a label model expects.

    Parameters
    ----------
    frames : ndarray of float32, shape (B, size, size)
        From :func:`sample_frame`.
    channels : int
        Equal copies along the last axis: 1, or 3 for networks made for colours.

    Returns
    -------
    ndarray of float32, shape (B, size, size, channels)
        −1 … 1.
    """
    values = np.clip(normalise(frames) / np.float32(SPREAD), -1, 1)[..., None]
    return np.repeat(values, channels, axis=-1) if channels > 1 else values


def scale_convergence(convergence_mrad: Angles, range_mrad: tuple[float, float]) -> Singles:
    """Convergence semi-angles as label models expect them.

    Parameters
    ----------
    convergence_mrad : ndarray, shape (B,)
    range_mrad : tuple of float
        Smallest and largest that the model covers.

    Returns
    -------
    ndarray of float32, shape (B, 1)
        0 at the smallest, 1 at the largest; 0 where they are equal.
    """
    low, high = range_mrad
    width = high - low if high > low else math.inf
    return np.asarray((np.asarray(convergence_mrad, float) - low) / width, np.float32)[:, None]
