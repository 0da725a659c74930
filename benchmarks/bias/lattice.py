"""Patterns of a crystal at rest, by plane waves through the layers of one cell.

A lattice at rest is periodic, so that each direction of the aperture is a wave of its own in one
cell. Layers are those of the crystal's projection, ever so thin, so that no higher Laue zone is
excited.
"""

from dataclasses import replace

import numpy as np
from scipy import fft

from bias.cases import POINTS, Case
from pacbed.crystal.structure import Crystal
from pacbed.reference.aperture import shares_inside
from pacbed.reference.engine import Engine, make_engine, transmissions
from pacbed.reference.grid import propagator

#: Layers in one period of the crystal, and points of the grid for each Å.
LAYERS, PIXEL_A = 8, 0.0545
_BATCH = 48


def flat(crystal: Crystal, layers: int) -> Crystal:
    """The same columns, of layers that are all alike, at rest."""
    count = len(crystal.symbols)
    return replace(
        crystal,
        cell=crystal.cell * np.array([1, 1, 1 / layers])[:, None],
        positions=crystal.positions * [1, 1, 0],
        occupancies=crystal.occupancies / layers,
        b_iso=np.zeros(count),
    )


def at_rest(case: Case, thicknesses_nm: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, float]:
    """Patterns [thickness, row, column], their thicknesses (nm) and mrad per pixel."""
    recipe = case.recipe
    options = case.options(
        0, configurations=0, sampling_A=PIXEL_A, resolution_mrad=10.0, max_angle_mrad=10.0,
        thicknesses_nm=thicknesses_nm,
    )  # fmt: skip
    engine = make_engine(flat(recipe.crystal, LAYERS), recipe.system.zone_axis, options)
    if engine.repeats != (1, 1) or len(engine.layers.steps) != 1:
        raise SystemExit("a rectangular cell of 100 wavelengths is needed, seen along [001]")
    wavelength, length = engine.wavelength, float(engine.edges.plane[0, 0])
    steps = int(np.ceil(wavelength / (case.convergence_mrad / POINTS * 1e-3) / length - 1e-9))
    pixel = wavelength / (steps * length) * 1e3
    reach = int(case.convergence_mrad / pixel) + 1
    i, j = np.meshgrid(*(np.arange(-reach, reach + 1),) * 2, indexing="ij")
    share = shares_inside(np.stack([i, j], -1) * pixel, np.eye(2) * pixel, case.convergence_mrad)
    chosen = share > 0
    k, weight = np.stack([i[chosen], j[chosen]], axis=1), share[chosen] / share.sum()
    half = int(1.42 * case.convergence_mrad / pixel)
    patterns = np.zeros((len(engine.exits), 2 * half + 1, 2 * half + 1))
    for first in range(0, len(k), _BATCH):
        part = slice(first, first + _BATCH)
        found = _beams(engine, k[part] * pixel * 1e-3 / wavelength)
        _place(patterns, found * weight[part, None, None], k[part], steps, half, engine)
    return patterns, engine.thicknesses_nm, pixel


def _beams(engine: Engine, k: np.ndarray) -> np.ndarray:
    """Intensities [thickness, wave, i, j] of waves k (1/Å)."""
    options = engine.options
    axis = np.array([options.tilt_x_mrad, options.tilt_y_mrad]) * 1e-3 / engine.wavelength
    step = float(engine.layers.steps[0])
    ways = np.stack([propagator(engine.grid, axis - one, engine.wavelength, step) for one in k])
    layer = next(transmissions(engine, None))
    waves = np.ones((len(k), *engine.grid.shape), np.complex64)
    wanted, found = set(engine.exits), []
    for number in range(1, max(engine.exits) + 1):
        waves *= layer
        spectrum = fft.fft2(waves, norm="forward", overwrite_x=True)
        if number in wanted:
            found.append(spectrum.real**2 + spectrum.imag**2)
        spectrum *= ways
        waves = fft.ifft2(spectrum, norm="forward", overwrite_x=True)
    return np.array(found)


def _place(
    patterns: np.ndarray, found: np.ndarray, k: np.ndarray, steps: int, half: int, engine: Engine
) -> None:
    """Add each wave's beams to the patterns, whose pixels are directions k + g."""
    first, second = engine.grid.indices
    for number, (x, y) in enumerate(k):
        columns, rows = x + first * steps + half, y + second * steps + half
        u = np.flatnonzero((columns >= 0) & (columns <= 2 * half))
        v = np.flatnonzero((rows >= 0) & (rows <= 2 * half))
        taken = found[:, number][:, u[:, None], v[None]].transpose(0, 2, 1)
        patterns[:, rows[v][:, None], columns[u][None]] += taken
