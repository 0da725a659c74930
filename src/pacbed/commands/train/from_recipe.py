"""Training from a recipe: table, networks and bundle."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pacbed.commands.output import print_block
from pacbed.commands.progress import progress_bar
from pacbed.commands.simulate.recipe_table import check_table, simulate_recipe, usable_table
from pacbed.commands.train.options import RecipeOptions, TrainingOptions
from pacbed.errors import FileFormatError, RecipeError

if TYPE_CHECKING:
    from pacbed.lacbed.table import LacbedTable
    from pacbed.library.recipe import Recipe

#: Part of the bundle's folder that the training works in; a bundle needs none of it.
WORK = "training"
#: What took so long to train is not given up because another process changes the register.
_PATIENCE_SECONDS = 3600.0
_TABLE, _PLAN, CHECKPOINT = "lacbed.npz", "plan.json", "checkpoint.pt"


def train_recipe(recipe: Path, training: TrainingOptions, of_recipe: RecipeOptions) -> None:
    """Train the networks of a recipe and write the bundle.

    Parameters
    ----------
    recipe : Path
    training : TrainingOptions
        With `data`, system and bundle are registered there, else the bundle goes to `output`.
    of_recipe : RecipeOptions
    """
    from pacbed.files import write_atomically
    from pacbed.library.changes.install import install_model

    placed = _placed(recipe, training, of_recipe)
    loaded, output, data = placed.recipe, placed.output, training.data
    start = None if training.transfer_from is None else _start(training.transfer_from)
    work = output / WORK
    plan = _plan(loaded)
    goes_on = _check_folder(output, loaded, plan, training.resume)
    table = of_recipe.table or (placed.table if usable_table(placed.table, loaded) else None)
    lacbed = _table(work, loaded, table, goes_on)
    # Only now, so that an impossible recipe leaves no folder behind.
    work.mkdir(parents=True, exist_ok=True)
    write_atomically(work / _PLAN, plan)
    if not goes_on:
        lacbed.save(work / _TABLE)
    _train(loaded, lacbed, output, goes_on, start)
    if data is not None:
        install_model(data, output, _PATIENCE_SECONDS)
    size = sum(file.stat().st_size for file in output.iterdir() if file.is_file())
    print_block(
        str(output),
        [("System", f"{loaded.system.id} {loaded.system.name}"), ("Size", f"{size / 1e6:.1f} MB")],
    )


def train_in_background(recipe: Path, training: TrainingOptions, of_recipe: RecipeOptions) -> None:
    """Start a training in a process of its own, or go on with one that was ended.

    What can be refused is refused here, before that process begins.
    """
    from pacbed.commands.train.background import LOG, start_training

    placed = _placed(recipe, training, of_recipe)
    if training.transfer_from is not None:
        _start(training.transfer_from)
    _check_folder(placed.output, placed.recipe, _plan(placed.recipe), resume=True)
    started = start_training(placed.output / WORK, recipe, training, of_recipe)
    print_block(
        str(placed.output),
        [
            ("System", f"{placed.recipe.system.id} {placed.recipe.system.name}"),
            ("Process", f"{started.process}, which goes on when this terminal is closed"),
            ("Log", str(placed.output / WORK / LOG)),
            ("How far", "pacbed train --status " + _where(training)),
        ],
    )


def _where(training: TrainingOptions) -> str:
    return f"--data {training.data}" if training.data is not None else f"-o {training.output}"


@dataclass(frozen=True)
class _Placed:
    """A recipe with the number of its system, where its bundle goes, and the table at hand."""

    recipe: "Recipe"
    output: Path
    table: Path | None


def _placed(recipe: Path, training: TrainingOptions, of_recipe: RecipeOptions) -> _Placed:
    from pacbed.library.changes.install import prepare_model
    from pacbed.library.recipe import load_recipe

    loaded = load_recipe(recipe)
    asked = {"samples": of_recipe.samples, "seed": training.seed, "threads": training.threads}
    chosen = {name: value for name, value in asked.items() if value is not None}
    loaded = dataclasses.replace(loaded, training=dataclasses.replace(loaded.training, **chosen))
    if training.data is None:
        return _Placed(loaded, training.output or Path(), None)
    place = prepare_model(training.data, loaded, of_recipe.model)
    return _Placed(place.recipe, place.folder, place.table)


def _start(given: Path) -> Path:
    """The checkpoint to start from, given itself or the bundle in whose folder it lies."""
    checkpoint = given / WORK / CHECKPOINT if given.is_dir() else given
    if not checkpoint.is_file():
        raise FileFormatError(
            f"{given}: has no {WORK}/{CHECKPOINT}, which a training leaves and bundles that are "
            "shipped lack: give the folder of a training, or its checkpoint."
        )
    return checkpoint


def _train(
    recipe: "Recipe",
    table: "LacbedTable",
    output: Path,
    goes_on: bool,
    start: Path | None,
) -> None:
    """Train with a progress bar and write the bundle."""
    from pacbed.learn.export import export_bundle
    from pacbed.learn.train import train_network

    with progress_bar(f"training {recipe.system.name}") as bar:
        locator, reader, figures = train_network(
            table,
            recipe.system,
            recipe.training,
            output / WORK,
            start=start,
            resume=goes_on,
            report=lambda done, total, words: bar.update(done / total, words),
        )
    export_bundle(output, recipe, locator, reader, table, figures)


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
    work = output / WORK
    if not (work / CHECKPOINT).exists():
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
