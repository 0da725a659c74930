"""What a table costs, before it is simulated."""

import os

import numpy as np

from pacbed.crystal.projection import ProjectedCell
from pacbed.lacbed.options import TableOptions
from pacbed.units import electron_wavelength


def table_memory_bytes(
    cell: ProjectedCell,
    high_tension_kV: float,
    convergence_max_mrad: float,
    mistilt_max_mrad: float,
    thickness_max_nm: float,
    options: TableOptions,
) -> int:
    """Estimate the memory that the simulation of a table needs.

    One intensity in single precision for each direction of the irreducible wedge, each
    beam that it can send into the recorded field, and each thickness; nearly as much again
    for what is held beside them (measured: 1.8 GB for Si [110] at 200 kV, default ranges).

    Parameters
    ----------
    cell : ProjectedCell
    high_tension_kV : float
    convergence_max_mrad, mistilt_max_mrad, thickness_max_nm : float
        As for :func:`~pacbed.lacbed.build.simulate_table`.
    options : TableOptions

    Returns
    -------
    int
        Bytes, good to some twenty per cent.
    """
    radius = convergence_max_mrad + mistilt_max_mrad
    directions = np.pi * (radius / options.direction_step_mrad) ** 2 / len(cell.point_group)
    field = options.field * convergence_max_mrad + mistilt_max_mrad / 2
    g_max = min(field * 1e-3 / electron_wavelength(high_tension_kV), options.g_max)
    beams = np.pi * g_max**2 * cell.area
    steps = thickness_max_nm / options.thickness_step_nm + 3
    return int(1.9 * 4 * directions * beams * steps)


def machine_memory_bytes() -> int | None:
    """Memory of this machine, None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
