"""Position-averaged patterns by frozen-phonon multislice."""

from dataclasses import asdict
from typing import Any

import numpy as np
from scipy.ndimage import map_coordinates

from pacbed.arrays import Indices, Numbers, Singles, Vectors
from pacbed.crystal.structure import Crystal
from pacbed.reference.configurations import Progress, deal, run
from pacbed.reference.engine import Engine, make_engine
from pacbed.reference.options import ReferenceOptions
from pacbed.reference.patterns import ReferencePatterns
from pacbed.reference.scan import probe_positions
from pacbed.version import __version__


def simulate_reference(
    crystal: Crystal,
    zone_axis: tuple[int, int, int],
    options: ReferenceOptions,
    progress: Progress | None = None,
    threads: int | None = None,
) -> ReferencePatterns:
    """Simulate position-averaged patterns.

    Each configuration displaces every atom by a normal deviate of standard
    deviation sqrt(B / 8π²) along each axis, fills partly occupied sites at random
    and is scanned with a probe over a grid of the projected primitive cell fine
    enough that no interference of overlapping disks survives the average
    (:func:`pacbed.reference.scan.cancels_interference`). All thicknesses come from
    the same run. Without configurations partly occupied sites scatter with their share.

    Parameters
    ----------
    crystal : Crystal
    zone_axis : tuple of int
        Direction [uvw] of the beam. The axes x and y of the patterns are those of
        :func:`pacbed.crystal.projection.project`.
    options : ReferenceOptions
    progress : callable, optional
        Called with (finished, all) work; may raise to end it.
    threads : int, optional
        By default as many as there are processors; the patterns do not depend on it.

    Returns
    -------
    ReferencePatterns

    Raises
    ------
    CrystalError
        If the direction is [000], or atoms at one site fill more than all of it.
    OutOfRangeError
        If sampling, angles and probe step do not go together, or the device is not there.
    MissingExtraError
        If a device needs PyTorch, and that is not installed.
    """
    engine = make_engine(crystal, zone_axis, options)
    positions, places = _scans(engine)

    def summed(patterns: Singles) -> Singles:
        total: Singles = patterns.sum(axis=0)
        return total

    total: Numbers = np.zeros(1)  # takes the shape of the first patterns
    for _, kept in run(engine, positions, deal(engine, places), summed, progress, threads):
        total = total + kept.astype(np.float64)
    patterns, scale = _on_pixels(engine, total / len(positions))
    return ReferencePatterns(
        patterns=patterns,
        thicknesses_nm=engine.thicknesses_nm,
        mrad_per_pixel=scale,
        provenance=_provenance(engine, zone_axis),
    )


def _scans(engine: Engine) -> tuple[Vectors, list[Indices]]:
    """All probe positions, and which of them each configuration has."""
    options = engine.options
    generator = np.random.default_rng(options.seed)
    rounds = max(options.configurations, 1)
    size = engine.scan[0] * engine.scan[1]
    # As many whole scans as give every configuration a position; only together do
    # the configurations cancel the interference.
    whole = -(-rounds // size) if options.deal_positions else rounds
    scans = [probe_positions(engine.lattice, engine.scan, generator) for _ in range(whole)]
    positions = np.concatenate(scans)
    if not options.deal_positions:
        return positions, np.split(np.arange(len(positions)), rounds)
    order = generator.permutation(len(positions))
    return positions, [order[first::rounds] for first in range(rounds)]


def _on_pixels(engine: Engine, found: Numbers) -> tuple[Singles, tuple[float, float]]:
    """Patterns [thickness, row, column], and mrad per pixel along y and x."""
    per_step = engine.grid.reciprocal * engine.wavelength * 1e3
    if engine.edges.rectangular:
        # Axes of the grid are x and y, patterns are [row, column] = [y, x].
        patterns = np.ascontiguousarray(found.transpose(0, 2, 1), dtype=np.float32)
        return patterns, (float(per_step[1, 1]), float(per_step[0, 0]))
    pitch = engine.options.resolution_mrad
    most = int(engine.options.max_angle_mrad / pitch)
    y, x = np.mgrid[-most : most + 1, -most : most + 1] * pitch
    places = np.stack([x, y], axis=-1) @ np.linalg.inv(per_step)
    first, second = (places[..., axis] - window[0] for axis, window in enumerate(engine.window))
    scale = pitch**2 / abs(np.linalg.det(per_step))
    patterns = np.stack([map_coordinates(one, [first, second], order=1) for one in found])
    return (patterns * scale).astype(np.float32), (pitch, pitch)


def _provenance(engine: Engine, zone_axis: tuple[int, int, int]) -> dict[str, Any]:
    crystal = engine.crystal
    return {
        "engine": f"pacbed {__version__}",
        "options": asdict(engine.options),
        "crystal": {
            "cell_A": crystal.cell.tolist(),
            "symbols": list(crystal.symbols),
            "positions": crystal.positions.tolist(),
            "occupancies": crystal.occupancies.tolist(),
            "b_iso_A2": crystal.b_iso.tolist(),
        },
        "zone_axis": [int(index) for index in zone_axis],
        "supercell_A": engine.cell.plane.tolist(),
        "repeats": list(engine.repeats),
        "period_A": engine.edges.period,
        "layer_steps_A": engine.layers.steps.tolist(),
        "grid": list(engine.grid.shape),
        "highest_frequency_per_A": engine.grid.cutoff,
        "probe_positions": list(engine.scan),
    }
