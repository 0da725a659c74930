"""How every command ends: errors and warnings as single lines on stderr."""

import errno
import inspect
import re
import warnings
from typing import Any, TextIO

import typer
from typer.core import TyperGroup

from pacbed.errors import PacbedError

#: Exit status where the input was at fault, as for a wrong option.
INPUT_ERROR = 2


class PacbedGroup(TyperGroup):
    """Group of commands that prints a :class:`PacbedError` as one line."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command, whose help is as wide as the terminal and not as its source."""
        command = super().get_command(ctx, cmd_name)
        for one in [command, *getattr(command, "commands", {}).values()]:
            if one is not None and one.help:
                one.help = flowing(one.help)
        return command

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


def flowing(text: str) -> str:
    """Paragraphs without the line breaks of a docstring; examples stand by themselves."""
    parts = (_flowing_paragraph(part) for part in inspect.cleandoc(text).split("\n\n"))
    return "\n\n".join(parts)


def _flowing_paragraph(text: str) -> str:
    if text.startswith((" ", "\b")):
        return text
    line = " ".join(text.split("\n"))
    # What stands behind the last colon, as it is typed.
    return re.sub(r": ((?:\[bold\])?pacbed [^:]*)$", r":\n\n    \1", line)


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
