"""What a table costs, before it is simulated, and what is refused for it.

How many coefficients a table will have is not guessed: the intensities of a few directions are
simulated with few beams, and their coefficients counted.
"""

import math
import os
from dataclasses import dataclass, replace

import numpy as np

from pacbed.arrays import Singles
from pacbed.crystal.projection import ProjectedCell
from pacbed.errors import CrystalError, OutOfRangeError
from pacbed.lacbed.build import table_geometry
from pacbed.lacbed.geometry import TableGeometry
from pacbed.lacbed.neighbourhood import Reach, choose_reach, prepare_kernel
from pacbed.lacbed.options import TableOptions
from pacbed.lacbed.sampling import choose_sampling
from pacbed.lacbed.stored import LARGEST_REACH, MOST_PAIRS
from pacbed.lacbed.streamed import COARSEST_QUANTUM, MOST_COEFFICIENTS
from pacbed.lacbed.tiles import choose_tiling
from pacbed.lacbed.too_large import TableTooLargeError
from pacbed.units import ANGSTROM_PER_NM

#: Largest table that goes into a bundle, bytes.
LARGEST_FILE_BYTES = 16_000_000
#: Largest ranges that make sense: small-angle scattering, zero-order Laue zone.
_RANGES = {
    "high tension": (10.0, 3000.0, "kV"),
    "convergence semi-angle": (0.1, 100.0, "mrad"),
    "mistilt": (0.0, 100.0, "mrad"),
    "thickness": (0.5, 1000.0, "nm"),
    "direction step": (0.05, 10.0, "mrad"),
    "thickness step": (0.05, 10.0, "nm"),
}
#: Largest projected cell, Å² and Å.
_LARGEST_AREA, _LONGEST = 250.0, 150.0
#: Directions of the pilot, and the most beams that it carries along.
_PILOT, _PILOT_BEAMS, _PILOT_REACH = 8, 600, 4.0
#: Coefficients for each that is not zero, and their count in the pilot's common functions over
#: that in the table's.
_WITH_ZEROS, _COUNTED = 3.0, 0.9
#: Bytes for each that is not zero: factor, powers of the numbers of thicknesses and operations.
_BYTES = (0.34, 0.36, -0.22)
#: Of one processor, with all that is not a matrix product.
_OPERATIONS_PER_SECOND = 6e10
#: How far the estimate may be off.
_ROOM = 1.4


@dataclass(frozen=True)
class TableCost:
    """What a table will cost, about.

    Attributes
    ----------
    directions, entries, coefficients : int
        Simulated directions, stored intensities without their thicknesses, coefficients.
    file_bytes : int
        Of the finished table, good to some forty per cent.
    memory_bytes : int
        While it is made.
    seconds : float
        Of one processor.
    """

    directions: int
    entries: int
    coefficients: int
    file_bytes: int
    memory_bytes: int
    seconds: float


def check_ranges(
    high_tension_kV: float,
    convergence_max_mrad: float,
    mistilt_max_mrad: float,
    thickness_max_nm: float,
    options: TableOptions,
) -> None:
    """Refuse numbers that no table is made for.

    Raises
    ------
    OutOfRangeError
        In one line that names the number and its limits.
    """
    given = (
        high_tension_kV,
        convergence_max_mrad,
        mistilt_max_mrad,
        thickness_max_nm,
        options.direction_step_mrad,
        options.thickness_step_nm,
    )
    for (name, (low, high, unit)), value in zip(_RANGES.items(), given, strict=True):
        if not low <= value <= high:
            raise OutOfRangeError(
                f"{name} {value:g} {unit}: a table is made for {low:g} to {high:g} {unit}"
            )
    if not options.quantum >= 0:
        raise OutOfRangeError(f"quantum {options.quantum:g}: give 0 or more")


