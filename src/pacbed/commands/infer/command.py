"""``pacbed infer``: thickness and mistilt of measured patterns."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.declared import declared
from pacbed.commands.infer.answers import Asked, run
from pacbed.commands.infer.show import RANKING, ranking_rows, rows, to_dict
from pacbed.commands.options import (
    DataOption,
    HighTensionOption,
    JsonOption,
    MaterialOption,
    MicroscopeOption,
    NoRefineOption,
    PixelAspectOption,
    check_output,
    parse_frame,
)
from pacbed.commands.output import print_block, print_json, print_table
from pacbed.commands.own_crystal import OwnCrystalOptions, models_of, understand_all
from pacbed.commands.select import choose_model
from pacbed.errors import FileFormatError, UnknownSystemError
from pacbed.library.system import ANY

if TYPE_CHECKING:
    from pacbed.library.models.kinds import Model


@declared
def infer(
    *,
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Patterns: dm4, tif, npy, mrc, emd, h5, nxs, hspy, blo, mib, ser, prz, xml"
            " (EMPAD), zarr, png and others; docs/files.md lists them.",
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
    zone_axis: Annotated[
        str | None,
        typer.Option(
            help='Direction \\[uvw] along the beam, such as "1 1 0", or "1 1 -2 0" of a hexagonal'
            ' crystal; with --material "0 0 1" by default.',
            metavar="UVW",
        ),
    ] = None,
    convergence: Annotated[
        float | None,
        typer.Option(
            help="Convergence semi-angle; found from the pattern where neither this nor the file"
            " says it.",
            metavar="MRAD",
        ),
    ] = None,
    mrad_per_pixel: Annotated[
        float | None,
        typer.Option(help="Angle per pixel where it is known.", metavar="MRAD"),
    ] = None,
    frame: Annotated[
        str | None,
        typer.Option(
            help="Frame of a stack or scan, from 0; [bold]sum[/bold] adds all.", metavar="N|sum"
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Array or signal of a file that holds several (HDF5, emd, zarr, hspy).",
            metavar="NAME",
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            help="Pixels that say nothing, such as a detector's bad pixels: a file of the "
            "pattern's size that is not 0 there. Dead lines, gaps, saturation and a beam stop are "
            "found without it.",
            metavar="FILE",
        ),
    ] = None,
    microscope: MicroscopeOption = None,
    pixel_aspect: PixelAspectOption = None,
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
    own: OwnCrystalOptions,
) -> None:
    """Find thickness and mistilt of measured patterns.

    Of any crystal, from its structure file: [bold]pacbed infer pattern.dm4 --cif GaN.cif
    --zone-axis "1 1 -2 0" --high-tension 200[/bold]

    It says what it understood of the structure, simulates what the pattern needs (seconds to a
    minute, the next time nothing) and answers. A known --convergence makes it quicker.

    Which of several structures: [bold]pacbed infer pattern.dm4 --candidates phases/
    --zone-axis "0 0 1" --high-tension 200[/bold]

    Of an installed system: [bold]pacbed infer pattern.dm4 --system sto-001-200kV --convergence
    20[/bold]

    With the conditions in place of the system, and a picture to judge the answer by:
    [bold]pacbed infer a.tif b.tif --material "Strontium titanate" --high-tension 200
    --convergence 13.6 --report fit.png[/bold]

    Where the crystal is not known: [bold]pacbed infer pattern.dm4 --system any
    --convergence 20[/bold]
    """
    from pacbed.microscope.file import read_microscope

    reports = _report_paths(files, report)
    asked = Asked(
        convergence,
        mrad_per_pixel,
        parse_frame(frame),
        not no_refine,
        dataset,
        mask,
        None if microscope is None else read_microscope(microscope),
        pixel_aspect,
    )
    if own.asked:
        _check_one(own, system, material, no_refine)
        models = _own_models(files, own, zone_axis, high_tension, asked)
    else:
        own.check_unused()
        models = _installed(system, material, high_tension, zone_axis, no_refine, data)
    answers = []
    for answer in run(files, models, asked, reports):
        if as_json:
            answers.append(to_dict(answer))
        else:
            print_block(str(answer.measurement.path), rows(answer))
            if answer.ranking:
                print_table(RANKING, ranking_rows(answer), numbers=set(RANKING[2:]))
    if as_json:
        print_json(answers[0] if len(answers) == 1 else answers)


def _check_one(
    own: OwnCrystalOptions, system: str | None, material: str | None, no_refine: bool
) -> None:
    option = "--cif" if own.cif is not None else "--candidates"
    if system is not None or material is not None:
        raise UnknownSystemError(
            f"{option} says which crystal it is: leave out --system and --material."
        )
    if no_refine:
        raise UnknownSystemError(
            f"{option} answers by a fit, there are no networks: leave out --no-refine."
        )


def _own_models(
    files: list[Path],
    own: OwnCrystalOptions,
    zone_axis: str | None,
    high_tension: float | None,
    asked: Asked,
) -> "list[Model]":
    """Say what was understood of the structures, and simulate what is not kept."""
    from pacbed.readers import read_pattern

    known = asked.convergence_mrad
    if known is None and asked.microscope is not None and asked.microscope.is_at(high_tension):
        known = asked.microscope.convergence_mrad
    understood = understand_all(own, zone_axis, high_tension, known)
    # Read before anything is simulated, so that a wrong file shows, and for what they state.
    stated = [
        read_pattern(file, asked.frame, dataset=asked.dataset).metadata.convergence_mrad
        for file in files
    ]
    angles = [angle for angle in stated if angle is not None]
    alike = len(angles) == len(files) and max(angles) < 1.05 * min(angles)
    if known is None and alike:
        understood = understand_all(own, zone_axis, high_tension, angles[0])
    for one in understood:
        print_block(str(one.conditions.cif), one.rows(), err=True)
    return list(models_of(understood))


def _installed(
    system: str | None,
    material: str | None,
    high_tension: float | None,
    zone_axis: str | None,
    no_refine: bool,
    data: Path | None,
) -> "list[Model]":
    if system is None or system.strip().lower() != ANY:
        return [choose_model(system, material, high_tension, zone_axis or "0 0 1", data)]
    if material is not None or high_tension is not None or no_refine:
        raise UnknownSystemError(
            "--system any compares the fits of all systems: leave out --material, "
            "--high-tension and --no-refine."
        )
    return _all_models(data)


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
