"""Supercells across the beam: every atom of one period of the crystal, in layers.

The two edges are vectors of the lattice's projection, so that any crystal and any zone axis
has a supercell; where the projection has a rectangular lattice it is rectangular, otherwise
oblique. Heights along the beam are kept. Where the lattice has no short vectors across the
beam, heights do not meet at the supercell's border; the projection does, and the error is one
of higher-order Laue zones alone.
"""

import math
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Indices, Matrix, Numbers, Vectors
from pacbed.crystal.projection import basis_with_last, project
from pacbed.crystal.structure import Crystal
from pacbed.errors import CrystalError

#: Longest edge of a rectangular, or of a flat, cell that is preferred to a smaller one, Å.
_LONGEST_EDGE = 40.0
#: Lattice vectors with indices up to this are tried as edges.
_LARGEST_INDEX = 12
#: A vector lies along an axis, or across the beam, if it misses it by this much, Å.
_STRAIGHT = 1e-3
#: Smallest sine of the angle between the edges of an oblique cell.
_LEAST_SINE = 0.8
#: Sites nearer than this (fractional) share their place.
_SAME_SITE = 1e-3


@dataclass(frozen=True)
class Edges:
    """The smallest cell across the beam that a supercell repeats.

    Attributes
    ----------
    plane : ndarray, shape (2, 2)
        Its edges as rows, x and y in Å.
    basis : ndarray, shape (2, 3)
        Basis of the lattice's projection: x, y and the height of each vector, Å.
    period : float
        Period of the crystal along the beam, Å.
    axes : ndarray, shape (3, 3)
        Rows: x, y and the beam in the Cartesian axes of the crystal's cell.
    """

    plane: Matrix
    basis: Numbers
    period: float
    axes: Numbers

    @property
    def rectangular(self) -> bool:
        """Whether the edges lie along x and y."""
        return bool(np.abs(self.plane - np.diag(np.diag(self.plane))).max() < 2 * _STRAIGHT)


@dataclass(frozen=True)
class Supercell:
    """One period of the crystal along the beam, repeated across it.

    Attributes
    ----------
    plane : ndarray, shape (2, 2)
        Its edges as rows, Å.
    period : float
        Length along the beam, Å.
    fractions : ndarray, shape (n, 2)
        Places of the atoms in `plane`.
    heights : ndarray, shape (n,)
        From 0 to the period, Å.
    site : ndarray of int, shape (n,)
        Number of each atom's site in the crystal.
    place : ndarray of int, shape (n,)
        Atoms that share a place, of which one at most is there, share the number.
    """

    plane: Matrix
    period: float
    fractions: Vectors
    heights: Numbers
    site: Indices
    place: Indices


def find_edges(crystal: Crystal, zone_axis: tuple[int, int, int]) -> Edges:
    """The edges that supercells of a crystal along a direction are made of.

    Parameters
    ----------
    crystal : Crystal
    zone_axis : tuple of int
        Direction [uvw] of the beam.

    Raises
    ------
    CrystalError
        If the direction is [000].
    """
    axes = project(crystal, zone_axis).axes
    direction = np.array(zone_axis, int)
    direction = direction // np.gcd.reduce(direction)
    turned = crystal.cell @ axes.T
    period = float((direction @ turned)[2])
    basis = _reduced(basis_with_last(direction)[:2] @ turned)
    span = np.arange(-_LARGEST_INDEX, _LARGEST_INDEX + 1)
    pairs = np.stack(np.meshgrid(span, span, indexing="ij"), axis=-1).reshape(-1, 2)
    vectors = pairs[np.any(pairs != 0, axis=1)] @ basis
    vectors = vectors[np.argsort(np.linalg.norm(vectors[:, :2], axis=1), kind="stable")]
    first = _along(vectors, 0)
    second = _along(vectors, 1)
    if first is None:
        first = vectors[0]
    if second is None:
        second = _across(vectors, first)
    edges = [_flat(edge, period) for edge in (first, second)]
    return Edges(np.array(edges), basis, period, axes)


