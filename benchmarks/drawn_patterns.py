"""Fresh synthetic patterns over a system's whole range, for the benchmarks."""

import numpy as np

from pacbed.pattern.detector import apply_effects, draw_effects
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

DOSE = (1e5, 1e8)


def draw_pattern(table, system, size, rng):
    """A pattern of size × size pixels as recorded, and its parameters.

    The disk takes 0.225 to 0.3375 of the width and lies off the middle by some 2 % of it.
    """
    alpha = rng.uniform(*system.convergence_mrad)
    mistilt = system.mistilt_mrad[1] * np.sqrt(rng.random())
    azimuth = rng.uniform(0, 2 * np.pi)
    radius = rng.uniform(0.225, 0.3375) * size
    thickness = rng.uniform(*system.thickness_nm)
    centre = (size - 1) / 2 + rng.normal(0, 3 / 160 * size, 2)
    parameters = PatternParameters(
        thickness, mistilt * np.cos(azimuth), mistilt * np.sin(azimuth), alpha, alpha / radius,
        rng.uniform(-180, 180), centre[0], centre[1],
    )  # fmt: skip
    clean = np.maximum(synthesise(table, parameters, (size, size)), 0)
    effects = draw_effects(1, radius, DOSE, rng)
    return apply_effects(clean[None], effects, rng)[0], parameters
