"""The validation picture: a measured pattern beside its simulation and the answer."""

import io
import os
import threading
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from pacbed.answer.estimate import Estimate
from pacbed.answer.report.panels import draw_pattern, draw_thickness, draw_tilt, draw_words
from pacbed.answer.report.text import (
    TEXT_SIZE,
    TICK_SIZE,
    TITLE_SIZE,
    draw_summary,
    plain_text,
    source_text,
)
from pacbed.answer.report.view import (
    FloatArray,
    ReportView,
    crop_view,
    match_intensity,
    simulate_view,
)
from pacbed.errors import FileFormatError
from pacbed.files import write_atomically

__all__ = ["ReportView", "crop_view", "draw_report", "render_png", "save_report", "simulate_view"]

_WIDTH_PX, _HEIGHT_PX, _DPI = 1400, 850, 100
# Left, bottom, width and height of each panel in pixels of the picture.
_PANELS = {
    "measured": (75, 440, 320, 320),
    "simulated": (435, 440, 320, 320),
    "intensity scale": (770, 440, 14, 320),
    "difference": (945, 440, 320, 320),
    "difference scale": (1280, 440, 14, 320),
    "thickness": (75, 62, 450, 270),
    "tilt": (605, 62, 270, 270),
    "summary": (945, 20, 430, 355),
}
_HEADER_SIZE = 15
# Matplotlib shares font and layout caches between figures: one picture at a time.
_RENDERING = threading.Lock()


def draw_report(view: ReportView, estimate: Estimate, title: str | None = None) -> Figure:
    """Draw the validation picture.

    Parameters
    ----------
    view : ReportView
        Measured pattern around the bright-field disk and, on the same grid, the
        pattern simulated at the answer; see :func:`crop_view` and
        :func:`simulate_view`. The simulated
        intensity is brought to the measured one by a factor and an offset. Without
        a simulated pattern two panels say so in words.
    estimate : Estimate
        The answer.
    title : str, optional
        Headline, such as the file's name; the system's name otherwise.

    Returns
    -------
    matplotlib.figure.Figure
        1400 by 850 pixels at 100 dpi, not known to pyplot.
    """
    with _RENDERING:
        figure = Figure(figsize=(_WIDTH_PX / _DPI, _HEIGHT_PX / _DPI), dpi=_DPI, facecolor="white")
        FigureCanvasAgg(figure)
        figure.text(
            75 / _WIDTH_PX,
            818 / _HEIGHT_PX,
            _shortened(plain_text(title or estimate.system), 80),
            fontsize=_HEADER_SIZE,
            weight="bold",
            va="center",
            parse_math=False,
        )
        figure.text(
            1375 / _WIDTH_PX,
            818 / _HEIGHT_PX,
            source_text(estimate),
            fontsize=TICK_SIZE,
            color="0.4",
            ha="right",
            va="center",
            parse_math=False,
        )
        _draw_comparison(figure, view, estimate)
        draw_thickness(_panel(figure, "thickness"), estimate)
        draw_tilt(_panel(figure, "tilt"), estimate, view.convergence_mrad)
        draw_summary(_panel(figure, "summary"), estimate)
    return figure


