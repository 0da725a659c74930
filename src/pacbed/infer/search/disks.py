"""Where the bright-field disk may be: places and sizes that a search begins from."""

import math

from pacbed.arrays import Pattern
from pacbed.pattern.preprocess import DiskLocation, locate

#: Sizes over that of the region that stands out, which neighbours make too large, and shifts
#: from its middle in radii.
_ZOOMS = (0.74, 0.8, 0.87, 0.94, 1.01)
_SHIFT, _RINGS = 0.15, 2
#: Centres tried around the region's middle where the size is known, in radii.


def likely_disks(data: Pattern, radius_px: float | None) -> list[DiskLocation]:
    """Disks around the region that stands out of a pattern.

    Parameters
    ----------
    data : ndarray of float32, shape (rows, columns)
        From :func:`pacbed.pattern.preprocess.clean`.
    radius_px : float or None
        Radius of the disk where it is known.

    Returns
    -------
    list of DiskLocation

    Raises
    ------
    PatternError
        If nothing stands out.
    """
    first = locate(data)
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
