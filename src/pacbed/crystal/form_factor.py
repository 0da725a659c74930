"""Electron scattering factors of atoms at rest."""

import json
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

import numpy as np
from scipy.special import k0, k1

from pacbed.arrays import Numbers
from pacbed.errors import CrystalError


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
    terms = _terms(symbol)

    def factor(g: Numbers) -> Numbers:
        square = np.square(g, dtype=np.float64)
        total = np.zeros_like(square)
        for a, b in terms:
            total += a * (2 + b * square) / (1 + b * square) ** 2
        return total

    return factor


def _terms(symbol: str) -> tuple[tuple[float, float], ...]:
    """The pairs a_i in Å, b_i in Å²."""
    parameters = _parameters().get(symbol)
    if parameters is None:
        raise CrystalError(f"element {symbol!r} has no scattering factor")
    return tuple(zip(*parameters, strict=True))


@lru_cache(maxsize=1)
def _parameters() -> dict[str, list[list[float]]]:
    """The five a_i in Å and b_i in Å² of every element; the file says where they are from."""
    text = files("pacbed.crystal").joinpath("scattering_factors.json").read_text("utf-8")
    parameters: dict[str, list[list[float]]] = json.loads(text)["parameters"]
    return parameters


def projected_potential(symbol: str) -> Callable[[Numbers], Numbers]:
    """Two-dimensional Fourier integral of :func:`scattering_factor`, in closed form.

    f(r) = Σ_i a_i [2π/b_i K₀(x) + 2π² r/b_i^(3/2) K₁(x)],  x = 2πr/√b_i

    Parameters
    ----------
    symbol : str
        Chemical symbol.

    Returns
    -------
    callable
        Maps distances from the atom's axis in Å (not 0) to 1/Å.
    """
    terms = _terms(symbol)

    def potential(distance: Numbers) -> Numbers:
        total = np.zeros_like(distance)
        for a, b in terms:
            x = 2 * np.pi * distance / np.sqrt(b)
            total += a * 2 * np.pi / b * (k0(x) + x / 2 * k1(x))
        return total

    return potential
