"""Patterns to answers: read, inferred with one model or several, and drawn."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pacbed.commands.progress import progress_bar
from pacbed.errors import OutOfRangeError, PatternError

if TYPE_CHECKING:
    from pacbed.answer.estimate import Estimate
    from pacbed.answer.spread import SpecimenSpread
    from pacbed.arrays import Mask
    from pacbed.infer.open_predictor import AnyPredictor
    from pacbed.infer.several import Ranked
    from pacbed.library.models.kinds import Model
    from pacbed.microscope.record import Microscope
    from pacbed.readers import Frame, Measurement


@dataclass(frozen=True)
class Answer:
    """A file with its answer, and those of all systems where several were tried."""

    measurement: "Measurement"
    estimate: "Estimate"
    model: "Model"
    ranking: "tuple[Estimate, ...]" = ()
    #: Convergence semi-angle that pictures are drawn with, mrad.
    convergence_mrad: float = 0.0
    #: How far thickness and tilt spread, or in words why that is not known; None if not asked.
    spread: "SpecimenSpread | str | None" = None


@dataclass(frozen=True)
class Asked:
    """What is known of the patterns, whether to fit, and whether to look for a spread."""

    convergence_mrad: float | None
    mrad_per_pixel: float | None
    frame: "Frame"
    refine: bool
    dataset: str | None = None
    mask: Path | None = None
    microscope: "Microscope | None" = None
    pixel_aspect: float | None = None
    spread: bool = False


class Asking:
    """Models that are opened once and asked about one file after the other.

    Parameters
    ----------
    models : list of Model
    asked : Asked
    """

    def __init__(self, models: "list[Model]", asked: Asked) -> None:
        from pacbed.infer.open_predictor import open_predictor
        from pacbed.readers.mask import read_mask

        self._models, self._asked = models, asked
        self._predictors = {id(model): open_predictor(model) for model in models}
        self._mask = None if asked.mask is None else read_mask(asked.mask)

    def answer(self, path: Path, picture: Path | None = None) -> Answer:
        """Read and infer one file, and write its picture.

        Raises
        ------
        PacbedError
            If it cannot be read or answered.
        """
        from pacbed.answer.doubts import shown_convergence, with_doubts
        from pacbed.infer.several import angle_to_ask, covering, of_its_voltage
        from pacbed.readers import read_pattern

        models, asked = self._models, self._asked
        measurement = read_pattern(path, asked.frame, dataset=asked.dataset)
        of_file = measurement.metadata.convergence_mrad
        angle, known = angle_to_ask(asked.convergence_mrad, asked.microscope, of_file, models)
        if known is None:
            _check_finding(measurement, models)
        fitting = models
        if len(models) > 1:
            fitting = covering(of_its_voltage(asked.microscope, models) or models, known)
        try:
            ranked = _ranked(fitting, self._predictors, measurement, angle, asked, self._mask)
        except PatternError as error:
            raise PatternError(f"{path}: {error}") from error
        first, model = ranked.estimates[0], ranked.best
        stated = vars(measurement.metadata)
        shown = shown_convergence(first, known)
        estimate = with_doubts(first, stated, model.system, known or shown)
        if picture is not None:
            _write_report(picture, measurement, estimate, model, shown)
        others = ranked.estimates if len(models) > 1 else ()
        spread = None
        if asked.spread:
            spread = _spread(measurement, model, first, self._mask)
        return Answer(measurement, estimate, model, others, shown, spread)


def run(
    files: list[Path], models: "list[Model]", asked: Asked, reports: list[Path | None]
) -> Iterator[Answer]:
    """Read and infer one file after the other, and write its picture."""
    asking = Asking(models, asked)
    for path, picture in zip(files, reports, strict=True):
        yield asking.answer(path, picture)


def _check_finding(measurement: "Measurement", models: "list[Model]") -> None:
    """Refuse models that only answer where the convergence angle is known."""
    if not all(model.has_table for model in models):
        raise OutOfRangeError(
            f"{measurement.path}: the file does not give the convergence semi-angle, and these "
            "networks need it: add --convergence MRAD."
        )


def _ranked(
    models: "list[Model]",
    predictors: "dict[int, AnyPredictor]",
    measurement: "Measurement",
    convergence_mrad: float | None,
    asked: Asked,
    mask: "Mask | None",
) -> "Ranked":
    """Answers of the systems that find a pattern at all, with a progress bar."""
    from pacbed.infer.frames.on_square_pixels import OnSquarePixels
    from pacbed.infer.frames.on_what_is_left import OnWhatIsLeft
    from pacbed.infer.several import ask_several

    with progress_bar("inferring", total=len(models)) as bar:

        def opened(model: "Model") -> OnWhatIsLeft:
            stated = measurement.metadata.pixel_aspect
            square = OnSquarePixels(predictors[id(model)], asked.pixel_aspect, stated)
            return OnWhatIsLeft(square)

        def go_on(done: int) -> bool:
            bar.update(done)
            return True

        return ask_several(
            models, opened, measurement.data, convergence_mrad, asked.mrad_per_pixel,
            asked.refine, go_on, measurement.silent(mask), asked.microscope,
        )  # fmt: skip


def _spread(
    measurement: "Measurement", model: "Model", estimate: "Estimate", mask: "Mask | None"
) -> "SpecimenSpread | str":
    from pacbed.infer.spread.measure import measure_spread

    try:
        return measure_spread(measurement.data, model, estimate, measurement.silent(mask))
    except PatternError as error:
        return str(error)


def _write_report(
    path: Path, measurement: "Measurement", estimate: "Estimate", model: "Model", angle: float
) -> None:
    from pacbed.answer.report.figure import draw_report, save_report
    from pacbed.answer.report.view import crop_view, simulate_view

    view = simulate_view(crop_view(measurement.data, estimate, angle), model.table, estimate)
    save_report(path, draw_report(view, estimate, measurement.path.name))
