"""``pacbed cache``: the tables of crystals that are kept for the next time."""

import datetime
import re
from typing import Annotated

import typer

from pacbed.commands.options import JsonOption
from pacbed.commands.output import print_block, print_json, print_table
from pacbed.errors import OutOfRangeError

_HEADER = ["crystal", "convergence/mrad", "thickness/nm", "mistilt/mrad", "MB", "last used"]
_SECONDS = {"h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}

cache_group = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cache_group.callback()
def listed(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the tables that were simulated from structure files, the last used first.

    They lie in the user's cache folder, or in the one that PACBED_CACHE names, and are made
    again where they are missing. Beyond 2 GB (PACBED_CACHE_MB names another number of MB) those
    go that were not used for the longest time.

    Example: [bold]pacbed cache[/bold]
    """
    if context.invoked_subcommand is not None:
        return
    from pacbed.own_crystal.table_cache import TableCache

    cache = TableCache()
    entries = cache.entries()
    if as_json:
        print_json(
            {
                "folder": str(cache.folder),
                "bytes": sum(entry.size for entry in entries),
                "tables": [
                    {
                        "folder": entry.folder.name,
                        "system": entry.system,
                        "bytes": entry.size,
                        "used": _when(entry.used),
                    }
                    for entry in entries
                ],
            }
        )
        return
    rows = []
    for entry in entries:
        system, size = entry.system, f"{entry.size / 1e6:.1f}"
        if system is None:
            rows.append(["damaged", "", "", "", size, _when(entry.used)])
            continue
        low, high = system.convergence_mrad
        thickness, mistilt = system.thickness_nm[1], system.mistilt_mrad[1]
        ranges = [f"{low:g}-{high:g}", f"to {thickness:g}", f"to {mistilt:g}"]
        rows.append([system.name, *ranges, size, _when(entry.used)])
    if rows:
        print_table(_HEADER, rows, numbers=set(_HEADER[1:-1]))
    print_block(str(cache.folder), _size_rows(len(entries), sum(entry.size for entry in entries)))


@cache_group.command()
def size() -> None:
    """Print how many tables there are, and their size.

    Example: [bold]pacbed cache size[/bold]
    """
    from pacbed.own_crystal.table_cache import TableCache

    cache = TableCache()
    entries = cache.entries()
    print_block(str(cache.folder), _size_rows(len(entries), sum(entry.size for entry in entries)))


@cache_group.command()
def clear(
    older_than: Annotated[
        str | None,
        typer.Option(
            help="Keep what was used since: 12h (hours), 30d (days) or 4w (weeks).", metavar="AGE"
        ),
    ] = None,
) -> None:
    """Delete the tables; those that another process is using stay.

    Example: [bold]pacbed cache clear --older-than 30d[/bold]
    """
    from pacbed.own_crystal.table_cache import TableCache

    seconds = 0.0 if older_than is None else _age(older_than)
    cache = TableCache()
    count, freed = cache.clear(seconds)
    print_block(str(cache.folder), [("Deleted", f"{count} tables, {freed / 1e6:.1f} MB")])


def _size_rows(count: int, size: int) -> list[tuple[str, str]]:
    from pacbed.own_crystal.cache_folder import cache_limit_bytes

    return [
        ("Tables", str(count)),
        ("Size", f"{size / 1e6:.1f} MB of at most {cache_limit_bytes() / 1e6:.0f}"),
    ]


def _age(text: str) -> float:
    found = re.fullmatch(r"(\d{1,5})\s*([hdw])", text.strip())
    if found is None:
        raise OutOfRangeError(f'--older-than "{text}" is no age: write it like 12h, 30d or 4w.')
    return int(found[1]) * _SECONDS[found[2]]


def _when(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
