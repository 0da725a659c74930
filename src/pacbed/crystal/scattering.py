"""Fourier coefficients of the elastic and the absorptive crystal potential."""

import json
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

import numpy as np

from pacbed.arrays import Complexes, Indices, Numbers
from pacbed.crystal.projection import ProjectedCell
from pacbed.errors import CrystalError
from pacbed.spline import CubicSpline
from pacbed.units import electron_wavelength, relativistic_factor

#: Quadrature of the absorption integral: points in |q| and in a quarter of all angles, and
#: the largest |q| in 1/Å; what lies beyond is about 1 % of the integral.
_RADIAL_POINTS, _QUARTER_POINTS, _Q_MAX = 160, 12, 16.0


def scattering_factor(symbol: str) -> Callable[[Numbers], Numbers]:
    """Electron scattering factor of an atom (Lobato & Van Dyck 2014).

    f(g) = Σ_i a_i (2 + b_i g²) / (1 + b_i g²)²

    Parameters
    ----------
    symbol : str
        Chemical symbol.

    Returns
    -------
    callable
        Maps spatial frequencies in 1/Å to f in Å.

    Raises
    ------
    CrystalError
        If the element is unknown.
    """
    parameters = _parameters().get(symbol)
    if parameters is None:
        raise CrystalError(f"element {symbol!r} has no scattering factor")
    terms = tuple(zip(*parameters, strict=True))

    def factor(g: Numbers) -> Numbers:
        square = np.square(g, dtype=np.float64)
        total = np.zeros_like(square)
        for a, b in terms:
            total += a * (2 + b * square) / (1 + b * square) ** 2
        return total

    return factor


@lru_cache(maxsize=1)
def _parameters() -> dict[str, list[list[float]]]:
    """The five a_i in Å and b_i in Å² of every element; the file says where they are from."""
    text = files("pacbed.crystal").joinpath("scattering_factors.json").read_text("utf-8")
    parameters: dict[str, list[list[float]]] = json.loads(text)["parameters"]
    return parameters


def potential_coefficients(
    cell: ProjectedCell, indices: Indices, high_tension_kV: float
) -> Complexes:
    """U_g + iU'_g of the projected potential, zero-order Laue zone.

    U_g = γ/(πΩ) Σ_j f_j(g) exp(−B_j g²/4) exp(−2πi g·r_j); U'_g is the thermal
    diffuse absorption of the Einstein model (Hall & Hirsch 1965; Bird & King
    1990; Weickenmeier & Kohl 1991), see :func:`absorption_factor`.

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
    g = np.linalg.norm(indices @ cell.reciprocal, axis=-1)
    gamma = relativistic_factor(high_tension_kV)
    wavelength = electron_wavelength(high_tension_kV)
    total = np.zeros(g.shape, complex)
    for symbol, position, weight, b_iso in zip(
        cell.symbols, cell.positions, cell.weights, cell.b_iso, strict=True
    ):
        elastic = gamma / np.pi * _elastic(symbol, g) * np.exp(-b_iso * g**2 / 4)
        absorptive = gamma**2 * wavelength / (2 * np.pi) * absorption_factor(symbol, b_iso, g)
        phase = np.exp(-2j * np.pi * (indices @ position))
        total += weight / cell.area * (elastic + 1j * absorptive) * phase
    return total


def _elastic(symbol: str, g: Numbers) -> Numbers:
    return scattering_factor(symbol)(g)


def absorption_factor(symbol: str, b_iso: float, g: Numbers) -> Numbers:
    """The absorption integral of one atom, in Å² · 1/Å² = 1 (dimensionless).

    ∫d²q f(|q|) f(|g−q|) [exp(−B g²/4) − exp(−B (q² + |g−q|²)/4)]

    Parameters
    ----------
    symbol : str
        Chemical symbol.
    b_iso : float
        Debye–Waller factor B, Å².
    g : ndarray
        Spatial frequencies, 1/Å.

    Returns
    -------
    ndarray
        Same shape as `g`.
    """
    grid, values = _absorption_table(symbol, round(float(b_iso), 6), float(np.ceil(g.max() + 1)))
    # The integrand's table is dense enough (0.05 1/Å) for a cubic to be exact to 1e-4.
    factor: Numbers = CubicSpline(grid, values)(g)
    return factor


@lru_cache(maxsize=256)
def _absorption_table(symbol: str, b_iso: float, g_max: float) -> tuple[Numbers, Numbers]:
    factor = scattering_factor(symbol)
    nodes, node_weights = np.polynomial.legendre.leggauss(_RADIAL_POINTS)
    # q = q_max u² gathers points near the origin, where f varies fastest.
    u = (nodes + 1) / 2
    radius = _Q_MAX * u**2
    radial_weight = node_weights / 2 * 2 * _Q_MAX * u * radius
    # Around the midpoint of its two peaks the integrand is the same in every quarter.
    angle = np.pi / 2 * (np.arange(_QUARTER_POINTS) + 0.5) / _QUARTER_POINTS
    qx, qy = radius[:, None] * np.cos(angle), radius[:, None] * np.sin(angle)
    grid = np.arange(0.0, g_max + 0.05, 0.05)
    values = np.empty_like(grid)
    for i, g in enumerate(grid):
        # Polar coordinates around g/2, the midpoint of the two peaks of the integrand.
        first, second = np.hypot(qx + g / 2, qy), np.hypot(qx - g / 2, qy)
        thermal = np.exp(-b_iso * g**2 / 4) - np.exp(-b_iso * (first**2 + second**2) / 4)
        integrand = factor(first) * factor(second) * thermal
        values[i] = (integrand.mean(axis=1) * 2 * np.pi * radial_weight).sum()
    return grid, values
