"""abTEM's scanned probe in the crystal of our engine: an independent check of it.

abTEM gets the displaced atoms one by one, so that both programs may be given the same
arrangement, and projects their potentials by itself. It spreads each atom over the four nearest
pixels, which blurs displaced atoms by a variance of pixel²/6 along each axis: pixels must be fine.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

import abtem
import ase
import numpy as np

from pacbed.reference.engine import Engine
from pacbed.reference.intensities import intensity, waves_of
from pacbed.reference.layers import draw


def quiet() -> AbstractContextManager[object]:
    """abTEM on the processor, without progress bars."""
    return abtem.config.set({"diagnostics.progress_bar": False, "device": "cpu"})


def displaced_atoms(engine: Engine, periods: int, seed: Sequence[int]) -> ase.Atoms:
    """The atoms that our engine draws, as abTEM takes them; layers midway in slices."""
    generator = np.random.default_rng(seed)
    names = np.array(engine.crystal.symbols)[engine.cell.site]
    edges = np.diag(engine.cell.plane)
    first = engine.cell.heights[engine.layers.atoms[0]].mean()
    symbols, places = [], []
    for period in range(periods):
        fractions, there = draw(engine.cell, engine.thermal, generator)
        height = np.mod(engine.cell.heights - first + 1e-6, engine.edges.period)
        height += engine.layers.steps[-1] / 2 + period * engine.edges.period
        kept = there > 0
        symbols += names[kept].tolist()
        places.append(np.column_stack([np.mod(fractions, 1) * edges, height])[kept])
    cell = np.diag([*edges, periods * engine.edges.period])
    return ase.Atoms(symbols, np.concatenate(places), cell=cell, pbc=True)


def potential(engine: Engine, atoms: ase.Atoms, pixel: float) -> abtem.Potential:
    """Its potential, sliced between the layers, which must be evenly spaced."""
    return abtem.Potential(
        atoms,
        sampling=pixel,
        slice_thickness=float(engine.layers.steps[0]),
        parametrization="lobato",
        projection="infinite",
        exit_planes=tuple(number - 1 for number in engine.exits),
    )


def scan(
    engine: Engine, built: object, positions: np.ndarray, batch: int = 16
) -> Iterator[np.ndarray]:
    """Patterns [thickness, position, x, y] of our engine's window, a batch of probes at a time."""
    options = engine.options
    probe = abtem.Probe(
        energy=options.high_tension_kV * 1e3,
        semiangle_cutoff=options.convergence_mrad,
        soft=False,
        # abTEM tilts the beam, so the zone axis moves the other way in the pattern.
        tilt=(-options.tilt_x_mrad, -options.tilt_y_mrad),
    )
    half = max(len(window) for window in engine.window) // 2
    extent = np.diag(engine.cell.plane)
    for first in range(0, len(positions), batch):
        where = np.mod(positions[first : first + batch], extent)
        found = probe.scan(
            built,
            scan=abtem.CustomScan(where),
            detectors=abtem.PixelatedDetector(max_angle="cutoff"),
            max_batch=len(where),
            lazy=False,
        )
        array = np.asarray(found.array, dtype=np.float64)
        array = array.reshape(-1, len(where), *array.shape[-2:])
        middle = [n // 2 for n in array.shape[-2:]]
        cut = [slice(m - half, m + half + 1) for m in middle]
        yield array[:, :, cut[0], cut[1]]


def ours(engine: Engine, positions: np.ndarray, seed: list[int]) -> np.ndarray:
    """Patterns [thickness, position, x, y] by our engine, of one arrangement and abTEM's aperture.

    abTEM's points are wholly inside or outside; see :mod:`pacbed.reference.aperture`.
    """
    radius = engine.options.convergence_mrad * 1e-3 / engine.wavelength
    inside = np.linalg.norm(engine.grid.g, axis=-1) <= radius + 1e-9
    incident = np.zeros((len(positions), *engine.grid.shape), np.complex64)
    phases = np.exp(-2j * np.pi * (positions @ engine.grid.g[inside].T))
    incident[:, inside] = phases / np.sqrt(np.count_nonzero(inside))
    generator = np.random.default_rng(seed)
    return np.array([intensity(wave) for wave in waves_of(engine, incident, generator)])
