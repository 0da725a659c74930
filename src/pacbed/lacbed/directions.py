"""The grid of incident directions and its irreducible wedge."""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Indices, Matrix


@dataclass(frozen=True)
class DirectionGrid:
    """Directions k = (i/m₁) b₁ + (j/m₂) b₂ inside a disk, and their symmetry.

    The grid divides the reciprocal lattice vectors b₁ and b₂, so every recorded
    position k + g lies on it too.

    Attributes
    ----------
    divisions : tuple of int
        m₁ and m₂.
    reach : int
        Largest |i| and |j| on the grid.
    wedge : ndarray of int, shape (K, 2)
        (i, j) of the irreducible directions.
    wedge_index : ndarray of int32, shape (2·reach + 1, 2·reach + 1)
        Row of `wedge` that stands for (i, j); −1 outside the disk. Indexed
        [i + reach, j + reach].
    operation : ndarray of int8, same shape
        Number of the point group's operation W with (i, j) W = wedge direction.
    """

    divisions: tuple[int, int]
    reach: int
    wedge: Indices
    wedge_index: Indices
    operation: Indices


def choose_divisions(reciprocal: Matrix, point_group: Indices, step: float) -> tuple[int, int]:
    """Even divisions of the reciprocal lattice vectors, for a spacing of about `step`.

    They are even, so that every second direction is a grid of its own, and equal
    where an operation of the point group mixes the two vectors.

    Parameters
    ----------
    reciprocal : ndarray, shape (2, 2)
        Reciprocal lattice vectors as rows, 1/Å.
    point_group : ndarray of int, shape (m, 2, 2)
    step : float
        1/Å.
    """
    length = np.linalg.norm(reciprocal, axis=1)
    wanted = 2 * np.maximum(1, np.round(length / (2 * step))).astype(int)
    diagonal = all((operation == np.diag(np.diag(operation))).all() for operation in point_group)
    return (int(wanted[0]), int(wanted[1])) if diagonal else (int(wanted.max()),) * 2


def make_direction_grid(
    reciprocal: Matrix, point_group: Indices, k_max: float, divisions: tuple[int, int]
) -> DirectionGrid:
    """Grid that covers the disk |k| ≤ `k_max`, with its irreducible wedge.

    Parameters
    ----------
    reciprocal : ndarray, shape (2, 2)
        Reciprocal lattice vectors as rows, 1/Å.
    point_group : ndarray of int, shape (m, 2, 2)
        Operations W on fractional coordinates of the direct cell; row vectors of
        reciprocal indices transform as h W.
    k_max : float
        1/Å.
    divisions : tuple of int
        Steps in each reciprocal lattice vector.

    Returns
    -------
    DirectionGrid
    """
    m1, m2 = divisions
    fine = reciprocal / np.array([[m1], [m2]])
    # A vector of length k_max has |coordinate| ≤ k_max / (height of the cell).
    heights = abs(np.linalg.det(fine)) / np.linalg.norm(fine, axis=1)[::-1]
    reach = int(np.ceil(k_max / heights.min())) + 1
    axis = np.arange(-reach, reach + 1)
    i, j = np.meshgrid(axis, axis, indexing="ij")
    points = np.stack([i.ravel(), j.ravel()], axis=1)
    points = points[np.linalg.norm(points @ fine, axis=1) <= k_max + 1e-9]
    images = np.stack([points @ operation for operation in point_group])
    codes = (images[..., 0] + reach) * (2 * reach + 1) + images[..., 1] + reach
    best = codes.argmax(axis=0)
    chosen = codes.max(axis=0)
    unique, inverse = np.unique(chosen, return_inverse=True)
    wedge_index = np.full((2 * reach + 1,) * 2, -1, np.int32)
    operation_of = np.zeros(wedge_index.shape, np.int8)
    wedge_index[points[:, 0] + reach, points[:, 1] + reach] = inverse
    operation_of[points[:, 0] + reach, points[:, 1] + reach] = best
    wedge = np.stack(np.divmod(unique, 2 * reach + 1), axis=1) - reach
    return DirectionGrid((m1, m2), reach, wedge, wedge_index, operation_of)
