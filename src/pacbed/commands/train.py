"""``pacbed train``: from a recipe, or from a table of patterns, to a bundle."""

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from pacbed.commands.options import DataOption, given_options
from pacbed.errors import FileFormatError, MissingExtraError, OutOfRangeError

_RECIPE, _TABLE, _SYSTEM = "From a recipe", "From a table", "System of a table"
#: Which options go with which source.
_ONLY_RECIPE = ("table", "samples", "model")


def train(
    source: Annotated[
        Path,
        typer.Argument(
            help="Recipe of a system (TOML), or table of simulated patterns (CSV).",
            metavar="RECIPE|TABLE",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder of the bundle to make; of a table by default beside it, in a data folder"
            " in models.",
            metavar="DIR",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in the folder.")
    ] = False,
    transfer_from: Annotated[
        Path | None,
        typer.Option(
            help="Start with the weights of another system's training: the folder of its bundle.",
            metavar="DIR",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, patterns and split.", min=0)] = None,
    threads: Annotated[
        int | None, typer.Option(help="Processor threads of the training step.", min=1)
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            help="LACBED table that [bold]pacbed simulate[/bold] made of this recipe.",
            metavar="NPZ",
            rich_help_panel=_RECIPE,
        ),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            help="Patterns to train on, in place of the recipe's.", min=1, rich_help_panel=_RECIPE
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Name of the model in the data folder; by default the system's.",
            metavar="NAME",
            rich_help_panel=_RECIPE,
        ),
    ] = None,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            help="Thickness, Mistilt, Scale or Azimuth (the tilt's direction); give it again for"
            " another. All by default, Azimuth where the table has such a column.",
            metavar="NAME",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="compact (the default), or a network of keras.applications such as Xception.",
            metavar="NAME",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    pretrained: Annotated[
        str | None,
        typer.Option(
            help="Keras backbone: imagenet, or a file of its weights without top layers.",
            metavar="imagenet|FILE",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    input_size: Annotated[
        int | None,
        typer.Option(help="Pixels that a network sees along a side; 96.", rich_help_panel=_TABLE),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Patterns in a step; 32.", rich_help_panel=_TABLE)
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Passes through the table, at most; 40.", rich_help_panel=_TABLE),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            help="Stop after so many epochs without a better validation loss; 10.",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Largest, after the warm-up; 0.002.", rich_help_panel=_TABLE),
    ] = None,
    validation_share: Annotated[
        float | None,
        typer.Option(help="Share of the rows that is held back; 0.15.", rich_help_panel=_TABLE),
    ] = None,
    thickness_range: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Thicknesses to keep, nm.", metavar="LOW HIGH", rich_help_panel=_TABLE),
    ] = None,
    convergence_range: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="Convergence angles to keep, mrad.", metavar="LOW HIGH", rich_help_panel=_TABLE
        ),
    ] = None,
    no_rotation: Annotated[
        bool,
        typer.Option(
            "--no-rotation",
            help="Show the patterns as they lie in the table, not turned by any angle.",
            rich_help_panel=_TABLE,
        ),
    ] = False,
    no_detector: Annotated[
        bool,
        typer.Option(
            "--no-detector",
            help="Leave out blur, background, noise and other effects of a detector.",
            rich_help_panel=_TABLE,
        ),
    ] = False,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the patterns in one file; by default .pacbed_cache beside the table.",
            metavar="DIR",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="Of torch: cpu (the default) or cuda.", rich_help_panel=_TABLE),
    ] = None,
    data: DataOption = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="Recipe of the table's system. Its crystal is put into the bundle, with which an"
            " answer can be refined.",
            metavar="TOML",
            rich_help_panel=_SYSTEM,
        ),
    ] = None,
    system_id: Annotated[
        int | None,
        typer.Option(
            "--id",
            help="Number of the system; of a data folder the folder's name.",
            min=0,
            rich_help_panel=_SYSTEM,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Short name, such as sto-001-300kV.", rich_help_panel=_SYSTEM),
    ] = None,
    material: Annotated[
        str | None,
        typer.Option(help="Full name; by default the column Material.", rich_help_panel=_SYSTEM),
    ] = None,
    zone_axis: Annotated[
        str | None,
        typer.Option(
            help='Such as "0 0 1"; by default the column Direction.', rich_help_panel=_SYSTEM
        ),
    ] = None,
    high_tension: Annotated[
        float | None,
        typer.Option(
            help="By default the column Electron_Energy.", metavar="KV", rich_help_panel=_SYSTEM
        ),
    ] = None,
) -> None:
    """Train the networks of a system and write the bundle.

    [bold]From a recipe:[/bold] simulates the table of all patterns first, where none is given.
    Checkpoints and a log (training.csv) go to the folder [bold]training[/bold] inside the
    bundle's, which may be removed afterwards.

    Example: [bold]pacbed train gan-0001-300kV.toml --data data --samples 250000[/bold]
    registers the system, if [bold]pacbed simulate[/bold] has not yet, and its model.
    With -o in place of --data the bundle goes to a folder of its own.

    [bold]From a table[/bold] of patterns that any program simulated, with the columns Path,
    Thickness (Å), Mistilt (mrad) and Conv_Angle (mrad): trains one network for each target,
    which chooses among the table's labels. A column Azimuth (degrees from +x, right, towards
    +y, down) trains one for the direction of the tilt.

    Example: [bold]pacbed train data/7/simulation/df.csv --targets Thickness --epochs 60[/bold]

    With [bold]--data data[/bold] the other commands find what lies in data/ID/models. Needs the
    extra [bold]train[/bold], for a Keras backbone the extra [bold]keras[/bold].
    """
    given = given_options(locals())
    is_table = source.suffix.lower() in (".csv", ".txt")
    _check_options(source, is_table, given)
    _check_installed(is_table)
    if not is_table:
        from pacbed.commands.train_recipe import train_recipe

        place = output if output is not None else data
        if place is None or (output is not None and data is not None):
            raise FileFormatError(
                f"{source}: say where the bundle goes: --data DIR, a data folder in which the "
                "system is registered, or -o DIR, the bundle's own folder."
            )
        chosen = given_options({"samples": samples, "seed": seed, "threads": threads})
        train_recipe(source, place, table, resume, transfer_from, chosen, model, data is not None)
        return
    from pacbed.commands.train_table import train_table

    train_table(source, given)


def _check_options(source: Path, is_table: bool, given: dict[str, object]) -> None:
    """Refuse options of the other source, which would do nothing."""
    both = {"source", "output", "resume", "transfer_from", "seed", "threads", "data"}
    for name in given.keys() - both:
        if is_table == (name in _ONLY_RECIPE):
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
