"""The panels of the validation picture; each function fills the axes it is given."""

import math
import textwrap

import matplotlib.patheffects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Circle

from pacbed.answer.estimate import Estimate
from pacbed.answer.report.text import (
    TEXT_SIZE,
    TICK_SIZE,
    TITLE_SIZE,
    all_finite,
    plain_text,
)
from pacbed.answer.report.view import FloatArray, ReportView
from pacbed.answer.words import mistilt_words, with_error

#: Width of the thickness axis for a distribution that is a single spike, nm.
_NARROWEST_AXIS_NM = 8.0
_MISSING_GREY = "0.6"
#: Room between a panel and its title for the legend, points.
_TITLE_PAD = 22
_DISK_BLUE = "#eef3f9"
_BLUE, _PURPLE, _RED, _DARK = "#1f5fa8", "#7b3fa0", "#c0392b", "0.2"
#: Radius that holds 95 % of a round Gaussian in two dimensions, in standard deviations.
_RADIUS_95 = math.sqrt(-2 * math.log(0.05))


def draw_pattern(
    axes: Axes,
    view: ReportView,
    image: FloatArray,
    estimate: Estimate,
    color_map: str,
    limits: tuple[float, float],
    mark_color: str,
) -> AxesImage:
    """Show a pattern with the outline of the disk and the place of the zone axis.

    Parameters
    ----------
    axes : Axes
        Where to draw; its x and y are mrad from the centre of the disk.
    view : ReportView
        Grid and convergence angle.
    image : array, shape of ``view.measured``
        What to show; NaN is grey.
    estimate : Estimate
        Gives the tilt.
    color_map : str
        Name of a Matplotlib colour map.
    limits : tuple of float
        Values at the ends of the colour scale.
    mark_color : str
        Colour of the outline and the cross.

    Returns
    -------
    AxesImage
        For the colour bar.
    """
    shown = axes.imshow(
        np.ma.masked_invalid(image),
        cmap=color_map,
        vmin=limits[0],
        vmax=limits[1],
        extent=view.extent_mrad,
        origin="upper",
        interpolation="nearest",
        aspect="equal",
    )
    axes.set_facecolor(_MISSING_GREY)
    axes.add_patch(
        Circle((0, 0), view.convergence_mrad, fill=False, ec=mark_color, ls=(0, (4, 4)), lw=1.1)
    )
    x, y = estimate.tilt_x_mrad, estimate.tilt_y_mrad
    if x is not None and y is not None and all_finite(x, y):
        outline = [matplotlib.patheffects.withStroke(linewidth=3.2, foreground="black")]
        axes.plot(
            x,
            y,
            "+",
            color=mark_color,
            ms=11,
            mew=1.6,
            path_effects=outline if mark_color != "black" else None,
        )
    left, right, bottom, top = view.extent_mrad
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.set_xlabel("x (mrad)", fontsize=TEXT_SIZE)
    axes.set_ylabel("y (mrad)", fontsize=TEXT_SIZE)
    return shown


def draw_words(axes: Axes, words: str) -> None:
    """Say in an empty panel why there is nothing to show."""
    axes.set_facecolor("0.96")
    axes.set(xticks=[], yticks=[])
    axes.text(
        0.5,
        0.5,
        textwrap.fill(plain_text(words), 34),
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize=TEXT_SIZE,
        color="0.3",
        parse_math=False,
    )


def draw_thickness(axes: Axes, estimate: Estimate) -> None:
    """Show the thickness distribution, the estimate, its interval and the alternatives."""
    grid = np.asarray(estimate.thickness_distribution.thickness_nm, dtype=np.float64)
    probability = np.asarray(estimate.thickness_distribution.probability, dtype=np.float64)
    axes.set_title(
        f"Thickness {with_error(estimate.thickness_nm, estimate.thickness_std_nm)} nm",
        fontsize=TITLE_SIZE,
        pad=_TITLE_PAD,
    )
    if grid.size == 0 or not all_finite(estimate.thickness_nm, *probability):
        draw_words(axes, "No thickness distribution was given.")
        return
    if all_finite(*estimate.thickness_interval95_nm):
        axes.axvspan(
            *estimate.thickness_interval95_nm, color=_BLUE, alpha=0.16, lw=0, label="95 % interval"
        )
    axes.fill_between(grid, probability, step="mid", color=_DARK, alpha=0.35, lw=0)
    axes.step(grid, probability, where="mid", color=_DARK, lw=1.2, label="distribution")
    axes.axvline(estimate.thickness_nm, color=_BLUE, lw=2, label="estimate")
    for number, other in enumerate(estimate.alternatives):
        axes.axvline(
            other.thickness_nm,
            color=_PURPLE,
            lw=1.6,
            ls=(0, (4, 3)),
            label=None if number else "alternatives",
        )
    axes.set(xlim=_thickness_range(estimate, grid, probability))
    axes.set(ylim=(0, 1.08 * max(float(probability.max()), 1e-6)))
    axes.set_xlabel("thickness (nm)", fontsize=TEXT_SIZE)
    axes.set_ylabel(_probability_label(grid), fontsize=TEXT_SIZE)
    _legend_above(axes)
    axes.spines[["top", "right"]].set_visible(False)


