"""Where a crystal's atoms lie along the beam, and what that does to the beams of the zone.

Beams of higher Laue zones that are far from the Ewald sphere act on those of the zone to second
order. With U_l(r) the Fourier coefficients of the potential along the beam, of period c, the wave
moves on average in

    U_0(r) − (λc)²/(8π²) Σ_{l≥1} |∇U_l(r)|²/l²

(van Vleck's expansion, with depth for time; see Goldman & Dalibard, Phys. Rev. X 4 (2014) 031027:
potentials commute, so that its first term is a double commutator with g²). Without it SrTiO3 at
200 kV is read 0.03 nm too thin (docs/accuracy.md).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft

from pacbed.arrays import Complexes, Indices, Mask, Matrix, Numbers, Vectors
from pacbed.crystal.form_factor import scattering_factor
from pacbed.units import electron_wavelength, relativistic_factor

#: Of a zone l, frequencies up to which its beams are far from the Ewald sphere: λq²/2 is less than
#: this share of l/c. Beyond, the expansion does not hold, and thermal motion leaves little.
_FAR = 0.5
#: No frequency along or across the beam beyond these matters, 1/Å.
_ALONG, _ACROSS = 1.3, 4.5


@dataclass(frozen=True)
class StackedPlaces:
    """Where the atoms of a period lie, and which of a projected cell's atoms each is of.

    Attributes
    ----------
    lattice, lifts, period, places
        See :class:`Stacking`.
    atoms : ndarray of int, shape (n,)
        Place among the atoms of the cell of one of its element and Debye–Waller factor.
    shares : ndarray, shape (n,)
        Its occupancy over the weight of that atom, Å.
    """

    lattice: Matrix
    lifts: Numbers
    period: float
    places: Vectors
    atoms: Indices
    shares: Numbers

    def of(self, symbols: tuple[str, ...], weights: Numbers, b_iso: Numbers) -> "Stacking":
        """With what the atoms of the cell are."""
        return Stacking(
            lattice=self.lattice,
            lifts=self.lifts,
            period=self.period,
            symbols=tuple(symbols[atom] for atom in self.atoms),
            places=self.places,
            occupancies=self.shares * weights[self.atoms],
            b_iso=b_iso[self.atoms],
        )


@dataclass(frozen=True, eq=False)
class Stacking:
    """All atoms of one period of a crystal along the beam; each is equal to itself alone.

    Attributes
    ----------
    lattice : ndarray, shape (2, 2)
        Vectors of the lattice's projection as rows, Å.
    lifts : ndarray, shape (2,)
        Heights of the crystal's lattice vectors that these are the projections of, Å.
    period : float
        Å.
    symbols : tuple of str
    places : ndarray, shape (n, 3)
        x, y and height of each atom, Å.
    occupancies, b_iso : ndarray, shape (n,)
    """

    lattice: Matrix
    lifts: Numbers
    period: float
    symbols: tuple[str, ...]
    places: Vectors
    occupancies: Numbers
    b_iso: Numbers


def higher_zones(stacking: Stacking, g: Vectors, high_tension_kV: float) -> Complexes:
    """What the higher Laue zones add to the potential of the zone.

    Parameters
    ----------
    stacking : Stacking
    g : ndarray, shape (..., 2)
        Reciprocal vectors of its lattice, 1/Å.
    high_tension_kV : float

    Returns
    -------
    ndarray of complex, shape (...)
        Fourier coefficients in 1/Å²; of a real function.
    """
    coefficients = _coefficients(stacking, float(high_tension_kV))
    indices: Indices = np.round(g @ stacking.lattice.T).astype(int)
    shape = np.array(coefficients.shape)
    held: Mask = np.all(2 * np.abs(indices) < shape, axis=-1)
    places = np.where(held[..., None], indices, 0)
    found: Complexes = coefficients[places[..., 0], places[..., 1]] * held
    return found


@lru_cache(maxsize=16)
def _coefficients(stacking: Stacking, high_tension_kV: float) -> Complexes:
    """Of all reciprocal vectors, in the order of a Fourier transform."""
    wavelength = electron_wavelength(high_tension_kV)
    period = stacking.period
    zones = range(1, max(1, int(_ALONG * period)) + 1)
    reach = [min(_ACROSS, np.sqrt(2 * _FAR * zone / (wavelength * period))) for zone in zones]
    # Products reach twice as far as their factors.
    lengths = np.linalg.norm(stacking.lattice, axis=1)
    shape = tuple(fft.next_fast_len(int(4 * max(reach) * length) + 3) for length in lengths)
    total = np.zeros(shape)
    for zone, far in zip(zones, reach, strict=True):
        total += _squared_slope(stacking, zone, far, shape) / zone**2
    scale = (relativistic_factor(high_tension_kV) / np.pi) ** 2
    scale *= -((wavelength * period) ** 2) / (8 * np.pi**2)
    found: Complexes = fft.fft2(total, norm="forward") * scale
    return found


def _squared_slope(stacking: Stacking, zone: int, far: float, shape: tuple[int, ...]) -> Numbers:
    """|∇V_l|² on a grid over the lattice's cell, with V = (π/γ) U, 1/Å⁶."""
    reciprocal = np.linalg.inv(stacking.lattice).T
    # Lattice vectors that are lifted move the frequencies of a zone; by less than half a step,
    # as whole ones change nothing.
    shift = -zone * stacking.lifts / stacking.period
    shift -= np.round(shift)
    first, second = (np.round(np.fft.fftfreq(n) * n) for n in shape)
    q = (first[:, None, None] + shift[0]) * reciprocal[0]
    q = q + (second[None, :, None] + shift[1]) * reciprocal[1]
    chosen = np.linalg.norm(q, axis=-1) <= far
    near, along = q[chosen], zone / stacking.period
    square = (near**2).sum(axis=1) + along**2
    volume = abs(np.linalg.det(stacking.lattice)) * stacking.period
    potential = np.zeros(len(near), complex)
    for symbol, place, share, b_iso in zip(
        stacking.symbols, stacking.places, stacking.occupancies, stacking.b_iso, strict=True
    ):
        turns = near @ place[:2] + along * place[2]
        factor = scattering_factor(symbol)(np.sqrt(square)) * np.exp(-b_iso * square / 4)
        potential += share / volume * factor * np.exp(-2j * np.pi * turns)
    slope = np.zeros((2, *shape), complex)
    slope[:, chosen] = 2j * np.pi * near.T * potential
    slope = fft.ifft2(slope, norm="forward")
    squared: Numbers = (slope.real**2 + slope.imag**2).sum(axis=0)
    return squared