def check_cell(cell: ProjectedCell) -> None:
    """Refuse a projected cell that is too large for a table.

    Raises
    ------
    CrystalError
        In one line with its size.
    """
    lengths = np.linalg.norm(cell.cell, axis=1)
    if cell.area > _LARGEST_AREA or lengths.max() > _LONGEST:
        raise CrystalError(
            f"the projected cell measures {lengths[0]:.4g} x {lengths[1]:.4g} Å; tables are made "
            f"for cells of up to {_LARGEST_AREA:g} Å² and {_LONGEST:g} Å: give another zone axis "
            "or a smaller structure"
        )


def estimate_cost(
    cell: ProjectedCell,
    high_tension_kV: float,
    convergence_max_mrad: float,
    mistilt_max_mrad: float,
    thickness_max_nm: float,
    options: TableOptions,
) -> TableCost:
    """Estimate what a table costs, from the intensities of a few directions.

    Parameters
    ----------
    cell : ProjectedCell
    high_tension_kV : float
    convergence_max_mrad, mistilt_max_mrad, thickness_max_nm : float
        As for :func:`~pacbed.lacbed.build.simulate_table`.
    options : TableOptions

    Raises
    ------
    OutOfRangeError
        If its grid of directions is finer than a table can hold.
    """
    ranges = (convergence_max_mrad, mistilt_max_mrad, thickness_max_nm)
    geometry = table_geometry(cell, high_tension_kV, *ranges, options)
    return _cost(cell, geometry, _pilot(cell, geometry), options)


def _cost(
    cell: ProjectedCell, geometry: TableGeometry, pilot: tuple[Singles, int], options: TableOptions
) -> TableCost:
    sample, simulated = pilot
    directions = len(geometry.grid.wedge)
    share, steps = directions / simulated, geometry.thickness_steps + 1
    nonzero = _COUNTED * share * _count(sample, options.quantum)
    factor, by_steps, by_operations = _BYTES
    each = factor * steps**by_steps * len(cell.point_group) ** by_operations
    entries = share * sample.shape[1]
    coefficients = min(_WITH_ZEROS * nonzero, entries * steps)
    kV = geometry.high_tension_kV
    tiling = choose_tiling(
        cell, kV, choose_reach(cell, kV), options.direction_step_mrad, geometry.direction_max_mrad,
        geometry.thickness_step_nm * ANGSTROM_PER_NM, geometry.thickness_steps,
    )  # fmt: skip
    return TableCost(
        directions=directions,
        entries=round(entries),
        coefficients=round(coefficients),
        file_bytes=round(nonzero * each),
        # Whole numbers, then single precision; places of the entries; what threads hold.
        memory_bytes=round(
            6 * coefficients + 40 * entries + 6 * directions * len(geometry.beams) + 6e8
        ),
        seconds=tiling.operations * directions / _OPERATIONS_PER_SECOND,
    )


def check_cost(
    cell: ProjectedCell,
    high_tension_kV: float,
    convergence_max_mrad: float,
    mistilt_max_mrad: float,
    thickness_max_nm: float,
    options: TableOptions,
    file_bytes_max: float = LARGEST_FILE_BYTES,
) -> TableCost:
    """Refuse a table that cannot be made, held or stored, before work begins.

    Parameters
    ----------
    cell, high_tension_kV, convergence_max_mrad, mistilt_max_mrad, thickness_max_nm, options
        As for :func:`~pacbed.lacbed.build.simulate_table`.
    file_bytes_max : float
        Largest file. What :func:`~pacbed.lacbed.build.simulate_table` does with the same bound
        to keep below it, a coarser quantum, is taken into account.

    Returns
    -------
    TableCost

    Raises
    ------
    OutOfRangeError
        If a range makes no sense or asks too much; one line that says what to change.
    CrystalError
        If the projected cell is too large.
    """
    ranges = (convergence_max_mrad, mistilt_max_mrad, thickness_max_nm)
    check_ranges(high_tension_kV, *ranges, options)
    check_cell(cell)
    geometry = table_geometry(cell, high_tension_kV, *ranges, options)
    pilot = _pilot(cell, geometry)
    coarse = replace(options, quantum=max(options.quantum, COARSEST_QUANTUM))
    least = _cost(cell, geometry, pilot, coarse)
    memory = machine_memory_bytes()
    wants = None
    if least.file_bytes * _ROOM > file_bytes_max:
        wants = f"{least.file_bytes / 1e6:.0f} MB on disk, {file_bytes_max / 1e6:.0f} are allowed"
    elif least.coefficients * _ROOM > MOST_COEFFICIENTS:
        wants = f"{least.coefficients / 1e6:.0f} million numbers"
    elif memory is not None and least.memory_bytes > memory:
        wants = f"{least.memory_bytes / 1e9:.0f} GB of memory, this machine has {memory / 1e9:.1f}"
    if wants is not None:
        coarsest = _coarsest(cell, high_tension_kV, ranges, options)
        raise TableTooLargeError(
            f"the table would take about {wants} (projected cell {cell.area:.0f} Å², "
            f"{len(cell.point_group)} symmetry operations, {least.directions} directions)",
            coarser=coarsest is not None,
            coarsest_mrad=coarsest,
        )
    return _cost(cell, geometry, pilot, options)


