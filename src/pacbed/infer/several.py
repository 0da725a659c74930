"""One pattern, several systems: which of them explain it, the best first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pacbed.answer.estimate import Estimate
from pacbed.answer.ranking import rank
from pacbed.arrays import Counts, Mask
from pacbed.errors import BundleError, OutOfRangeError, PatternError
from pacbed.infer.open_predictor import AnyPredictor
from pacbed.library.models.kinds import Model
from pacbed.microscope.record import Microscope


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
        Names of the systems that were not asked: no time was left, or they could not be opened.
    """

    estimates: tuple[Estimate, ...]
    best: Model
    unasked: tuple[str, ...] = ()


def angle_to_ask(
    stated_mrad: float | None,
    microscope: Microscope | None,
    file_mrad: float | None,
    models: Sequence[Model],
) -> tuple[float | None, float | None]:
    """The convergence semi-angle: what was stated goes before a microscope, that before a file.

    Parameters
    ----------
    stated_mrad : float or None
    microscope : Microscope or None
    file_mrad : float or None
        As the pattern's file says it.
    models : sequence of Model

    Returns
    -------
    asked, known : float or None
        What predictors are given beside the microscope, which says its own angle itself; and
        what is known, from wherever.
    """
    if stated_mrad is not None:
        return stated_mrad, stated_mrad
    if microscope is not None and of_its_voltage(microscope, models):
        return None, microscope.convergence_mrad
    return file_mrad, file_mrad


def of_its_voltage(microscope: Microscope | None, models: Sequence[Model]) -> list[Model]:
    """The models that a microscope's calibration holds for; none where there is none."""
    if microscope is None:
        return []
    return [model for model in models if microscope.is_at(model.system.high_tension_kV)]


def covering(models: Sequence[Model], convergence_mrad: float | None) -> list[Model]:
    """Those whose range of convergence angles holds this one; all where none is known.

    Raises
    ------
    OutOfRangeError
        If there is none.
    """
    if convergence_mrad is None:
        return list(models)
    fitting = [model for model in models if model.system.covers(convergence_mrad)]
    if not fitting:
        lows, highs = zip(*(model.system.convergence_mrad for model in models), strict=True)
        low, high = min(lows), max(highs)
        raise OutOfRangeError(
            f"convergence {convergence_mrad:g} mrad is covered by none of the installed systems, "
            f"which reach from {low:g} to {high:g} mrad."
        )
    return fitting


def ask_several(
    models: Sequence[Model],
    opened: Callable[[Model], AnyPredictor | None],
    pattern: Counts,
    convergence_mrad: float | None,
    mrad_per_pixel: float | None = None,
    refine: bool = True,
    go_on: Callable[[int], bool] = lambda done: True,
    mask: Mask | None = None,
    microscope: Microscope | None = None,
) -> Ranked:
    """Ask several systems for their answers to one pattern, and rank these.

    Parameters
    ----------
    models : sequence of Model
        In this order; at least one.
    opened : callable
        Gives the predictor of a model when it is its turn; None leaves it out.
    pattern : ndarray, shape (rows, columns)
    convergence_mrad, mrad_per_pixel : float or None
        None where they are to be found.
    refine : bool
        Only fits can be told apart.
    go_on : callable
        Gets the number of systems that were asked, and says whether to ask the next one.
    mask : ndarray of bool, shape (rows, columns), optional
        True where a pixel says nothing.
    microscope : Microscope, optional
        Says what is not given.

    Raises
    ------
    PatternError
        If none of them finds a pattern; that of the first.
    BundleError
        If none of them could be opened.
    """
    answers: list[tuple[Estimate, Model]] = []
    refusals: list[PatternError] = []
    unasked: list[str] = []
    wanted = True
    for done, model in enumerate(models, start=1):
        predictor = opened(model) if wanted else None
        if predictor is None:
            unasked.append(model.system.name)
            continue
        try:
            estimate = predictor.infer(
                pattern, convergence_mrad, mrad_per_pixel, refine, mask, microscope
            )
            answers.append((estimate, predictor.bundle))
        except PatternError as error:
            refusals.append(error)
        wanted = go_on(done)
    if refusals and not answers:
        raise refusals[0]
    if not answers:
        raise BundleError(f"none of the models can be opened: {', '.join(unasked)}")
    ranking = rank(estimate for estimate, _ in answers)
    best = next(model for estimate, model in answers if estimate is ranking[0])
    return Ranked(tuple(ranking), best, tuple(unasked))
