"""What a file says about its recording, against the answer."""

import dataclasses
import math
from collections.abc import Mapping

from pacbed.answer.estimate import Estimate
from pacbed.library.system import System

#: Relative difference of a file's own conditions from those used that is worth a word.
_TOLERANCES = {"high_tension_kV": 0.02, "convergence_mrad": 0.05, "mrad_per_pixel": 0.05}


def contradictions(
    stated: Mapping[str, float | None],
    system: System,
    convergence_mrad: float | None,
    mrad_per_pixel: float | None,
    shown: str,
) -> tuple[str, ...]:
    """Say which conditions in a file contradict what was used or found.

    Parameters
    ----------
    stated : mapping
        ``high_tension_kV``, ``convergence_mrad`` and ``mrad_per_pixel`` as the file
        gives them; None or missing where it does not.
    system : System
        The system that answered.
    convergence_mrad : float or None
        Convergence semi-angle that was used, where one was.
    mrad_per_pixel : float or None
        As found, where it was.
    shown : str
        What shows the angle per pixel, such as ``the pattern shows``.

    Returns
    -------
    tuple of str
    """
    used = {
        "high_tension_kV": (system.high_tension_kV, "the system is for"),
        "convergence_mrad": (convergence_mrad, "the convergence given is"),
        "mrad_per_pixel": (mrad_per_pixel, shown),
    }
    found = []
    for name, (value, words) in used.items():
        said = stated.get(name)
        if said is None or value is None:
            continue
        if abs(said - value) > _TOLERANCES[name] * abs(value):
            found.append(f"the file states {name} = {said:.4g}, but {words} {value:.4g}")
    return tuple(found)


def shown_convergence(estimate: Estimate, given_mrad: float | None) -> float:
    """The convergence semi-angle to draw an answer with: as the pattern shows it, else as given.

    Parameters
    ----------
    estimate : Estimate
    given_mrad : float or None
        Where it is None the estimate is of a fit.
    """
    found = estimate.convergence_mrad
    return float(given_mrad or math.nan) if found is None else found


def with_doubts(
    estimate: Estimate,
    stated: Mapping[str, float | None],
    system: System,
    convergence_mrad: float,
) -> Estimate:
    """Add a warning for each condition in the file that contradicts the answer.

    Parameters
    ----------
    estimate : Estimate
    stated, system, convergence_mrad
        As for :func:`contradictions`.

    Returns
    -------
    Estimate
    """
    doubts = contradictions(
        stated, system, convergence_mrad, estimate.mrad_per_pixel, "the pattern shows"
    )
    return dataclasses.replace(estimate, warnings=(*estimate.warnings, *doubts))
