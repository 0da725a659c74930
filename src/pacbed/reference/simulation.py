"""Frozen-phonon multislice with a scanned probe, by abTEM."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from pacbed.crystal.projection import project
from pacbed.crystal.structure import Crystal
from pacbed.errors import CrystalError, MissingExtraError, OutOfRangeError
from pacbed.reference.options import ReferenceOptions
from pacbed.reference.patterns import ReferencePatterns
from pacbed.reference.potential import Sites, draw_layers, stack_periods
from pacbed.reference.scan import probe_positions, scan_shape
from pacbed.reference.supercell import Box, orthogonal_box, slice_offset, smooth_size
from pacbed.units import ANGSTROM_PER_NM, electron_wavelength

#: Called with the number of finished and of all probe batches.
Progress = Callable[[int, int], None]

#: Wave functions that are propagated together take at most this much memory, bytes.
_BATCH_BYTES = 64e6
#: Spatial frequencies that abTEM keeps, as a share of the Nyquist frequency.
_ANTIALIAS = 2 / 3


@dataclass(frozen=True)
class _Plan:
    """Sizes of a simulation, fixed before anything expensive starts."""

    box: Box
    repeats: tuple[int, int, int]
    extent: tuple[float, float]
    gpts: tuple[int, int]
    slice_thickness: float
    exit_planes: tuple[int, ...]
    cell: np.ndarray
    scan: tuple[int, int]
    batch: int


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
    abtem = _import_abtem()
    plan = _make_plan(crystal, zone_axis, options)
    generator = np.random.default_rng(options.seed)
    scans = _scans(plan, options, generator)
    parts = [[scan[i : i + plan.batch] for i in range(0, len(scan), plan.batch)] for scan in scans]
    done, batches = 0, sum(len(part) for part in parts)
    total: np.ndarray = np.zeros(1)  # takes the shape of the first patterns
    with abtem.config.set({"diagnostics.progress_bar": False, "device": "cpu"}):
        potentials = _configurations(abtem, plan, options, generator)
        for potential, part in zip(potentials, parts, strict=True):
            for positions in part:
                total = total + _scan(abtem, potential, positions, options)
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


def _import_abtem() -> Any:
    try:
        import abtem
    except ImportError as error:
        raise MissingExtraError(
            "the reference needs abTEM: pip install 'pacbed-cnn[sim]'"
        ) from error
    return abtem


def _make_plan(
    crystal: Crystal, zone_axis: tuple[int, int, int], options: ReferenceOptions
) -> _Plan:
    partly = bool(np.any(crystal.occupancies < 1 - 1e-6))
    if partly and options.configurations == 0:
        raise CrystalError(
            "sites are partly occupied and each configuration draws its atoms; "
            "use configurations of 1 or more"
        )
    projected = project(crystal, zone_axis)
    box = orthogonal_box(crystal, zone_axis, projected.axes)
    wavelength = electron_wavelength(options.high_tension_kV)
    edge = float(box.edges[2])
    slice_thickness = edge / max(1, round(edge / options.slice_thickness_A))
    thickest = max(options.thicknesses_nm) * ANGSTROM_PER_NM
    exit_planes = sorted(
        {
            max(1, round(thickness * ANGSTROM_PER_NM / slice_thickness)) - 1
            for thickness in options.thicknesses_nm
        }
    )
    depth = max(thickest, (exit_planes[-1] + 1) * slice_thickness)
    width = wavelength / (options.resolution_mrad * 1e-3)
    across = [smooth_size(width / length) for length in box.edges[:2]]
    extent = (float(box.edges[0]) * across[0], float(box.edges[1]) * across[1])
    # Whole pixels per box, so that every copy of an atom is sampled alike: otherwise
    # the aliasing of sharp potentials breaks the symmetry of the crystal.
    pixels = [smooth_size(length / options.sampling_A, even=True) for length in box.edges[:2]]
    gpts = (pixels[0] * across[0], pixels[1] * across[1])
    finest = min(gpts[0] / extent[0], gpts[1] / extent[1])
    cutoff = finest / 2 * _ANTIALIAS * wavelength * 1e3
    needed = max(options.max_angle_mrad * np.sqrt(2), options.convergence_mrad)
    if needed > cutoff:
        raise OutOfRangeError(
            f"sampling_A {options.sampling_A:g} holds angles up to {cutoff:.0f} mrad and the "
            f"corners of the pattern need {needed:.0f}; "
            f"use sampling_A {options.sampling_A * cutoff / needed:.3f} or a smaller max_angle_mrad"
        )
    reach = 2 * options.convergence_mrad * 1e-3 / wavelength
    wave_bytes = 8 * gpts[0] * gpts[1]
    return _Plan(
        box=box,
        repeats=(across[0], across[1], math.ceil(depth / edge - 1e-9)),
        extent=extent,
        gpts=gpts,
        slice_thickness=slice_thickness,
        exit_planes=tuple(exit_planes),
        cell=projected.cell,
        scan=scan_shape(projected.reciprocal, reach, options.probe_step),
        batch=max(1, int(_BATCH_BYTES // wave_bytes)),
    )


def _sites(plan: _Plan, periods: int) -> Sites:
    """All sites of `periods` periods of the supercell."""
    box = plan.box
    heights = box.positions[:, 2] * box.edges[2]
    shift = slice_offset(heights, plan.slice_thickness) / box.edges[2]
    fractions = np.mod(box.positions + np.array([0.0, 0.0, shift]), 1.0)
    copies = np.stack(
        np.meshgrid(*map(np.arange, (*plan.repeats[:2], periods)), indexing="ij"), axis=-1
    ).reshape(-1, 1, 3)
    positions = ((fractions + copies) * box.edges).reshape(-1, 3)
    count = len(copies)
    return Sites(
        positions=positions,
        symbols=np.tile(np.array(box.symbols), count),
        # The offset keeps every site half a gap or more away from the boundaries.
        layer=np.floor(positions[:, 2] / plan.slice_thickness).astype(int),
        sigma=np.tile(np.sqrt(box.b_iso / (8 * np.pi**2)), count),
        occupancy=np.tile(box.occupancies, count),
        occupied_before=np.tile(box.occupied_before, count),
        site=(np.arange(count)[:, None] * (int(box.site.max()) + 1) + box.site).ravel(),
    )


def _configurations(
    abtem: Any, plan: _Plan, options: ReferenceOptions, generator: np.random.Generator
) -> Iterator[Any]:
    """Potentials of one configuration after the other."""
    parametrization = abtem.parametrizations.validate_parametrization(options.parametrization)
    per_period = round(float(plan.box.edges[2]) / plan.slice_thickness)
    slices = plan.exit_planes[-1] + 1
    at_rest = options.configurations == 0
    drawn = 1 if at_rest else options.phonon_periods or plan.repeats[2]
    sites = _sites(plan, drawn)

    def draw() -> np.ndarray:
        source = None if at_rest else generator
        layers = drawn * per_period
        return draw_layers(sites, layers, plan.extent, plan.gpts, parametrization, source)

    box_pixels = (plan.gpts[0] // plan.repeats[0], plan.gpts[1] // plan.repeats[1])
    bank = draw() if at_rest or options.phonon_periods else None
    for _ in range(max(options.configurations, 1)):
        array = (
            draw()[:slices]
            if bank is None
            else stack_periods(bank, slices, per_period, box_pixels, generator)
        )
        yield abtem.PotentialArray(
            array, plan.slice_thickness, extent=plan.extent, exit_planes=plan.exit_planes
        )


def _scans(
    plan: _Plan, options: ReferenceOptions, generator: np.random.Generator
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


def _scan(abtem: Any, potential: Any, positions: np.ndarray, options: ReferenceOptions) -> Any:
    """Sum of the diffraction patterns of some probe positions, [thickness, x, y]."""
    probe = abtem.Probe(
        energy=options.high_tension_kV * 1e3,
        semiangle_cutoff=options.convergence_mrad,
        soft=False,
        # abTEM tilts the beam, so the zone axis moves the other way in the pattern.
        tilt=(-options.tilt_x_mrad, -options.tilt_y_mrad),
    )
    measured = probe.scan(
        potential,
        scan=abtem.CustomScan(positions),
        detectors=abtem.PixelatedDetector(max_angle=options.max_angle_mrad),
        max_batch=len(positions),
        lazy=False,
    )
    array = np.asarray(measured.array, dtype=np.float64)
    array = array.reshape(-1, len(positions), *array.shape[-2:])
    return array.sum(axis=1)


def _provenance(
    crystal: Crystal, plan: _Plan, zone_axis: tuple[int, int, int], options: ReferenceOptions
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
