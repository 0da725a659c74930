"""Giving a system of a data folder another name."""

import contextlib
import re
import warnings
from pathlib import Path
from typing import Any

from pacbed.bounded import MOST_DESCRIPTION_BYTES, parse_toml, read_bytes, read_json
from pacbed.errors import FileFormatError, RecipeError, UnknownSystemError
from pacbed.files import write_atomically
from pacbed.library.changes.register_changes import change_row, register_lock
from pacbed.library.installed import installed_systems
from pacbed.library.models.model_files import DESCRIPTION, read_description, write_description
from pacbed.library.register.readable_rows import readable_rows
from pacbed.library.register.rows import RegisterRow, read_register, system_folder

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
        If the name cannot be used, or is that of another system.
    UnknownSystemError
        If the data folder has no such system.
    """
    check_name(name)
    _check_elsewhere(data, id, name)
    with register_lock(data):
        # Again, within the lock: another system may have got the name just now.
        check_free(data, id, name)
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


def _check_elsewhere(data: Path, id: int, name: str) -> None:
    """Refuse the name of an installed system, wherever it lies."""
    with warnings.catch_warnings():
        # Broken models are no matter of a name.
        warnings.simplefilter("ignore")
        for system in installed_systems(data):
            if system.id != id and system.name.lower() == name.lower():
                raise _taken(name, system.id)


def check_free(data: Path, id: int, name: str) -> None:
    """Refuse a name that stands somewhere in the data folder; reads small files alone."""
    rows = readable_rows(data)[0]
    found = [(row.name, row.id) for row in rows]
    for pattern, reader in (("*/recipe.toml", _recipe), (f"*/models/*/{DESCRIPTION}", read_json)):
        for path in data.glob(pattern):
            home = path.relative_to(data).parts[0]
            with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
                found.append((reader(path)["system"]["name"], int(home)))
    own = {number for other, number in found if number != id and _same(other, name)}
    if own:
        raise _taken(name, min(own))


def _recipe(path: Path) -> Any:
    return parse_toml(read_bytes(path, MOST_DESCRIPTION_BYTES))


def _same(other: object, name: str) -> bool:
    return isinstance(other, str) and other.lower() == name.lower()


def _taken(name: str, number: int) -> RecipeError:
    return RecipeError(f'the name "{name}" is that of system {number}: give another one')


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
        text = read_bytes(path, MOST_DESCRIPTION_BYTES).decode("utf-8")
        renamed, count = _NAME_LINE.subn(f'name = "{name}"', text, count=1)
        ok = count == 1 and parse_toml(renamed.encode())["system"]["name"] == name
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileFormatError(f"{path}: cannot be read ({error}); mend it first") from error
    if not ok:
        raise FileFormatError(f'{path}: has no line name = "..." in [system]; change it by hand')
    write_atomically(path, renamed.encode())


def _rename_bundle(path: Path, name: str) -> None:
    description = read_description(path.parent)
    with description.explained():
        description.content["system"]["name"] = name
    write_description(path.parent, description.content)
