"""``pacbed pack`` and ``pacbed unpack``: a system as one file to send."""

import os
from pathlib import Path
from typing import Annotated

import typer

from pacbed.commands.output import print_block
from pacbed.commands.progress import progress_bar
from pacbed.commands.select import choose_model
from pacbed.errors import FileFormatError, OutOfRangeError

_ENDING = ".pacbed.zip"
_DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Data folder; by default ./data, or that in PACBED_DATA.", metavar="DIR"
    ),
]


def pack(
    system: Annotated[
        str, typer.Argument(help="ID or name, as [bold]pacbed systems[/bold] lists it.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help=f"File to write; by default NAME{_ENDING}.", metavar="FILE"
        ),
    ] = None,
    author: Annotated[
        list[str] | None,
        typer.Option(help="Who made it; may be given several times.", metavar="NAME"),
    ] = None,
    licence: Annotated[
        str, typer.Option(help="Under which licence, as SPDX names it.", metavar="SPDX")
    ] = "",
    doi: Annotated[
        str, typer.Option(help="DOI of the file, or of what to cite.", metavar="DOI")
    ] = "",
    description: Annotated[
        str, typer.Option(help="One sentence that says what it is.", metavar="TEXT")
    ] = "",
    data: _DataOption = None,
) -> None:
    """Pack a system into one file to send or deposit.

    Example: [bold]pacbed pack gan-110-200kV --author "A. Person" --licence CC-BY-4.0[/bold]

    The file holds the model, the structure and recipe where it has them, a test pattern with its
    answer, and a card, system.json, with the SHA-256 of every file. Patterns that a training read,
    and the table beside a model that already has it, stay behind.
    """
    from pacbed.files import write_atomically
    from pacbed.share.card import About
    from pacbed.share.pack import pack_system

    try:
        about = About(tuple(author or ()), licence, doi, description)
    except ValueError as error:
        raise OutOfRangeError(f"{error}.") from error
    model = choose_model(system, None, None, "0 0 1", data)
    path = output if output is not None else Path(f"{model.system.name}{_ENDING}")
    if path.is_dir() or not path.parent.is_dir():
        raise FileFormatError(f"{path}: give a file to write, in a folder that is there.")
    with progress_bar(f"packing {model.system.name}") as bar:
        packed = pack_system(model, about, bar.update)
    write_atomically(path, packed.content)
    print_block(
        str(path),
        [
            ("Size", f"{len(packed.content) / 1e6:.1f} MB, {len(packed.names)} files"),
            ("Test", "a pattern and its answer" if packed.has_test else "none, it has no table"),
            ("Licence", licence or "not said; --licence says it"),
        ],
    )


def unpack(
    file: Annotated[
        Path, typer.Argument(help="What [bold]pacbed pack[/bold] wrote.", metavar="FILE")
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the system, in place of the packed one.")
    ] = None,
    no_test: Annotated[
        bool, typer.Option("--no-test", help="Do not ask for the test pattern.")
    ] = False,
    data: _DataOption = None,
) -> None:
    """Check a system that somebody sent, and register it.

    Example: [bold]pacbed unpack gan-110-200kV.pacbed.zip[/bold]

    Every file must have the SHA-256 that the card says, and the test pattern the answer that the
    sender's program gave; otherwise nothing is kept. Nothing in the file is run: it holds tables,
    networks and numbers. Whom it is from is what the card says, and is not proved.
    """
    from pacbed.share.unpack import unpack_system

    folder = data if data is not None else Path(os.environ.get("PACBED_DATA") or "data")
    if folder.exists() and not folder.is_dir():
        raise OutOfRangeError(f"{folder}: this is a file: give the data folder with --data DIR.")
    with progress_bar(f"unpacking {file.name}") as bar:
        made = unpack_system(file, folder, name, not no_test, bar.update)
    about = made.card.about
    tested = made.card.has_test and not no_test
    print_block(
        f"{made.system.id} {made.system.name}",
        [
            ("What", about.description),
            ("From", ", ".join(about.authors) or "nobody is named"),
            ("Licence", about.licence or "not said: ask before you pass it on"),
            ("DOI", about.doi or "-"),
            ("Model", str(made.folder)),
            ("Register", "new row" if made.new else "registered already"),
            ("Test", "answered as at the sender's" if tested else "not asked"),
        ],
    )
