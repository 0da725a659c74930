"""A predictor that is asked about patterns whose pixels are not square."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from pacbed.answer.estimate import Estimate
from pacbed.arrays import Counts, Mask
from pacbed.infer.judge.causes import SQUARE
from pacbed.library.models.kinds import Model
from pacbed.pattern.clean import clean
from pacbed.pattern.disk_form import disk_aspect
from pacbed.pattern.recorded import CleanPattern
from pacbed.pattern.square_pixels import LARGEST, are_square, check_aspect, square_pixels

#: Logarithm of a difference of aspects that is worth another try.
_OTHER = np.log(1.05)
#: A fit that distorts the pattern more has taken up an oval disk; a microscope's lenses do a third.
_OVAL = 0.02


class OnSquarePixels:
    """Has patterns stretched to square pixels before they are inferred.

    Where the file or the user says how the pixels are, they are believed first. Where that leads to
    no good answer, the form of the bright disk is.

    Parameters
    ----------
    predictor : AnyPredictor
        What is asked for more than that is passed on to it.
    given : float or None
        Angle per row over angle per column, as the user says.
    stated : float or None
        The same as the file says.

    Raises
    ------
    OutOfRangeError
        If the one that is given is impossible.
    """

    def __init__(
        self, predictor: Any, given: float | None = None, stated: float | None = None
    ) -> None:
        self._predictor = predictor
        self._given = None if given is None else check_aspect(given)
        possible = stated is not None and 1 / LARGEST < stated < LARGEST
        self._stated = stated if possible else None

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

        The angle per pixel, given and found, and the centre are those of square pixels; the
        answer's warnings say by how much the pattern was stretched.
        """
        known = (convergence_mrad, mrad_per_pixel, refine)
        if self._given is not None:
            return self._ask(pattern, mask, self._given, "as given", known, more)
        first = self._as_the_file_says(pattern, mask, known, more)
        if not refine or (first.status == "ok" and not _is_oval(first)):
            return first
        seen = disk_aspect(clean(pattern, mask))
        if seen is None or 1 / SQUARE < seen < SQUARE:
            return first
        if abs(np.log(seen / first.basis.pixel_aspect)) < _OTHER:
            return first
        # The angle per pixel that was given may be that of either side.
        again = self._ask(
            pattern, mask, seen, "as the bright disk shows", (convergence_mrad, None, refine), more
        )
        # An ellipse may explain an oval disk too, less well.
        left, before = again.basis.structured_residual, first.basis.structured_residual
        return again if again.status == "ok" and (first.status != "ok" or left < before) else first

    def _as_the_file_says(
        self, pattern: Counts, mask: Mask | None, known: Any, more: Any
    ) -> Estimate:
        plain = None
        if self._stated is not None and not are_square(self._stated):
            found = self._ask(pattern, mask, self._stated, "as the file says", known, more)
            if found.status == "ok":
                return found
            plain = found
        first: Estimate = self._predictor.infer(pattern, *known, mask, *more)
        return first if plain is None or first.status == "ok" else plain

    def _ask(
        self, pattern: Counts, mask: Mask | None, aspect: float, why: str, known: Any, more: Any
    ) -> Estimate:
        if are_square(aspect):
            plain: Estimate = self._predictor.infer(pattern, *known, mask, *more)
            return plain
        data = clean(pattern, mask)
        stretched = square_pixels(data.values, aspect, data.known)
        return _said(self._predictor.infer(stretched, *known, None, *more), data, aspect, why)


def _is_oval(estimate: Estimate) -> bool:
    """Whether a fit explains the disk by an ellipse."""
    shown = estimate.basis.shown
    return shown is not None and math.hypot(*shown.distortion) > _OVAL


def _said(estimate: Estimate, data: CleanPattern, aspect: float, why: str) -> Estimate:
    """The answer with what was known of the pattern before it was stretched."""
    side, factor = ("rows", aspect) if aspect > 1 else ("columns", 1 / aspect)
    words = (
        f"pixels are not square: there were made {factor:.3g} times as many {side}, {why}; centre "
        "and angle per pixel are those of square pixels"
    )
    return replace(
        estimate,
        warnings=(words, *data.remarks, *estimate.warnings),
        pixels_left_out=data.left_out.count,
        basis=replace(estimate.basis, pixel_aspect=aspect),
    )
