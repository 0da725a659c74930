"""From a recipe to a registered system: its number, folder, crystal, table and patterns.

::

    data/<id>/recipe.toml                the recipe, with the number that it got
    data/<id>/crystal_file.cif
    data/<id>/simulation/lacbed.npz      the table
    data/<id>/simulation/df.csv, Tilt_…  patterns, where they were asked for
    data/<id>/models/<model>/            its models
"""

import dataclasses
import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pacbed.crystal.cif import cif_content, crystal_to_cif
from pacbed.crystal.structure import Crystal
from pacbed.errors import BundleError, FileFormatError, PacbedError, RecipeError
from pacbed.files import write_atomically
from pacbed.lacbed.table import LacbedTable
from pacbed.library.changes.register_changes import (
    INCOMING,
    add_system,
    change_row,
    register_lock,
    stored_path,
)
from pacbed.library.installed import shipped_systems
from pacbed.library.recipe import Recipe, load_recipe
from pacbed.library.recipe_text import recipe_text
from pacbed.library.register.rows import CRYSTAL_FILE, RegisterRow, read_register, system_folder
from pacbed.library.system import System
from pacbed.library.zone_axis import format_zone_axis

RECIPE = "recipe.toml"
_SIMULATION, _TABLE = "simulation", "lacbed.npz"


@dataclass(frozen=True)
class Registered:
    """A recipe that has its place in a data folder.

    Attributes
    ----------
    recipe : Recipe
        With the number of the register.
    folder : Path
        ``data/<id>``.
    new : bool
        Whether the system was registered just now.
    """

    recipe: Recipe
    folder: Path
    new: bool

    @property
    def simulation(self) -> Path:
        """Folder of table and patterns."""
        return self.folder / _SIMULATION

    @property
    def table(self) -> Path:
        """File of the LACBED table; need not exist."""
        return self.simulation / _TABLE


def find_registered(data: Path, recipe: Recipe) -> Registered | None:
    """Find the system that was registered with a recipe like this one.

    Two recipes are alike if crystal, zone axis, voltage and ranges are; number, name,
    sampling and training may differ.

    Raises
    ------
    FileFormatError, BundleError
        If the register cannot be read.
    """
    for row, folder, stored in _registered(data):
        if _alike(stored, recipe):
            system = dataclasses.replace(recipe.system, id=row.id, name=stored.system.name)
            return Registered(dataclasses.replace(recipe, system=system), folder, False)
    return None


def register_recipe(data: Path, recipe: Recipe, table: LacbedTable | None = None) -> Registered:
    """Give a recipe its place in a data folder, or find the one that it has.

    It keeps its own number if that is free, else it gets the next one. May be called
    by several processes at once.

    Parameters
    ----------
    data : Path
        Is made if it is missing.
    recipe : Recipe
    table : LacbedTable, optional
        Goes to ``simulation/lacbed.npz``.

    Returns
    -------
    Registered

    Raises
    ------
    RecipeError
        If another system has the recipe's name.
    FileFormatError
        If the register cannot be read, or a file cannot be written.
    """
    make_data_folder(data)
    shipped = {system.id: system for system in shipped_systems()}
    # What takes long is done before others are kept waiting: the table is on the disk by then.
    with _written(data, table) as stored, register_lock(data):
        found = find_registered(data, recipe)
        if found is None:
            _check_name(data, recipe)
            same = shipped.get(recipe.system.id)
            free = same is None or _same_conditions(same, recipe.system)
            number = add_system(
                data,
                recipe.system.id if free else None,
                frozenset(shipped),
                lambda number: _row(data, recipe, number),
                lambda number, folder: _fill(folder, _numbered(recipe, number), stored),
            )
            return Registered(_numbered(recipe, number), data / str(number), True)
        if stored is not None:
            # Still within the lock: a folder that was removed must not come to life again.
            found.simulation.mkdir(parents=True, exist_ok=True)
            stored.replace(found.table)
    return found


def taken_numbers() -> frozenset[int]:
    """Numbers of the shipped systems, which no other system shall hide."""
    return frozenset(system.id for system in shipped_systems())


def enter_pattern_grid(data: Path, row: RegisterRow) -> None:
    """Put the grid of a system's patterns into its row; empty fields change nothing."""
    with register_lock(data):
        change_row(data, row.id, row)


