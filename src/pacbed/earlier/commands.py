"""What the command line gets from this package."""

import typer

from pacbed.earlier.convert import convert

EXAMPLES = """
    Models of the earlier system into bundles that need no extra:

        [bold]pacbed convert data[/bold]
"""


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(convert)
