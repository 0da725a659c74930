"""Neighbourhoods of incident directions, and how wide they are best."""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Indices, Vectors
from pacbed.crystal.projection import ProjectedCell
from pacbed.lacbed.neighbourhood import Reach
from pacbed.units import electron_wavelength

#: Largest product of a neighbourhood's width and a substep, mrad Å: the error of the splitting
#: grows with its square, and is 1e-3 to 2e-3 here at the corners of the neighbourhood.
_WIDTH_TIMES_SUBSTEP = 30.0
#: Largest λ · carried reach · substep: phase that beams may gain over a substep, over π. At 2 the
#: splitting would couple beams that have nothing to do with each other.
_LARGEST_PHASE = 1.6
_MOST_SUBSTEPS = 12
#: Matrix products that the exponential takes, about.
_PRODUCTS = 7


@dataclass(frozen=True)
class Tiling:
    """How directions are divided into neighbourhoods.

    Attributes
    ----------
    width_mrad : float
        Largest extent along each axis.
    substeps : int
        Products in one step of thickness.
    operations : float
        Floating-point operations for one direction, about.
    """

    width_mrad: float
    substeps: int
    operations: float


def choose_tiling(
    cell: ProjectedCell,
    high_tension_kV: float,
    reach: Reach,
    direction_step_mrad: float,
    direction_max_mrad: float,
    step: float,
    steps: int,
) -> Tiling:
    """The width that costs least: wide neighbourhoods need more products for each direction.

    Parameters
    ----------
    cell : ProjectedCell
    high_tension_kV : float
    reach : Reach
    direction_step_mrad, direction_max_mrad : float
        Spacing and reach of the directions.
    step : float
        Å between recorded thicknesses.
    steps : int
    """
    wavelength = electron_wavelength(high_tension_kV)
    # Half of the disk's directions lie within 0.7 of its radius.
    middle = 0.5 * (direction_max_mrad * 1e-3 / wavelength) ** 2
    carried = np.pi * (reach.carried + middle) * cell.area
    acting = np.pi * (reach.acting - reach.carried) * cell.area
    once = 8 * (_PRODUCTS * carried**3 + acting**3 / 3 + acting**2 * carried + acting * carried**2)
    least = max(1, int(np.ceil(wavelength * reach.carried * step / _LARGEST_PHASE - 1e-9)))
    tilings = []
    for substeps in range(least, least + _MOST_SUBSTEPS):
        width = _WIDTH_TIMES_SUBSTEP * substeps / step
        count = max(1.0, min(width, direction_max_mrad) ** 2 / direction_step_mrad**2)
        operations = once / count + 8 * carried**2 * steps * substeps
        tilings.append(Tiling(width, substeps, float(operations)))
    return min(tilings, key=lambda tiling: tiling.operations)


def make_tiles(points: Vectors, width: float, most: int) -> list[Indices]:
    """Divide points into neighbourhoods.

    Parameters
    ----------
    points : ndarray, shape (K, 2)
    width : float
        Largest extent of a neighbourhood along each axis, in the points' unit.
    most : int
        Most points in one.

    Returns
    -------
    list of ndarray of int
        Rows of `points`, neighbours next to each other.
    """
    tiles: list[Indices] = []
    rest = [np.arange(len(points))]
    while rest:
        rows = rest.pop()
        low, high = points[rows].min(axis=0), points[rows].max(axis=0)
        axis = int(np.argmax(high - low))
        parts = int(np.ceil((high - low)[axis] / width - 1e-9))
        if parts <= 1 and len(rows) <= most:
            tiles.append(rows)
            continue
        edges = np.linspace(low[axis], high[axis], max(parts, 2) + 1)[1:-1]
        strip = np.searchsorted(edges, points[rows, axis], side="right")
        rest += [rows[strip == n] for n in range(max(parts, 2))[::-1] if (strip == n).any()]
    return tiles
