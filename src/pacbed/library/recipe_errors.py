"""What a recipe says of the errors of its Debye–Waller factors."""

from typing import Any

from pacbed.bounded import MOST_DESCRIPTION_BYTES, parse_toml, read_bytes
from pacbed.crystal.factor_errors import FactorErrors, factor_errors_of_cif
from pacbed.errors import RecipeError
from pacbed.library.recipe import Recipe


def factor_errors_of_recipe(recipe: Recipe) -> FactorErrors:
    """Relative errors of a recipe's factors: its own, then those of its CIF.

    Parameters
    ----------
    recipe : Recipe
        As it was loaded.

    Raises
    ------
    RecipeError
        If the recipe gives an error for an element that its crystal has not.
    """
    given = parse_toml(read_bytes(recipe.path, MOST_DESCRIPTION_BYTES))["crystal"]
    own = {symbol: error / _largest(recipe, symbol) for symbol, error in recipe.b_iso_error.items()}
    if recipe.cif is not None:
        of_cif = factor_errors_of_cif(recipe.cif, recipe.b_iso)
        return FactorErrors({**of_cif.stated, **own}, of_cif.defaulted - set(own))
    return FactorErrors(own, _without(given) - set(own))


def _largest(recipe: Recipe, symbol: str) -> float:
    factors = [
        float(factor)
        for other, factor in zip(recipe.crystal.symbols, recipe.crystal.b_iso, strict=True)
        if other == symbol
    ]
    if not factors or max(factors) <= 0:
        raise RecipeError(
            f"{recipe.path}: [crystal.b_iso_error] is given for {symbol}, of which the crystal has "
            "no Debye-Waller factor; correct the element"
        )
    return max(factors)


def _without(given: dict[str, Any]) -> frozenset[str]:
    """Elements that have an atom without a factor."""
    common = given.get("b_iso", {})
    return frozenset(
        str(atom["element"])
        for atom in given["atoms"]
        if "b_iso" not in atom and atom["element"] not in common
    )