def _reduced(basis: Numbers) -> Numbers:
    """The same lattice by short vectors in the plane (Gauss), with their heights."""
    while True:
        if np.linalg.norm(basis[0, :2]) > np.linalg.norm(basis[1, :2]) + 1e-9:
            basis = basis[::-1]
        shift = np.round(basis[0, :2] @ basis[1, :2] / (basis[0, :2] @ basis[0, :2]))
        if shift == 0:
            return basis
        basis = np.array([basis[0], basis[1] - shift * basis[0]])


def _along(vectors: Numbers, axis: int) -> Numbers | None:
    """The shortest vector along +x (0) or +y (1), if there is one."""
    fits = (np.abs(vectors[:, 1 - axis]) < _STRAIGHT) & (vectors[:, axis] > 0)
    fits &= vectors[:, axis] < _LONGEST_EDGE
    return vectors[np.argmax(fits)] if fits.any() else None


def _across(vectors: Numbers, first: Numbers) -> Numbers:
    """The shortest vector that makes a right-handed cell with `first`, not too sharp."""
    cross = first[0] * vectors[:, 1] - first[1] * vectors[:, 0]
    lengths = np.linalg.norm(vectors[:, :2], axis=1) * np.linalg.norm(first[:2])
    second: Numbers = vectors[np.argmax(cross > _LEAST_SINE * lengths)]
    return second


def _flat(edge: Numbers, period: float) -> Vectors:
    """The edge in the plane, or as many of it as end at a height where the crystal repeats."""
    most = max(1, int(_LONGEST_EDGE // np.linalg.norm(edge[:2])))
    for count in range(1, most + 1):
        rise = count * edge[2] / period
        if abs(rise - round(rise)) * period < _STRAIGHT:
            return np.asarray(count * edge[:2])
    return np.asarray(edge[:2])


def make_supercell(crystal: Crystal, edges: Edges, repeats: tuple[int, int]) -> Supercell:
    """Every atom of a supercell.

    Parameters
    ----------
    crystal : Crystal
    edges : Edges
    repeats : tuple of int
        How often it holds each edge.

    Raises
    ------
    CrystalError
        If atoms at one site fill more than all of it.
    """
    plane = edges.plane * np.array(repeats)[:, None]
    points = _lattice_points(edges.basis[:, :2], plane)
    atoms = crystal.positions @ crystal.cell @ edges.axes.T
    places = ((points @ edges.basis)[:, None] + atoms[None]).reshape(-1, 3)
    same = shared_places(crystal)
    # Heights that rounding puts just below the period are those of its beginning.
    heights = np.mod(places[:, 2] + 1e-6, edges.period)
    return Supercell(
        plane=plane,
        period=edges.period,
        fractions=places[:, :2] @ np.linalg.inv(plane),
        heights=heights,
        site=np.tile(np.arange(len(atoms)), len(points)),
        place=(np.arange(len(points))[:, None] * len(atoms) + same).ravel(),
    )


def _lattice_points(basis: Matrix, plane: Matrix) -> Indices:
    """The points of the lattice, in units of its basis, inside of `plane` once each."""
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) @ plane @ np.linalg.inv(basis)
    low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
    ranges = [np.arange(a, b + 1) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 2)
    inside = points @ basis @ np.linalg.inv(plane) + 1e-6
    return points[((inside >= 0) & (inside < 1)).all(axis=1)]


def shared_places(crystal: Crystal) -> Indices:
    """Number of each site's place; sites that share a place have that of the first.

    Raises
    ------
    CrystalError
        If atoms at one site fill more than all of it.
    """
    place = np.arange(len(crystal.symbols))
    for atom in range(len(place)):
        apart = crystal.positions[:atom] - crystal.positions[atom]
        same = np.abs(apart - np.round(apart)).max(axis=1, initial=0.0) < _SAME_SITE
        if same.any():
            place[atom] = place[:atom][same][0]
    filled = np.bincount(place, weights=crystal.occupancies)
    if np.any(filled > 1 + 1e-3):
        raise CrystalError("atoms at one site fill more than all of it; correct the occupancies")
    return place


def smooth_size(least: float) -> int:
    """The smallest whole number from `least` up with no prime factor above 7."""
    size = max(1, math.ceil(least - 1e-9))
    while True:
        rest = size
        for factor in (2, 3, 5, 7):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return size
        size += 1
