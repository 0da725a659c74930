"""Frozen-phonon multislice with a scanned probe, by abTEM."""

from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np

from pacbed.crystal.structure import Crystal
from pacbed.reference.engine import Plan, configurations, diffract, import_abtem, make_plan
from pacbed.reference.options import ReferenceOptions
from pacbed.reference.patterns import ReferencePatterns
from pacbed.reference.scan import probe_positions
from pacbed.units import ANGSTROM_PER_NM, electron_wavelength

#: Called with the number of finished and of all probe batches.
Progress = Callable[[int, int], None]


def simulate_reference(
    crystal: Crystal,
    zone_axis: tuple[int, int, int],
    options: ReferenceOptions,
    progress: Progress | None = None,
) -> ReferencePatterns:
    """Simulate position-averaged patterns with abTEM.

    Each configuration displaces every atom by a normal deviate of standard
    deviation sqrt(B / 8π²) along each axis, fills partly occupied sites at random
    and is scanned with a probe over a grid of the projected primitive cell fine
    enough that no interference of overlapping disks survives the average
    (:func:`pacbed.reference.scan.cancels_interference`). All thicknesses come from
    the same run.

    Parameters
    ----------
    crystal : Crystal
    zone_axis : tuple of int
        Direction [uvw] of the beam. The axes x and y of the patterns are those of
        :func:`pacbed.crystal.projection.project`.
    options : ReferenceOptions
    progress : callable, optional
        Called with (finished, all) batches of probe positions.

    Returns
    -------
    ReferencePatterns

    Raises
    ------
    CrystalError
        If no orthogonal supercell exists, or sites are partly occupied and
        ``options.configurations`` is 0.
    OutOfRangeError
        If sampling, angles and probe step do not go together.
    MissingExtraError
        If abTEM is not installed.
    """
    abtem = import_abtem()
    plan = make_plan(crystal, zone_axis, options)
    generator = np.random.default_rng(options.seed)
    scans = _scans(plan, options, generator)
    parts = [[scan[i : i + plan.batch] for i in range(0, len(scan), plan.batch)] for scan in scans]
    done, batches = 0, sum(len(part) for part in parts)
    total: np.ndarray = np.zeros(1)  # takes the shape of the first patterns
    with abtem.config.set({"diagnostics.progress_bar": False, "device": "cpu"}):
        potentials = configurations(abtem, plan, options, generator)
        for potential, part in zip(potentials, parts, strict=True):
            for positions in part:
                total = total + diffract(abtem, potential, positions, options).sum(axis=1)
                done += 1
                if progress is not None:
                    progress(done, batches)
    patterns: np.ndarray = total / sum(len(scan) for scan in scans)
    wavelength = electron_wavelength(options.high_tension_kV)
    return ReferencePatterns(
        # abTEM's arrays are [x, y], patterns are [row, column] = [y, x].
        patterns=np.ascontiguousarray(patterns.transpose(0, 2, 1), dtype=np.float32),
        thicknesses_nm=(np.array(plan.exit_planes) + 1) * plan.slice_thickness / ANGSTROM_PER_NM,
        mrad_per_pixel=(wavelength / plan.extent[1] * 1e3, wavelength / plan.extent[0] * 1e3),
        provenance=_provenance(crystal, plan, zone_axis, options),
    )


def _scans(
    plan: Plan, options: ReferenceOptions, generator: np.random.Generator
) -> list[np.ndarray]:
    """Probe positions of each configuration, x and y in Å."""
    rounds = max(options.configurations, 1)
    if not options.deal_positions:
        return [
            probe_positions(plan.cell, plan.scan, plan.extent, generator) for _ in range(rounds)
        ]
    # As many whole scans as give every configuration a position; only together do
    # the configurations cancel the interference.
    whole = -(-rounds // (plan.scan[0] * plan.scan[1]))
    positions = np.concatenate(
        [probe_positions(plan.cell, plan.scan, plan.extent, generator) for _ in range(whole)]
    )
    positions = positions[generator.permutation(len(positions))]
    return [positions[first::rounds] for first in range(rounds)]


def _provenance(
    crystal: Crystal, plan: Plan, zone_axis: tuple[int, int, int], options: ReferenceOptions
) -> dict[str, Any]:
    return {
        "engine": f"abTEM {version('abtem')}",
        "options": asdict(options),
        "crystal": {
            "cell_A": crystal.cell.tolist(),
            "symbols": list(crystal.symbols),
            "positions": crystal.positions.tolist(),
            "occupancies": crystal.occupancies.tolist(),
            "b_iso_A2": crystal.b_iso.tolist(),
        },
        "zone_axis": [int(index) for index in zone_axis],
        "supercell_A": [*plan.extent, float(plan.box.edges[2]) * plan.repeats[2]],
        "repeats": list(plan.repeats),
        "strain": plan.box.strain,
        "gpts": list(plan.gpts),
        "slice_thickness_A": plan.slice_thickness,
        "probe_positions": list(plan.scan),
    }
