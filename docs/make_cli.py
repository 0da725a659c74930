"""The page of the commands, docs/cli.md, from what ``--help`` shows.

python docs/make_cli.py           # writes the page
python docs/make_cli.py --check   # says whether it is as the commands are
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from made_page import write_or_check
from typer.main import get_command

from pacbed.cli import app

PAGE = Path(__file__).with_name("cli.md")
_HEAD = """# Commands

Made from what each command says with `--help`, by `python docs/make_cli.py`. A command that cannot
use its input says in one line what to change, and ends with status 2.
"""
_BOLD = re.compile(r"\[bold\](.+?)\[/bold\]", re.DOTALL)
#: Options that are named among words.
_OPTION = re.compile(r"(?<![\w`-])(--[a-z][a-z-]*[a-z])")


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(f"\n{part}\n" for part in _commands("pacbed", get_command(app)))


def _commands(name: str, command: Any) -> Iterator[str]:
    """What is said of a command, then of those that stand below it."""
    below = getattr(command, "commands", {})
    if name != "pacbed":
        yield f"{'#' * (name.count(' ') + 1)} {name}"
        yield "\n\n".join(_paragraphs(command.help or ""))
        yield from _parameters(command.params)
    for child, other in below.items():
        yield from _commands(f"{name} {child}", other)


def _paragraphs(help_text: str) -> Iterator[str]:
    """Paragraphs as Markdown; commands that stand alone become blocks of code."""
    for paragraph in help_text.split("\n\n"):
        alone = _BOLD.fullmatch(paragraph.strip())
        if alone:
            yield f"```text\n{_one_line(alone[1])}\n```"
        else:
            yield _words(paragraph)


def _parameters(parameters: list[Any]) -> Iterator[str]:
    """A table for each panel of options, arguments first."""
    panels: dict[str, list[str]] = {}
    for parameter in parameters:
        if "--help" in parameter.opts or parameter.hidden:
            continue
        argument = parameter.param_type_name == "argument"
        panel = "Arguments" if argument else parameter.rich_help_panel or "Options"
        panels.setdefault(panel, []).append(_row(parameter, argument))
    for panel, rows in panels.items():
        yield "\n".join([f"| {panel} | |", "|---|---|", *rows])


def _row(parameter: Any, argument: bool) -> str:
    spellings = [] if argument else [*parameter.opts, *parameter.secondary_opts]
    shown = parameter.metavar or (parameter.name.upper() if argument else _value(parameter))
    head = ", ".join(f"`{spelling}`" for spelling in sorted(spellings, key=len, reverse=True))
    words = _words(parameter.help or "")
    if parameter.required and not argument:
        words += " Required."
    default = parameter.default
    if isinstance(default, int | float | str) and not isinstance(default, bool):
        words += f" By default `{default}`."
    value = f"`{shown}`" if shown else ""
    return f"| {_cell(' '.join(filter(None, (head, value))))} | {_cell(words)} |"


def _words(text: str) -> str:
    """Words as Markdown: what is bold on the screen, and options, as code."""
    text = _one_line(text).replace("\\[", "[")
    parts = _BOLD.split(text)
    parts[::2] = [_OPTION.sub(r"`\1`", part) for part in parts[::2]]
    parts[1::2] = [f"`{part}`" for part in parts[1::2]]
    return "".join(parts)


def _value(parameter: Any) -> str:
    """What an option takes that names nothing of its own."""
    return "" if parameter.is_flag else parameter.name.upper()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    write_or_check(PAGE, page, __doc__.splitlines()[0])
