"""Fourier coefficients of the elastic and the absorptive crystal potential."""

import numpy as np

from pacbed.arrays import Complexes, Indices
from pacbed.crystal.mean_scattering import mean_factor
from pacbed.crystal.projection import ProjectedCell
from pacbed.crystal.stacking import higher_zones
from pacbed.units import electron_wavelength, relativistic_factor


def potential_coefficients(
    cell: ProjectedCell, indices: Indices, high_tension_kV: float
) -> Complexes:
    """U_g + iU'_g of the zero-order Laue zone.

    γ/(πΩ) Σ_j F_j(g) exp(−2πi g·r_j), with F_j the scattering factor of a vibrating atom for the
    mean
    wave, see :mod:`pacbed.crystal.mean_scattering`; and what the higher zones do on average to
    beams of this one, see :mod:`pacbed.crystal.stacking`. To first order F_j is

        f_j(g) exp(−B_j g²/4) + iγλ/2 ∫d²q f_j(|q|) f_j(|g−q|)
            [exp(−B_j g²/4) − exp(−B_j (q² + |g−q|²)/4)]

    (Hall & Hirsch 1965; Bird & King 1990; Weickenmeier & Kohl 1991).

    Parameters
    ----------
    cell : ProjectedCell
    indices : ndarray of int, shape (..., 2)
        Reciprocal lattice vectors in units of ``cell.reciprocal``.
    high_tension_kV : float

    Returns
    -------
    ndarray of complex, shape (...)
        In 1/Å². U is the Hermitian part, iU' the anti-Hermitian one.
    """
    length = np.linalg.norm(indices @ cell.reciprocal, axis=-1)
    gamma = relativistic_factor(high_tension_kV)
    strength = gamma * electron_wavelength(high_tension_kV)
    total = np.zeros(length.shape, complex)
    for symbol, position, weight, b_iso in zip(
        cell.symbols, cell.positions, cell.weights, cell.b_iso, strict=True
    ):
        factor = gamma / np.pi * mean_factor(symbol, float(b_iso), strength, length)
        total += weight / cell.area * factor * np.exp(-2j * np.pi * (indices @ position))
    # The projection may be more symmetric than the crystal: of what its zones add, the part that is
    # as symmetric is kept, as tables store directions by that symmetry.
    for operation, shift in zip(cell.point_group, cell.translations, strict=True):
        turned = higher_zones(cell.stacking, indices @ operation @ cell.reciprocal, high_tension_kV)
        total += turned * np.exp(-2j * np.pi * (indices @ shift)) / len(cell.point_group)
    return total
