"""``pacbed infer``: thickness and mistilt of measured patterns."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pacbed.commands.declared import declared
from pacbed.commands.infer.answers import run
from pacbed.commands.infer.conditions import ConditionOptions
from pacbed.commands.infer.export import ExportOptions
from pacbed.commands.infer.paper import PaperOptions
from pacbed.commands.infer.show import RANKING, print_budget, ranking_rows, rows, to_dict
from pacbed.commands.infer.tilting import AlphaOption, StageOption, stage_of
from pacbed.commands.options import JsonOption, check_output
from pacbed.commands.output import print_block, print_json, print_table
from pacbed.commands.own_crystal import OwnCrystalOptions
from pacbed.errors import FileFormatError
from pacbed.library.examples import or_shipped


@declared
def infer(
    *,
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Patterns: dm4, tif, npy, mrc, emd, h5, nxs, hspy, blo, mib, ser, prz, xml"
            " (EMPAD), zarr, png and others; docs/files.md lists them. examples/NAME, where there"
            " is no such file, is an example that comes with the program.",
            metavar="FILE",
        ),
    ],
    conditions: ConditionOptions,
    stage: StageOption = None,
    alpha: AlphaOption = None,
    as_json: JsonOption = False,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Validation picture to write; with several files, the name of each is inserted.",
            metavar="PNG",
        ),
    ] = None,
    budget: Annotated[
        bool,
        typer.Option(
            "--budget",
            help="What the error is made of, in a table. Of a crystal from its structure file it"
            " is measured once, which takes as long as its simulation; of a system [bold]pacbed"
            " budget[/bold] does.",
        ),
    ] = False,
    spread: Annotated[
        bool,
        typer.Option(
            "--spread",
            help="How far thickness and tilt spread within the recorded area, as a bent or stepped"
            " specimen has it: fitted beside the answer of one slab, some seconds more.",
        ),
    ] = False,
    own: OwnCrystalOptions,
    paper: PaperOptions,
    export: ExportOptions,
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

    Where to tilt, with what [bold]pacbed stage calibrate[/bold] wrote: [bold]pacbed infer
    pattern.dm4 --system sto-001-200kV --stage stage.toml[/bold]

    Where the crystal is not known: [bold]pacbed infer pattern.dm4 --system any
    --convergence 20[/bold]

    For a paper: [bold]pacbed infer pattern.dm4 --system 2 --figure fig.pdf --figure-font Arial
    --methods methods.txt[/bold]

    What the error is made of: [bold]pacbed infer pattern.dm4 --system 2 --budget[/bold]

    Whether the specimen is bent or stepped: [bold]pacbed infer pattern.dm4 --system 2
    --spread[/bold]

    Start values for ptychography: [bold]pacbed infer pattern.dm4 --system 2 --export ptyrad[/bold]
    """
    files = [or_shipped(file) for file in files]
    reports = _report_paths(files, report)
    paper.check()
    export.check()
    stages = stage_of(stage, alpha)
    asked = replace(conditions.asked, spread=spread)
    models = conditions.models(asked, own, files, budget)
    answers, given = [], []
    for answer in run(files, models, asked, reports):
        given.append(answer)
        if as_json:
            answers.append(to_dict(answer, stages))
        else:
            print_block(str(answer.measurement.path), rows(answer, stages))
            if budget:
                print_budget(answer)
            if answer.ranking:
                print_table(RANKING, ranking_rows(answer), numbers=set(RANKING[2:]))
    if as_json:
        print_json(answers[0] if len(answers) == 1 else answers)
    paper.write(given)
    export.write(given)


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
