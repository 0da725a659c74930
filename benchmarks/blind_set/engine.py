"""Frozen-phonon multislice of single plane waves: an engine that stands by itself.

A PACBED pattern is the sum of the intensities of all plane waves of the aperture. Each
wave k is periodic in the supercell but for its own phase, so k enters the propagator
alone: exp(-iπλΔz(2k·g + g²)). Atoms are displaced at random (Einstein model) with exact
positions in reciprocal space; layers lie at their true heights, so that the reflections
of higher Laue zones are there. No absorptive potential, no projected cell, no table.

    dψ/dz = iπλ U ψ,   U_g = γ/(πΩ) Σ f(g) exp(-2πi g·r)
"""

from dataclasses import dataclass

import numpy as np
import torch
from abtem.parametrizations import LobatoParametrization
from scipy import fft

from blind_set.slab import Slab

_REST_KEV = 510.99895
#: Highest frequency of a layer over that of a wave.
REACH = 1.6


def wavelength(kV: float) -> float:
    """Electron wavelength in Å."""
    return 12.3984198 / np.sqrt(kV * (2 * _REST_KEV + kV))


@dataclass(frozen=True)
class Engine:
    """A slab made ready for one voltage.

    choices: for each site of the crystal, (symbols, probabilities, B in Å²).
    g: (n1, n2, 2) in 1/Å; band: what is kept of a wave; reach: what is kept of a layer,
    wider, since beams on either side of the band scatter into each other;
    factors: γ/(πA)·f(g) by symbol.
    """

    slab: Slab
    choices: tuple
    kV: float
    g: np.ndarray
    indices: tuple[np.ndarray, np.ndarray]
    band: np.ndarray
    reach: np.ndarray
    factors: dict

    @property
    def coherent(self) -> np.ndarray:
        """Which beams of the supercell are reflections of the crystal."""
        first, second = (
            index % n == 0 for index, n in zip(self.indices, self.slab.repeats, strict=True)
        )
        return first[:, None] & second[None, :]


def make_engine(slab: Slab, choices, kV: float, g_band: float = 2.3) -> Engine:
    """Waves keep |g| up to `g_band` (1/Å); the grid is so wide that nothing folds into it."""
    width = (2 + REACH) * g_band
    sizes = [fft.next_fast_len(int(np.ceil(width * np.linalg.norm(v))) + 2) for v in slab.plane]
    indices = tuple(np.round(np.fft.fftfreq(n) * n).astype(int) for n in sizes)
    reciprocal = np.linalg.inv(slab.plane).T
    g = indices[0][:, None, None] * reciprocal[0] + indices[1][None, :, None] * reciprocal[1]
    squared = (g**2).sum(-1)
    gamma = 1 + kV / _REST_KEV
    table = LobatoParametrization()
    factors = {
        symbol: (
            gamma / (np.pi * slab.area) * np.asarray(table.scattering_factor(symbol)(squared))
        ).astype(np.float32)
        for symbol in {s for symbols, _, _ in choices for s in symbols}
    }
    return Engine(
        slab,
        tuple(choices),
        kV,
        g,
        indices,
        squared <= g_band**2,
        squared <= (REACH * g_band) ** 2,
        factors,
    )


def _to_beams(waves: np.ndarray) -> np.ndarray:
    """Fourier coefficients of waves; torch's transforms are two to three times scipy's."""
    return torch.fft.fft2(torch.from_numpy(waves), norm="forward").numpy()


def _to_waves(beams: np.ndarray) -> np.ndarray:
    """The inverse of :func:`_to_beams`."""
    return torch.fft.ifft2(torch.from_numpy(beams), norm="forward").numpy()


def _transmission(engine: Engine, atoms, rng, still: bool, spread, inverse) -> np.ndarray:
    """exp(iπλ Σ U) of one layer with fresh displacements and occupants."""
    places = engine.slab.fractions[atoms]
    if not still:
        moves = rng.standard_normal((len(atoms), 2)) * spread[atoms, None]
        places = places + moves @ inverse
    chosen = _elements_of(engine, atoms, rng)
    potential = np.zeros(engine.band.shape, np.complex64)
    for symbol in sorted(set(chosen)):
        own = places[chosen == symbol].astype(np.float32)
        ramps = [
            np.exp(np.complex64(-2j * np.pi) * (index.astype(np.float32)[:, None] * own[:, i]))
            for i, index in enumerate(engine.indices)
        ]
        potential += (ramps[0] @ ramps[1].T) * engine.factors[symbol]
    potential *= engine.reach
    real = _to_waves(potential).real
    phase = np.exp(np.complex64(1j * np.pi * wavelength(engine.kV)) * real)
    return _to_waves(_to_beams(phase) * engine.reach)


def _elements_of(engine: Engine, atoms, rng) -> np.ndarray:
    chosen = np.empty(len(atoms), dtype="U2")
    for number, site in enumerate(engine.slab.sites[atoms]):
        names, shares, _ = engine.choices[site]
        chosen[number] = names[0] if len(names) == 1 else rng.choice(names, p=shares)
    return chosen


def intensities(engine: Engine, k, periods, rng, still: bool = False):
    """Yield |ψ_g|² (K, n1, n2) after each of the rising numbers of `periods`.

    k: (K, 2) transverse wave vectors from the zone axis, 1/Å. All travel through the
    same atoms; `still` leaves these in their places.
    """
    slab = engine.slab
    steps = np.diff(np.append(slab.heights, slab.heights[0] + slab.period))
    defect = 2 * np.einsum("ki,abi->kab", k, engine.g) + (engine.g**2).sum(-1)
    speed = -1j * np.pi * wavelength(engine.kV)
    propagators = [(np.exp(speed * dz * defect) * engine.band).astype(np.complex64) for dz in steps]
    spread = np.sqrt(np.array([b for _, _, b in engine.choices])[slab.sites] / (8 * np.pi**2))
    inverse = np.linalg.inv(slab.plane)
    waves = np.ones((len(k), *engine.band.shape), np.complex64)
    beams = waves
    for period in range(1, max(periods) + 1):
        for atoms, propagator in zip(slab.layers, propagators, strict=True):
            waves *= _transmission(engine, atoms, rng, still, spread, inverse)
            beams = _to_beams(waves)
            beams *= propagator
            if not (period in periods and atoms is slab.layers[-1]):
                waves = _to_waves(beams)
        if period in periods:
            yield period, np.abs(beams) ** 2
            waves = _to_waves(beams)
