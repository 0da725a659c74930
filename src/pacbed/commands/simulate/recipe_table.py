"""The LACBED table of a recipe: simulated, and compared with what the recipe asks for."""

import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pacbed.commands.progress import progress_bar
from pacbed.errors import BundleError, RecipeError

if TYPE_CHECKING:
    from distributed import Client

    from pacbed.crystal.projection import ProjectedCell
    from pacbed.lacbed.table import LacbedTable
    from pacbed.library.recipe import Recipe


#: Ranges and step of directions by their names in a recipe.
_SMALLER = (
    "a smaller largest convergence_mrad, mistilt_mrad or thickness_nm in [system]",
    "direction_step_mrad in [table]",
)


def simulate_recipe(recipe: "Recipe", client: "Client | None" = None) -> "LacbedTable":
    """Simulate the table of a loaded recipe, with a progress bar.

    Parameters
    ----------
    recipe : Recipe
    client : distributed.Client, optional
        Of the cluster that computes; in this process by default.

    Raises
    ------
    CrystalError
        If the structure cannot be projected along the zone axis.
    MissingExtraError
        If a part of the extra ``sim`` is not installed.
    RecipeError
        If the table needs more memory than there is, or would be too large a file.
    """
    from pacbed.cluster import run_on_cluster
    from pacbed.crystal.projection import project
    from pacbed.lacbed.build import simulate_table
    from pacbed.lacbed.cost import LARGEST_FILE_BYTES
    from pacbed.lacbed.too_large import TableTooLargeError

    system = recipe.system
    cell = project(recipe.crystal, system.known_zone_axis)
    check_cost(recipe, cell)
    with progress_bar(f"simulating {system.name}") as bar:
        try:
            return simulate_table(
                cell,
                system.known_high_tension_kV,
                *system.largest,
                recipe.table,
                progress=bar.update,
                spread=None if client is None else partial(run_on_cluster, client),
                file_bytes_max=LARGEST_FILE_BYTES,
            )
        except TableTooLargeError as error:
            raise RecipeError(f"{recipe.path}: {error.words(*_SMALLER)}") from error


def check_cost(recipe: "Recipe", cell: "ProjectedCell") -> None:
    """Refuse a table that cannot be made or stored, before hours are lost.

    Raises
    ------
    RecipeError
        If it needs more memory than the machine has, or than a bundle may take on disk, or if
        its ranges make no sense.
    """
    from pacbed.errors import CrystalError, OutOfRangeError
    from pacbed.lacbed import cost
    from pacbed.lacbed.too_large import TableTooLargeError

    system = recipe.system
    try:
        cost.check_cost(cell, system.known_high_tension_kV, *system.largest, recipe.table)
    except TableTooLargeError as error:
        raise RecipeError(f"{recipe.path}: {error.words(*_SMALLER)}") from error
    except (CrystalError, OutOfRangeError) as error:
        raise RecipeError(f"{recipe.path}: {error}") from error


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
    cell = project(recipe.crystal, system.known_zone_axis)
    covered = (
        geometry.convergence_max_mrad,
        geometry.mistilt_max_mrad,
        float(geometry.thicknesses_nm[-1]),
    )
    if (
        abs(geometry.high_tension_kV - system.known_high_tension_kV) > 1e-6
        or geometry.reciprocal.shape != cell.reciprocal.shape
        or not np.allclose(geometry.reciprocal, cell.reciprocal, atol=1e-6)
        or any(have < want - 1e-6 for have, want in zip(covered, system.largest, strict=True))
    ):
        raise BundleError(
            f"{path}: the table is not that of {recipe.path}: make it again with pacbed simulate."
        )


def usable_table(path: Path | None, recipe: "Recipe") -> "LacbedTable | None":
    """Table of a registered system, None where there is none that serves.

    It serves where it holds all that the recipe asks for, at least as finely, and was made by
    this version. Why another one does not is told.

    Warns
    -----
    UserWarning
        If a table is there, and does not serve.
    """
    from pacbed.lacbed.table import LacbedTable
    from pacbed.own_crystal.table_key import as_fine
    from pacbed.version import __version__

    if path is None or not path.is_file():
        return None
    try:
        table = LacbedTable.load(path)
        check_table(table, recipe, path)
    except BundleError as error:
        _tell_of_another(str(error))
        return None
    version = table.provenance.get("version")
    if version != __version__:
        _tell_of_another(f"{path}: was made by version {version}, this is {__version__}")
        return None
    if not as_fine(table.provenance.get("options"), recipe.table):
        _tell_of_another(f"{path}: is coarser than the recipe's [table] asks for")
        return None
    return table


def _tell_of_another(why: str) -> None:
    warnings.warn(f"the table is simulated again: {why}", UserWarning, stacklevel=3)
