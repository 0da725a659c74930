"""``pacbed evaluate``: answers against labels."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pacbed.commands.options import (
    DataOption,
    JsonOption,
    MicroscopeOption,
    NoRefineOption,
    check_output,
)
from pacbed.commands.output import print_block, print_json, print_table
from pacbed.commands.own_crystal import models_of
from pacbed.commands.progress import progress_bar
from pacbed.errors import PacbedError

if TYPE_CHECKING:
    from pacbed.evaluate.scores import Score
    from pacbed.evaluate.truth import Label
    from pacbed.library.installed import Installed
    from pacbed.library.models.kinds import Model
    from pacbed.microscope.record import Microscope
    from pacbed.own_crystal.understood import Understood

_HEADER = [
    "pattern", "label/nm", "found/nm", "error/nm", "mistilt/mrad", "tilt error/mrad",
    "residual/%", "status",
]  # fmt: skip


def evaluate(
    labels: Annotated[
        Path,
        typer.Argument(
            help="CSV table with the columns path, material or cif, high_tension_kV, zone_axis,"
            " thickness_min_nm, thickness_max_nm; optionally convergence_mrad, label_origin,"
            " tilt_x_mrad, tilt_y_mrad, mrad_per_pixel.",
            metavar="LABELS.csv",
        ),
    ],
    microscope: MicroscopeOption = None,
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
    Paths in the table are relative to its folder. In place of a material the column cif may name
    a structure file in the folder, whose tables are simulated first.

    Example: [bold]pacbed evaluate labels.csv --output answers.csv[/bold]
    """
    from pacbed.evaluate.scores import summarise, to_csv
    from pacbed.evaluate.truth import read_labels
    from pacbed.files import write_atomically
    from pacbed.library.installed import look
    from pacbed.microscope.file import read_microscope

    if output is not None:
        check_output(output, (".csv",))
    entries = read_labels(labels)
    session = None if microscope is None else read_microscope(microscope)
    installed = look(data).warn()
    models = _find(installed, labels, entries)
    scores = _scores(labels, entries, models, not no_refine, session)
    summary = summarise(scores)
    if output is not None:
        write_atomically(output, to_csv(scores).encode())
    if as_json:
        print_json({"patterns": [score.to_dict() for score in scores], "summary": summary})
    else:
        print_table(_HEADER, [_row(score) for score in scores], numbers=set(_HEADER[1:-1]))
        print_block("in total", _summary_rows(summary))


def _find(installed: "Installed", table: Path, entries: "tuple[Label, ...]") -> "list[Model]":
    """The model of each line: installed, or made from its structure file."""
    crystals = _understood(table, entries)
    own = {key: models_of([one])[0] for key, one in crystals.items()}
    found: list[Model] = []
    for label in entries:
        if label.cif is not None:
            found.append(own[_conditions(label)])
            continue
        with _in_line(table, label):
            model = installed.find(
                material=label.material,
                high_tension_kV=label.high_tension_kV,
                zone_axis=label.zone_axis,
            )
        found.append(model)
    return found


def _conditions(label: "Label") -> tuple[object, ...]:
    """What lines with one model have in common."""
    return label.cif, label.zone_axis, label.high_tension_kV


def _understood(
    table: Path, entries: "tuple[Label, ...]"
) -> "dict[tuple[object, ...], Understood]":
    """The crystals that lines give as structure files, before any of them is simulated."""
    from pacbed.own_crystal.conditions import crystal_conditions
    from pacbed.own_crystal.understood import understand

    lines: dict[tuple[object, ...], list[Label]] = {}
    for label in entries:
        if label.cif is not None:
            lines.setdefault(_conditions(label), []).append(label)
    found = {}
    for key, labels in lines.items():
        first = labels[0]
        angles = [label.convergence_mrad for label in labels]
        known = [angle for angle in angles if angle is not None]
        # One table for all lines of a crystal.
        span = (0.9 * min(known), 1.1 * max(known)) if len(known) == len(angles) else None
        with _in_line(table, first):
            found[key] = understand(
                crystal_conditions(
                    first.cif or Path(), first.zone_axis, first.high_tension_kV, span
                )
            )
    return found


@contextmanager
def _in_line(table: Path, label: "Label") -> Iterator[None]:
    """Say which line it was where something is wrong with it."""
    try:
        yield
    except PacbedError as error:
        raise type(error)(f"{table}: line {label.line}: {error}") from error


def _scores(
    table: Path,
    labels: "tuple[Label, ...]",
    models: "list[Model]",
    refine: bool,
    microscope: "Microscope | None",
) -> "list[Score]":
    from pacbed.evaluate.scores import Score
    from pacbed.infer.open_predictor import open_predictor
    from pacbed.readers import read_pattern

    # By the model itself: crystals that are registered nowhere have no number.
    predictors = {id(model): open_predictor(model) for model in _distinct(models)}
    scores = []
    with progress_bar("inferring", total=len(labels)) as bar:
        for number, (label, model) in enumerate(zip(labels, models, strict=True), start=1):
            with _in_line(table, label):
                estimate = predictors[id(model)].infer(
                    read_pattern(label.path).data,
                    label.convergence_mrad,
                    label.mrad_per_pixel,
                    refine,
                    microscope=microscope,
                )
            scores.append(Score(label, estimate))
            bar.update(number)
    return scores


def _distinct(models: "list[Model]") -> "list[Model]":
    return list({id(model): model for model in models}.values())


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
