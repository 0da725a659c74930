"""From a projected cell to a compressed table."""

import importlib
import time
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from pacbed.crystal.projection import ProjectedCell
from pacbed.crystal.scattering import potential_coefficients
from pacbed.errors import CrystalError, MissingExtraError
from pacbed.lacbed.bloch import beams_within
from pacbed.lacbed.directions import choose_divisions
from pacbed.lacbed.geometry import TableGeometry
from pacbed.lacbed.lost import LostShares
from pacbed.lacbed.neighbourhood import choose_reach, prepare_kernel
from pacbed.lacbed.options import TableOptions
from pacbed.lacbed.streamed import Runner, Spread, StoredTile, compressed
from pacbed.lacbed.table import LacbedTable
from pacbed.lacbed.tiles import choose_tiling, make_tiles
from pacbed.lacbed.workers import Progress
from pacbed.units import ANGSTROM_PER_NM, electron_wavelength
from pacbed.version import __version__

#: Columns beyond the table's edge that interpolation in direction needs.
_MARGIN_STEPS = 2.9
#: Intensities of one neighbourhood, bytes.
_TILE_BYTES = 6e7


def simulate_table(
    cell: ProjectedCell,
    high_tension_kV: float,
    convergence_max_mrad: float,
    mistilt_max_mrad: float,
    thickness_max_nm: float,
    options: TableOptions,
    progress: Progress | None = None,
    absorption: float = 1.0,
    spread: Spread | None = None,
    file_bytes_max: float | None = None,
) -> LacbedTable:
    """Simulate the LACBED table of a projected crystal.

    Parameters
    ----------
    cell : ProjectedCell
    high_tension_kV : float
    convergence_max_mrad, mistilt_max_mrad, thickness_max_nm : float
        Largest values that patterns shall be synthesised for.
    options : TableOptions
    progress : callable, optional
        Called with the finished share, 0..1, at least every second; what it raises ends the
        work at once.
    absorption : float
        Factor on thermal diffuse absorption; 0 leaves it out.
    spread : callable, optional
        Computes the neighbourhoods elsewhere, such as on a cluster; in threads of this process
        by default. On machines of one kind the table is the same.
    file_bytes_max : float, optional
        Largest file. Where the quantum of the options would make a larger one, a coarser one is
        taken, up to :data:`~pacbed.lacbed.streamed.COARSEST_QUANTUM`.

    Returns
    -------
    LacbedTable

    Raises
    ------
    CrystalError
        If the projection's symmetry does not hold for its potential.
    MissingExtraError
        If a device is asked for that needs PyTorch, which is not installed.
    OutOfRangeError
        If even the coarsest quantum does not keep to `file_bytes_max`; early, after a sample.
    """
    started = time.perf_counter()
    verify_symmetry(cell, high_tension_kV)
    geometry = table_geometry(
        cell, high_tension_kV, convergence_max_mrad, mistilt_max_mrad, thickness_max_nm, options
    )
    task = _plan(cell, geometry, options, absorption)
    run = Runner(progress, spread, len(task.tiles))
    quantum, bases, coefficients = compressed(task, options.quantum, run, file_bytes_max)
    provenance = {
        "version": __version__,
        "options": asdict(options),
        "absorption": absorption,
        "directions": len(geometry.grid.wedge),
        "beams": len(geometry.beams),
        "entries": geometry.entry_count,
        "seconds": round(time.perf_counter() - started, 1),
    }
    lost = LostShares(geometry, bases.pop(), coefficients.pop())
    return LacbedTable(geometry, bases, coefficients, quantum, provenance, lost)


