"""Crystals that commands are given as structure files: their options, and their models."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.options import B_HELP, B_METAVAR
from pacbed.commands.progress import progress_bar
from pacbed.errors import CrystalError, FileFormatError, OutOfRangeError, RecipeError

if TYPE_CHECKING:
    from pacbed.library.models.table_model import TableModel
    from pacbed.own_crystal.understood import Understood

_PANEL = "Crystal from its structure file"
#: More structures are no candidates but a search through a database.
_MOST_CANDIDATES = 50
_LONGEST_LIST = 100_000


@dataclass(frozen=True)
class OwnCrystalOptions:
    """Which crystal a pattern is of, and how far answers reach; each field is an option."""

    cif: Annotated[
        Path | None,
        typer.Option(
            "--cif",
            help="Crystal structure, or the name of a known crystal ([bold]pacbed crystals[/bold]),"
            " with --zone-axis and --high-tension in place of --system. What the pattern needs is"
            " simulated, and kept for the next time.",
            metavar="CIF|NAME",
            rich_help_panel=_PANEL,
        ),
    ] = None
    candidates: Annotated[
        str | None,
        typer.Option(
            help="Several structures, whose answers are ranked: a folder of CIFs, names separated"
            " by commas (of known crystals too), or a text file with one on each line.",
            metavar="DIR|LIST",
            rich_help_panel=_PANEL,
        ),
    ] = None
    thickness_max: Annotated[
        float | None,
        typer.Option(
            help="Largest thickness to consider; 100 by default.",
            metavar="NM",
            rich_help_panel=_PANEL,
        ),
    ] = None
    mistilt_max: Annotated[
        float | None,
        typer.Option(
            help="Largest mistilt to consider; 8 by default.",
            metavar="MRAD",
            rich_help_panel=_PANEL,
        ),
    ] = None
    b_iso: Annotated[
        list[str] | None,
        typer.Option("--b", help=B_HELP, metavar=B_METAVAR, rich_help_panel=_PANEL),
    ] = None

    @property
    def asked(self) -> bool:
        """Whether a crystal is given as a file."""
        return self.cif is not None or self.candidates is not None

    def check_unused(self) -> None:
        """Refuse options that would do nothing without a structure file.

        Raises
        ------
        OutOfRangeError
        """
        given = {
            "--thickness-max": self.thickness_max,
            "--mistilt-max": self.mistilt_max,
            "--b": self.b_iso or None,
        }
        for option, value in given.items():
            if value is not None:
                raise OutOfRangeError(
                    f"{option} is for a crystal from its structure file: give --cif CIF too, or "
                    "leave it out."
                )


def parse_factors(given: Sequence[str]) -> dict[str, float]:
    """Debye–Waller factors by element, Å², from texts such as ``Si=0.46``.

    Raises
    ------
    RecipeError
    """
    factors = {}
    for text in given:
        symbol, _, number = text.partition("=")
        try:
            factors[symbol.strip()] = float(number)
        except ValueError:
            raise RecipeError(f'--b "{text}" is not like Si=0.46.') from None
    return factors


def understand_all(
    options: OwnCrystalOptions,
    zone_axis: str | None,
    high_tension_kV: float | None,
    convergence_mrad: float | None,
) -> "list[Understood]":
    """Read the structures that the options name; nothing is simulated.

    Raises
    ------
    CrystalError, OutOfRangeError, FileFormatError
        If one of them, or a condition, cannot be used.
    """
    from pacbed.crystal.known.catalogue import structure_path
    from pacbed.own_crystal.conditions import (
        MISTILT_MAX_MRAD,
        THICKNESS_MAX_NM,
        crystal_conditions,
    )
    from pacbed.own_crystal.understood import understand

    if options.cif is not None and options.candidates is not None:
        raise FileFormatError(
            f"{options.cif}: --cif and --candidates exclude each other: add the file to the list."
        )
    if options.cif is not None:
        files = [structure_path(options.cif)]
    else:
        files = candidate_files(options.candidates or "")
    if zone_axis is None:
        raise CrystalError(f'{files[0]}: say how it is seen: add --zone-axis, such as "1 1 0".')
    if high_tension_kV is None:
        raise OutOfRangeError(f"{files[0]}: say at which voltage: add --high-tension KV.")
    factors = parse_factors(options.b_iso or [])
    thickness, mistilt = options.thickness_max, options.mistilt_max
    found = []
    for cif in files:
        # Of several structures each takes the factors of its own elements.
        own = factors if len(files) == 1 else _of_elements(cif, factors)
        asked = crystal_conditions(
            cif,
            zone_axis,
            high_tension_kV,
            convergence_mrad,
            THICKNESS_MAX_NM if thickness is None else thickness,
            MISTILT_MAX_MRAD if mistilt is None else mistilt,
            own,
        )
        found.append(understand(asked))
    return found


def models_of(understood: "Sequence[Understood]", budget: bool = False) -> "list[TableModel]":
    """The models of crystals, simulated where the cache does not have them, with progress.

    Of several with one formula each is called like its file, so that they can be told apart.

    Parameters
    ----------
    understood : sequence of Understood
    budget : bool
        Whether their answers' budgets are measured.
    """
    from pacbed.own_crystal.simulated_table import table_model

    names = Counter(one.default_name for one in understood)
    models = []
    for one in understood:
        name = one.default_name
        if names[name] > 1:
            name = f"{one.conditions.cif.stem}-{name}"
        with progress_bar(f"simulating {name}") as bar:
            measuring = partial(bar.update, words=f"budget of {name}") if budget else None
            models.append(table_model(one, name, bar.update, budget=measuring))
    return models


def candidate_files(given: str) -> list[Path]:
    """The structure files that ``--candidates`` names.

    Parameters
    ----------
    given : str
        A folder, names separated by commas, or a text file with one on each line.

    Raises
    ------
    FileFormatError
        If there are none, or too many.
    """
    from pacbed.crystal.known.catalogue import structure_path

    path = Path(given)
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() == ".cif")
    elif path.is_file() and path.suffix.lower() != ".cif":
        files = [path.parent / line for line in _lines(path)]
    else:
        files = [Path(part.strip()) for part in given.split(",") if part.strip()]
    if not files:
        raise FileFormatError(f"{given}: names no structure: put CIF files there.")
    if len(files) > _MOST_CANDIDATES:
        raise FileFormatError(
            f"{given}: names {len(files)} structures: give at most {_MOST_CANDIDATES}."
        )
    files = [structure_path(file) for file in files]
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise FileFormatError(f"{missing[0]}: there is no such file: check --candidates.")
    return files


def _lines(path: Path) -> list[str]:
    from pacbed.bounded import read_bytes

    try:
        text = read_bytes(path, _LONGEST_LIST).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(
            f"{path}: is no list of structures: give a text with the name of a CIF on each line."
        ) from error
    lines = (line.strip().replace("\\", "/") for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _of_elements(cif: Path, factors: dict[str, float]) -> dict[str, float]:
    from pacbed.crystal.cif import read_cif_notes

    if not factors:
        return {}
    elements = read_cif_notes(cif).elements
    return {symbol: value for symbol, value in factors.items() if symbol in elements}
