"""The recipe that a system was made from."""

from pathlib import Path
from typing import TYPE_CHECKING

from pacbed.errors import RecipeError

if TYPE_CHECKING:
    from pacbed.library.models.kinds import Model
    from pacbed.library.recipe import Recipe


def recipe_of(model: "Model", given: Path | None, data: Path | None) -> "Recipe":
    """The recipe of a system: the one given, else that of the data folder.

    Raises
    ------
    RecipeError
        If there is none, or the one given is of something else.
    """
    from pacbed.commands.train.registered import registered_recipe
    from pacbed.errors import UnknownSystemError
    from pacbed.library.recipe import load_recipe

    system = model.system
    if given is None:
        try:
            found = registered_recipe(Path(system.name), data)
        except UnknownSystemError as error:
            raise RecipeError(
                f"{system.name}: its crystal is not in the data folder; give the recipe that it "
                "was made from with --recipe TOML"
            ) from error
        if found is None:
            raise RecipeError(f"{system.name}: give its recipe with --recipe TOML")
        given = found[0]
    recipe = load_recipe(given)
    same = (recipe.system.zone_axis, recipe.system.high_tension_kV)
    if same != (system.zone_axis, system.high_tension_kV):
        raise RecipeError(
            f"{given}: is of another zone axis or high tension than {system.name}; give the recipe "
            "that it was made from"
        )
    return recipe
