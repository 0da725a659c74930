"""Where the probe must stand so that averaging leaves the incoherent sum."""

import itertools
import math

import numpy as np

from pacbed.arrays import Matrix, Vectors
from pacbed.errors import OutOfRangeError

#: Lattice vectors by which a position is moved are shorter than so many cells.
_FAR = 1000


def cancels_interference(shape: tuple[int, int], reciprocal: Matrix, reach: float) -> bool:
    """Whether a scan grid cancels the interference of all overlapping disks.

    The amplitudes of beams g and h meet where their disks overlap, which needs
    |g − h| ≤ 2α/λ. A probe at r adds the phase 2π(g − h)·r to their product; summed
    over an n × m grid of the primitive cell this is exactly zero unless the indices
    of g − h are multiples of n and m. So the grid suffices if no such reciprocal
    vector but zero is that short.

    Parameters
    ----------
    shape : tuple of int
        Positions n, m along the two primitive vectors.
    reciprocal : ndarray, shape (2, 2)
        Reciprocal lattice vectors as rows, 1/Å.
    reach : float
        Diameter of the aperture 2α/λ, 1/Å.
    """
    coarse = np.array(shape)[:, None] * reciprocal
    # |i b1 + j b2| is at least the smallest singular value times |(i, j)|.
    bound = math.floor(reach / np.linalg.svd(coarse, compute_uv=False)[-1] + 1e-9) + 1
    return all(
        np.linalg.norm(np.array(index) @ coarse) > reach
        for index in itertools.product(range(-bound, bound + 1), repeat=2)
        if index != (0, 0)
    )


def scan_shape(
    reciprocal: Matrix, reach: float, probe_step: float | None = None
) -> tuple[int, int]:
    """Smallest grid of probe positions that is exact, or the one asked for.

    Parameters
    ----------
    reciprocal : ndarray, shape (2, 2)
        Reciprocal vectors of the projected primitive cell as rows, 1/Å.
    reach : float
        Diameter of the aperture 2α/λ, 1/Å.
    probe_step : float, optional
        Largest step as a share of each primitive vector.

    Returns
    -------
    tuple of int
        Positions along the two primitive vectors.

    Raises
    ------
    OutOfRangeError
        If `probe_step` leaves interference between overlapping disks.
    """
    # For n times the shorter axes this suffices whatever the angle between them.
    largest = math.ceil(reach / np.linalg.svd(reciprocal, compute_uv=False)[-1]) + 1
    sizes = range(1, largest + 1)
    exact = min(
        (
            shape
            for shape in itertools.product(sizes, sizes)
            if cancels_interference(shape, reciprocal, reach)
        ),
        key=lambda shape: (shape[0] * shape[1], abs(shape[0] - shape[1])),
    )
    if probe_step is None:
        return exact
    asked = math.ceil(1 / probe_step - 1e-9)
    if not cancels_interference((asked, asked), reciprocal, reach):
        raise OutOfRangeError(
            f"probe_step {probe_step:g} leaves interference of overlapping disks in the "
            f"average; use {1 / max(exact):.3g} or less"
        )
    return asked, asked


def probe_positions(
    cell: Matrix, shape: tuple[int, int], generator: np.random.Generator
) -> Vectors:
    """Positions of the probe, Å.

    Each point of the grid is moved by a random lattice vector. For a perfect
    crystal that changes nothing; with displaced atoms it lets every position meet
    other atoms, so that one configuration averages over more of them.

    Parameters
    ----------
    cell : ndarray, shape (2, 2)
        Primitive vectors of the projected cell as rows, Å.
    shape : tuple of int
        Positions along the two vectors.
    generator : numpy.random.Generator

    Returns
    -------
    ndarray, shape (n, 2)
        x and y of each position; the first vector's count changes slowest.
    """
    grid = np.stack(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij"), axis=-1)
    fractions = grid.reshape(-1, 2)
    return np.asarray((fractions + generator.integers(_FAR, size=fractions.shape)) @ cell)
