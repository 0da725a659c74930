"""``pacbed budget``: how far answers of a system move where its recipe is off."""

from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.declared import declared
from pacbed.commands.options import DataOption, JsonOption, RecipeOption, SystemArgument
from pacbed.commands.output import print_block, print_json, print_table
from pacbed.commands.progress import progress_bar
from pacbed.commands.recipe_of import recipe_of
from pacbed.commands.select import choose_model

if TYPE_CHECKING:
    from pacbed.library.models.kinds import Model
    from pacbed.library.models.sensitivities import Sensitivities

#: Thicknesses of the printed table, nm, where the system covers them.
_SHOWN_NM = (5.0, 10.0, 20.0, 40.0, 80.0)


@declared
def budget(
    *,
    system: SystemArgument,
    recipe: RecipeOption = None,
    again: Annotated[
        bool, typer.Option("--again", help="Measure anew what the system has already.")
    ] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:  # fmt: skip
    """Measure how far answers move where Debye-Waller factors, absorption or potential are off.

    Small tables of the crystal with one thing changed in each are simulated, and what a fit makes
    of their patterns is written into the system: its answers then say what their error is made
    of ([bold]pacbed infer --budget[/bold], docs/budget.md). Takes seconds to minutes.

    Example: [bold]pacbed budget gan-110-200kV --data data[/bold]
    """
    from pacbed.budget.kept import kept_sensitivities
    from pacbed.crystal.projection import project
    from pacbed.library.models.kinds import with_table
    from pacbed.library.recipe_errors import factor_errors_of_recipe

    model = with_table(choose_model(system, None, None, "0 0 1", data))
    found_recipe = recipe_of(model, recipe, data)
    cell = project(found_recipe.crystal, model.system.known_zone_axis)
    errors = factor_errors_of_recipe(found_recipe)
    with progress_bar(f"budget of {model.system.name}") as bar:
        found = kept_sensitivities(model, cell, errors, bar.update, again)
    if as_json:
        print_json({"system": model.system.name, **found.to_dict()})
        return
    _print(model, found)


def _print(model: "Model", found: "Sensitivities") -> None:
    system = model.system
    angle = float(found.convergence_mrad.mean())
    shown = [t for t in _SHOWN_NM if system.thickness_nm[0] <= t <= system.thickness_nm[1]]
    print_block(
        f"{system.id} {system.name}",
        [
            ("Budget", f"written into {model.folder}"),
            ("Below", f"standard errors at {angle:.3g} mrad: nm of thickness, mrad of tilt"),
        ],
    )
    at = [found.at(thickness, angle) for thickness in shown]
    rows = [
        [
            f"{shifts[0].name.replace('_', ' ')} ± {100 * shifts[0].change:.3g} %",
            *(f"{one.thickness_nm:.2f}, {one.tilt_mrad:.3f}" for one in shifts),
        ]
        for shifts in zip(*at, strict=True)
    ]
    header = ["part", *(f"{thickness:g} nm" for thickness in shown)]
    print_table(header, rows, set(header[1:]))