def make_data_folder(data: Path) -> None:
    """Make a data folder if it is missing; the folder above must exist."""
    try:
        data.mkdir(exist_ok=True)
    except OSError as error:
        raise FileFormatError(
            f"{data}: cannot be made ({error.strerror}); give a folder in an existing one"
        ) from error


def _numbered(recipe: Recipe, number: int) -> Recipe:
    return dataclasses.replace(recipe, system=dataclasses.replace(recipe.system, id=number))


@contextmanager
def _written(data: Path, table: LacbedTable | None) -> Iterator[Path | None]:
    """A table in a file of the data folder, from where it only has to be moved."""
    if table is None:
        yield None
        return
    place = data / f"{INCOMING}{secrets.token_hex(8)}"
    try:
        write_atomically(place, table.to_bytes())
        yield place
    finally:
        place.unlink(missing_ok=True)


def _fill(folder: Path, recipe: Recipe, table: Path | None) -> None:
    simulation = folder / _SIMULATION
    simulation.mkdir()
    (folder / "models").mkdir()
    if recipe.cif is None:
        content = crystal_to_cif(recipe.crystal, recipe.system.name).encode()
    else:
        content = cif_content(recipe.cif)
    write_atomically(folder / CRYSTAL_FILE, content)
    text = recipe_text(recipe, CRYSTAL_FILE, (f"Registered from {recipe.path.name}.",))
    write_atomically(folder / RECIPE, text.encode())
    if table is not None:
        table.replace(simulation / _TABLE)


def _row(data: Path, recipe: Recipe, number: int) -> RegisterRow:
    system = recipe.system
    return RegisterRow(
        number,
        path=stored_path(data, data / str(number)),
        material=system.material,
        composition=system.composition,
        direction=format_zone_axis(system.known_zone_axis),
        thickness_angstrom=10 * system.thickness_nm[1],
        thickness_step_angstrom=10 * recipe.table.thickness_step_nm,
        high_tension_kV=system.known_high_tension_kV,
        convergence_min_mrad=system.convergence_mrad[0],
        convergence_max_mrad=system.convergence_mrad[1],
        mistilt_min_mrad=system.mistilt_mrad[0],
        mistilt_max_mrad=system.mistilt_mrad[1],
    )


def _registered(data: Path) -> Iterator[tuple[RegisterRow, Path, Recipe]]:
    """Registered systems that have a recipe, with their folders."""
    for row in read_register(data):
        try:
            folder = system_folder(data, row)
        except BundleError:
            continue  # it leads outside; whoever asks for this system is told
        stored = _stored_recipe(folder)
        if stored is not None:
            yield row, folder, stored


def _stored_recipe(folder: Path) -> Recipe | None:
    path = folder / RECIPE
    try:
        with warnings.catch_warnings():
            # What is worth a warning was warned of when it was registered.
            warnings.simplefilter("ignore")
            return load_recipe(path) if path.is_file() else None
    except PacbedError:
        # Somebody changed it; then it is not this recipe.
        return None


def _alike(a: Recipe, b: Recipe) -> bool:
    same = dataclasses.replace(a.system, id=b.system.id, name=b.system.name)
    return same == b.system and _same_crystal(a.crystal, b.crystal)


def _same_crystal(a: Crystal, b: Crystal) -> bool:
    return a.symbols == b.symbols and all(
        np.allclose(getattr(a, name), getattr(b, name), atol=1e-6)
        for name in ("cell", "positions", "occupancies", "b_iso")
    )


def _same_conditions(a: System, b: System) -> bool:
    return (
        a.composition.lower() == b.composition.lower()
        and a.zone_axis == b.zone_axis
        and abs(a.known_high_tension_kV - b.known_high_tension_kV) < 0.01 * a.known_high_tension_kV
    )


def _check_name(data: Path, recipe: Recipe) -> None:
    """Refuse a name by which two systems would be asked for."""
    name = recipe.system.name.lower()
    for row, _, stored in _registered(data):
        if stored.system.name.lower() == name:
            raise RecipeError(
                f"{recipe.path}: system {row.id} in {data} has the name {recipe.system.name} and "
                "another crystal or other ranges: change the name in the recipe, or "
                f"pacbed systems remove {row.id}"
            )
