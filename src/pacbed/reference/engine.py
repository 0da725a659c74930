"""What every frozen-phonon simulation needs: sizes, potentials, and the way through them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pacbed.crystal.projection import project
from pacbed.crystal.structure import Crystal
from pacbed.errors import CrystalError, MissingExtraError, OutOfRangeError
from pacbed.reference.options import ReferenceOptions
from pacbed.reference.potential import Sites, draw_layers, stack_periods
from pacbed.reference.scan import scan_shape
from pacbed.reference.supercell import Box, orthogonal_box, slice_offset, smooth_size
from pacbed.units import ANGSTROM_PER_NM, electron_wavelength

#: Wave functions that are propagated together take at most this much memory, bytes.
_BATCH_BYTES = 64e6
#: Spatial frequencies that abTEM keeps, as a share of the Nyquist frequency.
_ANTIALIAS = 2 / 3


@dataclass(frozen=True)
class Plan:
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


def import_abtem() -> Any:
    """The module abTEM.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import abtem
    except ImportError as error:
        raise MissingExtraError(
            "the reference needs abTEM: pip install 'pacbed-cnn[sim]'"
        ) from error
    return abtem


def make_plan(crystal: Crystal, zone_axis: tuple[int, int, int], options: ReferenceOptions) -> Plan:
    """Fix all sizes, and refuse what cannot be simulated.

    Parameters
    ----------
    crystal : Crystal
    zone_axis : tuple of int
    options : ReferenceOptions

    Raises
    ------
    CrystalError
        If no orthogonal supercell exists, or partly occupied sites have no configurations
        to be drawn in.
    OutOfRangeError
        If sampling, angles and probe step do not go together.
    """
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
    return Plan(
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


def _sites(plan: Plan, periods: int) -> Sites:
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


def configurations(
    abtem: Any, plan: Plan, options: ReferenceOptions, generator: np.random.Generator
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


def diffract(abtem: Any, potential: Any, positions: np.ndarray, options: ReferenceOptions) -> Any:
    """Diffraction patterns of some probe positions, [thickness, position, x, y]."""
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
    return array.reshape(-1, len(positions), *array.shape[-2:])
