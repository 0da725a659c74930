"""Patterns of every thickness at a lattice of tilts, for one aperture and one detector.

Where all patterns of a scan share scale, rotation and aperture, the detector's pixels can
be brought to fixed directions q from the disk's centre, on the lattice of the table's
directions. For a tilt τ on the same lattice the sum

    I(q; t, τ) = Σ_g P_g(q − g − τ; t) A_α(|q − g|)

needs no interpolation at all, and in the table's common functions of thickness every
thickness is a short combination of the same few patterns. Such a *node* costs some ten
milliseconds once; the windows of a scan then share it.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import fft
from scipy.interpolate import CubicSpline

from pacbed.arrays import Angles, Indices, Mask, Matrices, Matrix, Numbers, Singles, Tilt
from pacbed.infer.fit.linear import DARKEST, DIFFUSE_WIDTH, backgrounds
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.crystal_frame import plane_operations
from pacbed.pattern.disks import Disks, gather_disks, grid_stride

#: Radius of the compared region, semi-angles.
REACH = 1.2
#: Nodes kept in memory, about half a megabyte each.
_KEPT = 160
#: Nodes in a row and in a column whose contributions are gathered at once.
_BLOCK = 3
#: Memory of the blocks that are kept; the last one always is.
_BLOCKS_BYTES = 200 * 2**20


@dataclass(frozen=True)
class Node:
    """Patterns at one tilt.

    Attributes
    ----------
    values : ndarray of float32, shape (E, R)
        Coefficients of the pattern in the common functions, at `PatternLattice.extended`.
    diffuse : ndarray of float32, shape (N, R)
        The same of the scattered copy, at the points.
    projected : ndarray of float32, shape (N, R)
        The pattern without backgrounds and weighted, for the comparison with all
        thicknesses.
    power : ndarray, shape (T,)
        Squared norm of the projected pattern of each thickness.
    """

    values: Singles
    diffuse: Singles
    projected: Singles
    power: Numbers


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
        self.points, self.extended, self.inner = _points(self.lattice, REACH * convergence_mrad)
        self.thickness_nm = np.arange(1.0, table.geometry.thicknesses_nm[-1] - 0.5, 0.5)
        self._mixing = self.mixing(self.thickness_nm)
        self._nodes: OrderedDict[tuple[int, int], Node] = OrderedDict()
        self._blocks: OrderedDict[tuple[int, int], tuple[Disks, Singles]] = OrderedDict()

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
        values = self.node((0, 0), bare=True).values[self.inner]
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

    def node(self, step: tuple[int, int], bare: bool = False) -> Node:
        """Patterns at the tilt ``step @ lattice``; `bare` leaves the projection out."""
        found = self._nodes.get(step)
        if found is not None:
            self._nodes.move_to_end(step)
            return found
        values, diffuse = self._patterns(step)
        if bare:
            return Node(values, diffuse, np.zeros(0, np.float32), np.zeros(0))
        weighted = values[self.inner] * np.sqrt(self.weights)[:, None].astype(np.float32)
        projected = _without(self._basis, weighted)
        made = Node(values, diffuse, projected, self._power(projected))
        self._nodes[step] = made
        if len(self._nodes) > _KEPT:
            self._nodes.popitem(last=False)
        return made

    def steps_near(self, tilt: Tilt, radius_mrad: float) -> list[tuple[int, int]]:
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

    def explained(self, measured: Measured, step: tuple[int, int]) -> Numbers:
        """Squared contrast that each thickness explains at a node, shape (T,)."""
        node = self.node(step)
        projected, power = node.projected, node.power
        if not measured.recorded.all():
            projected = _without(measured.basis, projected[measured.recorded])
            power = self._power(projected)
        along = self._mixing @ (measured.values @ projected)
        explained: Numbers = np.maximum(along, 0) ** 2 / power
        return explained

    def _gathered(self, step: tuple[int, int], reach: float) -> tuple[Disks, Singles]:
        """What contributes around a node: the disks stand still, the aperture alone moves."""
        block = (step[0] // _BLOCK, step[1] // _BLOCK)
        found = self._blocks.get(block)
        if found is None:
            apart = (_BLOCK - 1) / 2
            middle = (np.array(block) * _BLOCK + apart) @ self.lattice
            margin = apart * float(np.linalg.norm(self.lattice, axis=1).sum())
            alpha = self.convergence_mrad
            disks = gather_disks(self.table, middle, alpha, reach, margin, every=True)
            found = disks, self.table.evaluate(disks.places, self.table.common_basis)
            self._blocks[block] = found
            most = max(1, _BLOCKS_BYTES // found[1].nbytes)
            while len(self._blocks) > most:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(block)
        return found

    def _patterns(self, step: tuple[int, int]) -> tuple[Singles, Singles]:
        """Summed and blurred over every direction of the table, then taken at the points.

        Fringes of thick crystals are finer than the points: what lies between them belongs to
        the pixels around.
        """
        fine, stride = self.table.geometry.fine_lattice_mrad, self._stride
        tilt = np.array(step) @ self.lattice
        alpha, cell = self.convergence_mrad, float(np.linalg.norm(self.lattice, axis=1).max())
        reach = REACH + (3 * self.width_mrad + 2 * cell) / alpha
        disks, coefficients = self._gathered(step, reach)
        series = disks.series(coefficients, disks.aperture(tilt, alpha)[0])
        position = disks.points + np.array(step) * stride
        extended = self.extended * stride
        low = np.minimum(position.min(axis=0), extended.min(axis=0)) - 2
        size = np.maximum(position.max(axis=0), extended.max(axis=0)) - low + 3
        shape = tuple(fft.next_fast_len(int(n), real=True) for n in size)
        images = np.zeros((series.shape[1], shape[0] * shape[1]), np.float32)
        images[:, (position[:, 0] - low[0]) * shape[1] + position[:, 1] - low[1]] = series.T
        spectrum = fft.rfft2(images.reshape(-1, *shape))
        spectrum *= _gauss(shape, fine, self.width_mrad)
        scattered = spectrum * _gauss(shape, fine, DIFFUSE_WIDTH * alpha)
        parts = []
        for part, points in ((spectrum, extended), (scattered, self.points * stride)):
            image = fft.irfft2(part, s=shape)
            i, j = (points - low).T
            parts.append(np.ascontiguousarray(image[:, i, j].T))
        return parts[0], parts[1]


def _without(basis: Singles, values: Singles) -> Singles:
    """Values (N, ...) without their part along an orthonormal basis (N, b)."""
    return values - basis @ (basis.T @ values)


def _points(lattice: Matrix, radius: float) -> tuple[Indices, Indices, Indices]:
    """Lattice points in a circle, those with their neighbours, and the former's places."""
    half = (radius * np.linalg.norm(np.linalg.inv(lattice), axis=0)).astype(int) + 3
    axes = [np.arange(-n, n + 1) for n in half]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    inside = np.linalg.norm(grid @ lattice, axis=-1) <= radius
    wider = inside.copy()
    for axis in range(2):
        for step in (1, -1):
            wider |= np.roll(inside, step, axis)
    extended = grid[wider]
    return grid[inside], extended, np.flatnonzero(inside[wider])


def _gauss(shape: tuple[int, ...], lattice: Matrix, width: float) -> Singles:
    """Transfer function of a Gaussian blur on images over the lattice."""
    inverse = np.linalg.inv(lattice)
    i = np.fft.fftfreq(shape[0])[:, None]
    j = np.fft.rfftfreq(shape[1])[None]
    along = [i * inverse[n, 0] + j * inverse[n, 1] for n in range(2)]
    square = along[0] ** 2 + along[1] ** 2
    return np.asarray(np.exp(-2 * np.pi**2 * width**2 * square), np.float32)
