"""``pacbed systems``: the list, and the commands that change it."""

import typer

from pacbed.commands.options import DataOption, JsonOption
from pacbed.commands.systems.change import remove, rename
from pacbed.commands.systems.listed import systems

systems_group = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
systems_group.command()(remove)
systems_group.command()(rename)


@systems_group.callback(help=systems.__doc__)
def _list(context: typer.Context, as_json: JsonOption = False, data: DataOption = None) -> None:
    if context.invoked_subcommand is None:
        systems(as_json, data)
