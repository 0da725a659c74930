"""The shadow of a beam stop: a dark strip of one width that reaches into the bright disk."""

import numpy as np
from scipy import ndimage, spatial

from pacbed.arrays import Mask, Numbers, Pattern, Vectors
from pacbed.pattern.preprocess import bin_pixels

#: The pattern is looked at with about so many pixels.
_SIZE = 192
#: Levels over the surroundings, in units of the disk's: brighter is disk, darker is shadow. The
#: darker levels part a shadow from dark places beside it.
_BRIGHT, _DARK = 0.45, (0.16, 0.08, 0.04, 0.015)
#: A shadow is at least so long and at most so wide, in radii, and so many times longer than wide.
_LENGTH, _WIDTH = 0.3, 0.75
#: Which share of a strip's length has its usual width, within which share of it, and how steep
#: its sides are.
_FILLED, _EVEN, _STEEP = 0.65, 0.15, 0.6
#: How much the level inside of a shadow varies, as a share of the disk's.
_FLAT = 0.045
#: Least pixels of a shadow.
_LEAST = 20


def beam_stop(values: Pattern) -> Mask:
    """Pixels in the shadow of a beam stop, with a rim of the shadow's soft edge.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        With gaps filled.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
    """
    factor = max(1, int(np.ceil(max(values.shape) / _SIZE)))
    small = bin_pixels(values, factor)
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    low, high = np.quantile(small, [0.05, 0.98])
    dark = min(float(low), float(np.median(border)))
    level = float(high) - dark
    nothing = np.zeros(values.shape, bool)
    if not level > 0:
        return nothing
    bright = _pieces(ndimage.gaussian_filter(small, 0.7) > dark + _BRIGHT * level)
    hull = _hull(bright)
    if hull is None:
        return nothing
    radius = float(np.sqrt(hull.sum() / np.pi))
    found = np.zeros(small.shape, bool)
    for share in _DARK:
        found |= _strips(small - dark, hull, share, level, radius)
        if found.any():
            break
    else:
        return nothing
    found = ndimage.binary_dilation(found, iterations=2)
    rows, columns = (np.minimum(np.arange(n) // factor, m - 1)
                     for n, m in zip(values.shape, small.shape, strict=True))  # fmt: skip
    return np.asarray(found[np.ix_(rows, columns)])


def _strips(over: Numbers, hull: Mask, share: float, level: float, radius: float) -> Mask:
    """Shadows of rods, of all that is darker than a share of the disk's level inside the disk."""
    shadow = ndimage.binary_opening(np.logical_and(hull, over < share * level))
    labels, count = ndimage.label(shadow)
    found = np.zeros(hull.shape, bool)
    for number in range(1, count + 1):
        piece = labels == number
        if (
            piece.sum() >= _LEAST
            and _is_flat(over[ndimage.binary_erosion(piece)], level)
            and _is_strip(piece, hull, over, radius)
        ):
            found |= _whole_rod(piece, hull)
    return found


def _is_flat(inside: Numbers, level: float) -> bool:
    """Whether the inside of a dark piece has no structure, as a shadow has none."""
    if not len(inside):
        return False
    low, high = np.quantile(inside, [0.1, 0.85])
    return bool(high - low < _FLAT * level)


def _pieces(bright: Mask) -> Mask:
    """The largest piece, and those that a shadow may have parted from it."""
    labels, count = ndimage.label(bright)
    if count < 2:
        return bright
    sizes = ndimage.sum_labels(bright, labels, range(1, count + 1))
    kept: Mask = np.isin(labels, 1 + np.flatnonzero(sizes >= 0.15 * sizes.max()))
    return kept


def _hull(bright: Mask) -> Mask | None:
    """The convex hull of the bright pixels; None where they are too few to have one."""
    rows = np.flatnonzero(bright.any(axis=1))
    if bright.sum() < _LEAST or len(rows) < 4 or bright.any(axis=0).sum() < 4:
        return None
    first = bright.argmax(axis=1)[rows]
    last = bright.shape[1] - 1 - bright[:, ::-1].argmax(axis=1)[rows]
    places = np.concatenate([np.stack([rows, first], 1), np.stack([rows, last], 1)])
    row, column, off = spatial.ConvexHull(places).equations.T
    # Every side bounds the columns of each row, on the left or on the right.
    height, width = bright.shape
    bound = -(np.arange(height)[:, None] * row + off)
    left = np.where(column < -1e-9, bound / np.minimum(column, -1e-9), -np.inf).max(axis=1)
    right = np.where(column > 1e-9, bound / np.maximum(column, 1e-9), np.inf).min(axis=1)
    empty = (np.abs(column) <= 1e-9) & (bound < -1e-6)
    right = np.where(empty.any(axis=1), -np.inf, right)
    at = np.arange(width)
    return np.asarray((at >= left[:, None] - 1e-6) & (at <= right[:, None] + 1e-6))


def _axes(piece: Mask) -> tuple[Vectors, Vectors, Vectors]:
    """Middle of a piece, and its long and short axis (row, column)."""
    places = np.argwhere(piece).astype(float)
    middle = places.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((places - middle).T))
    return middle, vectors[:, 1], vectors[:, 0]


