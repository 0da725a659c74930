"""Orthogonal boxes of a crystal with the beam along z, as multislice needs them."""

import math
from dataclasses import dataclass

import numpy as np

from pacbed.crystal.structure import Crystal
from pacbed.errors import CrystalError

#: Largest distortion that makes a crystal fit an orthogonal box.
STRAIN_LIMIT = 0.005
#: Longest edge, Å, at which an undistorted box is preferred to a distorted shorter one.
_LONGEST_EDGE = 40.0
#: Lattice vectors with indices up to this are tried as edges.
_LARGEST_INDEX = 12
#: Sites nearer than this (fractional) share their place.
_SAME_SITE = 1e-3


@dataclass(frozen=True)
class Box:
    """An orthogonal cell of the crystal in the axes of the pattern.

    Attributes
    ----------
    edges : ndarray, shape (3,)
        Lengths along x, y and the beam, Å.
    symbols : tuple of str
        Element of each atom.
    positions : ndarray, shape (n, 3)
        Fractional coordinates in the box.
    occupancies : ndarray, shape (n,)
        Share of each site that is filled.
    occupied_before : ndarray, shape (n,)
        Sum of the occupancies of the earlier atoms at the same site.
    site : ndarray of int, shape (n,)
        Number of the site; atoms that share a place share the number.
    b_iso : ndarray, shape (n,)
        Debye–Waller factors B, Å².
    strain : float
        Largest principal strain that made the box orthogonal.
    """

    edges: np.ndarray
    symbols: tuple[str, ...]
    positions: np.ndarray
    occupancies: np.ndarray
    occupied_before: np.ndarray
    site: np.ndarray
    b_iso: np.ndarray
    strain: float


def orthogonal_box(crystal: Crystal, zone_axis: tuple[int, int, int], axes: np.ndarray) -> Box:
    """Find an orthogonal cell with edges along the pattern's x, y and the beam.

    Lattice vectors near x and near y are searched; where no exact ones are short
    enough the crystal is strained onto the axes.

    Parameters
    ----------
    crystal : Crystal
    zone_axis : tuple of int
        Direction [uvw] of the beam.
    axes : ndarray, shape (3, 3)
        Rows: x, y and the beam in the Cartesian axes of ``crystal.cell``.

    Returns
    -------
    Box

    Raises
    ------
    CrystalError
        If every box needs a strain above :data:`STRAIN_LIMIT`.
    """
    direction = np.array(zone_axis, int)
    direction = direction // np.gcd.reduce(direction)
    lattice = crystal.cell @ axes.T
    indices = np.array(
        [_edge_along(lattice, 0, zone_axis), _edge_along(lattice, 1, zone_axis), direction]
    )
    vectors = indices @ lattice
    edges = np.diag(vectors).copy()
    deformation = np.linalg.inv(vectors) @ np.diag(edges)
    strain = float(np.abs(np.linalg.svd(deformation, compute_uv=False) - 1).max())
    if strain > STRAIN_LIMIT:
        raise _no_box(zone_axis)
    inverse = np.linalg.inv(indices)
    shifts = _lattice_points(indices, inverse)
    site, before = _shared_sites(crystal)
    count = len(shifts)
    positions = (shifts[:, None, :] + crystal.positions[None]).reshape(-1, 3) @ inverse
    return Box(
        edges=edges,
        symbols=crystal.symbols * count,
        positions=np.mod(positions, 1.0),
        occupancies=np.tile(crystal.occupancies, count),
        occupied_before=np.tile(before, count),
        site=(np.arange(count)[:, None] * (site.max() + 1) + site[None]).ravel(),
        b_iso=np.tile(crystal.b_iso, count),
        strain=strain,
    )


def _no_box(zone_axis: tuple[int, int, int]) -> CrystalError:
    return CrystalError(
        f"zone axis {list(zone_axis)}: no orthogonal supercell with a strain below "
        f"{STRAIN_LIMIT:.1%}; choose a zone axis of higher symmetry for the reference"
    )


def _edge_along(lattice: np.ndarray, axis: int, zone_axis: tuple[int, int, int]) -> np.ndarray:
    """Indices of the lattice vector that serves as the edge along x (0) or y (1)."""
    span = np.arange(-_LARGEST_INDEX, _LARGEST_INDEX + 1)
    indices = np.stack(np.meshgrid(span, span, span, indexing="ij"), axis=-1).reshape(-1, 3)
    vectors = indices @ lattice
    along = vectors[:, axis]
    across = np.delete(vectors, axis, axis=1)
    usable = along > 1e-6
    indices, along, across = indices[usable], along[usable], across[usable]
    deviation = np.linalg.norm(across, axis=1) / along
    exact = (deviation < 1e-6) & (along < _LONGEST_EDGE)
    candidates = exact if exact.any() else deviation < STRAIN_LIMIT
    if not candidates.any():
        raise _no_box(zone_axis)
    shortest: np.ndarray = indices[candidates][np.argmin(along[candidates])]
    return shortest


def _lattice_points(indices: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """The lattice points, as integer translations, inside the box once each."""
    corners = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T @ indices
    ranges = [np.arange(lo, hi + 1) for lo, hi in zip(corners.min(0), corners.max(0), strict=True)]
    points = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    fractions = points @ inverse
    inside = np.all((fractions > -1e-6) & (fractions < 1 - 1e-6), axis=1)
    return points[inside]


def _shared_sites(crystal: Crystal) -> tuple[np.ndarray, np.ndarray]:
    """Number of each atom's site and what earlier atoms occupy of it."""
    site = np.arange(len(crystal.symbols))
    before = np.zeros(len(site))
    for atom in range(len(site)):
        apart = crystal.positions[:atom] - crystal.positions[atom]
        same = np.abs(apart - np.round(apart)).max(axis=1, initial=0.0) < _SAME_SITE
        if same.any():
            site[atom] = site[:atom][same][0]
            before[atom] = crystal.occupancies[:atom][same].sum()
    if np.any(before + crystal.occupancies > 1 + 1e-3):
        raise CrystalError("atoms at one site fill more than all of it; correct the occupancies")
    return site, before


def slice_offset(heights: np.ndarray, thickness: float) -> float:
    """Shift along the beam, Å, that puts slice boundaries midway between atoms.

    Parameters
    ----------
    heights : ndarray
        Heights of the atoms, Å.
    thickness : float
        Slice thickness, Å.
    """
    residues = np.unique(np.round(np.mod(heights, thickness), 6) % thickness)
    gaps = np.diff(np.append(residues, residues[0] + thickness))
    widest = int(np.argmax(gaps))
    return -float(residues[widest] + gaps[widest] / 2)


def smooth_size(least: float, even: bool = False) -> int:
    """The smallest whole number from `least` up with no prime factor above 13."""
    size = max(1, math.ceil(least - 1e-9))
    while True:
        rest = size
        for factor in (2, 3, 5, 7, 11, 13):
            while rest % factor == 0:
                rest //= factor
        if rest == 1 and not (even and size % 2):
            return size
        size += 1
