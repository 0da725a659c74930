"""Where the bright-field disk may be: places and sizes that a search begins from."""

import math

from pacbed.infer.search.finder import Finder, FoundDisk
from pacbed.pattern.preprocess import DiskLocation, locate
from pacbed.pattern.recorded import CleanPattern

#: Disks of the finder that are followed, and the errors up to which a disk is taken as it is.
_FOLLOWED = 4
_SURE_CENTER, _SURE_RADIUS = 0.05, 0.025
#: Sizes around a disk whose size is unsure.
_SIZES = (0.955, 1.0, 1.045)
#: Where the best of the finder is not surer than this, the region that stands out is searched too.
_UNSURE_CENTER, _UNSURE_RADIUS = 0.12, 0.08
#: Sizes over that of the region that stands out, which neighbours make too large, and shifts
#: from its middle in radii.
_ZOOMS = (0.74, 0.8, 0.87, 0.94, 1.01)
_SHIFT, _RINGS = 0.15, 2


def likely_disks(data: CleanPattern, radius_px: float | None, finder: Finder) -> list[DiskLocation]:
    """Disks to begin from; the less sure the finder is, the more.

    Parameters
    ----------
    data : CleanPattern
    radius_px : float or None
        Radius of the disk where it is known.
    finder : Finder

    Returns
    -------
    list of DiskLocation

    Raises
    ------
    PatternError
        If nothing stands out.
    """
    found = finder.find(data.values, radius_px, _FOLLOWED)
    disks = [disk for one in found for disk in _around(one, radius_px)]
    if not found or _unsure(found[0], radius_px):
        disks += _of_region(data, radius_px)
    return disks


def _unsure(one: FoundDisk, radius_px: float | None) -> bool:
    wide = one.center_error > _UNSURE_CENTER
    return wide or (radius_px is None and one.radius_error > _UNSURE_RADIUS)


def _around(one: FoundDisk, radius_px: float | None) -> list[DiskLocation]:
    """A found disk, and what else it may be within its errors."""
    disk = one.disk
    sizes = (1.0,) if radius_px is not None or one.radius_error < _SURE_RADIUS else _SIZES
    near = _SHIFT * disk.radius / 2
    shifts = [(0.0, 0.0)] if one.center_error < _SURE_CENTER else _hexagons(near, near)
    return [
        DiskLocation(disk.row + y, disk.column + x, disk.radius * size)
        for size in sizes
        for x, y in shifts
    ]


def _of_region(data: CleanPattern, radius_px: float | None) -> list[DiskLocation]:
    """Disks all over the region that stands out of the pattern."""
    first = locate(data.values, data.known)
    disks = []
    for radius in [first.radius * zoom for zoom in _ZOOMS] if radius_px is None else [radius_px]:
        # A disk that is as large as the region can only lie in its middle.
        room = max(0.0, first.radius - radius) + _SHIFT * radius
        for x, y in _hexagons(_SHIFT * radius, min(room, _RINGS * _SHIFT * radius)):
            disks.append(DiskLocation(first.row + y, first.column + x, radius))
    return disks


def _hexagons(step: float, reach: float) -> list[tuple[float, float]]:
    """Points of a hexagonal lattice within a reach, the middle first."""
    count = math.ceil(reach / step) + 1
    height = step * math.sqrt(0.75)
    points = [
        (step * (i + j / 2), height * j)
        for i in range(-2 * count, 2 * count + 1)
        for j in range(-count, count + 1)
    ]
    inside = [point for point in points if math.hypot(*point) <= reach + 1e-9]
    return sorted(inside, key=lambda point: math.hypot(*point))
