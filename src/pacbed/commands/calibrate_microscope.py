"""``pacbed calibrate-microscope``: what the patterns of one session share."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pacbed.commands.declared import declared
from pacbed.commands.options import (
    DataOption,
    DatasetOption,
    HighTensionOption,
    JsonOption,
    MaterialOption,
    SystemOption,
    check_output,
    parse_frame,
)
from pacbed.commands.output import print_block, print_json, print_table
from pacbed.commands.own_crystal import OwnCrystalOptions, models_of, understand_all
from pacbed.commands.progress import progress_bar
from pacbed.commands.select import choose_model
from pacbed.errors import OutOfRangeError, PatternError, UnknownSystemError

if TYPE_CHECKING:
    from pacbed.answer.estimate import Estimate
    from pacbed.library.models.kinds import Model
    from pacbed.microscope.record import Microscope

_HEADER = ["pattern", "convergence/mrad", "mrad per pixel", "ellipticity/%", "direction/degrees",
           "used"]  # fmt: skip


@dataclass(frozen=True)
class ReadingOptions:
    """What of the files is looked at; each field is an option."""

    frame: Annotated[
        str | None,
        typer.Option(
            help="Frame of stacks or scans, from 0; [bold]sum[/bold] adds all.", metavar="N|sum"
        ),
    ] = None
    dataset: DatasetOption = None
    mask: Annotated[
        Path | None,
        typer.Option(
            help="Pixels that say nothing: a file of the patterns' size that is not 0 there.",
            metavar="FILE",
        ),
    ] = None


@declared
def calibrate_microscope(
    *,
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Patterns of one session: one crystal, camera length and condenser aperture.",
            metavar="FILE",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.", metavar="TOML")],
    system: SystemOption = None,
    material: MaterialOption = None,
    high_tension: HighTensionOption = None,
    zone_axis: Annotated[
        str | None,
        typer.Option(help='Direction \\[uvw] along the beam, such as "1 1 0".', metavar="UVW"),
    ] = None,
    convergence: Annotated[
        float | None,
        typer.Option(
            help="Convergence semi-angle as far as it is known: a start, free within 10 %; by"
            " default that of the file, else it is found.",
            metavar="MRAD",
        ),
    ] = None,
    reading: ReadingOptions,
    as_json: JsonOption = False,
    data: DataOption = None,
    own: OwnCrystalOptions,
) -> None:
    """Find angle per pixel, ellipticity and convergence angle from patterns of one session.

    Example: [bold]pacbed calibrate-microscope a.dm4 b.dm4 c.dm4 --system sto-001-200kV
    -o microscope.toml[/bold]

    Later calls take it: [bold]pacbed infer d.dm4 --system sto-001-200kV
    --microscope microscope.toml[/bold]

    Patterns that are not ok, and those that contradict the others, are left out and named. Take
    some of 20 nm and more: thin crystals say little of angles.
    """
    from pacbed.files import write_atomically
    from pacbed.infer.known.calibrate_microscope import calibrate_microscope as calibrate
    from pacbed.microscope.file import microscope_text

    check_output(output, (".toml",))
    model = _model(system, material, high_tension, zone_axis, convergence, data, own)
    answers = _answers(files, model, convergence, reading)
    found = calibrate(answers, model.system)
    write_atomically(output, microscope_text(found).encode())
    if as_json:
        print_json({"output": str(output), **vars(found)})
        return
    print_table(_HEADER, _pattern_rows(found, answers), numbers=set(_HEADER[1:-1]))
    print_block(str(output), _rows(found, answers))


def _model(
    system: str | None,
    material: str | None,
    high_tension: float | None,
    zone_axis: str | None,
    convergence: float | None,
    data: Path | None,
    own: OwnCrystalOptions,
) -> "Model":
    """The one model that the options name."""
    from pacbed.crystal.known.catalogue import structure_words

    if not own.asked:
        own.check_unused()
        model = choose_model(system, material, high_tension, zone_axis or "0 0 1", data)
        if not model.has_table:
            raise UnknownSystemError(
                f"the system {model.system.name} has no table to fit with, and only fits show the "
                "microscope: give one with a table; pacbed systems lists them."
            )
        return model
    if own.candidates is not None or system is not None or material is not None:
        raise UnknownSystemError(
            "the crystal must be known: give either --cif CIF, or --system, or --material."
        )
    understood = understand_all(own, zone_axis, high_tension, convergence)
    for one in understood:
        print_block(structure_words(one.conditions.cif), one.rows(), err=True)
    return models_of(understood)[0]


def _answers(
    files: list[Path], model: "Model", convergence: float | None, reading: ReadingOptions
) -> "dict[str, Estimate | PatternError]":
    """The answer to each pattern, or why it has none, with a warning where its file disagrees."""
    from pacbed.answer.doubts import shown_convergence, with_doubts
    from pacbed.infer.open_predictor import open_predictor
    from pacbed.readers import read_pattern
    from pacbed.readers.mask import read_mask

    predictor = open_predictor(model)
    answers: dict[str, Estimate | PatternError] = {}
    # All are read first: a wrong name shows before anything is computed.
    mask = None if reading.mask is None else read_mask(reading.mask)
    frame = parse_frame(reading.frame)
    measurements = [read_pattern(file, frame, dataset=reading.dataset) for file in files]
    with progress_bar("inferring", total=len(files)) as bar:
        for done, measurement in enumerate(measurements, start=1):
            stated = measurement.metadata
            given = stated.convergence_mrad if convergence is None else convergence
            try:
                found = predictor.infer(measurement.data, given, mask=mask)
                angle = shown_convergence(found, given)
                found = with_doubts(found, vars(stated), model.system, angle)
                answers[str(measurement.path)] = found
            except PatternError as error:
                answers[str(measurement.path)] = error
            except OutOfRangeError as error:
                raise OutOfRangeError(f"{measurement.path}: {error}") from error
            bar.update(done)
    return answers


def _pattern_rows(
    found: "Microscope", answers: "dict[str, Estimate | PatternError]"
) -> list[list[str]]:
    from pacbed.answer.estimate import Estimate
    from pacbed.microscope.record import ellipse_of

    rows = []
    for pattern in found.patterns:
        answer = answers[pattern.file]
        cells = [""] * 4
        if isinstance(answer, Estimate) and answer.basis.shown is not None:
            shown = answer.basis.shown
            size, direction = ellipse_of(shown.distortion)
            cells = [
                f"{shown.convergence_mrad:.2f} ± {shown.convergence_std_mrad:.2f}",
                f"{shown.mrad_per_pixel:.5g} ± {shown.mrad_per_pixel_std:.1g}",
                f"{100 * size:.2f} ± {100 * shown.distortion_std:.2f}",
                f"{direction:.0f}",
            ]
        rows.append([pattern.file, *cells, "no" if pattern.left_out else "yes"])
    return rows


def _rows(
    found: "Microscope", answers: "dict[str, Estimate | PatternError]"
) -> list[tuple[str, str]]:
    from pacbed.answer.estimate import Estimate

    rows = summary_rows(found)
    rows += [("Left out", f"{p.file}: {p.left_out}") for p in found.patterns if p.left_out]
    said: dict[str, list[str]] = {}
    for file, answer in answers.items():
        for warning in answer.warnings if isinstance(answer, Estimate) else ():
            said.setdefault(warning, []).append(file)
    rows += [("Warning", f"{', '.join(files)}: {warning}") for warning, files in said.items()]
    if sum(not p.left_out for p in found.patterns) == 1:
        rows.append(("Warning", "one pattern alone: nothing shows whether others agree"))
    return rows


def summary_rows(found: "Microscope") -> list[tuple[str, str]]:
    """Lines of label and value."""
    m: Any = found
    rows = [
        ("High tension", f"{m.high_tension_kV:g} kV"),
        ("Convergence", f"{m.convergence_mrad:.3f} ± {m.convergence_std_mrad:.3f} mrad"),
        ("Angle", f"{m.mrad_per_pixel:.5g} ± {m.mrad_per_pixel_std:.1g} mrad per pixel"),
        (
            "Ellipticity",
            f"{100 * m.ellipticity:.2f} ± {100 * m.ellipticity_std:.2f} %, long axis at "
            f"{m.ellipticity_direction_deg:.0f} degrees",
        ),
    ]
    if m.rotation_deg is not None:
        rows.append(
            ("Crystal", f"turned by {m.rotation_deg:.2f} ± {m.rotation_std_deg:.2f} degrees")
        )
    return rows
