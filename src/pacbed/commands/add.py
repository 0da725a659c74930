"""``pacbed add``: a crystal becomes a system that answers everywhere, without a training."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from pacbed.commands.declared import declared
from pacbed.commands.options import BIsoOption, DataOption, ShortNameOption
from pacbed.commands.output import print_block
from pacbed.commands.own_crystal import parse_factors
from pacbed.commands.progress import progress_bar
from pacbed.errors import OutOfRangeError


@dataclass(frozen=True)
class AddOptions:
    """How the crystal is seen, and what answers shall cover; each field is an option."""

    zone_axis: Annotated[
        str,
        typer.Option(
            help='Direction \\[uvw] along the beam, such as "1 1 0"; of a hexagonal crystal also'
            ' four numbers, such as "1 1 -2 0".',
            metavar="UVW",
        ),
    ]
    high_tension: Annotated[float, typer.Option(help="Accelerating voltage in kV.", metavar="KV")]
    convergence_min: Annotated[
        float, typer.Option(help="Smallest convergence semi-angle to cover.", metavar="MRAD")
    ] = 8.0
    convergence_max: Annotated[
        float, typer.Option(help="Largest convergence semi-angle to cover.", metavar="MRAD")
    ] = 30.0
    thickness_max: Annotated[
        float, typer.Option(help="Largest thickness to cover.", metavar="NM")
    ] = 100.0
    mistilt_max: Annotated[
        float, typer.Option(help="Largest mistilt to cover.", metavar="MRAD")
    ] = 8.0
    b_iso: BIsoOption = None
    name: ShortNameOption = None
    data: DataOption = None


@declared
def add(
    *,
    cif: Annotated[
        Path,
        typer.Argument(
            help="Crystal structure: a CIF, or the name of a known crystal such as GaN;"
            " [bold]pacbed crystals[/bold] lists them.",
            metavar="CIF|NAME",
        ),
    ],
    options: AddOptions,
) -> None:
    """Register a crystal as a system that answers at once, without networks.

    Example: [bold]pacbed add GaN --zone-axis "1 1 -2 0" --high-tension 200[/bold]

    Of a structure of your own: [bold]pacbed add mine.cif --zone-axis "1 1 0" --high-tension
    200[/bold]

    It says what it understood of the structure, simulates the table of its patterns (a minute)
    and registers the system in ./data, or --data DIR, which is made if it is missing. From then
    on [bold]pacbed infer[/bold] (with --system any too), the service and the plugins know it.

    Networks can be trained later, which makes answers quicker; they take the table that is
    there: [bold]pacbed train NAME --data data --background[/bold]
    """
    from pacbed.crystal.known.catalogue import structure_words
    from pacbed.own_crystal.add_system import add_system
    from pacbed.own_crystal.conditions import crystal_conditions
    from pacbed.own_crystal.understood import understand

    asked = crystal_conditions(
        cif,
        options.zone_axis,
        options.high_tension,
        (options.convergence_min, options.convergence_max),
        options.thickness_max,
        options.mistilt_max,
        parse_factors(options.b_iso or []),
    )
    understood = understand(asked)
    data = _data_folder(options.data)
    print_block(structure_words(asked.cif), understood.rows(), err=True)
    with progress_bar(f"simulating {options.name or understood.default_name}") as bar:
        added = add_system(data, understood, options.name, bar.update)
    system = added.system
    size = sum(file.stat().st_size for file in added.folder.iterdir() if file.is_file())
    print_block(
        f"{system.id} {system.name}",
        [
            ("Model", f"{added.folder} ({size / 1e6:.1f} MB)"),
            ("Register", "new row" if added.new else "registered already"),
            ("Covers", _covered(options)),
        ],
    )


def _covered(options: AddOptions) -> str:
    return (
        f"{options.convergence_min:g} to {options.convergence_max:g} mrad convergence, to "
        f"{options.thickness_max:g} nm and {options.mistilt_max:g} mrad of mistilt"
    )


def _data_folder(given: Path | None) -> Path:
    """The data folder as other commands find it, which may still be missing."""
    data = given if given is not None else Path(os.environ.get("PACBED_DATA") or "data")
    if data.exists() and not data.is_dir():
        raise OutOfRangeError(f"{data}: this is a file: give the data folder with --data DIR.")
    return data
