"""``pacbed stage calibrate``, ``add`` and ``state``: the file that says where to tilt."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.declared import declared
from pacbed.commands.infer.conditions import ConditionOptions
from pacbed.commands.options import JsonOption, check_output
from pacbed.commands.output import print_block, print_json, print_table
from pacbed.commands.own_crystal import OwnCrystalOptions
from pacbed.errors import OutOfRangeError

if TYPE_CHECKING:
    from pacbed.stage import StageCalibration, StagePattern

FilesArgument = Annotated[
    list[Path],
    typer.Argument(help="Patterns of one grain and camera length.", metavar="FILE"),
]
AtOption = Annotated[
    list[str],
    typer.Option(
        "--at",
        help='Angles α and β of the stage, such as "0.5 0" or "-1.2,0.3"; once for each pattern, in'
        " their order.",
        metavar="ALPHA BETA",
    ),
]
GrainOption = Annotated[
    str,
    typer.Option(
        help="Name of the grain: patterns of other grains than the first ones help too.",
    ),
]
MirroredOption = Annotated[
    bool | None,
    typer.Option(
        "--mirrored/--not-mirrored",
        help="The hand, where an earlier calibration of this microscope and camera tells it: then"
        " two patterns are enough.",
    ),
]
OutputOption = Annotated[
    Path, typer.Option("--output", "-o", help="File to write.", metavar="TOML")
]
NameOption = Annotated[
    str, typer.Option(help='Microscope and camera length, such as "ARM200F, 8 cm".')
]
_HEADER = ["pattern", "alpha/degrees", "beta/degrees", "x/mrad", "y/mrad", "error/mrad"]


@declared
def calibrate(
    *,
    files: FilesArgument,
    at: AtOption,
    output: OutputOption,
    name: NameOption = "",
    mirrored: MirroredOption = None,
    grain: GrainOption = "",
    conditions: ConditionOptions,
    as_json: JsonOption = False,
    own: OwnCrystalOptions,
) -> None:
    """Find where the stage's axes lie in the pattern, from patterns at known angles.

    Take a pattern, tilt α and β by half a degree to one degree each, by as much as each other,
    and take another: [bold]pacbed stage calibrate a.dm4 b.dm4 --at "0 0" --at "0.7 0.7"
    --system sto-001-200kV -o stage.toml[/bold]

    Then every answer says where to tilt: [bold]pacbed infer c.dm4 --system sto-001-200kV
    --stage stage.toml[/bold]
    """
    from pacbed.stage import calibrate_stage

    check_output(output, (".toml",))
    found = calibrate_stage(_patterns(files, at, grain, conditions, own), name, mirrored)
    _finish(output, found, as_json, guided=True)


@declared
def add(
    *,
    files: FilesArgument,
    at: AtOption,
    stage: Annotated[
        Path,
        typer.Option(
            help="What [bold]pacbed stage calibrate[/bold] wrote, to improve.", metavar="TOML"
        ),
    ],
    grain: GrainOption = "",
    conditions: ConditionOptions,
    as_json: JsonOption = False,
    own: OwnCrystalOptions,
) -> None:
    """Improve a calibration by patterns that were taken after a move.

    Example: [bold]pacbed stage add d.dm4 --at "0.62 0.45" --stage stage.toml
    --system sto-001-200kV[/bold]
    """
    from pacbed.stage import calibrate_stage, read_stage

    before = read_stage(stage)
    more = _patterns(files, at, grain, conditions, own)
    found = calibrate_stage((*before.patterns, *more), before.name, before.mirrored)
    _finish(stage, found, as_json, guided=True)


def state(
    alpha_direction: Annotated[
        float,
        typer.Option(
            help="Where +α moves the zone axis in the pattern: the angle from +x (columns) towards"
            " +y (rows, downwards).",
            metavar="DEG",
        ),
    ],
    beta_direction: Annotated[
        float, typer.Option(help="Where +β moves it, some 90° away.", metavar="DEG")
    ],
    output: OutputOption,
    std: Annotated[
        float,
        typer.Option(help="How well the directions are known.", metavar="DEG", min=0.1, max=30),
    ] = 3.0,
    name: NameOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write a calibration from what is known: one rotation and two signs.

    Example: [bold]pacbed stage state --alpha-direction 37 --beta-direction -53 -o
    stage.toml[/bold]
    """
    from pacbed.stage import calibrate_stage, stated_patterns

    check_output(output, (".toml",))
    found = calibrate_stage(stated_patterns(alpha_direction, beta_direction, std), name)
    _finish(output, found, as_json, guided=False)


def _patterns(
    files: list[Path],
    at: list[str],
    grain: str,
    conditions: ConditionOptions,
    own: OwnCrystalOptions,
) -> "list[StagePattern]":
    """Where the zone axis is in each pattern; nothing is asked before the angles are understood.

    Raises
    ------
    OutOfRangeError
        If there are other angles than patterns, or an answer cannot be used.
    """
    from pacbed.commands.infer.answers import Asking
    from pacbed.stage import StagePattern

    if len(at) != len(files):
        raise OutOfRangeError(
            f'{len(files)} patterns and {len(at)} pairs of angles: give --at "ALPHA BETA" once for '
            "each pattern, in their order."
        )
    angles = [_angles(text) for text in at]
    asked = conditions.asked
    asking = Asking(conditions.models(asked, own, files), asked)
    patterns = []
    for file, (alpha, beta) in zip(files, angles, strict=True):
        found = asking.answer(file).estimate
        x, y, std = found.tilt_x_mrad, found.tilt_y_mrad, found.tilt_std_mrad
        if found.status in ("mismatch", "out_of_range") or x is None or y is None or std is None:
            why = "has no direction" if x is None else f"is {found.status.replace('_', ' ')}"
            raise OutOfRangeError(f"{file}: its answer {why}: leave it out, or see pacbed infer.")
        patterns.append(StagePattern(alpha, beta, x, y, std, file.name, grain))
    return patterns


def _angles(text: str) -> tuple[float, float]:
    try:
        alpha, beta = (float(part) for part in re.split(r"[\s,;]+", text.strip()))
    except ValueError:
        raise OutOfRangeError(
            f'--at "{text}": give α and β in degrees, such as "0.5 -0.2".'
        ) from None
    return alpha, beta


def _finish(output: Path, found: "StageCalibration", as_json: bool, guided: bool) -> None:
    """Write the file, and say what it says."""
    from pacbed.files import write_atomically
    from pacbed.stage import guide, stage_text
    from pacbed.stage.file import summary_rows

    write_atomically(output, stage_text(found).encode())
    last = found.patterns[-1]
    said = guide(found, last.tilt_x_mrad, last.tilt_y_mrad, last.tilt_std_mrad, last.alpha_deg)
    if as_json:
        values = {"output": str(output), "decided": found.decided, **vars(found)}
        if guided:
            values["guidance"] = vars(said)
        print_json(values)
        return
    if guided:
        cells = [
            [p.file, f"{p.alpha_deg:.2f}", f"{p.beta_deg:.2f}", f"{p.tilt_x_mrad:+.2f}",
             f"{p.tilt_y_mrad:+.2f}", f"{p.tilt_std_mrad:.2f}"]
            for p in found.patterns
        ]  # fmt: skip
        print_table(_HEADER, cells, numbers=set(_HEADER[1:]))
    rows = summary_rows(found)
    if guided:
        rows.append(("Now", said.words))
    print_block(str(output), rows)
