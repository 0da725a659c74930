"""``pacbed crystals``: the structures that come with the program."""

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.options import JsonOption
from pacbed.commands.output import print_block, print_json, print_table
from pacbed.errors import CrystalError

if TYPE_CHECKING:
    from pacbed.crystal.known.entry import KnownCrystal

_HEADER = ["name", "formula", "crystal", "space group", "zone axes", "B"]


def crystals(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="What to look for: an element, a formula, or part of a name; all words must fit.",
            metavar="WORD",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the crystals that need no structure file: their names stand wherever a CIF can.

    Example: [bold]pacbed crystals nitride[/bold]

    What holds gallium and oxygen: [bold]pacbed crystals Ga O[/bold]

    One that is found alone is shown with its cell, sites and sources. B says whether the
    Debye-Waller factors have a source or are estimates: look those up, and give --b.

    Then: [bold]pacbed add GaN --zone-axis "1 1 -2 0" --high-tension 200[/bold]
    """
    from pacbed.crystal.known.catalogue import search

    given = words or []
    found = search(given)
    if as_json:
        print_json([dataclasses.asdict(one) for one in found])
        return
    if not found:
        raise CrystalError(
            f"no known crystal fits {' '.join(given)}: leave a word out, or give a CIF of your own"
        )
    rows = [
        [
            one.name,
            one.formula,
            one.title,
            one.space_group,
            ", ".join(f"[{axis.axis}]" for axis in one.zone_axes[:3]),
            "estimated" if one.b_estimated else "source",
        ]
        for one in found
    ]
    print_table(_HEADER, rows, numbers=set())
    if len(found) == 1:
        print_block(found[0].name, _details(found[0]))


def _details(crystal: "KnownCrystal") -> list[tuple[str, str]]:
    """All that is said of a crystal, as lines of label and value."""
    return [
        ("Also", ", ".join(crystal.also) or "-"),
        ("Cell", ", ".join(f"{value:g}" for value in crystal.cell) + " (Å, °)"),
        *(
            (
                "Sites" if number == 0 else "",
                f"{site.element} {' '.join(f'{x:.4f}' for x in site.position)}, B {site.b_iso:g} Å²"
                + (f", filled {site.occupancy:g}" if site.occupancy < 1 else ""),
            )
            for number, site in enumerate(crystal.sites)
        ),
        *(
            ("Axes" if number == 0 else "", f"[{axis.axis}] {axis.known_as}".rstrip())
            for number, axis in enumerate(crystal.zone_axes)
        ),
        ("Source", crystal.source),
        ("B source", crystal.b_source),
    ]
