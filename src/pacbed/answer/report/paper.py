"""The figure for a paper: measured and simulated pattern side by side, as vectors."""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.patheffects import withStroke

from pacbed.answer.estimate import Estimate
from pacbed.answer.methods import USABLE
from pacbed.answer.report.small import color_range
from pacbed.answer.report.view import FloatArray, ReportView, match_intensity
from pacbed.answer.words import with_error
from pacbed.errors import OutOfRangeError

#: Widths of a column and of a page, mm, as most journals of the field have them.
COLUMNS_MM = {"single": 85.0, "double": 175.0}
_WIDTH_MM, _SIZE_PT = (30.0, 300.0), (4.0, 24.0)
_MM_PER_INCH, _PT_PER_INCH = 25.4, 72.0
_GAP_MM = 1.5
#: Lengths of a scale bar that are round, mrad; one of about this share of the panel is taken.
_BARS_MRAD, _BAR_SHARE = (1, 2, 5, 10, 20, 50, 100), 0.3
#: What programs for figures can edit: letters as letters.
_LETTERS: Any = {"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "pacbed"}


@dataclass(frozen=True)
class PaperStyle:
    """How the figure looks.

    Attributes
    ----------
    width_mm : float
    font : str
        Family that is installed.
    size_pt : float
        Of the letters.
    colours : str
        Colour map: ``gray`` or ``inferno``.

    Raises
    ------
    OutOfRangeError
        If a size is impossible, or the font is not installed.
    """

    width_mm: float = COLUMNS_MM["single"]
    font: str = "DejaVu Sans"
    size_pt: float = 8.0
    colours: str = "gray"

    def __post_init__(self) -> None:
        for what, value, (low, high), unit in (
            ("width", self.width_mm, _WIDTH_MM, "mm"),
            ("size of the letters", self.size_pt, _SIZE_PT, "pt"),
        ):
            if not (math.isfinite(value) and low <= value <= high):
                raise OutOfRangeError(
                    f"the figure's {what} is {value:g} {unit}: give one from {low:g} to {high:g}"
                )
        if self.colours not in ("gray", "inferno"):
            raise OutOfRangeError(f'the colours "{self.colours}" are not known: gray or inferno')
        try:
            findfont(FontProperties(family=self.font), fallback_to_default=False)
        except ValueError:
            raise OutOfRangeError(
                f'the font "{self.font}" is not installed here: install it, or give another one'
            ) from None


def draw_paper(view: ReportView, estimate: Estimate, style: PaperStyle) -> Figure:
    """Draw measured and simulated pattern on one scale of intensity, with a scale bar.

    Parameters
    ----------
    view : ReportView
        With a simulated pattern.
    estimate : Estimate
        For the thickness in the label, and the cross at the zone axis.
    style : PaperStyle

    Raises
    ------
    OutOfRangeError
        If the answer is none to publish, or there is no simulated pattern.
    """
    if estimate.status not in USABLE:
        raise OutOfRangeError(
            f"the answer is {estimate.status.replace('_', ' ')} and must not be used"
        )
    if view.simulated is None:
        raise OutOfRangeError("the model has no pattern to show beside the measured one")
    matched, _ = match_intensity(view.measured, view.simulated)
    panel = (style.width_mm - _GAP_MM) / 2
    label = 2.2 * style.size_pt / _PT_PER_INCH * _MM_PER_INCH
    height = panel + label
    figure = Figure(figsize=(style.width_mm / _MM_PER_INCH, height / _MM_PER_INCH))
    FigureCanvasAgg(figure)
    limits = color_range(view.measured)
    thickness = with_error(estimate.thickness_nm, estimate.thickness_std_nm)
    panels = (
        ("a", "Experiment", view.measured),
        ("b", f"Fit, {thickness} nm", matched),
    )
    for number, (letter, words, image) in enumerate(panels):
        left = number * (panel + _GAP_MM) / style.width_mm
        axes = figure.add_axes((left, 0, panel / style.width_mm, panel / height))
        _draw(axes, view, image, limits, style)
        _mark(axes, estimate)
        figure.text(
            left, 1 - label / height / 2, f"({letter}) {words}", va="center", parse_math=False,
            fontfamily=style.font, fontsize=style.size_pt,
        )  # fmt: skip
        if number == 0:
            _scale_bar(axes, view, style)
    return figure


def save_paper(path: Path, figure: Figure) -> bytes:
    """The figure as the bytes of a PDF or SVG, as the ending of `path` says.

    Letters stay letters, patterns keep their pixels, and the same figure makes the same bytes.
    """
    kind = path.suffix.lower().removeprefix(".")
    dates = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    content = io.BytesIO()
    with rc_context(_LETTERS):
        figure.savefig(content, format=kind, metadata=dates[kind])
    return content.getvalue()


def _draw(
    axes: Axes,
    view: ReportView,
    image: FloatArray,
    limits: tuple[float, float],
    style: PaperStyle,
) -> None:
    axes.imshow(
        np.ma.masked_invalid(image),
        cmap=style.colours,
        vmin=limits[0],
        vmax=limits[1],
        extent=view.extent_mrad,
        origin="upper",
        interpolation="none",
        aspect="auto",
    )
    axes.set_facecolor("black")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _mark(axes: Axes, estimate: Estimate) -> None:
    """A cross where the zone axis is."""
    x, y = estimate.tilt_x_mrad, estimate.tilt_y_mrad
    if x is not None and y is not None:
        outline = [withStroke(linewidth=1.6, foreground="black")]
        axes.plot(x, y, "+", color="white", ms=5, mew=0.8, path_effects=outline)


def _scale_bar(axes: Axes, view: ReportView, style: PaperStyle) -> None:
    left, right, bottom, top = view.extent_mrad
    width, height = right - left, bottom - top
    length = max((bar for bar in _BARS_MRAD if bar <= _BAR_SHARE * width), default=_BARS_MRAD[0])
    x, y = left + 0.05 * width, bottom - 0.06 * height
    axes.plot([x, x + length], [y, y], color="white", lw=2, solid_capstyle="butt")
    axes.text(
        x, y - 0.03 * height, f"{length:d} mrad", color="white", ha="left",
        va="bottom", fontfamily=style.font, fontsize=style.size_pt, parse_math=False,
        bbox={"facecolor": "black", "alpha": 0.4, "lw": 0, "pad": 1},
    )  # fmt: skip
    axes.set(xlim=(left, right), ylim=(bottom, top))
