"""What commands print: JSON, tables and progress."""

import dataclasses
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


def print_json(value: Any) -> None:
    """Print a value as JSON; numbers that JSON lacks (NaN, infinite) become null."""
    typer.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_block(title: str, rows: list[tuple[str, str]]) -> None:
    """Print a title and, below it, lines of label and value.

    Parameters
    ----------
    title : str
    rows : list of tuple of str
        A line without a label continues the one above.
    """
    width = max(len(label) for label, _ in rows)
    typer.secho(title, bold=True)
    for label, value in rows:
        typer.echo(f"  {label.lower():<{width}}  {value}")


def print_table(header: list[str], rows: list[list[str]], numbers: set[str]) -> None:
    """Print a table with the columns in ``numbers`` aligned to the right.

    Plain text, so that it neither wraps nor loses columns where the output is a
    file or a narrow window.
    """
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for index, row in enumerate([header, *rows]):
        cells = [
            cell.rjust(width) if name in numbers else cell.ljust(width)
            for cell, width, name in zip(row, widths, header, strict=True)
        ]
        typer.secho("  ".join(cells).rstrip(), bold=index == 0)


@contextmanager
def progress_bar(words: str, total: float = 1.0) -> Iterator["Bar"]:
    """Show the progress of a long step on stderr, where that is a terminal.

    Parameters
    ----------
    words : str
        What is being done.
    total : float
        Value of :meth:`Bar.update` at which the step is finished.
    """
    # On stderr, so that the standard output holds the answer alone; and gone when done, so
    # that an error stands alone as well.
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        yield Bar(progress, progress.add_task(words, total=total))


class Bar:
    """One line of progress."""

    def __init__(self, progress: Progress, task: Any) -> None:
        self._progress = progress
        self._task = task

    def update(self, done: float, words: str | None = None) -> None:
        """Set how much is done, and optionally say what comes next."""
        self._progress.update(self._task, completed=done)
        if words is not None:
            self._progress.update(self._task, description=words)
