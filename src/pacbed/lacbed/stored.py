"""Whether what a stored table says of its grids can be meant, before memory is taken for it."""

import math
from typing import Any

import numpy as np

from pacbed.units import electron_wavelength

#: Smallest and largest value of each number of the header.
_RANGES = {
    "high_tension_kV": (1.0, 10_000.0),
    "direction_max_mrad": (1e-3, 1000.0),
    "convergence_max_mrad": (1e-3, 1000.0),
    "mistilt_max_mrad": (0.0, 1000.0),
    "field": (1e-3, 100.0),
    "thickness_step_nm": (1e-6, 1000.0),
    "quantum": (1e-12, 1.0),
}
#: Steps of the direction grid from its centre to its edge; shipped tables have 90.
LARGEST_REACH = 1000
#: Irreducible directions times beams; shipped tables have some millions.
MOST_PAIRS = 200_000_000
_MOST_BEAMS, _MOST_OPERATIONS, _LARGEST_RANK = 200_000, 24, 10_000


def check_grids(header: Any, arrays: dict[str, np.ndarray]) -> None:
    """Refuse a header that its arrays do not bear out, or whose grids are beyond any use.

    Parameters
    ----------
    header : dict
        As it was stored, whatever it holds.
    arrays : dict of str to ndarray
        As they were stored, whatever their shapes.

    Raises
    ------
    ValueError
        In words.
    KeyError
        If something is missing.
    """
    for name, (low, high) in _RANGES.items():
        if type(header[name]) not in (int, float) or not low <= header[name] <= high:
            raise ValueError(f"{name} is {str(header[name])[:40]}")
    for name in ("reciprocal", "point_group", "beams", "bases", "coefficients"):
        if arrays[name].dtype.kind not in "iuf":
            raise ValueError(f"{name} holds no numbers")
    _check_directions(header, arrays)
    ranks, steps = header["ranks"], header["thickness_steps"]
    if not isinstance(ranks, list) or not all(_is_whole(r, 0, _LARGEST_RANK) for r in ranks):
        raise ValueError("its ranks are no list of whole numbers")
    bases, coefficients = arrays["bases"], arrays["coefficients"]
    if not _is_whole(steps, 1, 1_000_000) or bases.shape != (sum(ranks) * (steps + 1),):
        raise ValueError("its thicknesses do not belong to its orbits")
    if not np.isfinite(bases).all():
        raise ValueError("its functions of thickness are no numbers")
    if coefficients.ndim != 2 or len(coefficients) != 2 or coefficients.dtype != np.uint8:
        raise ValueError("its coefficients are no two planes of bytes")


def _check_directions(header: Any, arrays: dict[str, np.ndarray]) -> None:
    divisions = header["divisions"]
    if not isinstance(divisions, list) or len(divisions) != 2:
        raise ValueError("its directions have no two divisions")
    if not all(_is_whole(number, 1, 10_000) for number in divisions):
        raise ValueError("its divisions are no whole numbers from 1 on")
    reciprocal, beams, group = arrays["reciprocal"], arrays["beams"], arrays["point_group"]
    if reciprocal.shape != (2, 2) or not np.isfinite(reciprocal).all():
        raise ValueError("its reciprocal lattice is no two vectors")
    if beams.ndim != 2 or beams.shape[1] != 2 or not 1 <= len(beams) <= _MOST_BEAMS:
        raise ValueError("its beams are no pairs of indices")
    if group.ndim != 3 or group.shape[1:] != (2, 2) or not 1 <= len(group) <= _MOST_OPERATIONS:
        raise ValueError("its point group is none")
    fine = reciprocal / np.array(divisions, float)[:, None]
    area, lengths = abs(float(np.linalg.det(fine))), np.linalg.norm(fine, axis=1)
    if not (area > 0 and lengths.min() > 0):
        raise ValueError("its reciprocal lattice is no two vectors")
    wavelength = electron_wavelength(header["high_tension_kV"])
    reach = header["direction_max_mrad"] * 1e-3 / wavelength * float(lengths.max()) / area
    different = len(np.unique(group.reshape(-1, 4), axis=0))
    pairs = math.pi * reach**2 / different * len(beams)
    if not (reach <= LARGEST_REACH and pairs <= MOST_PAIRS):
        raise ValueError("its grid of directions is too fine")


def _is_whole(number: Any, low: int, high: int) -> bool:
    return type(number) is int and low <= number <= high
