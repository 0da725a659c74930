"""From a projected cell to a compressed table."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np

from pacbed.arrays import Mask, Numbers, Singles
from pacbed.crystal.projection import ProjectedCell
from pacbed.crystal.scattering import potential_coefficients
from pacbed.errors import CrystalError
from pacbed.lacbed.bloch import beams_within
from pacbed.lacbed.directions import choose_divisions
from pacbed.lacbed.geometry import TableGeometry
from pacbed.lacbed.multislice import MultisliceOptions, Progress, Propagation, prepare
from pacbed.lacbed.options import TableOptions
from pacbed.lacbed.table import LacbedTable
from pacbed.units import ANGSTROM_PER_NM, electron_wavelength
from pacbed.version import __version__

#: Columns beyond the table's edge that interpolation in direction needs.
_MARGIN_STEPS = 2.9


@dataclass(frozen=True)
class StoredBatch:
    """Intensities that the table stores of a batch of directions; may be sent elsewhere.

    Attributes
    ----------
    propagation : Propagation
    recorded : ndarray of bool, shape (K, N)
        What is stored.
    """

    propagation: Propagation
    recorded: Mask

    def __call__(self, part: slice, progress: Progress | None = None) -> tuple[slice, Singles]:
        """The batch, and its stored intensities, shape (T + 1, stored)."""
        return part, self.propagation(part, progress)[:, self.recorded[part]]


#: Does the batches elsewhere, and gives their results in any order.
Spread = Callable[[StoredBatch, list[slice]], Iterator[tuple[slice, Singles]]]


def simulate_table(
    cell: ProjectedCell,
    high_tension_kV: float,
    convergence_max_mrad: float,
    mistilt_max_mrad: float,
    thickness_max_nm: float,
    options: TableOptions,
    progress: Progress | None = None,
    absorption: bool = True,
    spread: Spread | None = None,
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
        Called with the finished share, 0..1.
    absorption : bool
        Whether thermal diffuse absorption is included.
    spread : callable, optional
        Computes the batches elsewhere, such as on a cluster; in this process by default. On
        machines of one kind the table is the same.

    Returns
    -------
    LacbedTable

    Raises
    ------
    CrystalError
        If the projection's symmetry does not hold for its potential.
    """
    started = time.perf_counter()
    verify_symmetry(cell, high_tension_kV)
    geometry = _geometry(
        cell, high_tension_kV, convergence_max_mrad, mistilt_max_mrad, thickness_max_nm, options
    )
    directions = geometry.grid.wedge @ (geometry.fine_lattice_mrad * 1e-3 / geometry.wavelength)
    kernel = MultisliceOptions(
        options.slice_angstrom, options.g_max, absorption, device=options.device
    )
    steps = geometry.thickness_steps
    count = sum(len(k) for k, _ in geometry.pair_rows)
    intensities = np.empty((steps + 1, count), np.float32)
    task = StoredBatch(
        prepare(
            cell,
            directions,
            geometry.beams,
            high_tension_kV,
            options.thickness_step_nm * ANGSTROM_PER_NM,
            steps,
            kernel,
        ),
        geometry.recorded,
    )
    for batch, values in _batches(task, progress, spread):
        intensities[:, geometry.entry_of[batch][geometry.recorded[batch]]] = values
    bases, coefficients = _compress(geometry, intensities, options.quantum)
    provenance = {
        "version": __version__,
        "options": asdict(options),
        "absorption": absorption,
        "directions": len(directions),
        "beams": len(geometry.beams),
        "entries": count,
        "seconds": round(time.perf_counter() - started, 1),
    }
    return LacbedTable(geometry, bases, coefficients, options.quantum, provenance)


def _batches(
    task: StoredBatch, progress: Progress | None, spread: Spread | None
) -> Iterator[tuple[slice, Singles]]:
    parts = task.propagation.batches
    if spread is None:
        for part in parts:
            yield task(part, progress)
        return
    for done, result in enumerate(spread(task, parts), start=1):
        yield result
        if progress is not None:
            progress(done / len(parts))


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


def _geometry(
    cell: ProjectedCell,
    high_tension_kV: float,
    convergence_max_mrad: float,
    mistilt_max_mrad: float,
    thickness_max_nm: float,
    options: TableOptions,
) -> TableGeometry:
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


def _compress(
    geometry: TableGeometry, intensities: Singles, quantum: float
) -> tuple[list[Numbers], list[Singles]]:
    """Singular vectors along thickness per orbit, coefficients rounded to `quantum`.

    A singular vector whose coefficients all round to zero is left out.
    """
    bases, coefficients = [], []
    start = 0
    for rows, _ in geometry.pair_rows:
        block = intensities[:, start : start + len(rows)].astype(np.float64)
        start += len(rows)
        _, vectors = np.linalg.eigh(block @ block.T)
        basis = vectors[:, ::-1].T
        # The basis is stored in half precision: project on what will be read back.
        basis = basis.astype(np.float16).astype(np.float64)
        values = basis @ block
        if quantum > 0:
            values = np.round(values / quantum) * quantum
        keep = np.flatnonzero(np.abs(values).max(axis=1) > 0)
        rank = int(keep.max()) + 1 if len(keep) else 0
        bases.append(basis[:rank])
        coefficients.append(np.ascontiguousarray(values[:rank].T, np.float32))
    return bases, coefficients
