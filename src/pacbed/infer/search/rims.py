"""Where a crystal's lattice of disks lies in a pattern, by the rims of all disks at once.

A disk adds intensity inside its rim, whichever crystal it is of, and the lattice says where all
rims lie relative to each other. The steps of the measured pattern across rims of one radius are
added up for every centre; the sums at the places of a turned lattice are added again. No single
disk must stand out, and scale and rotation come along. Which of the disks is the first one is left
open.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft, ndimage

from pacbed.arrays import Angles, Indices, Mask, Matrix, Numbers, Pattern, Pixels, Singles
from pacbed.pattern.geometry import turn_matrix
from pacbed.pattern.preprocess import bin_pixels
from pacbed.pattern.recorded import CleanPattern

#: Pixels along the longer side of what is looked at.
_SIDE = 112
#: Radii that are tried lie this far apart, as logarithms, and rotations, rad.
_RADIUS_STEP, _TURN = 0.045, math.radians(5.0)
#: Convergence angles, where they are not known, as logarithms.
_ANGLE_STEP = 0.08
#: Smallest and largest radius, pixels and shares of the longer side.
_SMALLEST_PX, _LARGEST = 4.5, 0.6
#: Width of a rim, pixels.
_WIDTH = 1.0
#: Beams count less the farther out they are: width of the weight, semi-angles, and in lengths
#: of the second lattice vector.
_FAR, _FAR_BEAMS, _LEAST_WEIGHT = 1.2, 1.1, 0.2
#: Beams at most: of wide apertures there are hundreds, and the outer ones add little.
_BEAMS = 49
#: What is taken for darkness, as a share of the bright places.
_DARK = 0.01
#: Slopes of more than this many times the typical one count as this, nearly.
_STRONG = 1.5


@dataclass(frozen=True)
class Size:
    """Radius of a disk in pixels and the convergence semi-angle that it is of, mrad."""

    radius_px: float
    convergence_mrad: float


@dataclass(frozen=True)
class RimPlace:
    """A place of the lattice in a pattern.

    Attributes
    ----------
    node : ndarray, shape (2,)
        Column and row of one of the disks' centres, pixels.
    radius_px : float
        Of the disks.
    convergence_mrad : float
    rotation : float
        Of the crystal's x axis from +x towards +y of the pattern, rad; the lattice's own
        rotations from it are alike.
    strength : float
        Of the rims, over what chance would give.
    """

    node: Pixels
    radius_px: float
    convergence_mrad: float
    rotation: float
    strength: float


def rim_places(
    data: CleanPattern, lattice_mrad: Matrix, sizes: Sequence[Size], count: int
) -> list[RimPlace]:
    """Places of a crystal's lattice, the strongest first.

    Parameters
    ----------
    data : CleanPattern
    lattice_mrad : ndarray, shape (2, 2)
        Reciprocal lattice vectors as rows, mrad.
    sizes : sequence of Size
        What is tried.
    count : int
        How many to give at most.
    """
    factor = max(1, round(max(data.shape) / _SIDE))
    image = bin_pixels(data.values, factor).astype(np.float32)
    known = None
    if data.known is not None:
        # A slope needs its neighbours on both sides.
        silent = bin_pixels((~data.known).astype(np.float32), factor) > 0
        known = ~ndimage.binary_dilation(silent, iterations=2)
    rims_of = _Rims(image, known)
    order = lattice_rotations(lattice_mrad)
    turns = np.arange(0, 2 * np.pi / order - 1e-9, _TURN).tolist()
    middle = np.rint((bright_middle(data.values) + 0.5) / factor - 0.5).astype(int)
    found = []
    for radius, of_radius in itertools.groupby(sorted(sizes, key=_radius), key=_radius):
        rims = rims_of(radius / factor)
        for size in of_radius:
            beams, weights = _beams(lattice_mrad, size.convergence_mrad)
            scale = radius / factor / size.convergence_mrad
            # No place is farther from the nearest node than half a cell's diagonal.
            half = math.ceil(0.5 * scale * float(np.linalg.norm(lattice_mrad))) + 1
            window = _Window(rims, middle, half)
            of_size = [
                window.strongest(beams @ turn_matrix(turn).T * scale, weights) for turn in turns
            ]
            # What the sums show in every rotation is the bright middle, not a lattice.
            usual = float(np.median([strength for _, strength in of_size]))
            found += [
                RimPlace(
                    (node + 0.5) * factor - 0.5,
                    radius,
                    size.convergence_mrad,
                    turn,
                    strength - usual,
                )
                for (node, strength), turn in zip(of_size, turns, strict=True)
            ]
    found.sort(key=lambda one: -one.strength)
    return _apart(found, lattice_mrad, count)


def sizes_to_try(
    shape: tuple[int, int],
    convergence_mrad: float | None,
    covered_mrad: tuple[float, float],
    mrad_per_pixel: float | None,
    likely_px: Sequence[float] = (),
) -> list[Size]:
    """Sizes of disks that a pattern may have.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the pattern.
    convergence_mrad : float or None
        As it is known.
    covered_mrad : tuple of float
        Smallest and largest angle that is possible where it is not known.
    mrad_per_pixel : float or None
        As it is known.
    likely_px : sequence of float
        Radii that are likely: where nothing is known, others are tried less densely.
    """
    low, high = (n * max(shape) for n in (_SMALLEST_PX / _SIDE, _LARGEST))
    if convergence_mrad is not None and mrad_per_pixel is not None:
        radius = convergence_mrad / mrad_per_pixel
        return [Size(radius * share, convergence_mrad) for share in (0.96, 1.0, 1.04)]
    if convergence_mrad is not None:
        return [Size(r, convergence_mrad) for r in _spaced(low, high, _RADIUS_STEP)]
    if mrad_per_pixel is not None:
        angles = _spaced(*covered_mrad, _RADIUS_STEP)
        return [Size(angle / mrad_per_pixel, angle) for angle in angles]
    near = [radius * share for radius in likely_px for share in (0.96, 1.0, 1.04)]
    return [
        Size(radius, angle)
        for radius in near + _spaced(low, high, 2 * _RADIUS_STEP)
        for angle in _spaced(*covered_mrad, _ANGLE_STEP)
    ]


def _spaced(low: float, high: float, step: float) -> list[float]:
    """Values from low to high with about one logarithmic step between them."""
    count = max(1, math.ceil(math.log(max(high, low) / low) / step)) + 1
    values: list[float] = np.geomspace(low, max(high, low), count).tolist()
    return values


def _radius(size: Size) -> float:
    return size.radius_px


def lattice_rotations(lattice: Matrix) -> int:
    """Order of the rotations that leave a lattice of reduced vectors as it is: 2, 4 or 6."""
    first, second = lattice
    lengths = np.linalg.norm(lattice, axis=1)
    if abs(lengths[0] - lengths[1]) > 1e-3 * lengths[0]:
        return 2
    cosine = abs(float(first @ second)) / float(lengths[0] * lengths[1])
    return 4 if cosine < 1e-3 else 6 if abs(cosine - 0.5) < 1e-3 else 2


def bright_middle(data: Pattern) -> Pixels:
    """Column and row of the middle of what is bright, pixels.

    Parameters
    ----------
    data : ndarray of float32, shape (rows, columns)
    """
    bright = np.maximum(data - np.quantile(data, 0.7), 0) + 1e-30
    row, column = ndimage.center_of_mass(bright)
    return np.array([column, row])


def _slopes(image: Singles) -> tuple[Singles, Singles]:
    """Derivatives along x and y of the intensity's root, in which counts have equal noise."""
    low = float(np.quantile(image, 0.02))
    high = float(np.quantile(image, 0.99))
    level = np.maximum(image - low, 0) + _DARK * max(high - low, 1e-30)
    root = ndimage.gaussian_filter(np.sqrt(level), _WIDTH)
    rows, columns = np.gradient(root)
    # A few strong edges must not outvote the many.
    typical = float(np.sqrt((rows**2 + columns**2).mean())) + 1e-30
    damp = 1 / np.sqrt(typical**2 + (rows**2 + columns**2) / _STRONG**2)
    return columns * damp, rows * damp


