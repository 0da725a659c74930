"""Patterns as text: PNG files and packed numbers, both in base64."""

import base64

import numpy as np

from pacbed.answer.estimate import Estimate
from pacbed.answer.report.small import render_small
from pacbed.answer.report.view import FloatArray, ReportView, match_intensity
from pacbed.readers import Measurement
from pacbed.service.schemas import FrameChoice, Metadata, Preview
from pacbed.service.schemas_answer import Views

#: A preview is thinned to this side: it shall be seen at once.
_PREVIEW_SIDE = 320
_MISSING, _LOWEST, _HIGHEST = 0, 1, 65535


def validation_picture(
    view: ReportView, estimate: Estimate, kind: bool | str, title: str
) -> str | None:
    """Draw the validation picture.

    Parameters
    ----------
    view : ReportView
    estimate : Estimate
    kind : bool or 'report'
        The small picture, none, or the whole report.
    title : str
        Headline of the report.

    Returns
    -------
    str or None
        PNG in base64.
    """
    if kind == "report":
        # Matplotlib's axes take a third of a second to import, and few ask for the report.
        from pacbed.answer.report.figure import draw_report, render_png

        png = render_png(draw_report(view, estimate, title))
    elif kind:
        png = render_small(view, estimate)
    else:
        return None
    return base64.b64encode(png).decode("ascii")


def pack(pattern: FloatArray, minimum: float, maximum: float) -> str:
    """Pack a pattern as described in :class:`~pacbed.service.schemas.Views`."""
    finite = np.isfinite(pattern)
    share = (np.where(finite, pattern, minimum) - minimum) / (maximum - minimum)
    level = np.rint(np.clip(share, 0, 1) * (_HIGHEST - _LOWEST)) + _LOWEST
    return base64.b64encode(np.where(finite, level, _MISSING).astype("<u2").tobytes()).decode()


def _range(*patterns: FloatArray | None) -> tuple[float, float]:
    ends = [
        (float(np.nanmin(p)), float(np.nanmax(p)))
        for p in patterns
        if p is not None and np.isfinite(p).any()
    ]
    low = min((low for low, _ in ends), default=0.0)
    high = max((high for _, high in ends), default=1.0)
    return low, high if high > low else low + 1.0


def packed_views(view: ReportView) -> Views:
    """Pack the measured pattern and the simulated one, in the measured one's unit."""
    simulated = None
    if view.simulated is not None:
        simulated, _ = match_intensity(view.measured, view.simulated)
    low, high = _range(view.measured, simulated)
    rows, columns = view.measured.shape
    return Views(
        rows=rows,
        columns=columns,
        mrad_per_pixel=view.mrad_per_pixel,
        center_row_px=view.center_row_px,
        center_column_px=view.center_column_px,
        convergence_mrad=view.convergence_mrad,
        minimum=low,
        maximum=high,
        measured=pack(view.measured, low, high),
        simulated=None if simulated is None else pack(simulated, low, high),
    )


def preview(measurement: Measurement, name: str, frame: FrameChoice) -> Preview:
    """Make a thinned picture of a pattern, and say what its file holds."""
    data = measurement.data
    rows, columns = data.shape
    step = max(1, -(-max(rows, columns) // _PREVIEW_SIDE))
    kept_rows, kept_columns = max(1, rows // step), max(1, columns // step)
    cut = data[: kept_rows * step, : kept_columns * step]
    if step > 1 and cut.shape == (kept_rows * step, kept_columns * step):
        blocks = cut.reshape(kept_rows, step, kept_columns, step)
        with np.errstate(over="ignore", invalid="ignore"):
            small: FloatArray = blocks.mean(axis=(1, 3), dtype=np.float64)
    else:
        # A strip narrower than one step: show what there is, thinned.
        small = data[::step, ::step].astype(np.float64)
    finite = small[np.isfinite(small)]
    low, high = (0.0, 1.0) if finite.size == 0 else np.percentile(finite, [0, 99.9])
    high = high if high > low else low + 1.0
    return Preview(
        name=name,
        rows=rows,
        columns=columns,
        frames=measurement.frames,
        frame=frame,
        metadata=Metadata(**vars(measurement.metadata)),
        picture_rows=small.shape[0],
        picture_columns=small.shape[1],
        minimum=float(low),
        maximum=float(high),
        picture=pack(small, float(low), float(high)),
    )
