"""How finely a table is sampled: as what is asked of it needs, not finer.

The numbers are measured, see ``benchmarks/table_sampling.py`` and docs/benchmarks.md.
"""

import numpy as np

from pacbed.crystal.projection import ProjectedCell
from pacbed.lacbed.neighbourhood import potential_peak
from pacbed.lacbed.options import TableOptions
from pacbed.units import ANGSTROM_PER_NM, electron_wavelength

#: Steps of the directions in the smallest convergence semi-angle.
_STEPS_PER_APERTURE = 16
#: A beam g has fringes of 1/(g t) in a thickness t. Steps of the directions are at most this
#: share of the fringes of g = 0.5 1/Å, which most strong beams do not exceed by much.
_SHARE_OF_FRINGE, _STRONG_BEAM = 0.45, 0.5
_FINEST_MRAD = 0.15
#: Step in thickness times wavelength times the potential's deepest place, nm/Å: a cubic through
#: such steps is within 1e-3 of the intensities, for silicon as for tungsten.
_PHASE = 0.085
_FINEST_NM, _COARSEST_NM = 0.4, 1.0
#: Thickness is sampled at least so often.
_LEAST_STEPS = 8


def choose_sampling(
    cell: ProjectedCell,
    high_tension_kV: float,
    convergence_mrad: tuple[float, float],
    mistilt_max_mrad: float,
    thickness_max_nm: float,
) -> TableOptions:
    """Sampling of a table for what is asked of it.

    Parameters
    ----------
    cell : ProjectedCell
    high_tension_kV : float
    convergence_mrad : tuple of float
        Smallest and largest convergence semi-angle, mrad.
    mistilt_max_mrad, thickness_max_nm : float
        Largest values that patterns shall be synthesised for.

    Returns
    -------
    TableOptions
        For :func:`~pacbed.lacbed.build.simulate_table` with the same ranges.
    """
    fringe_mrad = 1e3 / (_STRONG_BEAM * thickness_max_nm * ANGSTROM_PER_NM)
    direction = min(min(convergence_mrad) / _STEPS_PER_APERTURE, _SHARE_OF_FRINGE * fringe_mrad)
    strength = electron_wavelength(high_tension_kV) * potential_peak(cell, high_tension_kV)
    thickness = float(np.clip(_PHASE / max(strength, 1e-9), _FINEST_NM, _COARSEST_NM))
    return TableOptions(
        direction_step_mrad=round(max(direction, _FINEST_MRAD), 3),
        thickness_step_nm=round(min(thickness, thickness_max_nm / _LEAST_STEPS), 3),
        quantum=4e-3,
    )
