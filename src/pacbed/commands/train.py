"""``pacbed train``: from a recipe to a bundle."""

import dataclasses
import hashlib
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.options import RecipeArgument
from pacbed.commands.output import print_block, progress_bar
from pacbed.commands.simulate_table import check_table, simulate_recipe
from pacbed.errors import FileFormatError, MissingExtraError, RecipeError

if TYPE_CHECKING:
    from pacbed.lacbed.table import LacbedTable
    from pacbed.library.recipe import Recipe

#: Part of the bundle's folder that the training works in; a bundle needs none of it.
_WORK = "training"
_TABLE, _PLAN, _CHECKPOINT = "lacbed.npz", "plan.json", "checkpoint.pt"


def train(
    recipe: RecipeArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the bundle to make.", metavar="DIR")
    ],
    table: Annotated[
        Path | None,
        typer.Option(
            help="Table that [bold]pacbed simulate[/bold] made of this recipe.", metavar="NPZ"
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in the folder.")
    ] = False,
    samples: Annotated[
        int | None, typer.Option(help="Patterns to train on, in place of the recipe's.", min=1)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed, in place of the recipe's.", min=0)] = None,
    threads: Annotated[
        int | None, typer.Option(help="Processor threads, in place of the recipe's.", min=1)
    ] = None,
) -> None:
    """Train the network of a recipe and write the bundle.

    Simulates the table first where none is given. Checkpoints and a log of loss
    and errors (training.csv) go to the folder [bold]training[/bold] inside the
    bundle's, which may be removed afterwards. Needs the extra [bold]train[/bold].

    Example: [bold]pacbed train recipes/gan.toml -o data/7/models/gan --samples 250000[/bold]

    With [bold]--data data[/bold] the other commands find what lies in data/ID/models.
    """
    from pacbed.files import write_atomically
    from pacbed.library.recipe import load_recipe

    _check_installed()
    loaded = load_recipe(recipe)
    given = {"samples": samples, "seed": seed, "threads": threads}
    chosen = {name: value for name, value in given.items() if value is not None}
    loaded = dataclasses.replace(loaded, training=dataclasses.replace(loaded.training, **chosen))
    work = output / _WORK
    plan = _plan(loaded)
    goes_on = _check_folder(output, loaded, plan, resume)
    lacbed = _table(work, loaded, table, goes_on)
    # Only now, so that an impossible recipe leaves no folder behind.
    work.mkdir(parents=True, exist_ok=True)
    write_atomically(work / _PLAN, plan)
    if not goes_on:
        lacbed.save(work / _TABLE)
    _train(loaded, lacbed, output, goes_on)
    size = sum(file.stat().st_size for file in output.iterdir() if file.is_file())
    print_block(str(output), [("System", loaded.system.name), ("Size", f"{size / 1e6:.1f} MB")])


def _train(recipe: "Recipe", table: "LacbedTable", output: Path, goes_on: bool) -> None:
    """Train with a progress bar and write the bundle."""
    from pacbed.learn.export import export_bundle
    from pacbed.learn.train import train_network

    with progress_bar(f"training {recipe.system.name}") as bar:
        locator, reader, figures = train_network(
            table,
            recipe.system,
            recipe.training,
            output / _WORK,
            resume=goes_on,
            report=lambda done, total, words: bar.update(done / total, words),
        )
    export_bundle(output, recipe, locator, reader, table, figures)


def _check_installed() -> None:
    """Refuse early, before the table is simulated, where the extra is missing."""
    for name in ("torch", "onnxscript"):
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError(
                f"training needs {name}, which is not installed: pip install 'pacbed-cnn[train]'."
            )


def _plan(recipe: "Recipe") -> bytes:
    """What must be the same where a training goes on."""
    plan = {
        "recipe_sha256": hashlib.sha256(recipe.path.read_bytes()).hexdigest(),
        "samples": recipe.training.samples,
        "seed": recipe.training.seed,
    }
    return json.dumps(plan).encode()


def _check_folder(output: Path, recipe: "Recipe", plan: bytes, resume: bool) -> bool:
    """Tell whether a training in the folder goes on; refuse to overwrite or to mix two."""
    if output.exists() and not output.is_dir():
        raise FileFormatError(f"{output}: this is a file: give the folder of the bundle to make.")
    work = output / _WORK
    if not (work / _CHECKPOINT).exists():
        return False
    if not resume:
        raise FileFormatError(
            f"{output}: the folder holds a training already: add --resume to go on with it, "
            "or give another folder."
        )
    if not (work / _PLAN).is_file() or (work / _PLAN).read_bytes() != plan:
        raise RecipeError(
            f"{recipe.path}: the training in {output} began with another recipe, number of "
            "samples or seed: give the same ones, or another folder."
        )
    return True


def _table(work: Path, recipe: "Recipe", given: Path | None, goes_on: bool) -> "LacbedTable":
    """Load the table of the training that goes on, or the one given, or simulate it."""
    from pacbed.lacbed.table import LacbedTable

    if goes_on:
        return LacbedTable.load(work / _TABLE)
    if given is None:
        return simulate_recipe(recipe)
    table = LacbedTable.load(given)
    check_table(table, recipe, given)
    return table
