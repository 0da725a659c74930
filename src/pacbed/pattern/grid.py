"""The grid of directions that patterns are summed on: its points, apertures and splines.

Where a sum over disks runs, how finely, how much of a cell an aperture lets through, and
how values on the grid become values between its points.
"""

import numpy as np
from scipy.ndimage import spline_filter1d

from pacbed.arrays import Angles, Indices, Mask, Matrix, Numbers
from pacbed.lacbed.geometry import TableGeometry
from pacbed.pattern.geometry import PatternParameters, crystal_tilt, pixel_to_crystal

#: Steps of the grid in one convergence semi-angle, at least.
SAMPLES_PER_APERTURE = 32
#: Steps in a semi-angle that are enough to leave the others out, where the aperture's edge is
#: one cell wide; a wider edge is drawn by fewer.
_STEPS_ENOUGH = 17
#: Others are left out only where the rest lies no farther apart than this, mrad: however large
#: the aperture is, Bragg lines and fringes are as narrow.
_COARSEST_MRAD = 1.1


def step_mrad(geometry: TableGeometry) -> float:
    """Larger step of a table's direction grid, mrad."""
    return float(np.linalg.norm(geometry.fine_lattice_mrad, axis=1).max())


def cell_mrad(lattice: Matrix) -> float:
    """Width of a square as large as a cell of the grid whose steps are the rows, mrad."""
    return float(abs(np.linalg.det(lattice)) ** 0.5)


def refinement_factor(
    geometry: TableGeometry, convergence_mrad: float, samples: int = SAMPLES_PER_APERTURE
) -> int:
    """Factor by which the direction grid is refined for this aperture."""
    return max(1, int(np.ceil(samples * step_mrad(geometry) / convergence_mrad - 1e-9)))


def direction_stride(geometry: TableGeometry, convergence_mrad: float, edge_cells: int = 1) -> int:
    """Whether every direction (1) or every second one (2) is summed, for an aperture's edge."""
    apart = 2 * step_mrad(geometry)
    fine = apart <= _COARSEST_MRAD and convergence_mrad / apart >= _STEPS_ENOUGH / edge_cells
    return 2 if fine else 1


def index_pairs(first: Indices, second: Indices) -> Indices:
    """All pairs of an index of each axis, shape (n, m, 2)."""
    return np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1)


def points_within(lattice: Matrix, centre: Angles, radius: float) -> Indices:
    """Grid indices (n, 2) of the points within a distance of a centre, in mrad."""
    inverse = np.linalg.inv(lattice)
    half = radius * np.linalg.norm(inverse, axis=0) + 1
    middle = centre @ inverse
    axes = (np.arange(int(m - h), int(m + h) + 2) for m, h in zip(middle, half, strict=True))
    index = index_pairs(*axes).reshape(-1, 2).astype(np.int32)
    near: Indices = index[np.linalg.norm(index @ lattice - centre, axis=1) <= radius]
    return near


def aperture_weights(
    positions: Angles, convergence_mrad: float | Angles, cell_mrad: float
) -> Numbers:
    """Share of each grid cell inside the aperture, 0..1.

    Parameters
    ----------
    positions : ndarray, shape (..., 2)
        Angles from the optical axis, mrad.
    convergence_mrad : float or ndarray
        One for all, or one for each of the last axis of positions.
    cell_mrad : float
        Width of a grid cell, mrad.
    """
    weights: Numbers = positions[..., 0] ** 2
    weights += positions[..., 1] ** 2
    # In place: of many apertures, memory for each step would take longer than the steps.
    np.subtract(convergence_mrad, np.sqrt(weights, out=weights), out=weights)
    weights /= cell_mrad
    weights += 0.5
    return np.clip(weights, 0, 1, out=weights)


def spline_weights(x: Numbers) -> Numbers:
    """Cubic B-spline weights of the four neighbours at 0 ≤ x < 1, shape (4, ...)."""
    return np.stack(
        [
            (1 - x) ** 3 / 6,
            (3 * x**3 - 6 * x**2 + 4) / 6,
            (-3 * x**3 + 3 * x**2 + 3 * x + 1) / 6,
            x**3 / 6,
        ]
    )


def spline_slopes(x: Numbers) -> Numbers:
    """Derivatives of :func:`spline_weights` by the position, shape (4, ...)."""
    return np.stack(
        [
            -((1 - x) ** 2) / 2,
            (9 * x**2 - 12 * x) / 6,
            (-9 * x**2 + 6 * x + 3) / 6,
            x**2 / 2,
        ]
    )


def spline_curvatures(x: Numbers) -> Numbers:
    """Second derivatives of :func:`spline_weights` by the position, shape (4, ...)."""
    return np.stack([1 - x, 3 * x - 2, 1 - 3 * x, x])


def refine_axis(values: Numbers, factor: int, axis: int) -> Numbers:
    """Refine samples by a cubic spline; n samples become (n − 3) · factor.

    The first sample of the result stands at the second of the input.
    """
    if factor == 1:
        return np.take(values, range(1, values.shape[axis] - 2), axis=axis)
    filtered = spline_filter1d(values, 3, axis=axis, output=values.dtype, mode="mirror")
    values = np.moveaxis(filtered, axis, -1)
    windows = np.lib.stride_tricks.sliding_window_view(values, 4, axis=-1)
    weights = spline_weights(np.arange(factor) / factor).astype(values.dtype)
    refined = (windows @ weights).reshape(*values.shape[:-1], -1)
    return np.moveaxis(refined, -1, axis)


def pixel_steps(
    origin: Indices,
    lattice: Matrix,
    parameters: PatternParameters,
    field: float,
    shape: tuple[int, int],
) -> tuple[Numbers, Mask]:
    """Where pixels lie on a grid of directions.

    Parameters
    ----------
    origin, lattice : ndarray
        Grid indices of the first element, and the steps as rows, mrad.
    parameters : PatternParameters
    field : float
        Radius of the recorded field in convergence semi-angles.
    shape : tuple of int

    Returns
    -------
    steps : ndarray, shape (rows, columns, 2)
        Steps along both lattice vectors from the grid's first element.
    inside : ndarray of bool, shape (rows, columns)
        Whether a pixel lies in the recorded field.
    """
    row, column = parameters.center_row_px, parameters.center_column_px
    y = np.arange(shape[0]) - ((shape[0] - 1) / 2 if row is None else row)
    x = np.arange(shape[1]) - ((shape[1] - 1) / 2 if column is None else column)
    angle = np.stack(np.meshgrid(x, y), axis=-1) @ pixel_to_crystal(parameters).T
    steps: Numbers = (angle - crystal_tilt(parameters)) @ np.linalg.inv(lattice) - origin
    inside: Mask = np.linalg.norm(angle, axis=-1) <= field * parameters.convergence_mrad
    return steps, inside
