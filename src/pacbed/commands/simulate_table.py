"""The LACBED table of a recipe: simulated, and compared with what the recipe asks for."""

from pathlib import Path
from typing import TYPE_CHECKING

from pacbed.commands.output import progress_bar
from pacbed.errors import BundleError

if TYPE_CHECKING:
    from pacbed.lacbed.table import LacbedTable
    from pacbed.library.recipe import Recipe


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
