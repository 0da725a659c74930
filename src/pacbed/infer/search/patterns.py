"""Coarse patterns of every thickness at a lattice of tilts, for one aperture.

On points p = k + g of the crystal's frame, with the zone axis at the origin, the disks stand
still, and a tilt τ moves the aperture alone:

    I(p + τ; t, τ) = Σ_g P_g(p − g; t) A_α(|p − g + τ|)

Points and tilts lie on one coarse lattice, so that all tilts share the same points p. What
the table holds there is gathered once; a tilt is then a sparse sum of it, in the common
functions of thickness, and takes a millisecond.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from pacbed.arrays import (
    Angles,
    Indices,
    Matrices,
    Matrix,
    Numbers,
    Singles,
    Thicknesses,
    Tilts,
)
from pacbed.infer.fit.pattern_fit import beyond_disk
from pacbed.infer.search.gathered import Gathered, gather
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.crystal_frame import plane_operations
from pacbed.pattern.grid import points_within
from pacbed.spline import CubicSpline

#: Radius of the region where thickness and tilt are compared, semi-angles: the disk's edge says
#: nothing of them. And how much farther the edge itself is looked at.
_INNER, _EDGE = 0.93, 0.23
#: Of disks farther out so much of the radius beside their edges is left out.
_RIM = 0.07
#: Share of the norm that the functions of thickness may leave.
_LEFT = 0.01
#: σ of the aperture's edge and of the measured pattern's smoothing, steps of the lattice.
SMOOTHING = 0.4


@dataclass(frozen=True)
class Fineness:
    """How finely everything is compared.

    Attributes
    ----------
    steps_per_aperture : float
        Steps of the points' lattice in one semi-angle, at least.
    tilt_mrad : float
        Tilts lie about this far apart.
    thickness_nm : float
        Thicknesses lie this far apart.
    """

    steps_per_aperture: float = 10.0
    tilt_mrad: float = 1.0
    thickness_nm: float = 1.0


#: For a first look at very many poses.
GLANCE = Fineness(6.0, 2.0, 2.0)


@dataclass(frozen=True)
class Projected:
    """Patterns at one tilt as they are compared with a measured one.

    Attributes
    ----------
    patterns : ndarray of float32, shape (n, R)
        At the inner points, without smooth backgrounds, in the functions of thickness.
    power : ndarray of float32, shape (T,)
        Squared norm of each thickness.
    """

    patterns: Singles
    power: Singles


class CoarsePatterns:
    """Patterns of a table for one convergence semi-angle, made when they are first asked for.

    Parameters
    ----------
    table : LacbedTable
    convergence_mrad : float
    mistilt_max_mrad : float
        Largest tilt that will be asked for.
    fineness : Fineness

    Attributes
    ----------
    lattice : ndarray, shape (2, 2)
        Steps of points and tilts as rows, mrad.
    points : ndarray of int, shape (N, 2)
        Directions q from the disk's centre, in steps.
    reach : float
        Radius of what is looked at, semi-angles.
    thickness_nm : ndarray, shape (T,)
    """

    def __init__(
        self,
        table: LacbedTable,
        convergence_mrad: float,
        mistilt_max_mrad: float,
        fineness: Fineness = Fineness(),
    ) -> None:
        self.table = table
        self.convergence_mrad = convergence_mrad
        self.mistilt_max_mrad = mistilt_max_mrad
        self.fineness = fineness
        fine = table.geometry.fine_lattice_mrad
        size = math.sqrt(abs(float(np.linalg.det(fine))))
        self._stride = max(1, int(convergence_mrad / fineness.steps_per_aperture / size))
        self.lattice: Matrix = fine * self._stride
        self.reach = _INNER + _EDGE + beyond_disk(table, convergence_mrad)
        self.points = points_within(self.lattice, np.zeros(2), self.reach * convergence_mrad)
        last = float(table.geometry.thicknesses_nm[-1])
        self.thickness_nm: Thicknesses = np.arange(1.0, last - 0.5, fineness.thickness_nm)
        self._nodes: dict[tuple[int, int], Singles] = {}
        self._projected: dict[tuple[int, int], Projected] = {}

    @cached_property
    def inverse(self) -> Matrix:
        """From angles (x, y) in mrad to steps, as rows."""
        return np.linalg.inv(self.lattice)

    @cached_property
    def angles(self) -> Angles:
        """Directions q of the points, mrad, shape (N, 2)."""
        return self.points @ self.lattice

    @cached_property
    def step_mrad(self) -> float:
        """Width of a square as large as a cell of the lattice, mrad."""
        return math.sqrt(abs(float(np.linalg.det(self.lattice))))

    @cached_property
    def inner(self) -> Indices:
        """Places of the points inside the disk's edge, and of those outside that lie on none."""
        alpha = self.convergence_mrad
        distance = np.linalg.norm(self.angles, axis=1) / alpha
        if self.reach <= _INNER + _EDGE:
            return np.flatnonzero(distance <= _INNER)
        geometry = self.table.geometry
        beams = geometry.beams @ geometry.lattice_mrad / alpha
        beams = beams[np.linalg.norm(beams, axis=1) <= self.reach + 1 + _RIM]
        from_beams = np.linalg.norm(self.angles[:, None] / alpha - beams, axis=2)
        on_none = (np.abs(from_beams - 1) >= _RIM).all(axis=1) & (distance <= self.reach - _EDGE)
        return np.flatnonzero((distance <= _INNER) | on_none)

    @cached_property
    def background(self) -> Numbers:
        """Smooth backgrounds at the points, shape (N, 2)."""
        square = (self.angles**2).sum(axis=1) / self.convergence_mrad**2
        return np.stack([np.ones_like(square), square], axis=1)

    @cached_property
    def inner_basis(self) -> Singles:
        """The same, orthonormal at the inner points, shape (n, 2)."""
        basis: Singles = np.linalg.qr(self.background[self.inner])[0].astype(np.float32)
        return basis

    @cached_property
    def inner_images(self) -> Indices:
        """Places among the inner points of their images under each operation, shape (m, n)."""
        place = np.full(len(self.points), -1)
        place[self.inner] = np.arange(len(self.inner))
        images: Indices = place[self.images[:, self.inner]]
        return images

    @cached_property
    def tilts(self) -> Indices:
        """Tilts of one sector of the projection's symmetry, in steps, shape (S, 2)."""
        stride = max(1, round(self.fineness.tilt_mrad / self.step_mrad))
        coarse = points_within(self.lattice * stride, np.zeros(2), self.mistilt_max_mrad) * stride
        images = np.einsum("mij,sj->msi", self.operations, coarse @ self.lattice)
        # Any direction off the mirror lines chooses one of the images.
        along = images @ np.array([math.cos(0.39), math.sin(0.39)])
        chosen: Indices = coarse[along[self._identity] >= along.max(axis=0) - 1e-6]
        return chosen

    @cached_property
    def tilt_steps(self) -> list[tuple[int, int]]:
        """The same as pairs, for :meth:`projected`."""
        return [(int(i), int(j)) for i, j in self.tilts]

    @cached_property
    def operations(self) -> Matrices:
        """Point group on column vectors (x, y), shape (m, 2, 2)."""
        return plane_operations(self.table.geometry)

    @cached_property
    def _identity(self) -> int:
        return int(np.abs(self.operations - np.eye(2)).max(axis=(1, 2)).argmin())

    @cached_property
    def images(self) -> Indices:
        """Places of the points under each operation, shape (m, N)."""
        place = {tuple(point): n for n, point in enumerate(self.points.tolist())}
        moved = np.rint(np.einsum("mij,nj->mni", self.operations, self.angles) @ self.inverse)
        return np.array([[place[tuple(p)] for p in image] for image in moved.astype(int).tolist()])

    @cached_property
    def _reduced(self) -> tuple[Gathered, Numbers]:
        """What is gathered, in as few functions of thickness as carry it, and the functions."""
        basis = self.table.common_basis
        gathered = gather(self.table, self.lattice, self._stride, self._reach)
        held = gathered.coefficients
        power, vectors = np.linalg.eigh((held.T @ held).astype(float))
        rank = int((np.cumsum(np.maximum(power, 0)) > _LEFT**2 * power.sum()).sum())
        functions: Numbers = vectors[:, ::-1][:, :rank].T @ basis
        turn = (functions @ basis.T).T.astype(np.float32)
        return replace(gathered, coefficients=held @ turn), functions

    @property
    def functions(self) -> Numbers:
        """Orthonormal functions of thickness that carry the patterns, shape (R, T of the table)."""
        return self._reduced[1]

    @cached_property
    def _spline(self) -> CubicSpline:
        return CubicSpline(self.table.geometry.thicknesses_nm, self.functions, axis=1)

    @cached_property
    def mixing(self) -> Singles:
        """Values of the functions at `thickness_nm`, shape (T, R)."""
        return self.mixing_at(self.thickness_nm)

    def mixing_at(self, thickness_nm: Numbers | float, order: int = 0) -> Singles:
        """Values of the functions at thicknesses, or of their derivatives, shape (..., R)."""
        largest = self.table.geometry.thicknesses_nm[-1]
        values = self._spline(np.clip(thickness_nm, 0, largest), order)
        mixed: Singles = np.moveaxis(values, 0, -1).astype(np.float32)
        return mixed

    @property
    def _reach(self) -> tuple[float, float]:
        edge = 2 * SMOOTHING * self.step_mrad
        widest = float(np.linalg.norm(self.lattice, axis=1).max())
        outer = self.reach * self.convergence_mrad + self.mistilt_max_mrad + 2 * widest
        return outer, self.convergence_mrad + self.mistilt_max_mrad + 2 * widest + edge

    @property
    def held_bytes(self) -> int:
        """Memory of what was gathered, and of the tilts that were asked for so far."""
        # Of copies: threads that share this add tilts meanwhile.
        arrays = [*self._nodes.copy().values()]
        arrays += [one.patterns for one in self._projected.copy().values()]
        if "_reduced" in vars(self):
            arrays.append(self._reduced[0].coefficients)
        return sum(array.nbytes for array in arrays)

    def node(self, step: tuple[int, int]) -> Singles:
        """Patterns at the tilt ``step @ lattice`` in the functions of thickness, shape (N, R)."""
        found = self._nodes.get(step)
        if found is None:
            found = self._nodes[step] = self._make(step)
        return found

    def _make(self, step: tuple[int, int]) -> Singles:
        gathered = self._reduced[0]
        distance = np.linalg.norm(gathered.directions + np.array(step) @ self.lattice, axis=1)
        edge = 2 * SMOOTHING * self.step_mrad
        weights = np.clip((self.convergence_mrad - distance) / edge + 0.5, 0, 1)
        rows = gathered.rows_of(self.points - np.array(step))
        open_ = np.flatnonzero(weights > 0)
        number = np.full(len(gathered.points) + 1, -1)
        number[rows] = np.arange(len(rows))
        pairs = gathered.pairs_of(open_)
        row = number[gathered.point_of[pairs]]
        pairs, row = pairs[row >= 0], row[row >= 0]
        matrix = sparse.csr_matrix(
            (weights[gathered.direction_of[pairs]].astype(np.float32), (row, pairs)),
            shape=(len(rows), len(gathered.coefficients)),
        )
        patterns: Singles = matrix @ gathered.coefficients
        return patterns

    def projected(self, step: tuple[int, int]) -> "Projected":
        """Patterns at a tilt without smooth backgrounds, for the comparison."""
        found = self._projected.get(step)
        if found is None:
            basis = self.inner_basis
            patterns = self.node(step)[self.inner]
            patterns = patterns - basis @ (basis.T @ patterns)
            moment = patterns.T @ patterns
            power = np.einsum("tr,rs,ts->t", self.mixing, moment, self.mixing)
            found = Projected(patterns, np.maximum(power, 1e-20))
            self._projected[step] = found
        return found

    def near(self, tilt: Tilts) -> tuple[int, int]:
        """The lattice's step nearest to a tilt."""
        i, j = np.rint(tilt @ self.inverse).astype(int)
        return int(i), int(j)
