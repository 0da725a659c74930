"""``pacbed evaluate``: answers against labels."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pacbed.commands.options import DataOption, JsonOption, NoRefineOption, check_output
from pacbed.commands.output import print_block, print_json, print_table
from pacbed.commands.progress import progress_bar
from pacbed.errors import PacbedError

if TYPE_CHECKING:
    from pacbed.evaluate.scores import Score
    from pacbed.evaluate.truth import Label
    from pacbed.library.installed import Installed
    from pacbed.library.models.kinds import Model

_HEADER = [
    "pattern", "label/nm", "found/nm", "error/nm", "mistilt/mrad", "tilt error/mrad",
    "residual/%", "status",
]  # fmt: skip


def evaluate(
    labels: Annotated[
        Path,
        typer.Argument(
            help="CSV table with the columns path, material, high_tension_kV, zone_axis,"
            " convergence_mrad, thickness_min_nm, thickness_max_nm; optionally label_origin,"
            " tilt_x_mrad, tilt_y_mrad, mrad_per_pixel.",
            metavar="LABELS.csv",
        ),
    ],
    no_refine: NoRefineOption = False,
    as_json: JsonOption = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Table of all answers to write.", metavar="CSV"),
    ] = None,
    data: DataOption = None,
) -> None:
    """Infer labelled patterns and print how far the answers are from the labels.

    The error of a thickness is its distance to the range of the label, 0 inside.
    Paths in the table are relative to its folder.

    Example: [bold]pacbed evaluate labels.csv --output answers.csv[/bold]
    """
    from pacbed.evaluate.scores import summarise, to_csv
    from pacbed.evaluate.truth import read_labels
    from pacbed.files import write_atomically
    from pacbed.library.installed import look

    if output is not None:
        check_output(output, (".csv",))
    entries = read_labels(labels)
    installed = look(data).warn()
    models = [_find(installed, labels, label) for label in entries]
    scores = _scores(labels, entries, models, not no_refine)
    summary = summarise(scores)
    if output is not None:
        write_atomically(output, to_csv(scores).encode())
    if as_json:
        print_json({"patterns": [score.to_dict() for score in scores], "summary": summary})
    else:
        print_table(_HEADER, [_row(score) for score in scores], numbers=set(_HEADER[1:-1]))
        print_block("in total", _summary_rows(summary))


def _find(installed: "Installed", table: Path, label: "Label") -> "Model":
    try:
        return installed.find(
            material=label.material,
            high_tension_kV=label.high_tension_kV,
            zone_axis=label.zone_axis,
        )
    except PacbedError as error:
        raise type(error)(f"{table}: line {label.line}: {error}") from error


def _scores(
    table: Path,
    labels: "tuple[Label, ...]",
    models: "list[Model]",
    refine: bool,
) -> "list[Score]":
    from pacbed.evaluate.scores import Score
    from pacbed.infer.open_predictor import open_predictor
    from pacbed.readers import read_pattern

    distinct = {model.system.id: model for model in models}
    predictors = {number: open_predictor(model) for number, model in distinct.items()}
    scores = []
    with progress_bar("inferring", total=len(labels)) as bar:
        for number, (label, model) in enumerate(zip(labels, models, strict=True), start=1):
            try:
                estimate = predictors[model.system.id].infer(
                    read_pattern(label.path).data,
                    label.convergence_mrad,
                    label.mrad_per_pixel,
                    refine,
                )
            except PacbedError as error:
                raise type(error)(f"{table}: line {label.line}: {error}") from error
            scores.append(Score(label, estimate))
            bar.update(number)
    return scores


def _row(score: "Score") -> list[str]:
    label, estimate, tilt = score.label, score.estimate, score.tilt_error_mrad
    return [
        label.name,
        f"{label.thickness_min_nm:g}-{label.thickness_max_nm:g}",
        f"{estimate.thickness_nm:.1f}",
        f"{score.error_nm:.1f}",
        "" if estimate.mistilt_mrad is None else f"{estimate.mistilt_mrad:.2f}",
        "" if tilt is None else f"{tilt:.2f}",
        "" if estimate.residual is None else f"{100 * estimate.residual:.1f}",
        estimate.status,
    ]


def _summary_rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    from pacbed.evaluate.scores import LIMITS_NM

    shares = (f"{100 * summary[f'share_within_{n}nm']:.0f} % within {n} nm" for n in LIMITS_NM)
    rows = [
        ("Patterns", str(summary["count"])),
        (
            "Thickness error",
            f"median {summary['median_error_nm']:.2f} nm, largest {summary['max_error_nm']:.2f} nm",
        ),
        ("", ", ".join(shares)),
        ("Status", ", ".join(f"{n} {s.replace('_', ' ')}" for s, n in summary["status"].items())),
    ]
    if summary["tilt_count"]:
        rows.append(
            (
                "Tilt error",
                f"median {summary['median_tilt_error_mrad']:.2f} mrad, "
                f"largest {summary['max_tilt_error_mrad']:.2f} mrad "
                f"({summary['tilt_count']} labelled)",
            )
        )
    return rows
