"""The literal twin of the production kernel: scattering matrices.

Short and obviously the equation of docs/physics.md: it builds the structure
matrix of one incident direction, exponentiates it for one thickness step and
multiplies. N² per step and N³ per direction for N beams.
"""

import numpy as np
from scipy.linalg import expm

from pacbed.arrays import Complexes, Indices, Numbers, Thicknesses, Vectors
from pacbed.crystal.projection import ProjectedCell
from pacbed.crystal.scattering import potential_coefficients
from pacbed.units import electron_wavelength


def beams_within(cell: ProjectedCell, g_max: float) -> Indices:
    """Indices of all reciprocal lattice vectors with |g| ≤ `g_max` (1/Å), shape (N, 2).

    The first is (0, 0); the others follow by length.
    """
    bound = np.ceil(g_max * np.linalg.norm(cell.cell, axis=1)).astype(int) + 1
    h, k = np.meshgrid(*(np.arange(-b, b + 1) for b in bound), indexing="ij")
    indices = np.stack([h.ravel(), k.ravel()], axis=1)
    length = np.linalg.norm(indices @ cell.reciprocal, axis=1)
    inside = length <= g_max + 1e-9
    order = np.lexsort((indices[inside, 1], indices[inside, 0], np.round(length[inside], 9)))
    kept: Indices = indices[inside][order]
    return kept


def structure_matrix(
    cell: ProjectedCell,
    beams: Indices,
    direction: Vectors,
    high_tension_kV: float,
    absorption: bool = True,
) -> Complexes:
    """Matrix A of dψ/dz = iπλ A ψ for one incident direction.

    A_gh = (U + iU')_{g−h} − δ_gh (2 k·g + g²)

    Parameters
    ----------
    cell : ProjectedCell
    beams : ndarray of int, shape (N, 2)
    direction : ndarray, shape (2,)
        Transverse wave vector k of the incident wave, 1/Å.
    high_tension_kV : float
    absorption : bool
        Whether U' is included.

    Returns
    -------
    ndarray of complex, shape (N, N)
        In 1/Å².
    """
    difference = beams[:, None, :] - beams[None, :, :]
    matrix = potential_coefficients(cell, difference, high_tension_kV)
    if not absorption:
        matrix = (matrix + matrix.conj().T) / 2
    g = beams @ cell.reciprocal
    matrix[np.diag_indices(len(beams))] -= 2 * g @ direction + (g**2).sum(axis=1)
    return matrix


def beam_intensities(
    cell: ProjectedCell,
    beams: Indices,
    direction: Vectors,
    high_tension_kV: float,
    thicknesses: Thicknesses,
    absorption: bool = True,
) -> Numbers:
    """P_g(k; t) of one incident direction from the matrix exponential.

    Parameters
    ----------
    cell, beams, direction, high_tension_kV, absorption
        As in :func:`structure_matrix`.
    thicknesses : ndarray, shape (T,)
        Å.

    Returns
    -------
    ndarray, shape (T, N)
        Intensities as a share of the incident wave.
    """
    matrix = structure_matrix(cell, beams, direction, high_tension_kV, absorption)
    factor = 1j * np.pi * electron_wavelength(high_tension_kV)
    start = np.zeros(len(beams), complex)
    start[np.flatnonzero((beams == 0).all(axis=1))[0]] = 1.0
    return np.array([np.abs(expm(factor * t * matrix) @ start) ** 2 for t in thicknesses])
