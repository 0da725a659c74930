"""The words and numbers of the validation picture."""

import math
import textwrap

from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties, findfont, get_font

from pacbed.answer.estimate import Estimate
from pacbed.answer.words import summary_rows

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
# Widths in characters and heights in parts of the panel, for TEXT_SIZE.
_VALUE_WIDTH, _BOLD_WIDTH, _WARNING_WIDTH = 41, 37, 54
_VALUE_COLUMN, _LINE_HEIGHT = 0.235, 0.0565


def plain_text(text: str) -> str:
    """Make one line that the font can draw; a character that it lacks becomes a box."""
    font = get_font(findfont(FontProperties(family="DejaVu Sans")))
    one_line = " ".join(text.split())
    return "".join(c if font.get_char_index(ord(c)) else "\N{WHITE SQUARE}" for c in one_line)


def all_finite(*values: float | None) -> bool:
    """Whether every value is a number that can be drawn."""
    return all(value is not None and math.isfinite(value) for value in values)


def draw_summary(axes: Axes, estimate: Estimate) -> None:
    """Write the answer, its status and the warnings.

    Parameters
    ----------
    axes : Axes
        An empty panel of some 430 by 355 pixels at 100 dpi.
    estimate : Estimate
        What to write.
    """
    axes.set_axis_off()
    height = 1.0
    for label, value in summary_rows(estimate):
        bold = label in ("Status", "Thickness", "Mistilt")
        # Numbers that must not be used are written faintly.
        color = "0.55" if estimate.status == "mismatch" and label != "System" else "black"
        if label == "Status":
            color = _STATUS_COLORS.get(estimate.status, color)
        _write(axes, 0.0, height, label, "0.4")
        words = plain_text(value).replace(" -", " \N{MINUS SIGN}")
        for line in textwrap.wrap(words, _BOLD_WIDTH if bold else _VALUE_WIDTH):
            _write(axes, _VALUE_COLUMN, height, line, color, "bold" if bold else "normal")
            height -= _LINE_HEIGHT
    height -= 0.3 * _LINE_HEIGHT
    for line in _warning_lines(estimate.warnings, 1 + max(0, int(height / _LINE_HEIGHT))):
        _write(axes, 0.0, height, line, _WARNING_COLOR)
        height -= _LINE_HEIGHT


def _write(axes: Axes, x: float, y: float, words: str, color: str, weight: str = "normal") -> None:
    # File names and warnings may hold a dollar sign, which must not start a formula.
    axes.text(
        x, y, words, color=color, weight=weight, fontsize=TEXT_SIZE, va="center", parse_math=False
    )


def _warning_lines(warnings: tuple[str, ...], most: int) -> list[str]:
    """Break the warnings into at most so many lines, with a word on those left out."""
    lines: list[str] = []
    for number, warning in enumerate(warnings):
        wrapped = textwrap.wrap(plain_text(f"Warning: {warning}"), _WARNING_WIDTH)
        is_last = number == len(warnings) - 1
        room = most - len(lines) - (0 if is_last else 1)
        if len(wrapped) > room:
            left = len(warnings) - number
            what = "warning" if left == 1 else "warnings"
            return [*lines, f"{left} {'more ' if lines else ''}{what}: see the full answer"]
        lines += wrapped
    return lines


def source_text(estimate: Estimate) -> str:
    """Program version and the hash of the bundle that answered, as far as known.

    Parameters
    ----------
    estimate : Estimate
        Its ``provenance`` may hold ``version`` and ``bundle_sha256``.

    Returns
    -------
    str
        One line; the first 12 digits of the hash.
    """
    version = estimate.provenance.get("version")
    bundle = estimate.provenance.get("bundle_sha256")
    words = "PACBED-CNN"
    if version:
        words += f" {version}"
    if bundle:
        words += f", bundle {str(bundle)[:12]}"
    return plain_text(words)
