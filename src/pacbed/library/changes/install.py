"""From a training to an installed model: its folder in the register, and its row."""

import re
from dataclasses import dataclass
from pathlib import Path

from pacbed.errors import BundleError
from pacbed.library.changes.register_changes import LOCK_SECONDS, add_model, register_lock
from pacbed.library.changes.registration import Registered, register_recipe
from pacbed.library.places import open_model
from pacbed.library.recipe import Recipe
from pacbed.library.register.rows import read_register, system_folder

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class ModelPlace:
    """Where a training puts its model.

    Attributes
    ----------
    recipe : Recipe
        With the number that the register gives the system.
    folder : Path
        ``data/<id>/models/<name>``; need not exist.
    table : Path or None
        Table that :command:`pacbed simulate` made for the system, None where there is
        none.
    """

    recipe: Recipe
    folder: Path
    table: Path | None


def prepare_model(data: Path, recipe: Recipe, name: str | None = None) -> ModelPlace:
    """Register the system of a recipe, if it is not yet, and choose the model's folder.

    Parameters
    ----------
    data : Path
        Data folder.
    recipe : Recipe
    name : str, optional
        Of the model; by default that of the system.

    Raises
    ------
    BundleError
        If the name cannot be a folder's.
    RecipeError
        If another system has the recipe's name.
    FileFormatError
        If the register cannot be read or changed.
    """
    if name is not None:
        check_model_name(name)
    registered: Registered = register_recipe(data, recipe)
    folder = registered.folder / "models" / (name or registered.recipe.system.name)
    table = registered.table if registered.table.is_file() else None
    return ModelPlace(registered.recipe, folder, table)


def install_model(data: Path, folder: Path, seconds: float = LOCK_SECONDS) -> int:
    """Enter a finished bundle in the table of its system's models.

    Parameters
    ----------
    data : Path
        Data folder.
    folder : Path
        The bundle, in ``data/<id>/models/<name>``.
    seconds : float
        How long to wait for others that change the register.

    Returns
    -------
    int
        Number of the model.

    Raises
    ------
    BundleError
        If the folder holds no bundle, lies elsewhere, or is the bundle of another
        system.
    FileFormatError
        If the table cannot be read or changed.
    """
    with register_lock(data, seconds):
        # Looked at within the lock: the system may just have been removed.
        system = open_model(folder).system
        rows = {row.id: row for row in read_register(data)}
        home = system_folder(data, rows[system.id]) if system.id in rows else data / str(system.id)
        if folder.resolve().parent != (home / "models").resolve():
            raise BundleError(
                f"{folder}: is a bundle of system {system.id}, which belongs in {home / 'models'}"
            )
        return add_model(data, system.id, folder)


def check_model_name(name: str) -> None:
    """Refuse a name of a model that cannot be a folder's.

    Raises
    ------
    BundleError
    """
    if not _NAME.fullmatch(name):
        raise BundleError(
            f'the model name "{name}" cannot be used: give letters, digits, - and _ only'
        )
