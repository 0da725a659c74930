"""The grid of waves and layers over a supercell, and the way between layers."""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Complexes, Indices, Mask, Matrix, Vectors
from pacbed.errors import OutOfRangeError
from pacbed.reference.supercell import Edges, smooth_size

#: Spatial frequencies that waves and layers keep, as shares of the grid's own 1/(2 pixel).
#: Displaced atoms: what a layer scatters beyond the waves' is lost, so layers keep frequencies
#: almost to the end. Products with the outer ones fold back into the band, but only from waves
#: at its edge, which are weak.
DISPLACED = (0.82, 0.98)
#: More points than any simulation needs; a wave of so many is 128 MB.
_MOST_POINTS = 4096**2
#: Atoms at rest lose nothing: nothing that folds back may meet the band.
AT_REST = (2 / 3, 2 / 3)


@dataclass(frozen=True)
class Grid:
    """Points over a supercell and the spatial frequencies that belong to them.

    Attributes
    ----------
    plane : ndarray, shape (2, 2)
        Edges of the supercell as rows, Å; axis i of every array runs along edge i.
    shape : tuple of int
    indices : tuple of ndarray of int
        Along either axis, of the frequencies in the order of a Fourier transform.
    g : ndarray, shape (*shape, 2)
        Frequencies, 1/Å.
    band : ndarray of bool, shape `shape`
        Which of them waves keep: |g| up to `cutoff`.
    cutoff : float
        1/Å.
    layer_cutoff : float
        The same for layers.
    """

    plane: Matrix
    shape: tuple[int, int]
    indices: tuple[Indices, Indices]
    g: Vectors
    band: Mask
    cutoff: float
    layer_cutoff: float

    @property
    def area(self) -> float:
        """Area of the supercell, Å²."""
        return float(abs(np.linalg.det(self.plane)))

    @property
    def reciprocal(self) -> Matrix:
        """Steps of the frequencies along either axis as rows, 1/Å."""
        return np.linalg.inv(self.plane).T


def finest_frequency(edges: Edges, repeats: tuple[int, int], pixel: float) -> float:
    """Highest frequency that a grid of these pixels holds, 1/Å."""
    return min(n / length for n, length in zip(*_sizes(edges, repeats, pixel), strict=True)) / 2


def _sizes(
    edges: Edges, repeats: tuple[int, int], pixel: float
) -> tuple[tuple[int, int], tuple[float, float]]:
    """Points along either edge, and its length in Å."""
    first, second = (
        float(np.linalg.norm(edge)) * count
        for edge, count in zip(edges.plane, repeats, strict=True)
    )
    return (smooth_size(first / pixel), smooth_size(second / pixel)), (first, second)


def make_grid(
    edges: Edges,
    repeats: tuple[int, int],
    pixel: float,
    kept: tuple[float, float] = DISPLACED,
) -> Grid:
    """A grid over a supercell.

    Parameters
    ----------
    edges : Edges
    repeats : tuple of int
        How often the supercell holds each edge.
    pixel : float
        Largest distance of points, Å.
    kept : tuple of float
        What waves and layers keep, :data:`DISPLACED` or :data:`AT_REST`.

    Raises
    ------
    OutOfRangeError
        If it would have more points than memory allows.
    """
    shape, lengths = _sizes(edges, repeats, pixel)
    if shape[0] * shape[1] > _MOST_POINTS:
        raise OutOfRangeError(
            f"the supercell of {lengths[0]:.0f} x {lengths[1]:.0f} Å has {shape[0]} x {shape[1]} "
            "points, which are too many; use a larger resolution_mrad or sampling_A"
        )
    plane = edges.plane * np.array(repeats)[:, None]
    first, second = (np.round(np.fft.fftfreq(n) * n).astype(int) for n in shape)
    reciprocal = np.linalg.inv(plane).T
    g = first[:, None, None] * reciprocal[0] + second[None, :, None] * reciprocal[1]
    # The index of a frequency along an edge is at most its length times the edge's.
    finest = finest_frequency(edges, repeats, pixel)
    cutoff = kept[0] * finest
    band = np.linalg.norm(g, axis=-1) <= cutoff
    return Grid(plane, shape, (first, second), g, band, cutoff, kept[1] * finest)


def propagator(grid: Grid, zone_axis: Vectors, wavelength: float, step: float) -> Complexes:
    """exp(−iπλΔz |q − τ|²) for what waves keep, nothing beyond.

    Parameters
    ----------
    grid : Grid
    zone_axis : ndarray, shape (2,)
        τ, where the zone axis lies among the frequencies, 1/Å.
    wavelength, step : float
        Å.

    Returns
    -------
    ndarray of complex64, shape `grid.shape`
    """
    square = ((grid.g - zone_axis) ** 2).sum(axis=-1)
    phases: Complexes = np.exp(-1j * np.pi * wavelength * step * square) * grid.band
    return phases.astype(np.complex64)
