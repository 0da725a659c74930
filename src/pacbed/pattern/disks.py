"""The diffraction disks that make up a pattern, gathered for fast repeated sums.

:mod:`pacbed.pattern.synthesis` starts from the table every time. A fit needs the
same pattern many times, at slightly different thickness, tilt and aperture: here
the table's entries that can contribute are gathered once, and a sum costs a few
milliseconds and has analytic derivatives.

Everything is in the crystal's frame with the zone axis at the origin, where the
disks stand still: p = k + g. A tilt moves the aperture, which is centred at −τ,

    N(p; t, τ, α) = Σ_g P_g(p − g; t) A_α(|p − g + τ|)

and the measured pattern's coordinate is q = p + τ.
"""

from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from pacbed.arrays import Angles, Indices, Matrix, Numbers, Singles, Tilt
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.grid import cell_mrad, direction_stride, points_within
from pacbed.pattern.pairs import close_pairs, distinct_sums

#: Width of the aperture's edge, cells.
_EDGE_CELLS = 2


@dataclass(frozen=True)
class Disks:
    """Contributions to a pattern around one tilt and convergence semi-angle.

    Attributes
    ----------
    places : ndarray of int, shape (C,)
        Places of the contributions among the table's entries, ascending.
    direction_of : ndarray of int, shape (C,)
        Row of `directions` of each contribution.
    point_of : ndarray of int, shape (C,)
        Row of `points` of each contribution.
    directions : ndarray, shape (K, 2)
        Incident directions k, mrad from the zone axis.
    points : ndarray of int, shape (P, 2)
        Grid indices of the positions p, in steps of `lattice`.
    lattice : ndarray, shape (2, 2)
        Steps of the grid as rows, mrad.
    stride : int
        The table's steps in one of the grid.
    """

    places: Indices
    direction_of: Indices
    point_of: Indices
    directions: Angles
    points: Indices
    lattice: Matrix
    stride: int = 1

    @property
    def cell_mrad(self) -> float:
        """Width of a grid cell, half that of the aperture's edge, mrad."""
        return cell_mrad(self.lattice)

    @property
    def held_bytes(self) -> int:
        """Memory that it takes."""
        return sum(a.nbytes for a in (self.places, self.direction_of, self.point_of))

    def aperture(self, tilt: Tilt, convergence_mrad: float) -> Numbers:
        """Weights of the directions and their derivatives, shape (4, K).

        Parameters
        ----------
        tilt : ndarray, shape (2,)
            In the crystal's frame, mrad.
        convergence_mrad : float

        Returns
        -------
        ndarray
            A, and its derivatives with respect to tilt x, tilt y and α, in 1/mrad,
            which vanish but on the aperture's edge. The edge is two cells wide and its
            slope has no kinks: a steeper one makes ripples in a fit's cost, as grid
            points enter and leave it, that hide what a thin crystal says of its tilt.
        """
        position = self.directions + tilt
        distance = np.maximum(np.linalg.norm(position, axis=1), 1e-9)
        step = np.clip((convergence_mrad - distance) / self.cell_mrad, -1, 1)
        weight = 0.5 + step - step * np.abs(step) / 2
        slope = (1 - np.abs(step)) / self.cell_mrad
        toward = -slope[:, None] * position / distance[:, None]
        return np.stack([weight, toward[:, 0], toward[:, 1], slope])

    def sums(self, values: Numbers, weights: Numbers) -> Numbers:
        """Add up the contributions at the points.

        Parameters
        ----------
        values : ndarray, shape (C,)
            Intensities of the contributions.
        weights : ndarray, shape (K,)
            Weights of the directions.

        Returns
        -------
        ndarray, shape (P,)
        """
        matrix = copy(self._matrix)
        matrix.data = values
        sums: Numbers = matrix @ weights.astype(values.dtype)
        return sums

    @cached_property
    def _matrix(self) -> sparse.coo_matrix:
        """Which direction contributes to which point, shape (P, K), without intensities."""
        shape = len(self.points), len(self.directions)
        nothing = np.zeros(len(self.places), np.float32)
        return sparse.coo_matrix((nothing, (self.point_of, self.direction_of)), shape)

    def edge_sums(self, values: Numbers, weights: Numbers) -> Numbers:
        """As :meth:`sums`, for several weights that vanish but on the aperture's edge.

        Parameters
        ----------
        values : ndarray, shape (C,)
        weights : ndarray, shape (w, K)

        Returns
        -------
        ndarray, shape (w, P)
        """
        chosen = np.flatnonzero((weights != 0).any(axis=0)[self.direction_of])
        direction, point = self.direction_of[chosen], self.point_of[chosen]
        part = values[chosen]
        return np.stack(
            [np.bincount(point, part * row[direction], len(self.points)) for row in weights]
        )

    def series(self, values: Singles, weights: Numbers) -> Singles:
        """As :meth:`sums`, for several values of each contribution.

        Parameters
        ----------
        values : ndarray of float32, shape (C, R)
        weights : ndarray, shape (K,)

        Returns
        -------
        ndarray of float32, shape (P, R)
        """
        count = len(self.point_of)
        matrix = sparse.csr_matrix(
            (
                weights[self.direction_of].astype(np.float32),
                (self.point_of, np.arange(count, dtype=np.int32)),
            ),
            shape=(len(self.points), count),
        )
        series: Singles = matrix @ values
        return series


