"""``pacbed train``: from a recipe, or from a table of patterns, to a bundle."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pacbed.commands.declared import declared
from pacbed.commands.train.options import (
    BackgroundOptions,
    RecipeOptions,
    SystemOptions,
    TableOptions,
    TrainingOptions,
    given,
)
from pacbed.commands.train.registered import registered_recipe
from pacbed.errors import FileFormatError, MissingExtraError, OutOfRangeError


@declared
def train(
    *,
    source: Annotated[
        Path | None,
        typer.Argument(
            help="Recipe of a system (TOML), number or name of a system of the data folder, or"
            " table of simulated patterns (CSV).",
            metavar="RECIPE|SYSTEM|TABLE",
            show_default=False,
        ),
    ] = None,
    training: TrainingOptions,
    in_background: BackgroundOptions,
    of_recipe: RecipeOptions,
    of_table: TableOptions,
    of_system: SystemOptions,
) -> None:
    """Train the networks of a system and write the bundle.

    [bold]From a recipe:[/bold] simulates the table of all patterns first, where none is given.
    Checkpoints and a log (training.csv) go to the folder [bold]training[/bold] inside the
    bundle's, which may be removed afterwards.

    Example: [bold]pacbed train gan-0001-300kV.toml --data data --samples 250000[/bold]
    registers the system, if [bold]pacbed simulate[/bold] has not yet, and its model.
    With -o in place of --data the bundle goes to a folder of its own.

    [bold]pacbed train gan-110-200kV --data data --background[/bold] adds networks to a system that
    [bold]pacbed add[/bold] has made, without anybody waiting; it answers meanwhile.

    [bold]From a table[/bold] of patterns that any program simulated, with the columns Path,
    Thickness (Å), Mistilt (mrad) and Conv_Angle (mrad): trains one network for each target,
    which chooses among the table's labels. A column Azimuth (degrees from +x, right, towards
    +y, down) trains one for the direction of the tilt.

    Example: [bold]pacbed train data/7/simulation/df.csv --targets Thickness --epochs 60[/bold]

    With [bold]--data data[/bold] the other commands find what lies in data/ID/models. Needs the
    extra [bold]train[/bold], for a Keras backbone the extra [bold]keras[/bold].
    """
    if in_background.status:
        from pacbed.commands.train.show_status import show_status

        show_status(training.output, training.data)
        return
    if source is None:
        raise FileFormatError(
            "say what to train: a recipe (.toml), a system of the data folder, or a table (.csv)."
        )
    registered = registered_recipe(source, training.data)
    if registered is not None:
        source, data = registered
        # With -o the bundle goes to a folder of its own all the same.
        training = replace(training, data=None if training.output else data)
    is_table = source.suffix.lower() in (".csv", ".txt")
    _check_options(source, is_table, (of_recipe,) if is_table else (of_table, of_system))
    _check_installed(is_table)
    if is_table:
        if in_background.background:
            raise OutOfRangeError(
                f"--background is for a training from a recipe, and {source} is taken as a table: "
                "leave it out."
            )
        from pacbed.commands.train.from_table import train_table

        train_table(source, training, of_table, of_system)
        return
    from pacbed.commands.train.from_recipe import train_in_background, train_recipe

    if (training.output is None) == (training.data is None):
        raise FileFormatError(
            f"{source}: say where the bundle goes: --data DIR, a data folder in which the "
            "system is registered, or -o DIR, the bundle's own folder."
        )
    (train_in_background if in_background.background else train_recipe)(source, training, of_recipe)


def _check_options(source: Path, is_table: bool, others: tuple[object, ...]) -> None:
    """Refuse options of the other source, which would do nothing."""
    for name in (name for options in others for name in given(options)):
        option = "--id" if name == "system_id" else f"--{name.replace('_', '-')}"
        kind, other = ("table", "recipe") if is_table else ("recipe", "table")
        raise OutOfRangeError(
            f"{option} is for a training from a {other}, and {source} is taken as a {kind}: "
            "leave it out."
        )


def _check_installed(is_table: bool) -> None:
    """Refuse early, before anything is simulated or read, where the extra is missing."""
    for name in ("torch", "onnxscript", *(("safetensors",) if is_table else ())):
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError(
                f"training needs {name}, which is not installed: pip install 'pacbed-cnn[train]'."
            )
