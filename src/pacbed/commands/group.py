"""How every command ends: errors and warnings as single lines on stderr."""

import errno
import warnings
from typing import Any, TextIO

import typer
from typer.core import TyperGroup

from pacbed.errors import PacbedError

#: Exit status where the input was at fault, as for a wrong option.
INPUT_ERROR = 2


class PacbedGroup(TyperGroup):
    """Group of commands that prints a :class:`PacbedError` as one line."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; the input's fault ends it with status 2 and no traceback."""
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            try:
                return super().invoke(ctx)
            except PacbedError as error:
                message = str(error)
            except OSError as error:
                # A closed pipe (pacbed ... | head) is no error of the input.
                if error.errno == errno.EPIPE:
                    raise
                place = f"{error.filename}: " if error.filename else ""
                message = f"{place}{error.strerror or error}"
        typer.echo(f"pacbed: error: {_one_line(message)}", err=True)
        raise typer.Exit(INPUT_ERROR)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    # Warnings of other libraries are about code, not about the user's input.
    if category is UserWarning:
        typer.echo(f"pacbed: warning: {_one_line(str(message))}", err=True)


def _one_line(text: str) -> str:
    return " ".join(text.split())