def machine_memory_bytes() -> int | None:
    """Memory of this machine, None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _coarsest(
    cell: ProjectedCell,
    high_tension_kV: float,
    ranges: tuple[float, float, float],
    options: TableOptions,
) -> float | None:
    """A coarser step of directions that is still fine enough; None where there is none."""
    convergence, mistilt, thickness = ranges
    enough = choose_sampling(
        cell, high_tension_kV, (min(convergence, 18.0), convergence), mistilt, thickness
    ).direction_step_mrad
    return enough if enough > 1.1 * options.direction_step_mrad else None


def _check_grid(geometry: TableGeometry) -> None:
    """Refuse what could not be read again, see :mod:`pacbed.lacbed.stored`."""
    fine = geometry.fine_lattice_mrad
    area, lengths = abs(float(np.linalg.det(fine))), np.linalg.norm(fine, axis=1)
    reach = geometry.direction_max_mrad * float(lengths.max()) / area
    directions = math.pi * geometry.direction_max_mrad**2 / area / len(geometry.point_group)
    if reach > LARGEST_REACH or directions * len(geometry.beams) > MOST_PAIRS:
        raise TableTooLargeError(
            f"the table would have {directions:.3g} directions and {len(geometry.beams)} beams, "
            "more than one can hold",
            coarser=True,
        )


def _pilot(cell: ProjectedCell, geometry: TableGeometry) -> tuple[Singles, int]:
    """Intensities that the table would store of a few directions, (T, E), and their number."""
    _check_grid(geometry)
    wedge = geometry.grid.wedge
    rows = np.linspace(0, len(wedge) - 1, min(len(wedge), _PILOT) + 2)[1:-1].round().astype(int)
    most = min(_PILOT_REACH, _PILOT_BEAMS / (math.pi * cell.area))
    k = wedge[rows] @ geometry.fine_lattice_mrad * 1e-3 / geometry.wavelength
    kernel = prepare_kernel(
        cell,
        geometry.high_tension_kV,
        Reach(most, most),
        float(np.linalg.norm(k, axis=1).max()),
        float(np.linalg.norm(geometry.beams @ cell.reciprocal, axis=1).max()),
        geometry.thickness_step_nm * ANGSTROM_PER_NM,
        geometry.thickness_steps,
        substeps=1,
    )
    parts = []
    for reached, direction in zip(geometry.reaches(rows), k, strict=True):
        stored = np.flatnonzero(reached)
        parts.append(kernel(direction[None], geometry.beams[stored]).beams[:, :, 0])
    return np.concatenate(parts, axis=1), len(rows)


def _count(sample: Singles, quantum: float) -> float:
    """Coefficients of the sample that are not zero after rounding."""
    vectors = np.linalg.eigh((sample @ sample.T).astype(np.float64))[1].astype(np.float32)
    return float((np.abs(vectors.T @ sample) > max(quantum, 1e-6) / 2).sum())
