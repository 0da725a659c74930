"""The one road from a raw array to the network's input.

Training renders its patterns straight into the input frame and takes the same
:func:`normalise`; inference finds the bright-field disk first (:func:`locate`)
and resamples the raw array around it (:func:`to_input_frame`).
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pacbed.arrays import Mask, Numbers, Pattern, Patterns
from pacbed.errors import PatternError

#: Pixels of the network's input along one side, and of the convergence semi-angle
#: in it when the scale is right.
INPUT_SIZE = 96
APERTURE_PX = 32.0
#: Size of the disk in the input, over the right one, for which the network is trained.
ZOOM_RANGE = (0.68, 1.2)

_LOCATE_SIZE = 128
#: Share of a pixel of a frame that must be known.
_KNOWN = 0.6
#: Regions without a record that are wider than this share of the frame are no gaps.
_WIDE = 0.1


@dataclass(frozen=True)
class DiskLocation:
    """The bright-field disk in an array: centre (row, column) and radius, pixels."""

    row: float
    column: float
    radius: float


@dataclass(frozen=True)
class BrightRegion:
    """The brightest compact region of a pattern.

    Attributes
    ----------
    pixels : ndarray of bool, shape (rows // factor, columns // factor)
    factor : int
        Pixels of the pattern along one of these.
    """

    pixels: Mask
    factor: int


def locate(pattern: Pattern, known: Mask | None = None) -> DiskLocation:
    """Find the bright-field disk roughly: good to about a tenth of its radius.

    The disk is the brightest compact region: a threshold halfway between the
    background and the disk's own level gives its area, and the area its radius.

    Parameters
    ----------
    pattern : ndarray of float32, shape (rows, columns)
        From :func:`pacbed.pattern.clean.clean`.
    known : ndarray of bool, shape (rows, columns), optional
        Which pixels say something; by default all. Gaps count as what they were filled with,
        wide regions as dark.

    Returns
    -------
    DiskLocation

    Raises
    ------
    PatternError
        If nothing stands out from the background.
    """
    region = bright_region(pattern, known)
    inside, factor = region.pixels, region.factor
    area = float(inside.sum())
    row, column = ndimage.center_of_mass(inside)
    radius = max(1.0, float(np.sqrt(area / np.pi)))
    return DiskLocation((row + 0.5) * factor - 0.5, (column + 0.5) * factor - 0.5, radius * factor)


def bright_region(pattern: Pattern, known: Mask | None = None) -> BrightRegion:
    """Find the region that stands out, as for :func:`locate`.

    Raises
    ------
    PatternError
        If nothing stands out from the background.
    """
    factor = max(1, int(np.ceil(max(pattern.shape) / _LOCATE_SIZE)))
    small = bin_pixels(pattern, factor)
    small = ndimage.gaussian_filter(small, 1.0)
    hidden = None if known is None else _wide(known, factor)
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    low, high = np.quantile(small, [0.05, 0.995])
    background = min(float(low), float(np.median(border)))
    level = float(high) - background
    if not level > 0:
        raise PatternError("pattern has no bright-field disk; give a recorded pattern")
    for _ in range(3):
        inside = small - background > 0.45 * level
        if hidden is not None:
            inside &= ~hidden
        level = float((small[inside] - background).mean()) if inside.any() else level
    labels, count = ndimage.label(inside)
    if count > 1:
        sizes = ndimage.sum_labels(inside, labels, range(1, count + 1))
        inside = labels == 1 + int(np.argmax(sizes))
    return BrightRegion(ndimage.binary_fill_holes(inside), factor)


def _wide(known: Mask, factor: int) -> Mask:
    """Where nothing was recorded in a region that is wide beside the frame, binned."""
    dark = bin_pixels(known.astype(np.float32), factor) < 0.5
    width = max(3, round(_WIDE * min(dark.shape)))
    # Beyond the frame nothing was recorded either.
    padded = np.pad(dark, width, constant_values=True)
    opened = ndimage.binary_opening(padded, np.ones((width, width), bool))
    wide: Mask = opened[width:-width, width:-width]
    return wide


def bin_pixels(pattern: Pattern, factor: int) -> Pattern:
    """Mean over blocks of `factor` × `factor` pixels; an incomplete rim is cut off."""
    if factor == 1:
        return pattern
    rows, columns = (n // factor for n in pattern.shape)
    cut = pattern[: rows * factor, : columns * factor]
    # Sums of slices: several times faster than a mean over two axes of a view.
    by_rows = sum(cut[n::factor] for n in range(1, factor)) + cut[::factor]
    total = sum(by_rows[:, n::factor] for n in range(1, factor)) + by_rows[:, ::factor]
    return (total / np.float32(factor**2)).astype(np.float32, copy=False)


class BinnedPattern:
    """A pattern that is looked at many times, from places close to each other.

    Parameters
    ----------
    pattern : ndarray of float32, shape (rows, columns)
    """

    def __init__(self, pattern: Pattern) -> None:
        self._binned = {1: pattern}

    def input_frame(
        self, disk: DiskLocation, size: int = INPUT_SIZE, aperture_px: float = APERTURE_PX
    ) -> Pattern:
        """Resample the pattern so that the disk stands in the middle, always of one size.

        Parameters
        ----------
        disk : DiskLocation
            What to take as the bright-field disk.
        size : int
            Pixels of the frame along one side.
        aperture_px : float
            Radius of the disk in the frame, pixels.

        Returns
        -------
        ndarray of float32, shape (size, size)
            Positions outside the pattern repeat its edge.
        """
        pattern = self._binned[1]
        step = disk.radius / aperture_px
        if not is_on_array(pattern.shape, disk, size / aperture_px):
            raise PatternError("the bright-field disk lies outside the array; crop less")
        # Average down to about the input's pixel size first, so that no dose is wasted
        # and nothing aliases.
        factor = min(max(1, int(step)), max(1, min(pattern.shape) // 2))
        binned = self._binned.get(factor)
        if binned is None:
            binned = self._binned[factor] = bin_pixels(pattern, factor)
        offset = (np.arange(size) - (size - 1) / 2) * step / factor
        rows = _interpolated(binned, (disk.row + 0.5) / factor - 0.5 + offset)
        return _interpolated(rows.T, (disk.column + 0.5) / factor - 0.5 + offset).T


def is_on_array(
    shape: tuple[int, ...], disk: DiskLocation, width: float = INPUT_SIZE / APERTURE_PX
) -> bool:
    """Whether anything of a frame around a disk lies on an array.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the array.
    disk : DiskLocation
    width : float
        Of the frame, radii of the disk.
    """
    half = width / 2 * disk.radius * 1.1 + 3
    return all(
        centre + half >= 2 and centre - half <= length - 2
        for centre, length in zip((disk.row, disk.column), shape, strict=True)
    )


def to_input_frame(pattern: Pattern, disk: DiskLocation) -> Pattern:
    """Input frame of a pattern that is looked at once, see :class:`BinnedPattern`."""
    return BinnedPattern(pattern).input_frame(disk)


def known_frame(known: Mask | None, shape: tuple[int, ...], disk: DiskLocation) -> Mask:
    """Which pixels of an input frame lie on an array and say something.

    Parameters
    ----------
    known : ndarray of bool, shape (rows, columns), or None
        Which pixels of the array say something; None where all do.
    shape : tuple of int
        Rows and columns of the array.
    disk : DiskLocation
        What is taken as the bright-field disk.

    Returns
    -------
    ndarray of bool, shape (INPUT_SIZE, INPUT_SIZE)
    """
    on = recorded_frame(shape, disk)
    if known is None:
        return on
    share = BinnedPattern(known.astype(np.float32)).input_frame(disk)
    return on & (share > _KNOWN)


def recorded_frame(shape: tuple[int, ...], disk: DiskLocation) -> Mask:
    """Which pixels of an input frame lie on an array of this shape: not a repeated edge.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the pattern.
    disk : DiskLocation
        What is taken as the bright-field disk.

    Returns
    -------
    ndarray of bool, shape (INPUT_SIZE, INPUT_SIZE)
    """
    offset = (np.arange(INPUT_SIZE) - (INPUT_SIZE - 1) / 2) * disk.radius / APERTURE_PX
    rows, columns = (
        (centre + offset >= -0.5) & (centre + offset <= size - 0.5)
        for centre, size in zip((disk.row, disk.column), shape, strict=True)
    )
    return rows[:, None] & columns


def _interpolated(values: Pattern, positions: Numbers) -> Pattern:
    """Rows at fractional positions, linearly; beyond the ends the last ones repeat."""
    positions = np.clip(positions, 0, len(values) - 1)
    below = np.minimum(positions.astype(np.intp), len(values) - 2)
    share = (positions - below).astype(np.float32)[:, None]
    low = values[below]
    return np.asarray(low + share * (values[below + 1] - low), np.float32)


def circle_mask(size: int = INPUT_SIZE) -> Pattern:
    """1 inside the input's inscribed circle, 0 outside, float32."""
    axis = np.arange(size) - (size - 1) / 2
    return (axis[:, None] ** 2 + axis[None] ** 2 <= (size / 2) ** 2).astype(np.float32)


def normalise(frames: Patterns) -> Patterns:
    """Bring frames to mean 0 and variance 1 inside the inscribed circle.

    This removes the unknown gain and offset of the detector; outside the circle
    is zero, so that a rotation of the pattern never changes what is seen.

    Parameters
    ----------
    frames : ndarray of float32, shape (B, n, n)

    Returns
    -------
    ndarray of float32, shape (B, n, n)
    """
    mask = circle_mask(frames.shape[-1])
    count = mask.sum()
    mean = (frames * mask).sum(axis=(1, 2), keepdims=True) / count
    centred = (frames - mean) * mask
    deviation = np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True) / count)
    return np.asarray(centred / np.maximum(deviation, 1e-12), np.float32)
