"""From the answers to patterns of one session to its microscope."""

from collections.abc import Mapping
from datetime import UTC, datetime

from pacbed.answer.estimate import Estimate
from pacbed.answer.words import STATUS_WORDS
from pacbed.errors import PatternError
from pacbed.library.system import System
from pacbed.microscope.combine import combine
from pacbed.microscope.record import Microscope, Pattern
from pacbed.microscope.shown import Shown


def calibrate_microscope(
    answers: Mapping[str, Estimate | PatternError], system: System
) -> Microscope:
    """Find what patterns of one session share: angle per pixel, ellipticity, convergence angle.

    Patterns whose answer is not ``ok``, and those that contradict the others, are left out; the
    record says which and why. Errors hold the fits' own, the scatter between the patterns and
    what the model leaves alike in all of them.

    Parameters
    ----------
    answers : mapping
        Of the name of each pattern to its answer by a fit, or to why it has none.
    system : System
        The one that answered.

    Returns
    -------
    Microscope

    Raises
    ------
    PatternError
        If no pattern is left.
    OutOfRangeError
        If the high tension of the system is not known, or the disks are no ellipses of a
        microscope.
    """
    left_out = {name: _why_not(answer) for name, answer in answers.items()}
    shown: dict[str, Shown] = {}
    for name, answer in answers.items():
        if not left_out[name] and isinstance(answer, Estimate) and answer.basis.shown is not None:
            shown[name] = answer.basis.shown
    if not shown:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise PatternError(f"no pattern can be used to calibrate the microscope ({reasons})")
    found = combine(list(shown.values()))
    left_out |= dict(zip(shown, found.far, strict=True))
    turned = found.rotation_deg
    return Microscope(
        high_tension_kV=system.known_high_tension_kV,
        convergence_mrad=found.convergence_mrad.value,
        convergence_std_mrad=found.convergence_mrad.std,
        mrad_per_pixel=found.mrad_per_pixel.value,
        mrad_per_pixel_std=found.mrad_per_pixel.std,
        ellipticity=found.ellipticity,
        ellipticity_direction_deg=found.ellipticity_direction_deg,
        ellipticity_std=found.ellipticity_std,
        rotation_deg=None if turned is None else turned.value,
        rotation_std_deg=None if turned is None else turned.std,
        system=system.name,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        patterns=tuple(Pattern(name, why) for name, why in left_out.items()),
    )


def _why_not(answer: Estimate | PatternError) -> str:
    """Why a pattern is left out before it is compared with others; empty where it is not."""
    if not isinstance(answer, Estimate):
        return str(answer)
    if answer.status != "ok":
        return f"its answer is {STATUS_WORDS[answer.status]}"
    return "" if answer.basis.shown is not None else "its answer is without a fit"
