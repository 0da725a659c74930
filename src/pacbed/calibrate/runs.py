"""Which patterns a calibration simulates: runs over the range of a system."""

import math
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Numbers
from pacbed.library.system import System
from pacbed.reference.options import ReferenceOptions

#: Smallest and largest semi-angle that is simulated, mrad, where the system covers it.
_CONVERGENCE_MRAD = (10.0, 26.0)
#: The same of thickness, nm, and the largest mistilt, mrad.
_THICKNESS_NM = (5.0, 100.0)
_MISTILT_MRAD = 10.0
#: Thicknesses of a run, of which the largest is drawn from this share of the range on.
_THICKNESSES, _THICKEST_FROM = 16, 0.6
_CONFIGURATIONS = 4
#: Pixels in a semi-angle, and half the recorded field in semi-angles.
_PIXELS, _FIELD = 18.0, 1.42


@dataclass(frozen=True)
class Run:
    """One tilt and aperture through all thicknesses.

    Attributes
    ----------
    number : int
    seed : int
    options : ReferenceOptions
    """

    number: int
    seed: int
    options: ReferenceOptions


def plan_run(system: System, number: int, seed: int) -> Run:
    """Run `number` of a system's calibration, fixed by the seed and the number alone.

    Parameters
    ----------
    system : System
    number, seed : int
    """
    generator = np.random.default_rng([seed, number])
    # Additive recurrences of irrational steps: any number of runs covers the ranges evenly, and
    # so does either half.
    start = np.random.default_rng(seed).random() + (0.5 if number % 2 else 0.0)
    share = np.mod(start + number // 2 * np.array([0.7548776662, 0.5698402910, 0.6180339887]), 1)
    low, high = _common(system.convergence_mrad, _CONVERGENCE_MRAD)
    convergence = low + (high - low) * share[0]
    tilt = min(system.mistilt_mrad[1], _MISTILT_MRAD) * math.sqrt(share[1])
    azimuth = 2 * math.pi * share[2]
    thicknesses = _thicknesses(system, generator)
    options = ReferenceOptions(
        high_tension_kV=system.known_high_tension_kV,
        convergence_mrad=round(float(convergence), 3),
        thicknesses_nm=tuple(thicknesses.round(3).tolist()),
        tilt_x_mrad=round(float(tilt * math.cos(azimuth)), 4),
        tilt_y_mrad=round(float(tilt * math.sin(azimuth)), 4),
        configurations=_CONFIGURATIONS,
        max_angle_mrad=float(_FIELD * convergence),
        seed=seed + number,
        resolution_mrad=float(convergence / _PIXELS),
        deal_positions=True,
    )
    return Run(number, seed, options)


def _thicknesses(system: System, generator: np.random.Generator) -> Numbers:
    low, high = _common(system.thickness_nm, _THICKNESS_NM)
    thickest = low + (high - low) * generator.uniform(_THICKEST_FROM, 1.0)
    step = (thickest - low) / _THICKNESSES
    # Irregular, so that no two runs have the same.
    return low + step * (np.arange(_THICKNESSES) + generator.random(_THICKNESSES))


def _common(covered: tuple[float, float], wanted: tuple[float, float]) -> tuple[float, float]:
    """What both ranges have in common; what is covered where that is nothing."""
    low, high = max(covered[0], wanted[0]), min(covered[1], wanted[1])
    return (low, high) if low < high else covered
