"""``pacbed recipe``: a recipe for somebody's own crystal, from its CIF."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.declared import declared
from pacbed.commands.options import BIsoOption, ShortNameOption, check_output
from pacbed.commands.output import print_block
from pacbed.commands.own_crystal import parse_factors
from pacbed.errors import CrystalError, FileFormatError, OutOfRangeError

if TYPE_CHECKING:
    from pacbed.library.recipe import Recipe

_PAIR = "LOW:HIGH"


@dataclass(frozen=True)
class RecipeOptions:
    """What the recipe is to cover; each field is an option of the command."""

    zone_axis: Annotated[
        str,
        typer.Option(
            help='Direction \\[uvw] along the beam, such as "1 1 0"; of a hexagonal crystal also'
            ' four numbers, such as "0 0 0 1".',
            metavar="UVW",
        ),
    ]
    high_tension: Annotated[
        float, typer.Option(help="Accelerating voltage in kV.", metavar="KV", min=10, max=3000)
    ]
    convergence: Annotated[
        str, typer.Option(help="Convergence semi-angles to cover, mrad.", metavar=_PAIR)
    ] = "10:30"
    thickness: Annotated[str, typer.Option(help="Thicknesses to cover, nm.", metavar=_PAIR)] = (
        "1:120"
    )
    mistilt: Annotated[
        float, typer.Option(help="Largest mistilt to cover.", metavar="MRAD", min=0.1)
    ] = 12.0
    b_iso: BIsoOption = None
    name: ShortNameOption = None
    material: Annotated[
        str | None, typer.Option(help="Full name; by default that of the CIF, or the formula.")
    ] = None
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Data folder whose numbers are taken already.", metavar="DIR"),
    ] = None

    @property
    def factors(self) -> dict[str, float]:
        """Debye-Waller factors B that were given, Å²."""
        return parse_factors(self.b_iso or [])


@declared
def recipe(
    *,
    cif: Annotated[
        Path,
        typer.Argument(
            help="Crystal structure: a CIF, or the name of a known crystal ([bold]pacbed"
            " crystals[/bold]), which is written beside the recipe.",
            metavar="CIF|NAME",
        ),
    ],
    options: RecipeOptions,
    samples: Annotated[
        int | None, typer.Option(help="Patterns to train on.", min=1, metavar="N")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Recipe to write; by default the system's name with .toml, beside the CIF.",
            metavar="TOML",
        ),
    ] = None,
) -> None:
    """Write the recipe of a system from a crystal structure.

    The recipe is a text to look through: it says what every entry means. Debye-Waller
    factors that the CIF lacks are written with a default, to be replaced.

    Example: [bold]pacbed recipe Si.cif --zone-axis "1 1 0" --high-tension 200 --b Si=0.46[/bold]
    """
    from pacbed.crystal.cif import read_cif_notes
    from pacbed.crystal.known.catalogue import structure_path
    from pacbed.files import write_atomically
    from pacbed.library.recipe_text import recipe_text

    named, cif = cif, structure_path(cif)
    made, notes = _make(cif, options)
    if samples is not None:
        made = replace(made, training=replace(made.training, samples=samples))
    # A known crystal lies in the program's folder; its name as given lies here.
    path = output if output is not None else named.with_name(f"{made.system.name}.toml")
    check_output(path, (".toml",))
    if path.exists():
        raise FileFormatError(f"{path}: is there already: remove it, or give another --output.")
    beside = _copy_beside(cif, path.parent)
    head = (f"{made.system.material} from {beside}; docs/recipes.md explains the entries.",)
    write_atomically(path, recipe_text(made, beside, head, notes).encode())
    _report(path, made, options.factors, read_cif_notes(cif).without_b)


def _make(cif: Path, options: RecipeOptions) -> "tuple[Recipe, list[str]]":
    from pacbed.crystal.cif import read_cif, read_cif_notes
    from pacbed.crystal.structure import DEFAULT_B_ISO
    from pacbed.library.changes.register_changes import next_number
    from pacbed.library.changes.registration import taken_numbers
    from pacbed.library.changes.rename import check_name
    from pacbed.library.recipe import Recipe
    from pacbed.library.system import System
    from pacbed.library.zone_axis import parse_zone_axis

    convergence = _pair(options.convergence, "--convergence")
    thickness = _pair(options.thickness, "--thickness")
    factors = options.factors
    axis = parse_zone_axis(options.zone_axis)
    said = read_cif_notes(cif)
    unknown = sorted(set(factors) - set(said.elements))
    if unknown:
        raise CrystalError(
            f"{cif}: has no {unknown[0]}: --b takes {', '.join(said.elements)} in this crystal."
        )
    taken = dict.fromkeys(sorted(said.without_b - set(factors)), DEFAULT_B_ISO)
    notes = [f"{symbol}: not in the CIF, a default. LOOK IT UP." for symbol in taken]
    notes += [f"{s}: from the CIF." for s in said.elements if s not in {*taken, *factors}]
    crystal = read_cif(cif, {**factors, **taken})
    # With partly filled sites the reduced formula is all fractions.
    formula = (said.formula if "." in crystal.formula else None) or crystal.formula
    high_tension = options.high_tension
    name = options.name or (
        f"{_plain_formula(formula)}-{_axis_words(options.zone_axis)}-{high_tension:g}kV"
    )
    check_name(name)
    system = System(
        id=next_number(options.data, taken_numbers()),
        name=name,
        material=options.material or said.name or formula,
        composition=formula,
        zone_axis=axis,
        high_tension_kV=high_tension,
        convergence_mrad=convergence,
        thickness_nm=thickness,
        mistilt_mrad=(0.0, options.mistilt),
    )
    return Recipe(cif, system, crystal, cif=cif, b_iso={**factors, **taken}), notes


def _report(path: Path, recipe: "Recipe", given: dict[str, float], without: frozenset[str]) -> None:
    """Say what was understood, so that a wrong structure shows."""
    from pacbed.crystal.projection import project
    from pacbed.library.zone_axis import format_zone_axis
    from pacbed.own_crystal.directions import pattern_directions
    from pacbed.own_crystal.understood import cell_words, factors_of_elements, sites_words

    system, crystal = recipe.system, recipe.crystal
    cell = project(crystal, system.known_zone_axis)
    a, b = (float((v @ v) ** 0.5) for v in cell.cell)
    factors = factors_of_elements(crystal, given, without)
    rows = [
        ("System", f"{system.id} {system.name}, {system.material}"),
        ("Crystal", f"{crystal.formula}, {sites_words(crystal)}"),
        ("Cell", cell_words(crystal)),
        (
            "Projection",
            f"{format_zone_axis(system.known_zone_axis)}, cell {a:.3f} x {b:.3f} Å, "
            f"{len(cell.point_group)} symmetry operations",
        ),
        ("Directions", pattern_directions(crystal, cell).at_zero()),
        *(("B" if n == 0 else "", factor.words()) for n, factor in enumerate(factors)),
    ]
    print_block(str(path), rows)
    defaults = sorted(without - set(given))
    if defaults:
        typer.echo(
            f"pacbed: warning: the CIF has no Debye-Waller factor for {', '.join(defaults)}: a "
            f"default is written; give --b {defaults[0]}=VALUE, or correct the recipe",
            err=True,
        )


def _copy_beside(cif: Path, folder: Path) -> str:
    """Bring the CIF to the recipe's folder, and return its name there."""
    from pacbed.crystal.cif import cif_content
    from pacbed.files import write_atomically

    target = folder / (cif.name if cif.suffix.lower() != ".toml" else f"{cif.stem}.cif")
    content = cif_content(cif)
    if target.exists() and target.read_bytes() != content:
        raise FileFormatError(f"{target}: is another file than {cif}: rename one of them.")
    if not target.exists():
        write_atomically(target, content)
    return target.name


def _pair(text: str, option: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        raise OutOfRangeError(f'{option} "{text}" is no range: write it like 10:30.') from None
    if not 0 <= low < high < 1e4:
        raise OutOfRangeError(f'{option} "{text}" must be smallest:largest, none below 0.')
    return low, high


def _plain_formula(formula: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", re.sub(r"\d*\.\d+", "", formula.lower()))


def _axis_words(zone_axis: str) -> str:
    """Indices as part of a name; m stands for minus."""
    return "".join(re.findall(r"[-\d]", zone_axis)).replace("-", "m")
