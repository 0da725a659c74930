"""From the LACBED table to a PACBED pattern, in NumPy.

    I(q) = Σ_g P_g(q − g − tilt; t) A_α(|q − g|)

with q measured from the centre of the bright-field disk (LeBeau, Findlay,
Allen & Stemmer, Ultramicroscopy 110 (2010) 118). The sum runs on the table's own
grid of directions, where a beam is a shift by whole steps; the result is then
interpolated on the pixels. For small apertures the grid is refined first, so
that the edge of the aperture is always drawn finely.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from pacbed.arrays import Indices, Matrix, Pattern, Singles, Tilt
from pacbed.errors import OutOfRangeError
from pacbed.lacbed.geometry import TableGeometry
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.geometry import PatternParameters, crystal_tilt
from pacbed.pattern.grid import (
    SAMPLES_PER_APERTURE,
    aperture_weights,
    cell_mrad,
    index_pairs,
    pixel_steps,
    refine_axis,
    refinement_factor,
)


def expand(geometry: TableGeometry, i: Indices, j: Indices, beams: Indices) -> Indices:
    """Places of P_g(k) among the table's entries, for grid indices and beams.

    Parameters
    ----------
    geometry : TableGeometry
    i, j : ndarray of int, shape (n, m)
        Grid indices of directions k; may reach beyond the grid.
    beams : ndarray of int, shape (b,)
        Numbers of beams.

    Returns
    -------
    ndarray of int32, shape (b, n, m)
        Indices into ``LacbedTable.entries``.
    """
    grid = geometry.grid
    size = 2 * grid.reach + 1
    row, column = i + grid.reach, j + grid.reach
    inside = (row >= 0) & (row < size) & (column >= 0) & (column < size)
    row, column = np.where(inside, row, 0), np.where(inside, column, 0)
    wedge = np.where(inside, grid.wedge_index[row, column], -1)
    operation = grid.operation[row, column]
    images = geometry.beam_images[:, beams].T[:, operation]
    count = geometry.entry_count
    return np.where(wedge >= 0, geometry.entry_of[np.maximum(wedge, 0), images], count)


def check_covered(table: LacbedTable, convergence_mrad: float, mistilt_mrad: float) -> None:
    """Raise OutOfRangeError unless the table holds this aperture and tilt."""
    g = table.geometry
    if convergence_mrad > g.convergence_max_mrad + 1e-6:
        raise OutOfRangeError(
            f"convergence semi-angle {convergence_mrad:g} mrad lies outside the table; "
            f"give at most {g.convergence_max_mrad:g} mrad"
        )
    if convergence_mrad + mistilt_mrad > g.convergence_max_mrad + g.mistilt_max_mrad + 1e-6:
        raise OutOfRangeError(
            f"mistilt {mistilt_mrad:.3g} mrad lies outside the table; at this convergence give "
            f"at most {g.convergence_max_mrad + g.mistilt_max_mrad - convergence_mrad:g} mrad"
        )


def native_pattern(
    table: LacbedTable,
    thickness_nm: float,
    tilt_mrad: Tilt,
    convergence_mrad: float,
    samples: int = SAMPLES_PER_APERTURE,
) -> tuple[Pattern, Indices, Matrix]:
    """Sum the disks on the (refined) direction grid, in the crystal's frame.

    Parameters
    ----------
    table : LacbedTable
    thickness_nm : float
    tilt_mrad : ndarray, shape (2,)
        Tilt vector in the crystal's frame, mrad.
    convergence_mrad : float
    samples : int
        Steps of the grid in one convergence semi-angle, at least.

    Returns
    -------
    pattern : ndarray of float32, shape (n, m)
        Intensity per mrad² as a share of the incident beam.
    origin : ndarray of int, shape (2,)
        Grid indices of ``pattern[0, 0]``, counted from the zone axis.
    lattice : ndarray, shape (2, 2)
        Steps of the grid as rows, mrad.
    """
    factor = refinement_factor(table.geometry, convergence_mrad, samples)
    window = make_window(table, tilt_mrad, convergence_mrad, factor)
    values = table.entries(thickness_nm)[window.places]
    values = refine_axis(refine_axis(values, factor, 1), factor, 2)
    values *= window.weights
    n, m = values.shape[1:]
    pattern = np.zeros(window.shape, np.float32)
    for value, (a, b) in zip(values, window.shifts, strict=True):
        pattern[a : a + n, b : b + m] += value
    return pattern, window.origin, window.lattice


@dataclass(frozen=True)
class Window:
    """The part of the direction grid that an aperture lets through.

    Attributes
    ----------
    places : ndarray of int, shape (b, n, m)
        Places of P_g(k) among the table's entries, three directions more than
        refinement needs along each axis.
    weights : ndarray of float32, shape (n', m')
        Share of each refined direction in the incident beam, per mrad².
    shifts : ndarray of int, shape (b, 2)
        Where each beam's disk begins in the pattern.
    shape : tuple of int
        Of the pattern.
    origin : ndarray of int, shape (2,)
        Grid indices of the pattern's first element, counted from the zone axis.
    lattice : ndarray, shape (2, 2)
        Steps of the refined grid as rows, mrad.
    """

    places: Indices
    weights: Singles
    shifts: Indices
    shape: tuple[int, int]
    origin: Indices
    lattice: Matrix


def make_window(
    table: LacbedTable, tilt_mrad: Tilt, convergence_mrad: float, factor: int
) -> Window:
    """Gather which entries of a table make up a pattern, whatever its thickness.

    Parameters
    ----------
    table : LacbedTable
    tilt_mrad : ndarray, shape (2,)
        Tilt vector in the crystal's frame, mrad.
    convergence_mrad : float
    factor : int
        How often the direction grid is refined.
    """
    geometry = table.geometry
    lattice = geometry.fine_lattice_mrad / factor
    inverse = np.linalg.inv(geometry.fine_lattice_mrad)
    # Coarse window that holds the aperture, which is centred at −tilt.
    half = convergence_mrad * np.linalg.norm(inverse, axis=0) + 1
    centre = -tilt_mrad @ inverse
    low, high = np.floor(centre - half).astype(int) - 1, np.ceil(centre + half).astype(int) + 2
    i, j = np.moveaxis(index_pairs(*map(np.arange, low, high + 1)), -1, 0)
    beam_angle = geometry.beams @ geometry.lattice_mrad
    field = geometry.field * convergence_mrad
    near = np.linalg.norm(beam_angle, axis=1) <= field + convergence_mrad
    beams = np.flatnonzero(near)
    first = (low + 1) * factor
    n, m = ((length - 3) * factor for length in i.shape)
    steps = index_pairs(np.arange(n), np.arange(m)) + first
    weights = aperture_weights(steps @ lattice + tilt_mrad, convergence_mrad, cell_mrad(lattice))
    shift = geometry.beams[beams] * np.array(geometry.grid.divisions) * factor
    base = shift.min(axis=0)
    extent = shift.max(axis=0) - base
    return Window(
        expand(geometry, i, j, beams),
        (weights / (np.pi * convergence_mrad**2)).astype(np.float32),
        shift - base,
        (int(extent[0]) + n, int(extent[1]) + m),
        first + base,
        lattice,
    )


def synthesise(
    table: LacbedTable,
    parameters: PatternParameters,
    shape: tuple[int, int] = (128, 128),
    samples: int = SAMPLES_PER_APERTURE,
) -> Pattern:
    """Synthesise a PACBED pattern on a pixel grid.

    Parameters
    ----------
    table : LacbedTable
    parameters : PatternParameters
    shape : tuple of int
        Rows and columns.
    samples : int
        Steps of the grid in one convergence semi-angle, at least.

    Returns
    -------
    ndarray of float32, shape `shape`
        Intensity per pixel as a share of the incident beam. Zero outside the
        recorded field, ``table.geometry.field`` semi-angles around the centre.

    Raises
    ------
    OutOfRangeError
        If thickness, convergence or mistilt lie outside the table.
    """
    tilt = crystal_tilt(parameters)
    check_covered(table, parameters.convergence_mrad, float(np.linalg.norm(tilt)))
    pattern, origin, lattice = native_pattern(
        table, parameters.thickness_nm, tilt, parameters.convergence_mrad, samples
    )
    return sample_pixels(pattern, origin, lattice, parameters, table.geometry.field, shape)


def sample_pixels(
    pattern: Pattern,
    origin: Indices,
    lattice: Matrix,
    parameters: PatternParameters,
    field: float,
    shape: tuple[int, int],
) -> Pattern:
    """Interpolate a native pattern on pixels.

    Parameters
    ----------
    pattern, origin, lattice : ndarray
        From :func:`native_pattern`.
    parameters : PatternParameters
    field : float
        Radius of the recorded field in convergence semi-angles.
    shape : tuple of int

    Returns
    -------
    ndarray of float32, shape `shape`
    """
    steps, inside = pixel_steps(origin, lattice, parameters, field, shape)
    sampled = map_coordinates(pattern, np.moveaxis(steps, -1, 0), order=3, prefilter=True)
    return np.asarray(sampled * inside * parameters.mrad_per_pixel**2, np.float32)
