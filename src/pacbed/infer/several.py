"""One pattern, several systems: which of them explain it, the best first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pacbed.answer.estimate import Estimate
from pacbed.answer.ranking import rank
from pacbed.arrays import Counts
from pacbed.errors import OutOfRangeError, PatternError
from pacbed.infer.open_predictor import AnyPredictor
from pacbed.library.models.kinds import Model


@dataclass(frozen=True)
class Ranked:
    """Answers of several systems to one pattern.

    Attributes
    ----------
    estimates : tuple of Estimate
        The best first.
    best : Model
        The one that gave the first of them.
    unasked : tuple of str
        Names of the systems for which no time was left.
    """

    estimates: tuple[Estimate, ...]
    best: Model
    unasked: tuple[str, ...] = ()


def covering(
    predictors: Sequence[AnyPredictor], convergence_mrad: float | None
) -> list[AnyPredictor]:
    """Those whose range of convergence angles holds this one; all where none is known.

    Raises
    ------
    OutOfRangeError
        If there is none.
    """
    if convergence_mrad is None:
        return list(predictors)
    fitting = [p for p in predictors if p.bundle.system.covers(convergence_mrad)]
    if not fitting:
        lows, highs = zip(*(p.bundle.system.convergence_mrad for p in predictors), strict=True)
        low, high = min(lows), max(highs)
        raise OutOfRangeError(
            f"convergence {convergence_mrad:g} mrad is covered by none of the installed systems, "
            f"which reach from {low:g} to {high:g} mrad."
        )
    return fitting


def ask_several(
    predictors: Sequence[AnyPredictor],
    pattern: Counts,
    convergence_mrad: float | None,
    mrad_per_pixel: float | None = None,
    refine: bool = True,
    go_on: Callable[[int], bool] = lambda done: True,
) -> Ranked:
    """Ask several systems for their answers to one pattern, and rank these.

    Parameters
    ----------
    predictors : sequence of AnyPredictor
        At least one.
    pattern : ndarray, shape (rows, columns)
    convergence_mrad, mrad_per_pixel : float or None
        None where they are to be found.
    refine : bool
        Only fits can be told apart.
    go_on : callable
        Gets the number of systems that were asked, and says whether to ask the next one.

    Raises
    ------
    PatternError
        If none of them finds a pattern; that of the first.
    """
    answers: list[tuple[Estimate, Model]] = []
    refusals, done = [], 0
    for predictor in predictors:
        try:
            estimate = predictor.infer(pattern, convergence_mrad, mrad_per_pixel, refine)
            answers.append((estimate, predictor.bundle))
        except PatternError as error:
            refusals.append(error)
        done += 1
        if not go_on(done):
            break
    if not answers:
        raise refusals[0]
    ranking = rank(estimate for estimate, _ in answers)
    best = next(model for estimate, model in answers if estimate is ranking[0])
    unasked = tuple(predictor.bundle.system.name for predictor in predictors[done:])
    return Ranked(tuple(ranking), best, unasked)
