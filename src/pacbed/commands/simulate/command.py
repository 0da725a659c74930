"""``pacbed simulate``: the LACBED table of a recipe, and patterns from it."""

from pathlib import Path
from typing import Annotated

import typer

from pacbed.commands.cluster_options import (
    LocalClusterOption,
    SchedulerOption,
    check_one,
    open_cluster,
)
from pacbed.commands.declared import declared
from pacbed.commands.options import RecipeArgument, check_output
from pacbed.commands.output import print_block
from pacbed.commands.simulate.into_register import ImageOptions, simulate_into
from pacbed.commands.simulate.recipe_table import simulate_recipe
from pacbed.errors import OutOfRangeError


@declared
def simulate(
    *,
    recipe: RecipeArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Table to write; by default the name of the recipe with .npz, here.",
            metavar="NPZ",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="Data folder in which the system is registered, in place of --output. It is"
            " made if it is missing.",
            metavar="DIR",
        ),
    ] = None,
    images: ImageOptions,
    scheduler: SchedulerOption = None,
    local_cluster: LocalClusterOption = None,
) -> None:
    """Simulate the LACBED table of a recipe, and register the system.

    The table holds every thickness, tilt and convergence angle of the system; the
    training draws its patterns from it.

    Example: [bold]pacbed simulate gan-0001-300kV.toml -o gan.npz[/bold] writes the table
    alone.

    [bold]pacbed simulate gan-0001-300kV.toml --data data[/bold] registers the system in
    data/Register.csv: it keeps the recipe's number if that is free, else it gets the next
    one. [bold]pacbed train gan-0001-300kV.toml --data data[/bold] finds it again.

    [bold]pacbed simulate gan-0001-300kV.toml --data data --images --thickness 5:95:5
    --convergence 20[/bold] writes patterns besides, for other programs and for training
    from a table. Interrupted, it goes on where it stopped. Ranges that are not given
    cover the system.

    [bold]pacbed simulate gan-0001-300kV.toml --data data --scheduler tcp://host:8786[/bold]
    computes on a Dask cluster; the files are written here. Needs the extra [bold]dask[/bold].
    """
    from pacbed.library.recipe import load_recipe

    check_one(scheduler=scheduler, local_cluster=local_cluster)
    if data is not None:
        if output is not None:
            raise OutOfRangeError("--output and --data exclude each other: give one of them.")
        loaded = load_recipe(recipe)
        with open_cluster(scheduler, local_cluster) as client:
            simulate_into(data, loaded, images, client)
        return
    if images.images or images.ranges:
        raise OutOfRangeError("patterns are written into a data folder: give --data DIR.")
    path = output if output is not None else Path(f"{recipe.stem}.npz")
    check_output(path, (".npz",))
    loaded = load_recipe(recipe)
    with open_cluster(scheduler, local_cluster) as client:
        table = simulate_recipe(loaded, client)
    table.save(path)
    steps = table.geometry.thicknesses_nm
    print_block(
        str(path),
        [
            ("Beams", str(len(table.geometry.beams))),
            ("Thickness", f"{steps[0]:g} to {steps[-1]:g} nm in {len(steps)} steps"),
            ("Size", f"{path.stat().st_size / 1e6:.1f} MB"),
        ],
    )
