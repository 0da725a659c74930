"""What commands print: JSON, tables and progress."""

import dataclasses
import json
import math
from typing import Any

import typer


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


def print_block(title: str, rows: list[tuple[str, str]], err: bool = False) -> None:
    """Print a title and, below it, lines of label and value.

    Parameters
    ----------
    title : str
    rows : list of tuple of str
        A line without a label continues the one above.
    err : bool
        On stderr, where the standard output is for the answer alone.
    """
    width = max(len(label) for label, _ in rows)
    typer.secho(title, bold=True, err=err)
    for label, value in rows:
        # One letter is a symbol, such as B.
        shown = label if len(label) == 1 else label.lower()
        typer.echo(f"  {shown:<{width}}  {value}", err=err)


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
