"""A system of a data folder in place of a recipe: its recipe lies in its folder."""

from collections.abc import Iterator
from pathlib import Path

from pacbed.errors import PacbedError, UnknownSystemError


def registered_recipe(source: Path, given: Path | None) -> tuple[Path, Path] | None:
    """Recipe and data folder of a registered system.

    Parameters
    ----------
    source : Path
        What was given to train: perhaps the number or the name of a system.
    given : Path or None
        Data folder.

    Returns
    -------
    tuple of Path or None
        None where that is a file, or looks like one.

    Raises
    ------
    UnknownSystemError
        If there is no such system with a recipe.
    """
    if source.exists() or source.suffix.lower() in (".toml", ".csv", ".txt"):
        return None
    from pacbed.library.installed import data_folder

    data, wanted = data_folder(given), str(source).lower()
    known = [] if data is None else list(_recipes(data))
    for number, name, recipe in known:
        if data is not None and wanted in (str(number), name.lower()):
            return recipe, data
    listed = ", ".join(f"{number} {name}" for number, name, _ in known) or "none"
    raise UnknownSystemError(
        f"{source}: is neither a recipe (.toml), a table (.csv), nor a system of the data folder "
        f"with a recipe; of these there are: {listed}"
    )


def _recipes(data: Path) -> Iterator[tuple[int, str, Path]]:
    """Number, name and recipe of the systems that have one."""
    from pacbed.library.changes.registration import RECIPE
    from pacbed.library.recipe import load_recipe
    from pacbed.library.register.rows import read_register, system_folder

    for row in read_register(data):
        try:
            recipe = system_folder(data, row) / RECIPE
            yield row.id, load_recipe(recipe).system.name, recipe
        except PacbedError:  # of another system, whose fault stops no training
            continue