def render_png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file; safe to call from several threads."""
    buffer = io.BytesIO()
    with _RENDERING:
        # Said in full, so that a user's settings of Matplotlib cannot crop or recolour it.
        figure.savefig(
            buffer, format="png", dpi=_DPI, facecolor="white", bbox_inches=figure.bbox_inches
        )
    return buffer.getvalue()


def save_report(path: str | os.PathLike[str], figure: Figure) -> None:
    """Write a figure as a PNG file: wholly or not at all.

    Parameters
    ----------
    path : path-like
        The file to write; an existing one is replaced. Its name ends in ``.png``.
    figure : Figure
        From :func:`draw_report`.

    Raises
    ------
    FileFormatError
        If the name has another ending, or the folder is missing or not writable.
    """
    target = Path(path)
    if target.suffix.lower() != ".png":
        raise FileFormatError(f"{target}: the report is a PNG picture, end its name in .png")
    write_atomically(target, render_png(figure))


def _draw_comparison(figure: Figure, view: ReportView, estimate: Estimate) -> None:
    """Fill the upper row: measured, simulated, difference and the two colour scales."""
    measured_axes = _panel(figure, "measured", "Measured")
    simulated_axes = _panel(figure, "simulated", "Simulated")
    difference_axes = _panel(figure, "difference", "Difference")
    if not np.isfinite(view.measured).any():
        for axes in (measured_axes, simulated_axes, difference_axes):
            draw_words(axes, "No pixel of the pattern lies around the centre that was found.")
        return

    floor, full = _intensity_range(view.measured)
    percent = 100.0 / full
    limits = (floor * percent, 100.0)
    measured = view.measured * percent
    shown = draw_pattern(measured_axes, view, measured, estimate, "inferno", limits, "white")
    _color_scale(figure, shown, "intensity scale", "intensity (% of measured maximum)")
    if view.simulated is None:
        draw_words(simulated_axes, _why_not_simulated(estimate))
        draw_words(difference_axes, "No difference without a simulated pattern.")
        return
    matched, residual = match_intensity(measured, view.simulated)
    draw_pattern(simulated_axes, view, matched, estimate, "inferno", limits, "white")
    simulated_axes.tick_params(labelleft=False)
    simulated_axes.set_ylabel("")
    mistilt = "" if estimate.mistilt_mrad is None else f", {estimate.mistilt_mrad:.1f} mrad"
    simulated_axes.set_title(
        f"{'Simulated' if estimate.residual is None else 'Fitted'} at "
        f"{estimate.thickness_nm:.1f} nm{mistilt}",
        fontsize=TITLE_SIZE,
    )
    difference = measured - matched
    bound = _difference_bound(difference)
    shown = draw_pattern(
        difference_axes, view, difference, estimate, "RdBu_r", (-bound, bound), "black"
    )
    _color_scale(figure, shown, "difference scale", "measured − simulated (% of maximum)")
    # The residual of the fit stands among the numbers; that of these pixels would be another one.
    left = "" if estimate.residual is not None else f", {100 * residual:.1f} % of the variance"
    difference_axes.set_title(f"Difference{left}", fontsize=TITLE_SIZE)


def _why_not_simulated(estimate: Estimate) -> str:
    if estimate.rotation_deg is None:
        known = "" if estimate.azimuth_deg is not None else " and no direction of the tilt"
        return f"Not simulated: this model gives no rotation{known}."
    if estimate.status == "mismatch":
        return "Not simulated: the pattern does not fit this system."
    if estimate.status == "out_of_range":
        return "Not simulated: the answer lies outside what the system covers."
    return "No simulated pattern was given."


def _panel(figure: Figure, name: str, title: str | None = None) -> Axes:
    left, bottom, width, height = _PANELS[name]
    axes = figure.add_axes(
        (left / _WIDTH_PX, bottom / _HEIGHT_PX, width / _WIDTH_PX, height / _HEIGHT_PX),
        label=name,
    )
    axes.tick_params(labelsize=TICK_SIZE)
    if title is not None:
        axes.set_title(title, fontsize=TITLE_SIZE)
    return axes


def _color_scale(figure: Figure, shown: ScalarMappable, name: str, label: str) -> None:
    bar = figure.colorbar(shown, cax=_panel(figure, name))
    bar.set_label(label, fontsize=TEXT_SIZE)


def _intensity_range(measured: FloatArray) -> tuple[float, float]:
    """Lower and upper end of the colour scale: a hot pixel must not set the upper one."""
    finite = measured[np.isfinite(measured)]
    full = float(np.percentile(finite, 99.9))
    if full <= 0:
        full = float(np.abs(finite).max()) or 1.0
    return min(0.0, float(np.percentile(finite, 0.1))), full


def _difference_bound(difference: FloatArray) -> float:
    """End of the symmetric colour scale in percent, at least one percent."""
    finite = np.abs(difference[np.isfinite(difference)])
    return max(1.0, float(np.percentile(finite, 99.5))) if finite.size else 1.0


def _shortened(text: str, length: int) -> str:
    """Leave out the middle of a text that is too long for one line."""
    if len(text) <= length:
        return text
    half = (length - 3) // 2
    return f"{text[:half]} … {text[-half:]}"
