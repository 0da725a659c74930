"""Options that several commands share, with the same words everywhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.errors import FileFormatError, OutOfRangeError

if TYPE_CHECKING:
    from pacbed.readers import Frame

SystemOption = Annotated[
    str | None,
    typer.Option("--system", "-s", help="ID or name of the system, as [bold]pacbed systems[/bold]"
                 " lists it.", metavar="ID|NAME"),
]  # fmt: skip
MaterialOption = Annotated[
    str | None,
    typer.Option("--material", help="Material, with --high-tension in place of --system."),
]
HighTensionOption = Annotated[
    float | None, typer.Option("--high-tension", help="Accelerating voltage in kV.", metavar="KV")
]
ZoneAxisOption = Annotated[
    str, typer.Option("--zone-axis", help='Direction \\[uvw] along the beam, such as "0 0 1".')
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Data folder with Register.csv, searched before the systems that come with the"
        " program. By default ./data, or the folder in PACBED_DATA.",
        metavar="DIR",
    ),
]
TiltXOption = Annotated[
    float,
    typer.Option("--tilt-x", help="Zone axis right of the disk's centre.", metavar="MRAD"),
]
TiltYOption = Annotated[
    float, typer.Option("--tilt-y", help="Zone axis below the disk's centre.", metavar="MRAD")
]
SystemArgument = Annotated[
    str,
    typer.Argument(help="ID or name of the system, as pacbed systems lists it.", metavar="SYSTEM"),
]
RecipeOption = Annotated[
    Path | None,
    typer.Option(
        "--recipe",
        help="Recipe of the system, for the crystal, where the data folder has none.",
        metavar="TOML",
    ),
]
RecipeArgument = Annotated[
    Path, typer.Argument(help="Recipe of the system (TOML).", metavar="RECIPE")
]
MicroscopeOption = Annotated[
    Path | None,
    typer.Option(
        "--microscope",
        help="What [bold]pacbed calibrate-microscope[/bold] wrote: angle per pixel, ellipticity and"
        " convergence angle, which go before what the file says and after what is stated here.",
        metavar="TOML",
    ),
]
PixelAspectOption = Annotated[
    float | None,
    typer.Option(
        "--pixel-aspect",
        help="Angle per row over angle per column, where pixels are not square: 2 where two rows"
        " were binned. By default as the file says, or as the bright disk shows.",
        metavar="RATIO",
    ),
]
DatasetOption = Annotated[
    str | None,
    typer.Option(
        help="Array or signal of a file that holds several (HDF5, emd, zarr, hspy).",
        metavar="NAME",
    ),
]
NoRefineOption = Annotated[
    bool,
    typer.Option(
        "--no-refine",
        help="The networks alone, without the fit: quicker, and a pattern of another crystal is"
        " not refused.",
    ),
]
#: Words of ``--b``, which some commands show in a panel of their own.
B_HELP = (
    "Debye-Waller factor B of an element in Å², such as Si=0.46; goes before that of the CIF. May "
    "be given several times."
)
B_METAVAR = "ELEMENT=B"
BIsoOption = Annotated[list[str] | None, typer.Option("--b", help=B_HELP, metavar=B_METAVAR)]
ShortNameOption = Annotated[
    str | None, typer.Option(help="Short name; by default formula, zone axis and voltage.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def check_output(path: Path, endings: tuple[str, ...]) -> None:
    """Refuse a file that could not be written later, before anything is computed.

    Raises
    ------
    FileFormatError
        If the name has another ending, or the folder is missing.
    """
    if path.suffix.lower() not in endings:
        raise FileFormatError(f"{path}: end the name in {' or '.join(endings)}.")
    if path.is_dir():
        raise FileFormatError(f"{path}: this is a folder: give a file to write.")
    if not path.parent.is_dir():
        raise FileFormatError(f"{path}: there is no folder {path.parent}: make it first.")


def parse_frame(text: str | None) -> "Frame":
    """A number of a frame, or the sum of all.

    Raises
    ------
    OutOfRangeError
        If it is neither.
    """
    if text is None or text == "sum":
        return text  # type: ignore[return-value]
    if not text.isdecimal():
        raise OutOfRangeError(f'--frame "{text}": give a number from 0 on, or sum.')
    return int(text)


def parse_numbers(text: str, option: str) -> tuple[float, ...]:
    """Read numbers separated by commas, such as ``10,20,40``.

    Raises
    ------
    OutOfRangeError
        If an entry is not a number.
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise OutOfRangeError(
            f'{option} "{text}" is not a list of numbers: write it like 10,20,40.'
        ) from None
