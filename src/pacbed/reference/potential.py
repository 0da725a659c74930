"""Potentials of displaced atoms, layer by layer, for abTEM's multislice.

The projected potential of an atom is placed with its exact phase in reciprocal
space. abTEM's own projection spreads each atom over the four nearest pixels, which
blurs atoms that stand between pixels by a variance of pixel²/6 along each axis: at
0.1 Å as much as adding 0.13 Å² to every Debye-Waller factor. Atoms at rest on the
pixels do not show it, displaced ones do.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import fft


@dataclass(frozen=True)
class Sites:
    """All sites of a supercell, at rest, with what they need to move.

    Attributes
    ----------
    positions : ndarray, shape (n, 3)
        Å, in the axes of the pattern and the beam.
    symbols : ndarray of str, shape (n,)
    layer : ndarray of int, shape (n,)
        Slice in which each site lies, for all its displacements.
    sigma : ndarray, shape (n,)
        Standard deviation of the displacement along each axis, Å.
    occupancy, occupied_before : ndarray, shape (n,)
        Share of the site that is filled, and what the earlier atoms there fill.
    site : ndarray of int, shape (n,)
        Number of the site; atoms that share a place share the number.
    """

    positions: np.ndarray
    symbols: np.ndarray
    layer: np.ndarray
    sigma: np.ndarray
    occupancy: np.ndarray
    occupied_before: np.ndarray
    site: np.ndarray


def draw_layers(
    sites: Sites,
    layers: int,
    extent: tuple[float, float],
    gpts: tuple[int, int],
    parametrization: Any,
    generator: np.random.Generator | None,
) -> np.ndarray:
    """Projected potential of every layer for one draw of displacements.

    Parameters
    ----------
    sites : Sites
    layers : int
        Number of slices.
    extent : tuple of float
        Width of the supercell along x and y, Å.
    gpts : tuple of int
        Pixels along x and y.
    parametrization : abtem.parametrizations.Parametrization
        Source of the projected scattering factors.
    generator : numpy.random.Generator or None
        None leaves every atom at rest and every site filled.

    Returns
    -------
    ndarray of float32, shape (layers, nx, ny)
        In V Å.
    """
    place = sites.positions[:, :2]
    filled = np.ones(len(place), bool)
    if generator is not None:
        drawn = generator.random(int(sites.site.max()) + 1)[sites.site]
        before, occupancy = sites.occupied_before, sites.occupancy
        # A full site is always filled, whatever rounding did to its occupancy.
        filled = (drawn >= before) & ((drawn < before + occupancy) | (occupancy > 1 - 1e-6))
        # Displacements along the beam do not show in a projected layer.
        place = place + generator.standard_normal(place.shape) * sites.sigma[:, None]
    kx = np.fft.fftfreq(gpts[0], extent[0] / gpts[0])
    ky = np.fft.rfftfreq(gpts[1], extent[1] / gpts[1])
    square = kx[:, None] ** 2 + ky**2
    per_pixel = gpts[0] * gpts[1] / (extent[0] * extent[1])
    factors = {
        symbol: np.asarray(
            parametrization.projected_scattering_factor(symbol)(square) * per_pixel, np.float32
        )
        for symbol in np.unique(sites.symbols).tolist()
    }
    potential = np.empty((layers, *gpts), np.float32)
    for number in range(layers):
        transform = np.zeros((len(kx), len(ky)), np.complex64)
        for symbol, factor in factors.items():
            chosen = filled & (sites.layer == number) & (sites.symbols == symbol)
            if chosen.any():
                transform += factor * _phases(place[chosen], kx, ky)
        potential[number] = fft.irfft2(transform, s=gpts)
    return potential


def _phases(place: np.ndarray, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
    """Σ_j exp(−2πi (kx x_j + ky y_j)), shape (len(kx), len(ky)), as one matrix product."""
    along_x = np.exp(-2j * np.pi * np.outer(kx, place[:, 0])).astype(np.complex64)
    along_y = np.exp(-2j * np.pi * np.outer(place[:, 1], ky)).astype(np.complex64)
    return np.asarray(along_x @ along_y)


def stack_periods(
    bank: np.ndarray,
    slices: int,
    per_period: int,
    box_pixels: tuple[int, int],
    generator: np.random.Generator,
) -> np.ndarray:
    """A crystal from periods that were drawn before, in random order and place.

    Each period along the beam is taken at random from the bank and moved sideways
    by a random number of whole boxes of the crystal. It is cheaper than drawing all
    atoms anew; two waves hardly ever meet the same arrangement.

    Parameters
    ----------
    bank : ndarray, shape (periods · per_period, nx, ny)
        Layers of the drawn periods.
    slices : int
        Number of slices of the result.
    per_period : int
        Slices of one period.
    box_pixels : tuple of int
        Pixels of one box of the crystal along x and y.
    generator : numpy.random.Generator

    Returns
    -------
    ndarray of float32, shape (slices, nx, ny)
    """
    periods = len(bank) // per_period
    boxes = (bank.shape[1] // box_pixels[0], bank.shape[2] // box_pixels[1])
    stacked = np.empty((slices, *bank.shape[1:]), np.float32)
    for first in range(0, slices, per_period):
        start = int(generator.integers(periods)) * per_period
        count = min(per_period, slices - first)
        shift = [int(generator.integers(n)) * p for n, p in zip(boxes, box_pixels, strict=True)]
        stacked[first : first + count] = np.roll(bank[start : start + count], shift, axis=(1, 2))
    return stacked