class _Rims:
    """Steps from inside to outside, added up over a rim of any radius around each pixel."""

    def __init__(self, image: Singles, known: Mask | None = None) -> None:
        self._shape = image.shape
        side = max(image.shape)
        rows, columns = (fft.next_fast_len(n + side, real=True) for n in image.shape)
        self._padded = (rows, columns)
        slopes = [part if known is None else part * known for part in _slopes(image)]
        self._slopes = [fft.rfft2(part, self._padded) for part in slopes]
        self._x, self._y = np.meshgrid(
            np.fft.fftfreq(columns, 1 / columns).astype(np.float32),
            np.fft.fftfreq(rows, 1 / rows).astype(np.float32),
        )
        self._distance = np.hypot(self._x, self._y)

    def __call__(self, radius: float) -> Singles:
        """The sums of one radius, in the noise of one pixel, shape of the image."""
        ring = np.exp(-(((self._distance - radius) / _WIDTH) ** 2) / 2)
        ring /= np.maximum(self._distance, 1e-9) * math.sqrt(2 * np.pi * radius)
        along_x, along_y = (
            slope * np.conj(fft.rfft2(ring * toward))
            for slope, toward in zip(self._slopes, (self._x, self._y), strict=True)
        )
        total: Singles = fft.irfft2(along_x + along_y, self._padded)
        return -total[: self._shape[0], : self._shape[1]]


