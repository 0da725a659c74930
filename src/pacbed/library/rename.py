"""Giving a system of a data folder another name."""

import re
import tomllib
from pathlib import Path

from pacbed.errors import FileFormatError, RecipeError, UnknownSystemError
from pacbed.files import write_atomically
from pacbed.library.data_register import RegisterRow, read_register, system_folder
from pacbed.library.model_files import DESCRIPTION, read_description, write_description
from pacbed.library.register_changes import change_row, register_lock

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
_NAME_LINE = re.compile(r'(?m)^name = ".*"$')


def rename_system(data: Path, id: int, name: str) -> list[Path]:
    """Give a system another name, in everything that says it.

    That is its recipe, the description of each of its bundles, and the column ``name``
    of the register where there is neither. Every file is replaced as a whole; done
    again after an interruption it ends as it would have.

    Parameters
    ----------
    data : Path
        Data folder.
    id : int
    name : str
        Letters, digits, - and _.

    Returns
    -------
    list of Path
        Files that were changed.

    Raises
    ------
    RecipeError
        If the name cannot be used.
    UnknownSystemError
        If the data folder has no such system.
    """
    check_name(name)
    with register_lock(data):
        row = next((row for row in read_register(data) if row.id == id), None)
        folder = system_folder(data, row if row is not None else RegisterRow(id))
        if row is None and not folder.is_dir():
            raise UnknownSystemError(f"{data}: has no system {id}; pacbed systems lists them")
        recipe = folder / "recipe.toml"
        descriptions = sorted(folder.glob(f"models/*/{DESCRIPTION}"))
        changed = []
        if recipe.is_file():
            _rename_recipe(recipe, name)
            changed.append(recipe)
        for path in descriptions:
            _rename_bundle(path, name)
            changed.append(path)
        if row is not None and (row.name is not None or not changed):
            change_row(data, id, RegisterRow(id, name=name))
            changed.append(data / "Register.csv")
    if not changed:
        raise UnknownSystemError(f"{folder}: holds no system: neither a recipe nor a bundle")
    return changed


def check_name(name: str) -> None:
    """Refuse a name that could be mistaken for a number or does not suit a recipe.

    Raises
    ------
    RecipeError
    """
    if not _NAME.fullmatch(name) or name.isdigit() or name.lower() == "any":
        raise RecipeError(
            f'the name "{name}" cannot be used: give letters, digits, - and _, not a number alone'
        )


def _rename_recipe(path: Path, name: str) -> None:
    try:
        text = path.read_text(encoding="utf-8")
        renamed, count = _NAME_LINE.subn(f'name = "{name}"', text, count=1)
        ok = count == 1 and tomllib.loads(renamed)["system"]["name"] == name
    except (OSError, ValueError, KeyError) as error:
        raise FileFormatError(f"{path}: cannot be read ({error}); mend it first") from error
    if not ok:
        raise FileFormatError(f'{path}: has no line name = "..." in [system]; change it by hand')
    write_atomically(path, renamed.encode())


def _rename_bundle(path: Path, name: str) -> None:
    description = read_description(path.parent)
    with description.explained():
        description.content["system"]["name"] = name
    write_description(path.parent, description.content)
