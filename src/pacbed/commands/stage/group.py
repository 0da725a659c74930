"""``pacbed stage``: which way to turn the stage, from patterns at known angles."""

import typer

from pacbed.commands.stage.calibrate import add, calibrate, state

stage_group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Where to tilt: calibrate the stage's axes in the patterns of one camera length.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
stage_group.command()(calibrate)
stage_group.command()(add)
stage_group.command()(state)
