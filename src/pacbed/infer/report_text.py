"""The words and numbers of the validation picture."""

import math
import textwrap

from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties, findfont, get_font

from pacbed.infer.estimate import Estimate

TITLE_SIZE = 12
TEXT_SIZE = 10.5
TICK_SIZE = 9.5

_WARNING_COLOR = "#b35900"
_STATUS_COLORS = {
    "ok": "#1e7b3a",
    "ambiguous": _WARNING_COLOR,
    "mismatch": "#b3261e",
    "out_of_range": "#b3261e",
}
_STATUS_WORDS = {
    "ok": "usable: the pattern fits this system",
    "ambiguous": "ambiguous: more than one thickness fits, see the alternatives",
    "mismatch": "mismatch: the pattern does not fit this system, do not use the numbers",
    "out_of_range": "out of range: the answer lies outside what the system covers",
}
#: Below this length, in standard errors, a tilt vector has no sure direction.
_SURE_DIRECTION = 2.0
_MOST_ALTERNATIVES = 3
_MOST_WARNING_LINES = 4
# Widths in characters and heights in parts of the panel, for TEXT_SIZE.
_VALUE_WIDTH, _WARNING_WIDTH = 41, 55
_VALUE_COLUMN, _LINE_HEIGHT = 0.235, 0.0625


def plain_text(text: str) -> str:
    """One line that the font can draw; a character that it lacks becomes a box."""
    font = get_font(findfont(FontProperties(family="DejaVu Sans")))
    one_line = " ".join(text.split())
    return "".join(c if font.get_char_index(ord(c)) else "\N{WHITE SQUARE}" for c in one_line)


def all_finite(*values: float) -> bool:
    """Whether every value is a number that can be drawn."""
    return all(math.isfinite(value) for value in values)


def with_error(value: float, error: float) -> str:
    """``value ± error`` with as many decimals as the error deserves."""
    if not math.isfinite(value):
        return "unknown"
    if not math.isfinite(error):
        return f"{value:.1f}"
    decimals = 2 if error < 0.1 else 1 if error < 10 else 0
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"


def draw_summary(axes: Axes, estimate: Estimate) -> None:
    """Write the answer, its status, the warnings and where it comes from.

    Parameters
    ----------
    axes : Axes
        An empty panel of some 430 by 380 pixels at 100 dpi.
    estimate : Estimate
        What to write. ``provenance`` may hold ``version`` and ``bundle_sha256``.
    """
    axes.set_axis_off()
    height = 1.0
    for label, value in _summary_rows(estimate):
        color = _STATUS_COLORS.get(estimate.status, "black") if label == "Status" else "black"
        bold = label in ("Status", "Thickness", "Mistilt")
        _write(axes, 0.0, height, label, "0.4")
        for line in textwrap.wrap(plain_text(value), _VALUE_WIDTH):
            _write(axes, _VALUE_COLUMN, height, line, color, "bold" if bold else "normal")
            height -= _LINE_HEIGHT
    height -= 0.3 * _LINE_HEIGHT
    for line in _warning_lines(estimate.warnings):
        _write(axes, 0.0, height, line, _WARNING_COLOR)
        height -= _LINE_HEIGHT
    _write(axes, 0.0, 0.02, _source(estimate), "0.45", size=TICK_SIZE)


def _write(
    axes: Axes,
    x: float,
    y: float,
    words: str,
    color: str,
    weight: str = "normal",
    size: float = TEXT_SIZE,
) -> None:
    # File names and warnings may hold a dollar sign, which must not start a formula.
    axes.text(x, y, words, color=color, weight=weight, fontsize=size, va="center", parse_math=False)


def _summary_rows(estimate: Estimate) -> list[tuple[str, str]]:
    """Label and value of each line of the summary."""
    low, high = estimate.thickness_interval95_nm
    tilt_error = estimate.tilt_std_mrad
    rows = [
        ("System", estimate.system),
        ("Status", _STATUS_WORDS.get(estimate.status, estimate.status)),
        ("Thickness", f"{with_error(estimate.thickness_nm, estimate.thickness_std_nm)} nm"),
        ("", f"95 % interval {low:.1f} to {high:.1f} nm"),
        ("Mistilt", f"{with_error(estimate.mistilt_mrad, tilt_error)} mrad"),
        ("Azimuth", _azimuth(estimate)),
        (
            "Zone axis",
            f"x {estimate.tilt_x_mrad:+.1f}, y {estimate.tilt_y_mrad:+.1f} mrad from the centre",
        ),
        ("Scale", f"{estimate.mrad_per_pixel:.4g} mrad per pixel as recorded"),
    ]
    if estimate.rotation_deg is not None:
        rows.append(("Rotation", f"{estimate.rotation_deg:.1f}° against the crystal"))
    if estimate.residual is not None:
        rows.append(("Residual", f"{100 * estimate.residual:.1f} % of the pattern's variance"))
    if estimate.alternatives:
        shown = [
            f"{other.thickness_nm:.1f} nm ({100 * other.probability:.0f} %)"
            for other in estimate.alternatives[:_MOST_ALTERNATIVES]
        ]
        more = len(estimate.alternatives) - len(shown)
        rows.append(("Alternatives", ", ".join(shown) + (f" and {more} more" if more else "")))
    return rows


def _azimuth(estimate: Estimate) -> str:
    """Direction of the tilt with its error, or that the tilt is too small to have one."""
    error = estimate.tilt_std_mrad
    if not all_finite(estimate.azimuth_deg, estimate.mistilt_mrad, error):
        return "unknown"
    if estimate.mistilt_mrad < _SURE_DIRECTION * error or estimate.mistilt_mrad <= 0:
        return "not determined at so small a mistilt"
    spread = math.degrees(math.atan2(error, estimate.mistilt_mrad))
    return f"{estimate.azimuth_deg:.0f}° ± {math.ceil(spread):d}° from +x towards +y"


def _warning_lines(warnings: tuple[str, ...]) -> list[str]:
    """The warnings as lines that fit the panel, with a word on those left out."""
    lines: list[str] = []
    for number, warning in enumerate(warnings):
        wrapped = textwrap.wrap(plain_text(f"Warning: {warning}"), _WARNING_WIDTH)
        is_last = number == len(warnings) - 1
        room = _MOST_WARNING_LINES - len(lines) - (0 if is_last else 1)
        if len(wrapped) > room:
            left = len(warnings) - number
            return [*lines, f"and {left} {'warning' if left == 1 else 'warnings'} in the answer"]
        lines += wrapped
    return lines


def _source(estimate: Estimate) -> str:
    """Program version and the hash of the bundle that answered, as far as known."""
    version = estimate.provenance.get("version")
    bundle = estimate.provenance.get("bundle_sha256")
    words = "PACBED-CNN"
    if version:
        words += f" {version}"
    if bundle:
        words += f", bundle {str(bundle)[:12]}"
    return plain_text(words)
