"""Patterns at tilts of a lattice, a block of 3 × 3 tilts at a time.

What contributes to the patterns around a tilt is gathered from the table once for a block,
which is half of the work: hence tilts are never made singly. A block depends on table,
convergence angle and blur alone, so it is the same wherever it is made.
"""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from scipy import fft

from pacbed.arrays import Indices, Matrix, Singles
from pacbed.infer.fit.linear import DIFFUSE_WIDTH
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.disks import Disks, gather_disks
from pacbed.version import __version__

#: Nodes in a row and in a column of a block.
SIDE = 3

#: A tilt in steps of the lattice.
Step = tuple[int, int]


def block_of(step: Step) -> tuple[Step, int]:
    """The block in which a tilt lies, and its place among the block's patterns."""
    (row, i), (column, j) = divmod(step[0], SIDE), divmod(step[1], SIDE)
    return (row, column), i * SIDE + j


@dataclass(frozen=True)
class BlockMaker:
    """Makes the patterns of blocks.

    Attributes
    ----------
    table : LacbedTable
    convergence_mrad : float
    width_mrad : float
        σ of all blur: pixels, resampling and detector.
    stride : int
        Steps of the table's directions in one of the lattice.
    points, extended : ndarray of int, shape (N, 2) and (E, 2)
        Points at which the patterns are taken, in steps of the lattice.
    reach : float
        How far these reach, semi-angles.
    """

    table: LacbedTable
    convergence_mrad: float
    width_mrad: float
    stride: int
    points: Indices
    extended: Indices
    reach: float

    @property
    def lattice(self) -> Matrix:
        """Steps of the lattice as rows, mrad."""
        return self.table.geometry.fine_lattice_mrad * self.stride

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a block's patterns: tilts, points, functions of thickness."""
        rank = len(self.table.common_basis)
        return SIDE**2, len(self.extended) + len(self.points), rank

    def key(self) -> bytes:
        """Names table, angle, blur and points: blocks of equal keys are the same, 32 bytes."""
        geometry = self.table.geometry
        digest = sha256(repr((__version__, self.shape, self.stride, self.reach)).encode())
        numbers = (self.convergence_mrad, self.width_mrad, self.table.quantum)
        # The common functions depend on the coefficients of all of the table.
        for part in (numbers, self.lattice, geometry.beams, self.table.common_basis):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.digest()

    def make(self, block: Step) -> Singles:
        """Coefficients of the patterns in the common functions of thickness.

        Parameters
        ----------
        block : tuple of int
            From :func:`block_of`.

        Returns
        -------
        ndarray of float32, shape (9, E + N, R)
            At the extended points, then at the points the scattered copy.
        """
        alpha, cell = self.convergence_mrad, float(np.linalg.norm(self.lattice, axis=1).max())
        reach = self.reach + (3 * self.width_mrad + 2 * cell) / alpha
        disks, coefficients = self._gathered(block, reach)
        made = np.empty(self.shape, np.float32)
        for place in range(SIDE**2):
            i, j = divmod(place, SIDE)
            step = block[0] * SIDE + i, block[1] * SIDE + j
            self._fill(made[place], step, disks, coefficients)
        return made

    def _gathered(self, block: Step, reach: float) -> tuple[Disks, Singles]:
        """What contributes to a block: the disks stand still, the aperture alone moves."""
        apart = (SIDE - 1) / 2
        middle = (np.array(block) * SIDE + apart) @ self.lattice
        margin = apart * float(np.linalg.norm(self.lattice, axis=1).sum())
        disks = gather_disks(self.table, middle, self.convergence_mrad, reach, margin, every=True)
        return disks, self.table.evaluate(disks.places, self.table.common_basis)

    def _fill(self, made: Singles, step: Step, disks: Disks, coefficients: Singles) -> None:
        """Sum and blur over every direction of the table, then take what is at the points.

        Fringes of thick crystals are finer than the points: what lies between them belongs to
        the pixels around.
        """
        fine, stride = self.table.geometry.fine_lattice_mrad, self.stride
        alpha = self.convergence_mrad
        tilt = np.array(step) @ self.lattice
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
        filled = 0
        for part, points in ((spectrum, extended), (scattered, self.points * stride)):
            image = fft.irfft2(part, s=shape)
            i, j = (points - low).T
            made[filled : filled + len(points)] = image[:, i, j].T
            filled += len(points)


def lattice_points(lattice: Matrix, radius: float) -> tuple[Indices, Indices, Indices]:
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
