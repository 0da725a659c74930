"""``pacbed simulate``: the LACBED table of a recipe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.options import RecipeArgument, check_output
from pacbed.commands.output import print_block, progress_bar
from pacbed.errors import BundleError

if TYPE_CHECKING:
    from pacbed.lacbed.table import LacbedTable
    from pacbed.library.recipe import Recipe


def simulate(
    recipe: RecipeArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Table to write; by default the name of the recipe with .npz, here.",
            metavar="NPZ",
        ),
    ] = None,
) -> None:
    """Simulate the LACBED table of a recipe.

    The table holds every thickness, tilt and convergence angle of the system; the
    training draws its patterns from it. Needs the extra [bold]sim[/bold].

    Example: [bold]pacbed simulate recipes/gan-0001-300kV.toml -o gan.npz[/bold]
    """
    from pacbed.library.recipe import load_recipe

    path = output if output is not None else Path(f"{recipe.stem}.npz")
    check_output(path, (".npz",))
    table = simulate_recipe(load_recipe(recipe))
    table.save(path)
    steps = table.geometry.thicknesses_nm
    print_block(
        str(path),
        [
            ("Beams", str(len(table.geometry.beams))),
            ("Thickness", f"{steps[0]:g} to {steps[-1]:g} nm in {len(steps)} steps"),
            ("Size", f"{path.stat().st_size / 1e6:.1f} MB"),
        ],
    )


def simulate_recipe(recipe: "Recipe") -> "LacbedTable":
    """Simulate the table of a loaded recipe, with a progress bar.

    Raises
    ------
    CrystalError
        If the structure cannot be projected along the zone axis.
    MissingExtraError
        If a part of the extra ``sim`` is not installed.
    """
    from pacbed.crystal.projection import project
    from pacbed.lacbed.build import simulate_table

    system = recipe.system
    with progress_bar(f"simulating {system.name}") as bar:
        return simulate_table(
            project(recipe.crystal, system.zone_axis),
            system.high_tension_kV,
            system.convergence_mrad[1],
            system.mistilt_mrad[1],
            system.thickness_nm[1],
            recipe.table,
            progress=bar.update,
        )


def check_table(table: "LacbedTable", recipe: "Recipe", path: Path) -> None:
    """Refuse a table that was not simulated for the system of a recipe.

    Raises
    ------
    BundleError
        If voltage, projected cell or ranges differ.
    """
    import numpy as np

    from pacbed.crystal.projection import project

    system, geometry = recipe.system, table.geometry
    cell = project(recipe.crystal, system.zone_axis)
    wanted = (system.convergence_mrad[1], system.mistilt_mrad[1], system.thickness_nm[1])
    covered = (
        geometry.convergence_max_mrad,
        geometry.mistilt_max_mrad,
        float(geometry.thicknesses_nm[-1]),
    )
    if (
        abs(geometry.high_tension_kV - system.high_tension_kV) > 1e-6
        or geometry.reciprocal.shape != cell.reciprocal.shape
        or not np.allclose(geometry.reciprocal, cell.reciprocal, atol=1e-6)
        or any(have < want - 1e-6 for have, want in zip(covered, wanted, strict=True))
    ):
        raise BundleError(
            f"{path}: the table is not that of {recipe.path}: make it again with pacbed simulate."
        )
