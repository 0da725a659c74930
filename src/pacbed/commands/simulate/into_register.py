"""``pacbed simulate --data``: a registered system with its table and patterns."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pacbed.commands.output import print_block
from pacbed.commands.progress import progress_bar
from pacbed.commands.simulate.recipe_table import simulate_recipe, usable_table
from pacbed.errors import OutOfRangeError

if TYPE_CHECKING:
    from distributed import Client

    from pacbed.library.changes.registration import Registered
    from pacbed.library.recipe import Recipe
    from pacbed.library.tables.pattern_grid import PatternGrid, Steps


_RANGE = "LOW:HIGH:STEP"
#: Options that say a part of the grid, and what they say.
_GRID = {
    "thickness": "thickness_nm",
    "mistilt": "mistilt_mrad",
    "azimuth": "azimuth_deg",
    "convergence": "convergence_mrad",
}


@dataclass(frozen=True)
class ImageOptions:
    """Which patterns are written; each field is an option of the command."""

    images: Annotated[
        bool,
        typer.Option("--images", help="Write patterns as files, with the table df.csv of them."),
    ] = False
    thickness: Annotated[
        str | None, typer.Option(help="Thicknesses of the patterns, nm.", metavar=_RANGE)
    ] = None
    mistilt: Annotated[
        str | None, typer.Option(help="Mistilts of the patterns, mrad.", metavar=_RANGE)
    ] = None
    azimuth: Annotated[
        str | None, typer.Option(help="Azimuths of the mistilts, degrees.", metavar=_RANGE)
    ] = None
    convergence: Annotated[
        str | None,
        typer.Option(help="Convergence semi-angles of the patterns, mrad.", metavar=_RANGE),
    ] = None
    size: Annotated[
        int, typer.Option(help="Pixels along a side of the patterns.", min=16, max=4096)
    ] = 128
    field: Annotated[
        float | None,
        typer.Option(
            help="Half the patterns' width in convergence semi-angles; by default what the"
            " table holds.",
            metavar="NUMBER",
        ),
    ] = None
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace patterns of another grid or table.")
    ] = False

    @property
    def ranges(self) -> dict[str, str]:
        """What was given of the grid, by the option's name."""
        texts = {name: getattr(self, name) for name in _GRID}
        return {name: text for name, text in texts.items() if text is not None}


def simulate_into(
    data: Path, recipe: "Recipe", images: ImageOptions, client: "Client | None" = None
) -> None:
    """Simulate the table of a recipe into a data folder, and patterns where asked for.

    Parameters
    ----------
    data : Path
    recipe : Recipe
    images : ImageOptions
    client : distributed.Client, optional
        Of the cluster that computes; the files are written here.

    Raises
    ------
    PacbedError
        If the recipe, the register or the options cannot be used.
    """
    from pacbed.library.changes.registration import find_registered, register_recipe

    grid = _grid(recipe, images) if images.images else None
    found = find_registered(data, recipe) if data.is_dir() else None
    table = usable_table(found.table, found.recipe) if found is not None else None
    if found is None or table is None:
        table = simulate_recipe(recipe, client)
        found = register_recipe(data, recipe, table)
    system = found.recipe.system
    if system.id != recipe.system.id:
        typer.echo(f"The number {recipe.system.id} is taken: the system is {system.id}.", err=True)
    made = 0
    if grid is not None:
        made = _write_images(data, found, grid, images.overwrite, client)
    print_block(
        f"{system.id} {system.name}",
        [
            ("Folder", str(found.folder)),
            ("Table", f"{found.table} ({found.table.stat().st_size / 1e6:.1f} MB)"),
            ("Register", "new row" if found.new else "registered already"),
            *(_rows(grid, made) if grid is not None else []),
        ],
    )


def _grid(recipe: "Recipe", images: ImageOptions) -> "PatternGrid":
    """Grid of the patterns; asked before the table is simulated, so that mistakes show."""
    from pacbed.crystal.projection import project
    from pacbed.library.tables.pattern_grid import default_grid

    order = project(recipe.crystal, recipe.system.known_zone_axis).rotation_order
    field = images.field if images.field is not None else recipe.table.field
    grid = default_grid(recipe.system, order, images.size, field)
    given: dict[str, Any] = {
        _GRID[option]: parse_steps(text, f"--{option}") for option, text in images.ranges.items()
    }
    grid = replace(grid, **given)
    system = recipe.system
    for option, steps, limit in (
        ("thickness", grid.thickness_nm, system.thickness_nm[1]),
        ("mistilt", grid.mistilt_mrad, system.mistilt_mrad[1]),
        ("convergence", grid.convergence_mrad, system.convergence_mrad[1]),
    ):
        if steps.values[-1] > limit + 1e-6:
            raise OutOfRangeError(
                f"--{option} reaches {steps.values[-1]:g}, the recipe covers {limit:g}: give less, "
                "or change the recipe."
            )
    if grid.convergence_mrad.low <= 0:
        raise OutOfRangeError("--convergence must lie above 0.")
    return grid


def parse_steps(text: str, option: str) -> "Steps":
    """Read ``low:high:step``, or one number.

    Raises
    ------
    OutOfRangeError
        If the text is something else.
    """
    from pacbed.library.tables.pattern_grid import Steps

    parts = text.split(":")
    try:
        values = [float(part) for part in parts]
        if len(values) == 1:
            return Steps(values[0], values[0], 0.0)
        low, high, step = values
    except ValueError:
        raise OutOfRangeError(
            f'{option} "{text}" is no range: write it like 2:100:2 (smallest:largest:step), or '
            "as one number."
        ) from None
    try:
        return Steps(low, high, step)
    except OutOfRangeError as error:
        raise OutOfRangeError(f"{option}: {error}") from error


def _write_images(
    data: Path,
    found: "Registered",
    grid: "PatternGrid",
    overwrite: bool,
    client: "Client | None",
) -> int:
    from pacbed.cluster import run_on_cluster
    from pacbed.lacbed.table import LacbedTable
    from pacbed.library.changes.registration import enter_pattern_grid
    from pacbed.library.tables.pattern_files import write_patterns

    system = found.recipe.system
    typer.echo(
        f"{grid.count} patterns of {grid.size} x {grid.size} pixels: {grid.bytes / 1e6:.0f} MB",
        err=True,
    )
    # As it is on disk, so that a later call finds the same one.
    table = LacbedTable.load(found.table)
    spread = map if client is None else partial(run_on_cluster, client)
    with progress_bar("writing patterns") as bar:
        made = write_patterns(found.simulation, table, system, grid, overwrite, bar.update, spread)
    enter_pattern_grid(data, grid.row(system.id))
    return made


def _rows(grid: "PatternGrid", made: int) -> list[tuple[str, str]]:
    alphas = ", ".join(f"{alpha:g}" for alpha in grid.convergence_mrad.values)
    return [
        ("Patterns", f"{grid.count} in simulation/df.csv, {made} of them made now"),
        ("Thickness", _words(grid.thickness_nm, "nm")),
        ("Mistilt", _words(grid.mistilt_mrad, "mrad")),
        ("Azimuth", _words(grid.azimuth_deg, "degrees")),
        ("Convergence", f"{alphas} mrad"),
    ]


def _words(steps: "Steps", unit: str) -> str:
    values = steps.values
    if len(values) == 1:
        return f"{values[0]:g} {unit}"
    return f"{values[0]:g} to {values[-1]:g} {unit} in {len(values)} steps"
