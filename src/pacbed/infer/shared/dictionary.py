"""Patterns of every thickness at a lattice of tilts, for one aperture and one detector.

Where all patterns of a scan share scale, rotation and aperture, the detector's pixels can
be brought to fixed directions q from the disk's centre, on the lattice of the table's
directions. For a tilt τ on the same lattice the sum

    I(q; t, τ) = Σ_g P_g(q − g − τ; t) A_α(|q − g|)

needs no interpolation at all, and in the table's common functions of thickness every
thickness is a short combination of the same few patterns. Such a *node* costs some tens of
milliseconds once; the windows of a scan then share it, and so may processes, see
:mod:`pacbed.infer.shared.shelf`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from threading import RLock

import numpy as np

from pacbed.arrays import Angles, Indices, Mask, Matrices, Matrix, Numbers, Singles, Tilt
from pacbed.infer.fit.linear import DARKEST, backgrounds
from pacbed.infer.shared.blocks import BlockMaker, Step, block_of, lattice_points
from pacbed.infer.shared.kept_blocks import KeptBlock, KeptBlocks, Node
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.crystal_frame import plane_operations
from pacbed.pattern.disks import grid_stride
from pacbed.spline import CubicSpline

#: Radius of the compared region, semi-angles.
REACH = 1.2


@dataclass(frozen=True)
class Measured:
    """Samples of a pattern as they are compared with all thicknesses.

    Attributes
    ----------
    recorded : ndarray of bool, shape (N,)
    values : ndarray of float32, shape (recorded points,)
        Weighted and without backgrounds.
    basis : ndarray of float32, shape (recorded points, 3)
        Orthonormal weighted backgrounds on these points.
    """

    recorded: Mask
    values: Singles
    basis: Singles


class PatternDictionary:
    """Patterns of a table at tilts of a lattice, made when they are first asked for.

    Parameters
    ----------
    table : LacbedTable
    convergence_mrad : float
    width_mrad : float
        σ of all blur: pixels, resampling and detector.
    """

    def __init__(self, table: LacbedTable, convergence_mrad: float, width_mrad: float) -> None:
        self.table = table
        self.convergence_mrad = convergence_mrad
        self.width_mrad = width_mrad
        self._stride = grid_stride(table, convergence_mrad)
        self.lattice = table.geometry.fine_lattice_mrad * self._stride
        self.points, self.extended, self.inner = lattice_points(
            self.lattice, REACH * convergence_mrad
        )
        self.thickness_nm = np.arange(1.0, table.geometry.thicknesses_nm[-1] - 0.5, 0.5)
        self._mixing = self.mixing(self.thickness_nm)
        maker = BlockMaker(
            table, convergence_mrad, width_mrad, self._stride, self.points, self.extended, REACH
        )
        self._blocks = KeptBlocks(maker)
        # Threads of a worker, and what is found of a scan before it is mapped, use the same one.
        self._lock = RLock()

    @cached_property
    def angles(self) -> Angles:
        """Directions q of the points, mrad, shape (N, 2)."""
        return self.points @ self.lattice

    @cached_property
    def radius(self) -> Numbers:
        """Distance of the points from the disk's centre, semi-angles, shape (N,)."""
        radius: Numbers = np.linalg.norm(self.angles, axis=1) / self.convergence_mrad
        return radius

    @cached_property
    def backgrounds(self) -> Numbers:
        """A constant and the smooth backgrounds at the points, shape (N, 3)."""
        return backgrounds(self.radius)

    @cached_property
    def weights(self) -> Numbers:
        """Inverse noise variance of the points, from the mean pattern of all thicknesses."""
        block, place = block_of((0, 0))
        with self._lock:
            values = self._parts(self._blocks.take(block), place)[0][self.inner]
        mean = values @ self._mixing.mean(axis=0)
        weights: Numbers = 1 / np.maximum(mean / mean[self.radius < 0.9].mean(), DARKEST)
        return weights

    @cached_property
    def _basis(self) -> Singles:
        return self._weighted_backgrounds(np.ones(len(self.points), bool))

    def _weighted_backgrounds(self, recorded: Mask) -> Singles:
        """Orthonormal weighted backgrounds on some points."""
        root = np.sqrt(self.weights[recorded])
        basis = np.linalg.qr(self.backgrounds[recorded] * root[:, None])[0]
        return np.asarray(basis, np.float32)

    @cached_property
    def inverse(self) -> Matrix:
        """From angles (x, y) in mrad to steps of the lattice, as rows, shape (2, 2)."""
        return np.linalg.inv(self.lattice)

    @cached_property
    def cell(self) -> float:
        """Area of a cell of the lattice, mrad²."""
        return abs(float(np.linalg.det(self.lattice)))

    @cached_property
    def neighbours(self) -> Indices:
        """Places in `extended` of the next point along ±i, ±j, shape (4, N)."""
        place = {tuple(point): n for n, point in enumerate(self.extended.tolist())}
        steps = ((1, 0), (-1, 0), (0, 1), (0, -1))
        return np.array(
            [[place[i + di, j + dj] for i, j in self.points.tolist()] for di, dj in steps]
        )

    @cached_property
    def second_neighbour(self) -> tuple[Indices, Indices]:
        """Pairs of points two steps apart, between which resampling leaves no correlation."""
        place = {tuple(point): n for n, point in enumerate(self.points.tolist())}
        pairs = [
            (n, place[i, j + 2]) for n, (i, j) in enumerate(self.points.tolist())
            if (i, j + 2) in place
        ]  # fmt: skip
        first, second = np.array(pairs).T
        return first, second

    @cached_property
    def foldings(self) -> tuple[Matrices, Indices]:
        """Point group (m, 2, 2) on column vectors, and the points' places under it, (m, N)."""
        operations = plane_operations(self.table.geometry)
        place = {tuple(point): n for n, point in enumerate(self.points.tolist())}
        images = [
            np.rint(self.angles @ operation.T @ self.inverse).astype(int).tolist()
            for operation in operations
        ]
        return operations, np.array([[place[tuple(p)] for p in image] for image in images])

    @cached_property
    def _functions(self) -> CubicSpline:
        return CubicSpline(self.table.geometry.thicknesses_nm, self.table.common_basis, axis=1)

    def mixing(self, thickness_nm: float | Numbers, order: int = 0) -> Singles:
        """Values of the common functions at thicknesses, or of their derivatives, (..., R)."""
        return np.moveaxis(self._functions(thickness_nm, order), 0, -1).astype(np.float32)

    def node(self, step: Step) -> Node:
        """Patterns at the tilt ``step @ lattice``."""
        block, place = block_of(step)
        with self._lock:
            kept = self._blocks.take(block)
            found = kept.nodes.get(place)
            if found is None:
                values, diffuse = self._parts(kept, place)
                weighted = values[self.inner] * np.sqrt(self.weights)[:, None].astype(np.float32)
                projected = _without(self._basis, weighted)
                found = Node(values, diffuse, projected, self._power(projected))
                kept.nodes[place] = found
            return found

    def phonons(self, step: Step, thickness_nm: float) -> Numbers:
        """What phonons send to the points at the tilt ``step @ lattice``, shape (N,).

        See :mod:`pacbed.lacbed.lost`; 0 if the table does not know.
        """
        if self.table.lost is None:
            return np.zeros(len(self.points))
        weights = self.table.thickness_weights(thickness_nm)
        positions = (self.points - np.array(step)) * self._stride
        return self.table.lost.sent_to(positions, weights[None])[:, 0].astype(float)

    def _parts(self, kept: KeptBlock, place: int) -> tuple[Singles, Singles]:
        """Coefficients at the extended points, and of the scattered copy at the points."""
        values = kept.patterns[place]
        return values[: len(self.extended)], values[len(self.extended) :]

    def share(self, folder: Path) -> None:
        """From now on make no patterns that lie in a folder, and lay there what is made."""
        with self._lock:
            self._blocks.share(folder)

    def prepare(self, steps: Iterable[Step]) -> None:
        """Have patterns at several tilts: first those that no other process is making."""
        with self._lock:
            self._blocks.prepare({block_of(step)[0] for step in steps})

    def steps_near(self, tilt: Tilt, radius_mrad: float) -> list[Step]:
        """Lattice steps of the tilts within a distance of a tilt, the nearest at least."""
        middle = tilt @ self.inverse
        half = radius_mrad * np.linalg.norm(self.inverse, axis=0) + 1
        axes = [
            range(int(np.floor(m - h)), int(np.ceil(m + h)) + 1)
            for m, h in zip(middle, half, strict=True)
        ]
        steps = np.array([(i, j) for i in axes[0] for j in axes[1]])
        distance = np.linalg.norm(steps @ self.lattice - tilt, axis=1)
        near = distance <= max(radius_mrad, float(distance.min()))
        return [(int(i), int(j)) for i, j in steps[near]]

    def _power(self, projected: Singles) -> Numbers:
        """Squared norm of the pattern of each thickness, shape (T,)."""
        along = self._mixing @ (projected.T @ projected)
        # One product of matrices: the sum over three would be taken term by term.
        bounded: Numbers = np.maximum((along * self._mixing).sum(axis=1), 1e-20)
        return bounded

    def measured(self, values: Numbers, recorded: Mask) -> Measured:
        """Samples weighted and without backgrounds, where they were recorded.

        Parameters
        ----------
        values : ndarray, shape (N,)
        recorded : ndarray of bool, shape (N,)
        """
        basis = self._basis if recorded.all() else self._weighted_backgrounds(recorded)
        weighted = (values * np.sqrt(self.weights))[recorded].astype(np.float32)
        return Measured(recorded, _without(basis, weighted), basis)

    def explained(self, measured: Measured, step: Step) -> Numbers:
        """Squared contrast that each thickness explains at a node, shape (T,)."""
        node = self.node(step)
        projected, power = node.projected, node.power
        if not measured.recorded.all():
            projected = _without(measured.basis, projected[measured.recorded])
            power = self._power(projected)
        along = self._mixing @ (measured.values @ projected)
        explained: Numbers = np.maximum(along, 0) ** 2 / power
        return explained


def _without(basis: Singles, values: Singles) -> Singles:
    """Values (N, ...) without their part along an orthonormal basis (N, b)."""
    return values - basis @ (basis.T @ values)


@lru_cache(maxsize=2)
def shared_dictionary(
    table: LacbedTable, convergence_mrad: float, width_mrad: float
) -> PatternDictionary:
    """The dictionary for all who ask for the same: what finds a scan's geometry, and the map."""
    return PatternDictionary(table, convergence_mrad, width_mrad)
