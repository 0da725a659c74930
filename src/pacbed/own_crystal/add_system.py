"""A crystal becomes a system of a data folder: registered, with a table model."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from pacbed.crystal.cif import read_cif_notes
from pacbed.lacbed.workers import Progress
from pacbed.library.changes.install import install_model
from pacbed.library.changes.register_changes import next_number
from pacbed.library.changes.registration import register_recipe, taken_numbers
from pacbed.library.changes.rename import check_name
from pacbed.library.models.table_model import write_table_model
from pacbed.library.recipe import Recipe
from pacbed.library.system import System
from pacbed.own_crystal.simulated_table import (
    provenance,
    table_model,
    table_options,
)
from pacbed.own_crystal.understood import Understood


@dataclass(frozen=True)
class Added:
    """A system that was added: as registered, its model's folder, and whether it is new."""

    system: System
    folder: Path
    new: bool


def add_system(
    data: Path,
    understood: Understood,
    name: str | None = None,
    progress: Progress | None = None,
) -> Added:
    """Register a crystal with its table and a model that answers with it.

    Parameters
    ----------
    data : Path
        Data folder; is made if it is missing.
    understood : Understood
    name : str, optional
        Of the system; by default formula, zone axis and voltage.
    progress : callable, optional
        Called with the finished share of the simulation, 0..1.

    Raises
    ------
    CrystalError, OutOfRangeError
        If the table cannot be simulated.
    RecipeError, FileFormatError, UnknownSystemError
        If the name cannot be used, or the register not be changed.
    """
    asked, options = understood.conditions, table_options(understood)
    name = name if name is not None else understood.default_name
    check_name(name)
    table = table_model(understood, name, progress).table
    said = read_cif_notes(asked.cif)
    system = dataclasses.replace(
        understood.system(name, next_number(data, taken_numbers())),
        material=said.name or understood.crystal.formula,
    )
    # What a recipe gives is one value for an element; the CIF's, which may differ between sites,
    # stay in the CIF.
    recipe = Recipe(
        path=asked.cif,
        system=system,
        crystal=understood.crystal,
        table=options,
        cif=asked.cif,
        b_iso=dict(asked.b_iso),
    )
    registered = register_recipe(data, recipe, table)
    system = registered.recipe.system
    folder = registered.folder / "models" / f"{system.name}-table"
    write_table_model(folder, system, table, provenance(understood, table))
    install_model(data, folder)
    return Added(system, folder, registered.new)
