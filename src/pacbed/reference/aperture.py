"""The aperture on a grid of frequencies: each point stands for its cell."""

import numpy as np

from pacbed.arrays import Matrix, Numbers, Vectors

#: Points along either edge of a cell, an odd number: its middle is one of them.
_POINTS = 9


def shares_inside(g: Vectors, reciprocal: Matrix, radius: float) -> Numbers:
    """Share of each grid cell that lies inside a round aperture.

    A pattern has one point in each cell. With points that are wholly in or out, the edge
    of every disk is a staircase of cells, which no aperture is: fits of such patterns are 0.02 to
    0.04 nm too thin (``benchmarks/bias``).

    Parameters
    ----------
    g : ndarray, shape (n, m, 2)
        Middles of the cells, 1/Å.
    reciprocal : ndarray, shape (2, 2)
        Edges of a cell as rows, 1/Å.
    radius : float
        Of the aperture, 1/Å.

    Returns
    -------
    ndarray, shape (n, m)
        0 to 1.
    """
    distance = np.linalg.norm(g, axis=-1)
    shares: Numbers = (distance <= radius).astype(np.float64)
    on_edge = np.abs(distance - radius) < reach_of_cell(reciprocal)
    # A cell may hold the whole aperture.
    on_edge |= distance < 1e-9
    steps = np.arange(_POINTS) / _POINTS - (_POINTS - 1) / (2 * _POINTS)
    offsets = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    points = g[on_edge][:, None] + offsets @ reciprocal
    shares[on_edge] = (np.linalg.norm(points, axis=-1) <= radius + 1e-9).mean(axis=1)
    return shares


def reach_of_cell(reciprocal: Matrix) -> float:
    """Distance of a cell's farthest corner from its middle, 1/Å."""
    first, second = reciprocal
    return float(max(np.linalg.norm(first + second), np.linalg.norm(first - second))) / 2