def grid_stride(table: LacbedTable, convergence_mrad: float) -> int:
    """Whether every direction (1) or every second one (2) is summed."""
    return direction_stride(table.geometry, convergence_mrad, _EDGE_CELLS)


def gather_disks(
    table: LacbedTable,
    tilt: Tilt,
    convergence_mrad: float,
    reach: float,
    margin_mrad: float,
    point_stride: int = 1,
    every: bool = False,
) -> Disks:
    """Gather what contributes to a pattern at about this tilt and aperture.

    Parameters
    ----------
    table : LacbedTable
    tilt : ndarray, shape (2,)
        In the crystal's frame, mrad.
    convergence_mrad : float
    reach : float
        Radius around the bright-field disk's centre that is needed, in
        convergence semi-angles.
    margin_mrad : float
        How far tilt and convergence may move afterwards.
    point_stride : int
        Take every n-th grid point along each axis only, for a coarse pattern.
    every : bool
        Whether every direction of the table is summed, however fine they lie.

    Returns
    -------
    Disks
    """
    geometry = table.geometry
    stride = 1 if every else grid_stride(table, convergence_mrad)
    lattice = geometry.fine_lattice_mrad * stride
    cell = float(np.linalg.norm(lattice, axis=1).max())
    directions = points_within(lattice, -tilt, convergence_mrad + margin_mrad + cell)
    field = reach * convergence_mrad + margin_mrad + 2 * cell * point_stride
    angle = geometry.beams @ geometry.lattice_mrad
    beams = np.flatnonzero(
        np.linalg.norm(angle, axis=1) <= field + convergence_mrad + margin_mrad + cell
    )
    # The table holds its entries orbit after orbit.
    beams = beams[np.argsort(geometry.orbits[beams], kind="stable")]
    steps = (geometry.beams[beams] * (np.array(geometry.grid.divisions) // stride)).astype(np.int32)
    beam_row, direction_of = close_pairs(angle[beams], directions @ lattice + tilt, field)
    if point_stride > 1:
        point = steps[beam_row] + directions[direction_of]
        kept = (point % point_stride == 0).all(axis=1)
        beam_row, direction_of = beam_row[kept], direction_of[kept]
    place = entry_places(table, directions * stride, beams, beam_row, direction_of)
    stored = place < geometry.entry_count
    if not stored.all():
        beam_row, direction_of, place = beam_row[stored], direction_of[stored], place[stored]
    points, point_of = distinct_sums(steps, beam_row, directions, direction_of)
    return Disks(place, direction_of, point_of, directions @ lattice, points, lattice, stride)


def entry_places(
    table: LacbedTable,
    directions: Indices,
    beams: Indices,
    beam_row: Indices,
    direction_of: Indices,
) -> Indices:
    """Places of P_g(k) among the table's entries, for pairs of beam and direction.

    Parameters
    ----------
    table : LacbedTable
    directions : ndarray of int, shape (K, 2)
        Incident directions in steps of the table's grid.
    beams : ndarray of int, shape (b,)
        Numbers of beams.
    beam_row, direction_of : ndarray of int, shape (C,)
        Which of them make each pair.

    Returns
    -------
    ndarray of int, shape (C,)
        One behind the last entry where a pair is not stored.
    """
    geometry = table.geometry
    grid = geometry.grid
    index = directions + grid.reach
    inside = ((index >= 0) & (index <= 2 * grid.reach)).all(axis=1)
    row, column = np.where(inside, index.T, 0)
    wedge = np.where(inside, grid.wedge_index[row, column], -1)
    images = np.ascontiguousarray(geometry.beam_images[:, beams])
    operation = grid.operation[row, column].astype(np.int32) * len(beams)
    image = images.ravel().take(operation[direction_of] + beam_row)
    first = np.maximum(wedge, 0) * len(geometry.beams)
    places: Indices = geometry.entry_of.ravel().take(first[direction_of] + image)
    if (wedge < 0).any():
        places[wedge[direction_of] < 0] = geometry.entry_count
    return places
