"""What a file says about its recording, against the answer."""

import dataclasses
from collections.abc import Mapping

from pacbed.infer.estimate import Estimate
from pacbed.library.system import System

#: Relative difference of a file's own conditions from those used that is worth a word.
_TOLERANCES = {"high_tension_kV": 0.02, "convergence_mrad": 0.05, "mrad_per_pixel": 0.05}


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
    stated : mapping
        ``high_tension_kV``, ``convergence_mrad`` and ``mrad_per_pixel`` as the file
        gives them; None or missing where it does not.
    system : System
        The system that answered.
    convergence_mrad : float
        Convergence semi-angle that was used.

    Returns
    -------
    Estimate
    """
    used = {
        "high_tension_kV": (system.high_tension_kV, "the system is for"),
        "convergence_mrad": (convergence_mrad, "the convergence given is"),
        "mrad_per_pixel": (estimate.mrad_per_pixel, "the pattern shows"),
    }
    doubts = []
    for name, (value, words) in used.items():
        said = stated.get(name)
        if said is not None and abs(said - value) > _TOLERANCES[name] * abs(value):
            doubts.append(f"the file states {name} = {said:.4g}, but {words} {value:.4g}")
    return dataclasses.replace(estimate, warnings=(*estimate.warnings, *doubts))