def draw_tilt(axes: Axes, estimate: Estimate, convergence_mrad: float) -> None:
    """Show where the zone axis lies in and around the bright-field disk."""
    axes.set_title(f"Mistilt {mistilt_words(estimate)}", fontsize=TITLE_SIZE, pad=_TITLE_PAD)
    tilt, known, std = (0.0, 1.0), False, estimate.tilt_std_mrad
    if estimate.tilt_x_mrad is not None and estimate.tilt_y_mrad is not None:
        tilt = (estimate.tilt_x_mrad, estimate.tilt_y_mrad)
        known = all_finite(*tilt)
    error = _RADIUS_95 * std if std is not None and math.isfinite(std) else 0.0
    reach = max(convergence_mrad, math.hypot(*tilt) + error if known else 0.0)
    limit = 1.12 * reach
    axes.add_patch(
        Circle(
            (0, 0),
            convergence_mrad,
            fc=_DISK_BLUE,
            ec=_BLUE,
            lw=1.6,
            zorder=1,
            label=f"disk, α = {convergence_mrad:g} mrad",
        )
    )
    _draw_rings(axes, reach, convergence_mrad, tilt if known else (0.0, 1.0))
    mistilt = estimate.mistilt_mrad
    if estimate.azimuth_deg is None and mistilt is not None and all_finite(mistilt):
        # The zone axis lies somewhere on this circle.
        axes.add_patch(
            Circle((0, 0), mistilt, fill=False, ec=_RED, lw=1.4, zorder=4, label="zone axis on")
        )
    axes.axhline(0, color="0.8", lw=0.8, zorder=2)
    axes.axvline(0, color="0.8", lw=0.8, zorder=2)
    if known:
        axes.plot((0, tilt[0]), (0, tilt[1]), color=_RED, lw=1.2, zorder=4)
        axes.plot(*tilt, "+", color=_RED, ms=11, mew=1.8, zorder=5, label="zone axis")
        axes.add_patch(Circle(tilt, error, fc=_RED, alpha=0.3, lw=0, zorder=4, label="95 % region"))
    axes.set(xlim=(-limit, limit), ylim=(limit, -limit), aspect="equal")
    _legend_above(axes)
    axes.set_xlabel("x (mrad)", fontsize=TEXT_SIZE)
    axes.set_ylabel("y (mrad)", fontsize=TEXT_SIZE)


def _legend_above(axes: Axes) -> None:
    """Put the legend in one row between the panel and its title, off every line."""
    axes.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 0.985),
        ncols=4,
        fontsize=TICK_SIZE,
        frameon=False,
        handlelength=1.4,
        handletextpad=0.5,
        columnspacing=1.3,
    )


def _draw_rings(
    axes: Axes, reach: float, convergence_mrad: float, tilt: tuple[float, float]
) -> None:
    """Draw circles of equal mistilt; their labels stand on the side away from the tilt."""
    step = _round_step(reach / 4)
    side = (-1.0 if tilt[0] > 0 else 1.0, -1.0 if tilt[1] > 0 else 1.0)
    for radius in np.arange(step, reach * (1 - 1e-6), step):
        axes.add_patch(Circle((0, 0), radius, fill=False, ec="0.6", ls=":", lw=1.0, zorder=2))
        axes.text(
            side[0] * radius * math.sqrt(0.5),
            side[1] * radius * math.sqrt(0.5),
            f"{radius:g}",
            fontsize=TICK_SIZE,
            color="0.35",
            ha="center",
            va="center",
            zorder=3,
            bbox={
                "fc": _DISK_BLUE if radius < convergence_mrad else "white",
                "ec": "none",
                "pad": 0.8,
            },
        )


def _round_step(step: float) -> float:
    """Round ``step`` up to 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * 0.999)


def _thickness_range(
    estimate: Estimate, grid: FloatArray, probability: FloatArray
) -> tuple[float, float]:
    """Part of the axis that holds the probability and every marked thickness, nm."""
    marked = [
        estimate.thickness_nm,
        *estimate.thickness_interval95_nm,
        *(other.thickness_nm for other in estimate.alternatives),
        *grid[probability > 0.01 * probability.max()],
    ]
    finite = [value for value in marked if math.isfinite(value)]
    middle = (min(finite) + max(finite)) / 2
    half_width = max(0.6 * (max(finite) - min(finite)), _NARROWEST_AXIS_NM / 2)
    return max(0.0, middle - half_width), middle + half_width


def _probability_label(grid: FloatArray) -> str:
    """Name of the probability axis with the width of a bin where it is the same for all."""
    steps = np.diff(grid)
    if steps.size and np.allclose(steps, steps[0], rtol=1e-3):
        return f"probability per {steps[0]:.3g} nm"
    return "probability per bin"
