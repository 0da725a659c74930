"""``pacbed calibrate``: error bars measured on frozen phonons of the system's crystal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.declared import declared
from pacbed.commands.options import DataOption, RecipeOption, SystemArgument
from pacbed.commands.output import print_block, print_table
from pacbed.commands.progress import progress_bar
from pacbed.commands.recipe_of import recipe_of
from pacbed.commands.select import choose_model

if TYPE_CHECKING:
    from pacbed.calibrate.coverage import Coverage, Report
    from pacbed.library.models.kinds import Model

#: Part of a model's folder in which finished runs are kept; the model needs none of it.
WORK = "calibration"


@declared
def calibrate(
    *,
    system: SystemArgument,
    minutes: Annotated[
        float, typer.Option(help="Time to spend; at least four runs are made.", metavar="MINUTES")
    ] = 10.0,
    recipe: RecipeOption = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", help="Where finished runs are kept; by default in the model's folder.",
            metavar="DIR",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the report, and leave the system as it is.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of everything.", min=0)] = 0,
    data: DataOption = None,
) -> None:  # fmt: skip
    """Measure a system's error bars on simulated patterns with frozen phonons.

    Patterns over the system's range are simulated by multislice of displaced atoms, recorded with
    1e5 to 1e7 electrons, and answered. The error bars are fitted to all runs; what each run says of
    those that the others give is printed. Finished runs are kept: stopped, the command goes on
    where it was, and with more minutes it adds to them.

    Example: [bold]pacbed calibrate gan-110-200kV --data data[/bold]
    """
    from pacbed.calibrate.calibrate import Effort
    from pacbed.calibrate.calibrate import calibrate as measure_errors
    from pacbed.library.models.bundle import write_calibration

    effort = Effort(minutes=minutes, seed=seed)
    model = choose_model(system, None, None, "0 0 1", data)
    crystal = recipe_of(model, recipe, data).crystal
    work = folder if folder is not None else model.folder / WORK
    with progress_bar(f"calibrating {model.system.name}") as bar:
        found = measure_errors(model, crystal, work, effort, bar.update)
    if not dry_run:
        write_calibration(model.folder, found.values)
    _print(model, found.report, found.runs, work, dry_run)


def _print(model: "Model", report: "Report", runs: int, work: Path, dry_run: bool) -> None:
    kept = "not written (--dry-run)" if dry_run else f"written into {model.folder}"
    print_block(
        f"{model.system.id} {model.system.name}",
        [
            ("Calibration", kept),
            ("Runs", f"{runs}, kept in {work}; below, each under the error bars of the others"),
            ("Thickness", f"off by {report.thickness_median_nm:.2f} nm (median), bias "
             f"{report.thickness_bias_nm:+.3f} nm"),
            ("Tilt", f"off by {report.tilt_median_mrad:.3f} mrad (median)"),
            ("Refused", f"{report.refused:.1f} % of these right patterns"),
        ],
    )  # fmt: skip
    header = ["interval", "electrons", "promised", "nominal", "held", "patterns"]
    rows = [_row(entry) for entry in report.coverage]
    print_table(header, rows, set(header[1:]))


def _row(entry: "Coverage") -> list[str]:
    unit = {"thickness": "nm", "tilt": "mrad"}[entry.quantity]
    return [
        entry.quantity,
        "all" if entry.dose is None else f"{entry.dose:.0e}",
        f"± {entry.promised:.2f} {unit}",
        f"{entry.nominal:.1f} %",
        f"{entry.realised:.1f} ± {entry.error:.1f} %",
        str(entry.patterns),
    ]
