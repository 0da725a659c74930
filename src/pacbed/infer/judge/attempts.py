"""What was found in a pattern under one assumption, and when another one is to be tried."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from pacbed.infer.fit.found import Fit
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.solved import Solution
from pacbed.infer.judge.confidence import FARTHEST_ANGLE
from pacbed.infer.known.given import Session
from pacbed.infer.networks.posing import Reading

#: A fit that leaves less of the structure needs no other attempt: of a whole disk, and of a part,
#: which a wrong thickness explains more easily.
_GOOD, _GOOD_OF_PART = 0.12, 0.06
#: A fit with a known angle per pixel that leaves more is compared with one without it, which is
#: taken where it leaves less than this share: a wrong scale and a wrong thickness explain a pattern
#: together nearly as well.
_UNDOUBTED, _BETTER = 0.03, 0.7
#: Convergence angles beside the given one, and how far the right one may be from it.
_BESIDE = (0.94, 1.065)
#: Logarithm of a change that networks notice.
_OTHER = 0.025


@dataclass(frozen=True)
class Question:
    """What is known of a pattern beforehand.

    Attributes
    ----------
    convergence_mrad : float
    mrad_per_pixel : float or None
        None where it is not known.
    session : Session or None
        How sure a calibrated microscope is of both.
    """

    convergence_mrad: float
    mrad_per_pixel: float | None
    session: Session | None = None

    @property
    def known(self) -> Known:
        """The same for the fit."""
        known = Known.given(self.mrad_per_pixel)
        if self.session is None:
            return known
        return self.session.known(known, self.convergence_mrad, self.mrad_per_pixel)

    @property
    def freed(self) -> "Question":
        """The same without the angle per pixel, and without what was calibrated."""
        return Question(self.convergence_mrad, None)

    def others(self, covered: tuple[float, float]) -> Iterator["Question"]:
        """What may be right where nothing explains the pattern.

        First without the angle per pixel, which is the one that is given wrong most often, and
        without what was calibrated, then
        with other convergence angles near the given one.

        Parameters
        ----------
        covered : tuple of float
            Smallest and largest convergence angle that can be asked for, mrad.
        """
        if self.mrad_per_pixel is not None:
            yield self.freed
        low, high = covered
        for factor in _BESIDE:
            angle = self.convergence_mrad * factor
            if low <= angle <= high:
                yield Question(angle, None)


@dataclass(frozen=True)
class Attempt:
    """What was found.

    Attributes
    ----------
    reading : Reading or None
        The networks' answer that it came from; None where none were asked.
    solutions : list of Solution
        The best first, at least one.
    whole : bool
        Whether the best one's disk is hardly cut or hidden.
    """

    reading: Reading | None
    solutions: list[Solution]
    whole: bool

    @property
    def best(self) -> Fit:
        """The best fit."""
        return self.solutions[0].fit

    @property
    def good(self) -> bool:
        """Whether nothing else need be tried."""
        limit = _GOOD if self.whole else _GOOD_OF_PART
        return self.best.structured_residual < limit and self.best.gain > 0

    def doubts(self, known: Known) -> bool:
        """Whether it is good, and what was known of the scale may yet be wrong."""
        if known.scale is None or not self.good:
            return False
        left = self.best.structured_residual > _UNDOUBTED
        return left or known.contradicts(self.best.parameters)

    def far(self, convergence_mrad: float) -> bool:
        """Whether the convergence angle is not the one that was given."""
        return abs(self.best.parameters.log_alpha - math.log(convergence_mrad)) > _OTHER

    def near(self, convergence_mrad: float) -> bool:
        """Whether the convergence angle is as near to a given one as it may be."""
        return abs(self.best.parameters.log_alpha - math.log(convergence_mrad)) <= FARTHEST_ANGLE


def with_or_without(bound: Attempt, freed: Attempt, known: Known) -> Attempt:
    """Of a fit with a known angle per pixel and one without it, the one to believe."""
    one, other = bound.best, freed.best
    if other.gain <= 0 or other.ranked_residual > one.ranked_residual:
        return bound
    # The noise of both is the same: how much less is left shows in what pixels share.
    better = other.structured_residual < _BETTER * one.structured_residual
    return freed if better or known.contradicts(one.parameters) else bound


def best_of(attempts: list[Attempt]) -> Attempt:
    """The attempt that leaves least; those that the pattern speaks for go first."""
    return min(attempts, key=lambda a: (a.best.gain <= 0, a.best.ranked_residual))
