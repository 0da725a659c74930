"""``pacbed systems remove`` and ``rename``: changes of a data folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.output import print_block
from pacbed.errors import BundleError, UnknownSystemError

if TYPE_CHECKING:
    from pacbed.library.register.rows import RegisterRow

IdArgument = Annotated[
    int, typer.Argument(help="Number of the system, as the list shows it.", metavar="ID", min=0)
]
NeededDataOption = Annotated[
    Path, typer.Option("--data", help="Data folder with Register.csv.", metavar="DIR")
]


def remove(
    id: IdArgument,
    data: NeededDataOption,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a system from a data folder: its row, crystal, patterns and models.

    Its number is not given again. Systems that come with the program cannot be removed.

    Example: [bold]pacbed systems remove 7 --data data[/bold]
    """
    from pacbed.library.changes.register_changes import remove_system

    row, folder = _find(data, id)
    size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
    words = f"{row.material or 'the system'} ({size / 1e6:.1f} MB in {folder})"
    if not yes and not typer.confirm(f"Remove system {id}, {words}?", err=True):
        typer.echo("Nothing was removed.", err=True)
        raise typer.Exit(1)
    remove_system(data, id)
    print_block(f"system {id} removed", [("Deleted", str(folder))])


def rename(
    id: IdArgument,
    name: Annotated[str, typer.Argument(help="New name: letters, digits, - and _.")],
    data: NeededDataOption,
) -> None:
    """Give a system of a data folder another name.

    Example: [bold]pacbed systems rename 7 gan-0001-300kV --data data[/bold]

    The number stays. A running service takes the new name with its next look at the folder.
    """
    from pacbed.library.changes.rename import rename_system

    _find(data, id)
    files = rename_system(data, id, name)
    print_block(f"system {id} is {name}", [("Changed", str(path)) for path in files])


def _find(data: Path, id: int) -> "tuple[RegisterRow, Path]":
    """Row and folder of a system of the data folder; those of the program are refused."""
    from pacbed.library.installed import shipped_systems
    from pacbed.library.register.rows import RegisterRow, read_register, system_folder

    if not data.is_dir():
        raise BundleError(f"{data}: is not a folder; give the data folder")
    row = next((row for row in read_register(data) if row.id == id), None)
    folder = system_folder(data, row if row is not None else RegisterRow(id))
    if row is None and not folder.is_dir():
        if any(system.id == id for system in shipped_systems()):
            raise UnknownSystemError(
                f"system {id} comes with the program and stays as it is; a system of the data "
                "folder with this number would be used in its place"
            )
        raise UnknownSystemError(f"{data}: has no system {id}; pacbed systems --data {data}")
    return row if row is not None else RegisterRow(id), folder