class _Window:
    """Centres that a node of the lattice has one of, in sums over rims."""

    def __init__(self, rims: Singles, middle: Indices, half: int) -> None:
        self._room = half + max(rims.shape)
        side = 2 * half + 1
        self._windows = sliding_window_view(np.pad(rims, self._room), (side, side))
        self._middle, self._half = middle, half

    def strongest(self, places: Pixels, weights: Numbers) -> tuple[Pixels, float]:
        """The best centre (column, row) of disks at some places around it, and its strength."""
        x, y = np.rint(places).astype(int).T
        near = np.maximum(np.abs(x), np.abs(y)) < self._room - self._half
        first = self._room + self._middle - self._half
        windows = self._windows[first[1] + y[near], first[0] + x[near]]
        total = np.tensordot(weights[near].astype(np.float32), windows, axes=1)
        row, column = np.unravel_index(int(total.argmax()), total.shape)
        node: Numbers = np.array([column, row], float) - self._half + self._middle
        return node, float(total[row, column]) / math.sqrt(float((weights**2).sum()))


def _beams(lattice_mrad: Matrix, convergence_mrad: float) -> tuple[Angles, Numbers]:
    """Beams whose rims may be seen, mrad, and their weights."""
    far = max(
        _FAR * convergence_mrad, _FAR_BEAMS * float(np.linalg.norm(lattice_mrad, axis=1).max())
    )
    most = int(np.ceil(2 * far / np.linalg.norm(lattice_mrad, axis=1).min())) + 1
    index = np.stack(np.meshgrid(*[np.arange(-most, most + 1)] * 2), axis=-1).reshape(-1, 2)
    beams = index @ lattice_mrad
    weights = np.exp(-((np.linalg.norm(beams, axis=1) / far) ** 2) / 2 * 1.5)
    kept = np.argsort(-weights, kind="stable")[: min(_BEAMS, int((weights >= _LEAST_WEIGHT).sum()))]
    return beams[kept], weights[kept]


def _apart(found: list[RimPlace], lattice_mrad: Matrix, count: int) -> list[RimPlace]:
    """Of places that are nearly the same only the strongest."""
    kept: list[RimPlace] = []
    for one in found:
        if not any(_same(one, other, lattice_mrad) for other in kept):
            kept.append(one)
            if len(kept) == count:
                break
    return kept


def _same(one: RimPlace, other: RimPlace, lattice_mrad: Matrix) -> bool:
    angle = math.log(one.convergence_mrad / other.convergence_mrad)
    if abs(math.log(one.radius_px / other.radius_px)) > 0.9 * _RADIUS_STEP or abs(angle) > 1e-6:
        return False
    turn = 2 * np.pi / lattice_rotations(lattice_mrad)
    if abs(math.remainder(one.rotation - other.rotation, turn)) > 1.1 * _TURN:
        return False
    scale = other.radius_px / other.convergence_mrad
    between = (one.node - other.node) @ turn_matrix(other.rotation) / scale
    steps = between @ np.linalg.inv(lattice_mrad)
    off = (steps - np.rint(steps)) @ lattice_mrad
    return bool(np.linalg.norm(off) < 0.25 * one.convergence_mrad)
