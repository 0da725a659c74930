"""``pacbed infer``: thickness and mistilt of measured patterns."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pacbed.commands.options import (
    DataOption,
    HighTensionOption,
    JsonOption,
    MaterialOption,
    NoRefineOption,
    ZoneAxisOption,
    check_output,
)
from pacbed.commands.output import print_block, print_json, print_table, progress_bar
from pacbed.commands.select import ANY, choose_model
from pacbed.errors import FileFormatError, OutOfRangeError, PatternError, UnknownSystemError

if TYPE_CHECKING:
    from pacbed.answer.estimate import Estimate
    from pacbed.infer.open_predictor import AnyPredictor
    from pacbed.library.models.kinds import Model
    from pacbed.readers import Measurement

_RANKING = ["system", "status", "thickness/nm", "mistilt/mrad", "residual/%", "structured/%"]


@dataclass(frozen=True)
class _Answer:
    """A file with its answer, and those of all systems where all were tried."""

    measurement: "Measurement"
    estimate: "Estimate"
    ranking: "tuple[Estimate, ...]" = ()


@dataclass(frozen=True)
class _Asked:
    """What is known of the patterns, and whether to fit."""

    convergence_mrad: float | None
    mrad_per_pixel: float | None
    frame: int | None
    refine: bool


def infer(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Patterns: dm3, dm4, tif, npy, mrc, emd, hspy, blo, mib, png, jpg or bmp.",
            metavar="FILE",
        ),
    ],
    system: Annotated[
        str | None,
        typer.Option(
            "--system",
            "-s",
            help="ID or name of the system, as [bold]pacbed systems[/bold] lists it; [bold]any"
            "[/bold] tries all that have a fit and ranks the answers.",
            metavar="ID|NAME|any",
        ),
    ] = None,
    material: MaterialOption = None,
    high_tension: HighTensionOption = None,
    zone_axis: ZoneAxisOption = "0 0 1",
    convergence: Annotated[
        float | None,
        typer.Option(
            help="Convergence semi-angle; needed unless the file holds it.", metavar="MRAD"
        ),
    ] = None,
    mrad_per_pixel: Annotated[
        float | None,
        typer.Option(help="Angle per pixel where it is known.", metavar="MRAD"),
    ] = None,
    frame: Annotated[
        int | None, typer.Option(help="Frame of a stack or scan, from 0.", min=0, metavar="N")
    ] = None,
    no_refine: NoRefineOption = False,
    as_json: JsonOption = False,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Validation picture to write; with several files, the name of each is inserted.",
            metavar="PNG",
        ),
    ] = None,
    data: DataOption = None,
) -> None:
    """Find thickness and mistilt of measured patterns.

    Example: [bold]pacbed infer pattern.dm4 --system sto-001-200kV --convergence 20[/bold]

    With the conditions in place of the system, and a picture to judge the answer by:
    [bold]pacbed infer a.tif b.tif --material "Strontium titanate" --high-tension 200
    --convergence 13.6 --report fit.png[/bold]

    Where the crystal is not known: [bold]pacbed infer pattern.dm4 --system any
    --convergence 20[/bold]
    """
    reports = _report_paths(files, report)
    if system is not None and system.strip().lower() == ANY:
        if material is not None or high_tension is not None or no_refine:
            raise UnknownSystemError(
                "--system any compares the fits of all systems: leave out --material, "
                "--high-tension and --no-refine."
            )
        models = _all_models(data)
    else:
        models = [choose_model(system, material, high_tension, zone_axis, data)]
    asked = _Asked(convergence, mrad_per_pixel, frame, not no_refine)
    answers = []
    for answer in _run(files, models, asked, reports):
        if as_json:
            answers.append(_to_dict(answer))
        else:
            print_block(str(answer.measurement.path), _rows(answer))
            if answer.ranking:
                print_table(_RANKING, _ranking_rows(answer), numbers=set(_RANKING[2:]))
    if as_json:
        print_json(answers[0] if len(answers) == 1 else answers)


def _all_models(data: Path | None) -> "list[Model]":
    from pacbed.library.installed import installed_bundles

    # Without a fit, a model that chooses among labels is never at odds with a pattern: there
    # would be nothing to rank.
    fitting = [model for model in installed_bundles(data) if model.has_table]
    if not fitting:
        raise UnknownSystemError(
            "no installed model has a table to fit with, and only fits can be ranked: give one "
            "system with --system; pacbed systems lists them."
        )
    return fitting


def _run(
    files: list[Path], models: "list[Model]", asked: _Asked, reports: list[Path | None]
) -> Iterator[_Answer]:
    """Read and infer one file after the other, and write its picture."""
    from pacbed.answer.doubts import with_doubts
    from pacbed.answer.ranking import rank
    from pacbed.infer.open_predictor import open_predictor
    from pacbed.readers import read_pattern

    predictors = [open_predictor(model) for model in models]
    for path, picture in zip(files, reports, strict=True):
        measurement = read_pattern(path, asked.frame)
        angle = _convergence(measurement, asked.convergence_mrad)
        fitting = _covering(predictors, angle) if len(predictors) > 1 else predictors
        try:
            answers = _estimates(fitting, measurement, angle, asked)
        except PatternError as error:
            raise PatternError(f"{path}: {error}") from error
        ranking = rank(estimate for estimate, _ in answers)
        model = next(model for estimate, model in answers if estimate is ranking[0])
        stated = vars(measurement.metadata)
        estimate = with_doubts(ranking[0], stated, model.system, angle)
        if picture is not None:
            _write_report(picture, measurement, estimate, model, angle)
        yield _Answer(measurement, estimate, tuple(ranking) if len(models) > 1 else ())


def _covering(predictors: "list[AnyPredictor]", convergence_mrad: float) -> "list[AnyPredictor]":
    """Those whose range of convergence angles holds this one."""
    fitting = [p for p in predictors if p.bundle.system.covers(convergence_mrad)]
    if not fitting:
        lows, highs = zip(*(p.bundle.system.convergence_mrad for p in predictors), strict=True)
        low, high = min(lows), max(highs)
        raise OutOfRangeError(
            f"convergence {convergence_mrad:g} mrad is covered by none of the installed systems, "
            f"which reach from {low:g} to {high:g} mrad."
        )
    return fitting


def _estimates(
    predictors: "list[AnyPredictor]",
    measurement: "Measurement",
    convergence_mrad: float,
    asked: _Asked,
) -> "list[tuple[Estimate, Model]]":
    """Answers of the systems that find a pattern at all; an error where none does."""
    answers, refusals = [], []
    with progress_bar("inferring", total=len(predictors)) as bar:
        for number, predictor in enumerate(predictors, start=1):
            try:
                estimate = predictor.infer(
                    measurement.data, convergence_mrad, asked.mrad_per_pixel, asked.refine
                )
                answers.append((estimate, predictor.bundle))
            except PatternError as error:
                refusals.append(error)
            bar.update(number)
    if not answers:
        raise refusals[0]
    return answers


def _convergence(measurement: "Measurement", given: float | None) -> float:
    angle = given if given is not None else measurement.metadata.convergence_mrad
    if angle is None:
        raise OutOfRangeError(
            f"{measurement.path}: the file does not give the convergence semi-angle: "
            "add --convergence MRAD."
        )
    return angle


def _write_report(
    path: Path, measurement: "Measurement", estimate: "Estimate", model: "Model", angle: float
) -> None:
    from pacbed.answer.report.figure import draw_report, save_report
    from pacbed.answer.report.view import crop_view, simulate_view

    view = simulate_view(crop_view(measurement.data, estimate, angle), model.table, estimate)
    save_report(path, draw_report(view, estimate, measurement.path.name))


def _report_paths(files: list[Path], report: Path | None) -> list[Path | None]:
    """The picture of each file, checked before anything is computed."""
    if report is None:
        return [None] * len(files)
    check_output(report, (".png",))
    if len(files) == 1:
        return [report]
    paths = [report.with_name(f"{report.stem}-{file.stem}{report.suffix}") for file in files]
    twice = [path for path, count in Counter(paths).items() if count > 1]
    if twice:
        raise FileFormatError(
            f"{twice[0]}: two of the files would have this picture: give them one at a time."
        )
    return list(paths)


def _rows(answer: _Answer) -> list[tuple[str, str]]:
    from pacbed.answer.words import summary_rows

    rows = summary_rows(answer.estimate)
    metadata = answer.measurement.metadata
    stated = [
        f"{value:.4g} {unit}"
        for value, unit in (
            (metadata.high_tension_kV, "kV"),
            (metadata.convergence_mrad, "mrad convergence"),
            (metadata.mrad_per_pixel, "mrad per pixel"),
            (metadata.camera_length_mm, "mm camera length"),
        )
        if value is not None
    ]
    stated += [f"{name} {value}" for name, value in metadata.extra.items()]
    if stated:
        rows.append(("File states", ", ".join(stated)))
    rows += [("Warning", warning) for warning in answer.estimate.warnings]
    return rows


def _ranking_rows(answer: _Answer) -> list[list[str]]:
    from pacbed.answer.words import with_error

    return [
        [
            estimate.system,
            estimate.status.replace("_", " "),
            with_error(estimate.thickness_nm, estimate.thickness_std_nm),
            with_error(estimate.mistilt_mrad, estimate.tilt_std_mrad),
            _percent(estimate.residual),
            _percent(estimate.basis.structured_residual),
        ]
        for estimate in answer.ranking
    ]


def _percent(share: float | None) -> str:
    """A share in percent; an answer without a fit has none, which is not 0."""
    from pacbed.answer.words import with_error

    return with_error(None if share is None else 100 * share, None)


def _to_dict(answer: _Answer) -> dict[str, Any]:
    from pacbed.answer.ranking import ranking_entry

    values = {
        "path": str(answer.measurement.path),
        **answer.estimate.to_dict(),
        "metadata": dataclasses.asdict(answer.measurement.metadata),
    }
    if answer.ranking:
        values["ranking"] = [ranking_entry(estimate) for estimate in answer.ranking]
    return values
