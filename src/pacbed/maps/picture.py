"""A map as a picture: thickness, mistilt, error and status beside each other."""

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from pacbed.arrays import Mask, Numbers
from pacbed.maps.fields import FIELD
from pacbed.maps.layers import MISMATCH, NO_DATA, OUT_OF_RANGE, STATUS_NAMES
from pacbed.maps.thickness_map import ThicknessMap

#: Maps that are drawn, what is said beside their titles, and their colours.
_PANELS = (
    ("thickness_nm", "", "viridis"),
    ("mistilt_mrad", ", arrows: direction in the {axes}", "magma"),
    ("thickness_std_nm", "", "cividis"),
)
_STATUS_COLOURS = ("#4c9f70", "#e0b83c", "#c0504d", "#7f5aa8", "#d0d0d0", "#8ecf9f")


def draw_map(result: ThicknessMap) -> Figure:
    """Draw a map.

    Parameters
    ----------
    result : ThicknessMap

    Returns
    -------
    matplotlib.figure.Figure
    """
    extent, unit = _extent(result)
    figure = Figure(figsize=(11, 9), layout="constrained")
    axes = figure.subplots(2, 2)
    whose = "pattern" if result.orientation is None else "scan"
    hidden = np.isin(result.status, (MISMATCH, OUT_OF_RANGE, NO_DATA))
    for place, (name, words, colours) in zip(axes.flat, _PANELS, strict=False):
        values = np.where(hidden, np.nan, getattr(result, name))
        _panel(
            place,
            values,
            FIELD[name].label + words.format(axes=whose),
            colours,
            extent,
            unit,
        )
    _arrows(axes[0, 1], result, hidden)
    _status(axes[1, 1], result, extent, unit)
    counts = ", ".join(f"{name} {count}" for name, count in result.counts().items())
    figure.suptitle(f"{result.system}: {counts}", fontsize=11)
    return figure


def map_png(result: ThicknessMap, dots_per_inch: int = 110) -> bytes:
    """The picture as PNG.

    Parameters
    ----------
    result : ThicknessMap
    dots_per_inch : int
    """
    buffer = io.BytesIO()
    draw_map(result).savefig(buffer, format="png", dpi=dots_per_inch)
    return buffer.getvalue()


def _extent(result: ThicknessMap) -> tuple[tuple[float, float, float, float], str]:
    places, unit = (result.position_px, "scan position")
    if result.position_nm is not None:
        places, unit = result.position_nm, "nm"
    edges = []
    for place in places:
        half = (place[1] - place[0]) / 2 if len(place) > 1 else 0.5
        edges.append((float(place[0] - half), float(place[-1] + half)))
    (top, bottom), (left, right) = edges
    return (left, right, bottom, top), unit


def _panel(
    axes: Axes,
    values: Numbers,
    title: str,
    colours: str,
    extent: tuple[float, float, float, float],
    unit: str,
) -> None:
    shown = np.ma.masked_invalid(values)
    axes.set_facecolor("#d0d0d0")
    image = axes.imshow(shown, cmap=colours, extent=extent, interpolation="nearest")
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(f"x / {unit}")
    axes.set_ylabel(f"y / {unit}")
    if shown.count():
        axes.figure.colorbar(image, ax=axes, shrink=0.85)


def _arrows(axes: Axes, result: ThicknessMap, hidden: Mask) -> None:
    every = max(1, max(result.shape) // 16)
    rows, columns = result.position_nm or result.position_px
    pick = (slice(None, None, every), slice(None, None, every))
    shown = ~hidden[pick] & np.isfinite(result.tilt_x_mrad[pick])
    x, y = np.meshgrid(columns[::every], rows[::every])
    tilt = np.stack([result.tilt_x_mrad, result.tilt_y_mrad], axis=-1)[pick]
    if result.orientation is not None:
        tilt = result.orientation.in_scan(tilt)
    axes.quiver(
        x[shown],
        y[shown],
        tilt[..., 0][shown],
        tilt[..., 1][shown],
        color="white",
        angles="xy",
        width=0.004,
    )


def _status(
    axes: Axes, result: ThicknessMap, extent: tuple[float, float, float, float], unit: str
) -> None:
    bounds = np.arange(len(STATUS_NAMES) + 1) - 0.5
    norm = BoundaryNorm(bounds, len(STATUS_NAMES))
    image = axes.imshow(
        result.status,
        cmap=ListedColormap(list(_STATUS_COLOURS)),
        norm=norm,
        extent=extent,
        interpolation="nearest",
    )
    axes.set_title("status, crosses: jumps", fontsize=10)
    axes.set_xlabel(f"x / {unit}")
    rows, columns = result.position_nm or result.position_px
    i, j = np.nonzero(result.jump)
    axes.plot(columns[j], rows[i], "kx", markersize=5)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.85, ticks=range(len(STATUS_NAMES)))
    bar.ax.set_yticklabels([name.replace("_", " ") for name in STATUS_NAMES])
