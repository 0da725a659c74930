"""What a vibrating atom does to the mean wave, to all orders of its potential.

A bare atom gives a wave the phase φ(r), whose Fourier integral is γλ f(g). With the atom displaced
by u, normally distributed, the mean wave is multiplied with

    ⟨t⟩(r) = ∫ p(u) exp(iφ(r − u)) d²u = exp(iγλ F(r)),

and what atoms do that move independently multiplies: the complex F(g) takes the place of a
scattering factor. Its first orders in γλ are f exp(−B g²/4) and the absorption integral of Hall &
Hirsch (1965), see :func:`pacbed.crystal.scattering.potential_coefficients`. Of strontium at 200 kV
the whole is 0.4 to 4 % weaker than the former and 4 to 5 % weaker than the latter: tables with the
first orders alone read SrTiO3 0.05 to 0.1 nm too thin (docs/accuracy.md).
"""

from functools import lru_cache

import numpy as np
from scipy.special import i0e, j0

from pacbed.arrays import Complexes, Numbers
from pacbed.crystal.form_factor import projected_potential, scattering_factor
from pacbed.spline import CubicSpline

#: Radius within which orders beyond the first are looked for, Å, and points along it.
_RADIUS, _POINTS = 3.0, 240
#: Points of the bare atom's phase along twice that radius, at least, and for each σ of the
#: displacement.
_BARE_POINTS, _PER_SIGMA = 500, 5
#: Frequencies at which the rest is known, 1/Å; beyond them it is nothing.
_FREQUENCY_MAX, _FREQUENCY_STEP = 12.0, 0.1
#: Smaller Debye–Waller factors (Å²) displace an atom by less than 0.01 Å: it is at rest.
_AT_REST = 0.008


def mean_factor(symbol: str, b_iso: float, strength: float, g: Numbers) -> Complexes:
    """Scattering factor of an atom for the mean wave.

    Parameters
    ----------
    symbol : str
        Chemical symbol.
    b_iso : float
        Debye–Waller factor B, Å².
    strength : float
        γλ, Å: what turns a scattering factor into a phase.
    g : ndarray
        Spatial frequencies, 1/Å.

    Returns
    -------
    ndarray of complex
        F(g) in Å, shape as `g`. The imaginary part is what thermal diffuse scattering takes out of
        the mean wave.
    """
    first = scattering_factor(symbol)(g) * np.exp(-b_iso * np.square(g, dtype=np.float64) / 4)
    if b_iso < _AT_REST:
        return np.asarray(first, np.complex128)
    rest = _beyond_first_order(symbol, round(float(b_iso), 6), round(float(strength), 9))
    inside = g <= _FREQUENCY_MAX
    more = np.asarray(rest(np.where(inside, g, 0.0)), np.complex128) * inside
    total: Complexes = first + more
    return total


@lru_cache(maxsize=256)
def _beyond_first_order(symbol: str, b_iso: float, strength: float) -> CubicSpline:
    """F less f exp(−B g²/4), by the frequency."""
    variance = b_iso / (8 * np.pi**2)
    radius, weight = _nodes(_RADIUS, _POINTS)
    count = max(_BARE_POINTS, int(_PER_SIGMA * 2 * _RADIUS / np.sqrt(variance)))
    bare_radius, bare_weight = _nodes(2 * _RADIUS, count)
    # A round function smeared with a normal distribution across the beam.
    product = radius[:, None] * bare_radius / variance
    square = (radius[:, None] - bare_radius) ** 2 / (2 * variance)
    smear = i0e(product) * np.exp(-square) * bare_radius * bare_weight / variance
    phase = strength * projected_potential(symbol)(bare_radius)
    mean = 1 + smear @ (np.exp(1j * phase) - 1)
    # Without the first order the logarithm is small, far from where its phase would wrap.
    rest = -1j * np.log(mean * np.exp(-1j * (smear @ phase))) / strength
    frequency = np.arange(0.0, _FREQUENCY_MAX + _FREQUENCY_STEP, _FREQUENCY_STEP)
    waves = j0(2 * np.pi * frequency[:, None] * radius) * (2 * np.pi * radius * weight)
    return CubicSpline(frequency, waves @ rest)


def _nodes(radius: float, count: int) -> tuple[Numbers, Numbers]:
    """Places and weights of a quadrature from 0, dense there: a bare atom's phase is singular."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    u = (nodes + 1) / 2
    return radius * u**2, radius * u * weights
