"""A predictor that is asked about the part of a pattern that a mask leaves.

A mask around a pattern is how a pattern is cut out of a larger record. Networks see the whole
record in a few hundred pixels: a small part of it would be seen by too few of them.
"""

import dataclasses
from dataclasses import replace
from typing import Any

import numpy as np

from pacbed.answer.estimate import Alternative, Estimate
from pacbed.arrays import Counts, Mask
from pacbed.library.models.kinds import Model
from pacbed.pattern.clean import clean
from pacbed.pattern.square_pixels import square_pixels

#: A box around what is left that has more than this share of the pattern is not worth cutting.
_WORTH = 0.5


class OnWhatIsLeft:
    """Has the box around what a mask leaves cut out, where most of the pattern is beyond it.

    Parameters
    ----------
    predictor : OnSquarePixels
        What is asked for more than that is passed on to it.
    """

    def __init__(self, predictor: Any) -> None:
        self._predictor = predictor

    @property
    def bundle(self) -> Model:
        """The model that answers."""
        model: Model = self._predictor.bundle
        return model

    def infer(
        self,
        pattern: Counts,
        convergence_mrad: float | None = None,
        mrad_per_pixel: float | None = None,
        refine: bool = True,
        mask: Mask | None = None,
        *more: Any,
    ) -> Estimate:
        """Infer thickness and mistilt of one pattern; see the predictor's own.

        What the answer says in pixels is of the whole pattern.
        """
        values, box = np.asarray(pattern), None
        if mask is not None and values.ndim == 2 and np.shape(mask) == values.shape:
            box = _box(np.asarray(mask, bool))
        known = (convergence_mrad, mrad_per_pixel, refine)
        if box is None or mask is None:
            whole: Estimate = self._predictor.infer(pattern, *known, mask, *more)
            return whole
        part = self._predictor.infer(values[box], *known, np.asarray(mask)[box], *more)
        return _of_whole(part, np.asarray(mask, bool), box)


def known_pixels(pattern: Counts, mask: Mask | None) -> Mask | None:
    """Which pixels of a pattern an answer rests on, as :class:`OnWhatIsLeft` finds it.

    Parameters
    ----------
    pattern : ndarray, shape (rows, columns)
    mask : ndarray of bool, shape (rows, columns), optional
        True where a pixel says nothing.

    Returns
    -------
    ndarray of bool, shape (rows, columns), or None
        None where all say something.

    Raises
    ------
    PatternError
        If the array is not a usable pattern.
    """
    box = None if mask is None or mask.shape != pattern.shape else _box(mask)
    if box is None or mask is None:
        return clean(pattern, mask).known
    inside = clean(pattern[box], mask[box]).known
    known = np.zeros(mask.shape, bool)
    known[box] = ~mask[box] if inside is None else inside
    return known


_Box = tuple[slice, slice]


def _box(mask: Mask) -> _Box | None:
    """Around what is left; None where cutting is not worth it."""
    rows, columns = np.flatnonzero(~mask.all(axis=1)), np.flatnonzero(~mask.all(axis=0))
    if not rows.size or rows.size * columns.size > _WORTH * mask.size:
        return None
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _of_whole(part: Estimate, mask: Mask, box: _Box) -> Estimate:
    aspect = part.basis.pixel_aspect
    by_row, by_column = max(aspect, 1.0), max(1 / aspect, 1.0)
    # Pixels are counted by their middles, stretched ones too.
    row, column = box[0].start * by_row, box[1].start * by_column
    cut = (box[0].stop - box[0].start, box[1].stop - box[1].start)
    return replace(
        part,
        center_row_px=part.center_row_px + row,
        center_column_px=part.center_column_px + column,
        alternatives=tuple(_moved(other, row, column) for other in part.alternatives),
        scale=part.scale
        * min(mask.shape[0] * by_row, mask.shape[1] * by_column)
        / min(cut[0] * by_row, cut[1] * by_column),
        pixels_left_out=part.pixels_left_out + mask.size - cut[0] * cut[1],
        basis=replace(part.basis, known=_known_of_whole(part, mask, (row, column))),
    )


def _moved(other: Alternative, row: float, column: float) -> Alternative:
    if other.center_row_px is None or other.center_column_px is None:
        return other
    return dataclasses.replace(
        other,
        center_row_px=other.center_row_px + row,
        center_column_px=other.center_column_px + column,
    )


def _known_of_whole(part: Estimate, mask: Mask, corner: tuple[float, float]) -> Mask:
    """Which pixels of the whole, stretched pattern said something."""
    whole = np.isfinite(square_pixels(np.where(mask, np.nan, 0.0), part.basis.pixel_aspect))
    known = part.basis.known
    if known is None:
        return whole
    rows, columns = (
        np.arange(size) + round(first) for size, first in zip(known.shape, corner, strict=True)
    )
    rows, columns = rows[rows < whole.shape[0]], columns[columns < whole.shape[1]]
    inside = np.zeros_like(whole)
    inside[np.ix_(rows, columns)] = known[: rows.size, : columns.size]
    return whole & inside
