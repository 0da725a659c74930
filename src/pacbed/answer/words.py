"""An estimate in words: the lines that the command line and the picture show."""

import math

from pacbed.answer.budget import total_words
from pacbed.answer.estimate import Estimate

STATUS_WORDS = {
    "ok": "ok: one solution stands out",
    "ambiguous": "ambiguous: the thickness is not determined; choose among the alternatives by"
    " what else is known",
    "mismatch": "mismatch: the pattern does not fit this system, do not use the numbers; the"
    " warnings say what it may be",
    "out_of_range": "out of range: the answer lies outside what the system covers; do not use"
    " the numbers, or train a wider system",
}
#: Below this length, in standard errors, a tilt vector has no sure direction.
_SURE_DIRECTION = 2.0
_MOST_ALTERNATIVES = 3


def with_error(value: float | None, error: float | None) -> str:
    """Write ``value ± error`` with as many decimals as the error deserves."""
    if value is None or not math.isfinite(value):
        return "unknown"
    if error is None or not math.isfinite(error):
        return f"{value:.1f}"
    decimals = 2 if error < 0.1 else 1 if error < 10 else 0
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"


def summary_rows(estimate: Estimate) -> list[tuple[str, str]]:
    """Put an estimate into lines.

    Parameters
    ----------
    estimate : Estimate

    Returns
    -------
    list of tuple of str
        Label and value of each line; the label of a continued line is empty.
    """
    low, high = estimate.thickness_interval95_nm
    rows = [
        ("System", estimate.system),
        ("Status", STATUS_WORDS.get(estimate.status, estimate.status)),
        ("Thickness", f"{with_error(estimate.thickness_nm, estimate.thickness_std_nm)} nm"),
        ("", f"95 % interval {low:.1f} to {high:.1f} nm"),
        ("Mistilt", mistilt_words(estimate)),
        ("Azimuth", azimuth_words(estimate)),
        ("Zone axis", _zone_axis_words(estimate)),
        ("Scale", f"{estimate.mrad_per_pixel:.4g} mrad per pixel as recorded"),
    ]
    if estimate.rotation_deg is not None:
        rows.append(("Rotation", f"{estimate.rotation_deg:.1f}° against the crystal"))
    if estimate.residual is not None:
        rows.append(("Residual", f"{100 * estimate.residual:.1f} % of the fitted variance"))
    if estimate.convergence_mrad is not None:
        angle = with_error(estimate.convergence_mrad, estimate.convergence_std_mrad)
        rows.append(("Convergence", f"{angle} mrad, as the pattern shows"))
    if estimate.budget is not None:
        rows.append(("In all", total_words(estimate.budget)))
    if estimate.pixels_left_out:
        rows.append(("Left out", f"{estimate.pixels_left_out} pixels that say nothing"))
    if estimate.alternatives:
        shown = [
            f"{other.thickness_nm:.1f} nm ({100 * other.probability:.0f} %)"
            for other in estimate.alternatives[:_MOST_ALTERNATIVES]
        ]
        more = len(estimate.alternatives) - len(shown)
        rows.append(("Alternatives", ", ".join(shown) + (f" and {more} more" if more else "")))
    return rows


def mistilt_words(estimate: Estimate) -> str:
    """Write the mistilt with its error and unit."""
    if estimate.mistilt_mrad is None:
        return "not given by this model"
    return f"{with_error(estimate.mistilt_mrad, estimate.tilt_std_mrad)} mrad"


def azimuth_words(estimate: Estimate) -> str:
    """Write the direction of the tilt, or that the tilt is too small to have one."""
    azimuth, mistilt, error = estimate.azimuth_deg, estimate.mistilt_mrad, estimate.tilt_std_mrad
    if azimuth is None or mistilt is None or error is None:
        return _not_given(estimate)
    if not all(map(math.isfinite, (azimuth, mistilt, error))):
        return "unknown"
    if mistilt < _SURE_DIRECTION * error or mistilt <= 0:
        return "not determined at so small a mistilt"
    spread = math.degrees(math.atan2(error, mistilt))
    return f"{azimuth:.0f}° ± {math.ceil(spread):d}° from +x towards +y"


def _not_given(estimate: Estimate) -> str:
    """Why there is no direction: a model that has a network for it warns of the reason."""
    asked = estimate.basis.direction_asked
    return "not known, see the warnings" if asked else "not given by this model"


def _zone_axis_words(estimate: Estimate) -> str:
    x, y = estimate.tilt_x_mrad, estimate.tilt_y_mrad
    if x is None or y is None:
        return _not_given(estimate)
    return f"x {x:+.1f}, y {y:+.1f} mrad from the centre"
