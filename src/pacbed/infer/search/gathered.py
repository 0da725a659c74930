"""What a table holds at coarse points: pairs of an incident direction and a beam."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pacbed.arrays import Angles, Indices, Mask, Matrix, Singles
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.disks import entry_places
from pacbed.pattern.grid import points_within


@dataclass(frozen=True)
class Gathered:
    """Pairs of an incident direction and a beam that send electrons to the points.

    Attributes
    ----------
    points : ndarray of int, shape (P, 2)
        Positions p, in coarse steps.
    directions : ndarray, shape (K, 2)
        Incident directions, mrad.
    point_of, direction_of : ndarray of int, shape (C,)
        Of each pair; ordered by direction.
    starts : ndarray of int, shape (K + 1,)
        Where the pairs of each direction begin.
    coefficients : ndarray of float32, shape (C, R)
        Of the table's common functions.
    """

    points: Indices
    directions: Angles
    point_of: Indices
    direction_of: Indices
    starts: Indices
    coefficients: Singles

    def pairs_of(self, directions: Indices) -> Indices:
        """All pairs of some directions."""
        counts = self.starts[directions + 1] - self.starts[directions]
        first = np.repeat(self.starts[directions] - np.cumsum(counts) + counts, counts)
        pairs: Indices = first + np.arange(int(counts.sum()))
        return pairs

    @cached_property
    def _place(self) -> tuple[Indices, Indices]:
        low = self.points.min(axis=0)
        size = self.points.max(axis=0) - low + 1
        place = np.full(tuple(size), len(self.points))
        place[tuple((self.points - low).T)] = np.arange(len(self.points))
        return place, low

    def rows_of(self, points: Indices) -> Indices:
        """Rows of some points; that of none is the number of points."""
        place, low = self._place
        at = points - low
        inside: Mask = np.all((at >= 0) & (at < place.shape), axis=1)
        row, column = np.where(inside[:, None], at, 0).T
        rows: Indices = np.where(inside, place[row, column], len(self.points))
        return rows


def gather(
    table: LacbedTable, lattice: Matrix, stride: int, reach: tuple[float, float]
) -> Gathered:
    """Pairs whose point lies within the first reach and whose direction within the second, mrad."""
    geometry = table.geometry
    fine = geometry.fine_lattice_mrad
    points = points_within(lattice, np.zeros(2), reach[0])
    beams = np.flatnonzero(
        np.linalg.norm(geometry.beams @ geometry.lattice_mrad, axis=1) <= sum(reach)
    )
    shift = geometry.beams[beams] * np.array(geometry.divisions)
    k = points[:, None] * stride - shift[None]
    inside = np.linalg.norm(k @ fine, axis=2) <= reach[1]
    point_of, beam_of = np.nonzero(inside)
    k = k[point_of, beam_of]
    place = entry_places(table, k, beams, beam_of, np.arange(len(k)))
    stored = place < geometry.entry_count
    k, point_of, place = k[stored], point_of[stored], place[stored]
    code = (k[:, 0] - k[:, 0].min()) * (np.ptp(k[:, 1]) + 1) + k[:, 1] - k[:, 1].min()
    unique, first, direction_of = np.unique(code, return_index=True, return_inverse=True)
    directions = k[first] @ fine
    order = np.argsort(place, kind="stable")
    coefficients = np.empty((len(place), len(table.common_basis)), np.float32)
    coefficients[order] = table.evaluate(place[order], table.common_basis)
    by_direction = np.argsort(direction_of, kind="stable")
    starts = np.searchsorted(direction_of[by_direction], np.arange(len(unique) + 1))
    return Gathered(
        points,
        directions,
        point_of[by_direction],
        direction_of[by_direction],
        starts,
        coefficients[by_direction],
    )
