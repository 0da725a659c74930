"""The small validation picture: measured and simulated pattern side by side, at once.

The whole report takes Matplotlib a few tenths of a second to lay out. A client that
asks for one picture after the other gets this one, drawn by NumPy and Pillow in some
ten milliseconds.
"""

import io
from functools import cache

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pacbed.answer.estimate import Estimate
from pacbed.answer.report.view import FloatArray, ReportView, match_intensity
from pacbed.answer.words import mistilt_words, with_error

_PANEL_PX, _GAP_PX, _HEAD_PX, _FOOT_PX = 320, 8, 24, 46
_MISSING, _PAPER, _INK = (150, 150, 150), (255, 255, 255), (30, 30, 30)
_TEXT_PX = 14


def render_small(view: ReportView, estimate: Estimate) -> bytes:
    """Draw the measured pattern beside the simulated one.

    Parameters
    ----------
    view : ReportView
        From :func:`~pacbed.answer.report.view.simulate_view`.
    estimate : Estimate
        The answer, for the words below.

    Returns
    -------
    bytes
        A PNG file, 648 by 390 pixels, RGB.
    """
    size = (2 * _PANEL_PX + _GAP_PX, _HEAD_PX + _PANEL_PX + _FOOT_PX)
    picture = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(_TEXT_PX)
    low, high = color_range(view.measured)
    simulated = None
    if view.simulated is not None:
        simulated, _ = match_intensity(view.measured, view.simulated)
    panels = (("Measured", view.measured), ("Simulated at the answer", simulated))
    for number, (title, pattern) in enumerate(panels):
        left = number * (_PANEL_PX + _GAP_PX)
        draw.text((left + 4, 4), title, _INK, font)
        if pattern is None:
            draw.rectangle(
                (left, _HEAD_PX, left + _PANEL_PX - 1, _HEAD_PX + _PANEL_PX - 1), _MISSING
            )
            draw.text((left + 12, _HEAD_PX + 12), "not simulated", _INK, font)
            continue
        panel = Image.fromarray(_colored(pattern, low, high))
        picture.paste(panel.resize((_PANEL_PX, _PANEL_PX)), (left, _HEAD_PX))
        _mark(draw, view, estimate, left)
    thickness = with_error(estimate.thickness_nm, estimate.thickness_std_nm)
    words = f"{estimate.system}: {thickness} nm, mistilt {mistilt_words(estimate)}"
    draw.text((4, _HEAD_PX + _PANEL_PX + 4), words, _INK, font)
    residual = "" if estimate.residual is None else f", residual {100 * estimate.residual:.1f} %"
    draw.text(
        (4, _HEAD_PX + _PANEL_PX + 24),
        f"status {estimate.status.replace('_', ' ')}{residual}",
        _INK,
        font,
    )
    buffer = io.BytesIO()
    picture.save(buffer, "png", compress_level=1)
    return buffer.getvalue()


def color_range(pattern: FloatArray) -> tuple[float, float]:
    """Ends of the colour scale; a few hot pixels must not set the upper one."""
    finite = pattern[np.isfinite(pattern)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(finite, [0.1, 99.9])
    return min(0.0, float(low)), float(high) if high > low else float(low) + 1.0


@cache
def _colors() -> NDArray[np.uint8]:
    """The colour map as a table of 256 colours and one for missing pixels."""
    ramp = matplotlib.colormaps["inferno"](np.arange(256), bytes=True)[:, :3]
    return np.concatenate([ramp, np.array([_MISSING], np.uint8)])


def _colored(pattern: FloatArray, low: float, high: float) -> NDArray[np.uint8]:
    finite = np.isfinite(pattern)
    level = np.where(finite, (np.where(finite, pattern, low) - low) / (high - low), 0.0)
    index = np.where(finite, np.clip(level * 255, 0, 255), 256).astype(np.int64)
    return np.asarray(_colors()[index])


def _mark(draw: ImageDraw.ImageDraw, view: ReportView, estimate: Estimate, left: int) -> None:
    """Draw the outline of the disk and a cross at the zone axis."""
    rows, columns = view.measured.shape
    per_column, per_row = _PANEL_PX / columns, _PANEL_PX / rows
    x = left + (view.center_column_px + 0.5) * per_column
    y = _HEAD_PX + (view.center_row_px + 0.5) * per_row
    radius = view.convergence_mrad / view.mrad_per_pixel
    if np.isfinite([x, y, radius]).all() and radius < 4 * max(rows, columns):
        wide, high = radius * per_column, radius * per_row
        draw.ellipse((x - wide, y - high, x + wide, y + high), outline=(255, 255, 255))
    if estimate.tilt_x_mrad is None or estimate.tilt_y_mrad is None:
        return
    x += estimate.tilt_x_mrad / view.mrad_per_pixel * per_column
    y += estimate.tilt_y_mrad / view.mrad_per_pixel * per_row
    if left <= x < left + _PANEL_PX and _HEAD_PX <= y < _HEAD_PX + _PANEL_PX:
        for color, width in (((0, 0, 0), 4), ((255, 255, 255), 2)):
            draw.line((x - 7, y, x + 7, y), color, width)
            draw.line((x, y - 7, x, y + 7), color, width)
