"""How finely a table is sampled: as what is asked of it needs, not finer.

The numbers are measured, see ``benchmarks/table_sampling.py`` and docs/benchmarks.md.
"""

import numpy as np

from pacbed.crystal.projection import ProjectedCell
from pacbed.lacbed.directions import choose_divisions
from pacbed.lacbed.field import worth_mrad
from pacbed.lacbed.neighbourhood import potential_peak
from pacbed.lacbed.options import TableOptions
from pacbed.units import ANGSTROM_PER_NM, electron_wavelength

#: Directions that a fit sums lie at most this share of the convergence semi-angle apart.
_SHARE_OF_APERTURE = 1 / 13
#: A fit leaves out every second direction where the rest is no farther apart than both of these,
#: a share of the semi-angle and mrad: :func:`pacbed.pattern.grid.direction_stride`.
_LEFT_OUT_SHARE, _LEFT_OUT_MRAD = 1 / 8.5, 1.1
#: A beam g has fringes of 1/(g t) in a thickness t. Directions lie at most this share of the
#: fringes of g = 0.5 1/Å apart, which most strong beams do not exceed by much.
_SHARE_OF_FRINGE, _STRONG_BEAM = 0.35, 0.5
#: Bragg lines of thin crystals are not wider than some of these.
_COARSEST_MRAD, _FINEST_MRAD = 1.1, 0.12
#: Step in thickness times wavelength times the potential's deepest place, nm/Å: a cubic through
#: such steps is within 1e-3 of the intensities, for silicon as for tungsten.
_PHASE = 0.085
_FINEST_NM, _COARSEST_NM = 0.4, 1.0
#: Thickness is sampled at least so often.
_LEAST_STEPS = 8
#: Step of the coefficients. At four times as much the errors of answers are still the same.
_QUANTUM = 4e-3


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
    strength = electron_wavelength(high_tension_kV) * potential_peak(cell, high_tension_kV)
    thickness = float(np.clip(_PHASE / max(strength, 1e-9), _FINEST_NM, _COARSEST_NM))
    usual = TableOptions().field
    lattice_mrad = cell.reciprocal * electron_wavelength(high_tension_kV) * 1e3
    worth = max(worth_mrad(lattice_mrad, angle) for angle in convergence_mrad)
    return TableOptions(
        field=round(max(usual, worth / convergence_mrad[1]), 3),
        direction_step_mrad=_direction_step(
            cell, high_tension_kV, convergence_mrad, thickness_max_nm
        ),
        thickness_step_nm=round(min(thickness, thickness_max_nm / _LEAST_STEPS), 3),
        quantum=_QUANTUM,
    )


def _direction_step(
    cell: ProjectedCell,
    high_tension_kV: float,
    convergence_mrad: tuple[float, float],
    thickness_max_nm: float,
) -> float:
    """The coarsest step that is fine enough once it divides the lattice."""
    fringe = 1e3 / (_STRONG_BEAM * thickness_max_nm * ANGSTROM_PER_NM)
    apertures = np.geomspace(*convergence_mrad, 8)
    limits = np.minimum(
        apertures * _SHARE_OF_APERTURE, min(_SHARE_OF_FRINGE * fringe, _COARSEST_MRAD)
    )
    finest = max(0.75 * float(limits.min()), _FINEST_MRAD)
    # First those that a fit sums all, then also those that it thins out to what is enough
    # for the aperture and for the tables of half a milliradian that are shipped.
    thinned = np.minimum(apertures * _SHARE_OF_APERTURE, _LEFT_OUT_MRAD)
    for allowed, least in ((limits, finest), (thinned, _FINEST_MRAD)):
        step = float(limits.min())
        while step > least:
            apart = _worst_step(cell, high_tension_kV, step)
            left_out = 2 * apart <= np.minimum(apertures * _LEFT_OUT_SHARE, _LEFT_OUT_MRAD)
            # Room for what rounding to the lattice adds.
            enough = np.where(left_out, 2 * apart <= 1.08 * allowed, apart <= 1.12 * limits)
            if enough.all():
                return round(step, 3)
            step *= 0.96
    return _FINEST_MRAD


def _worst_step(cell: ProjectedCell, high_tension_kV: float, step_mrad: float) -> float:
    """Larger step of the direction grid that a wish for a step gives, mrad."""
    per_mrad = 1e-3 / electron_wavelength(high_tension_kV)
    divisions = choose_divisions(cell.reciprocal, cell.point_group, step_mrad * per_mrad)
    lengths = np.linalg.norm(cell.reciprocal, axis=1) / np.array(divisions, float)
    return float(lengths.max()) / per_mrad