def _is_strip(piece: Mask, hull: Mask, over: Numbers, radius: float) -> bool:
    """Whether a dark piece has the form of a rod's shadow, and steep sides."""
    middle, long, short = _axes(piece)
    offset = np.argwhere(piece) - middle
    along, across = offset @ long, offset @ short
    length = float(np.ptp(along)) + 1
    counts = np.bincount(np.rint(along - along.min()).astype(int)).astype(float)
    # Of a slanted strip the pixels come in steps.
    widths = ndimage.uniform_filter1d(counts, 3, mode="nearest")
    width = float(np.median(widths))
    if length < _LENGTH * radius or width > _WIDTH * radius or length < 1.2 * width:
        return False
    # Its ends may be round, pointed or oblique; between them it is of one width.
    if (np.abs(widths - width) <= _EVEN * width + 1.0).mean() < _FILLED:
        return False
    # It must come in from outside of the disk, or of the frame.
    outside = ~np.pad(hull, 2)
    if not (ndimage.binary_dilation(np.pad(piece, 2), iterations=2) & outside).any():
        return False
    # The axis goes through the middle of the part of one width.
    usual = np.isin(np.rint(along - along.min()), np.flatnonzero(widths >= 0.8 * width))
    middle = middle + np.median(across[usual]) * short
    return _steepness(middle, long, short, (along.min(), along.max()), width, over) > _STEEP


def _steepness(
    middle: Vectors,
    long: Vectors,
    short: Vectors,
    reach: tuple[float, float],
    width: float,
    over: Numbers,
) -> float:
    """How much of the brightness beside a strip is lost within two pixels of its sides."""
    steps = np.linspace(*reach, 24)[4:-4]
    lost = []
    for side in (-1.0, 1.0):
        edge = side * width / 2
        inner, outer = (
            _taken(over, middle + np.outer(steps, long) + (edge + side * shift) * short)
            for shift in (-1.5, 2.0)
        )
        lost.append(1 - np.clip(inner, 0, None) / np.maximum(outer, 1e-12))
    return float(np.median(lost))


def _taken(image: Numbers, places: Vectors) -> Numbers:
    taken: Numbers = ndimage.map_coordinates(image, places.T, order=1, mode="nearest")
    return taken


def _whole_rod(piece: Mask, hull: Mask) -> Mask:
    """The strip continued to the frame's edge, on the side where it leaves the disk."""
    middle, long, short = _axes(piece)
    offset = np.argwhere(piece) - middle
    along, across = offset @ long, offset @ short
    every = np.argwhere(np.ones(piece.shape, bool)) - middle
    by_long, by_short = every @ long, every @ short
    low, high = np.quantile(across, [0.02, 0.98])
    within = (by_short >= low - 1) & (by_short <= high + 1)
    toward = 1.0 if _leaves(piece, hull, long, middle, 1.0) else -1.0
    inner = along.min() if toward > 0 else -along.max()
    rod = within & (toward * by_long >= inner - 0.5)
    whole: Mask = rod.reshape(piece.shape)
    return whole


def _leaves(piece: Mask, hull: Mask, long: Vectors, middle: Vectors, sign: float) -> bool:
    """Whether the end of a piece on one side lies nearer to the outside than the other end."""
    depth = ndimage.distance_transform_edt(np.pad(hull, 1))[1:-1, 1:-1]
    offset = np.argwhere(piece) - middle
    along = sign * (offset @ long)
    depths = depth[piece]
    third = np.quantile(along, [1 / 3, 2 / 3])
    return float(depths[along >= third[1]].mean()) < float(depths[along <= third[0]].mean())