def _plan(
    cell: ProjectedCell, geometry: TableGeometry, options: TableOptions, absorption: float
) -> StoredTile:
    """The kernel that fits the device, and its neighbourhoods."""
    points = geometry.grid.wedge @ geometry.fine_lattice_mrad
    step = geometry.thickness_step_nm * ANGSTROM_PER_NM
    steps, kV = geometry.thickness_steps, geometry.high_tension_kV
    # Without caches, which would be sent along.
    bare = replace(geometry)
    if options.device != "cpu":
        multislice = _multislice(options.device)
        kernel = multislice.prepare(
            cell, kV, step, steps, multislice.options_of(options, absorption)
        )
        batch = kernel.options.batch
        rows = [np.arange(n, min(n + batch, len(points))) for n in range(0, len(points), batch)]
        return StoredTile(kernel, bare, rows)
    reach, farthest = choose_reach(cell, kV), geometry.direction_max_mrad
    tiling = choose_tiling(cell, kV, reach, options.direction_step_mrad, farthest, step, steps)
    beams = np.linalg.norm(geometry.beams @ cell.reciprocal, axis=1)
    per_mrad = 1e-3 / geometry.wavelength
    largest = farthest * per_mrad, float(beams.max())
    prepared = prepare_kernel(cell, kV, reach, *largest, step, steps, tiling.substeps, absorption)
    most = max(1, int(_TILE_BYTES / (4 * (steps + 1) * len(geometry.beams))))
    return StoredTile(prepared, bare, make_tiles(points, tiling.width_mrad, most))


def _multislice(device: str) -> Any:
    """The module for accelerators, by its name: nothing else of the table needs PyTorch."""
    try:
        return importlib.import_module("pacbed.lacbed.multislice")
    except ImportError as error:
        raise MissingExtraError(
            f"a table on {device} needs PyTorch: pip install 'pacbed-cnn[sim]', or leave device "
            'in [table] at "cpu"'
        ) from error


def verify_symmetry(cell: ProjectedCell, high_tension_kV: float, tolerance: float = 2e-3) -> None:
    """Check U_{hW} = U_h exp(2πi h·w) for every operation {W|w} of the projection.

    Raises
    ------
    CrystalError
        If an operation changes a Fourier coefficient by more than `tolerance`
        of the largest one.
    """
    h = beams_within(cell, 1.5)
    reference = potential_coefficients(cell, h, high_tension_kV)
    for operation, shift in zip(cell.point_group, cell.translations, strict=True):
        image = potential_coefficients(cell, h @ operation, high_tension_kV)
        expected = reference * np.exp(2j * np.pi * (h @ shift))
        if np.abs(image - expected).max() > tolerance * np.abs(reference).max():
            raise CrystalError(
                "the projection is less symmetric than its columns suggest; "
                "check positions and Debye-Waller factors of equivalent sites"
            )


def table_geometry(
    cell: ProjectedCell,
    high_tension_kV: float,
    convergence_max_mrad: float,
    mistilt_max_mrad: float,
    thickness_max_nm: float,
    options: TableOptions,
) -> TableGeometry:
    """Grids of a table for what is asked, as for :func:`simulate_table`."""
    wavelength = electron_wavelength(high_tension_kV)
    direction_max = (
        convergence_max_mrad + mistilt_max_mrad + _MARGIN_STEPS * options.direction_step_mrad
    )
    reach_mrad = (1 + options.field) * convergence_max_mrad
    # Beams beyond the multislice grid are not recorded; they carry no intensity.
    g_reach = min(reach_mrad * 1e-3 / wavelength, options.g_max * 0.95)
    return TableGeometry(
        reciprocal=cell.reciprocal,
        point_group=cell.point_group,
        beams=beams_within(cell, g_reach),
        high_tension_kV=high_tension_kV,
        divisions=choose_divisions(
            cell.reciprocal, cell.point_group, options.direction_step_mrad * 1e-3 / wavelength
        ),
        direction_max_mrad=direction_max,
        convergence_max_mrad=convergence_max_mrad,
        mistilt_max_mrad=mistilt_max_mrad,
        field=options.field,
        thickness_step_nm=options.thickness_step_nm,
        # Two steps more, so that the cubic is as good at the thick end as elsewhere.
        thickness_steps=int(np.ceil(thickness_max_nm / options.thickness_step_nm)) + 2,
    )
