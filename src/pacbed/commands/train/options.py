"""The options of ``pacbed train``, by what they are about; each field is an option."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from pacbed.commands.options import DataOption

_RECIPE, _TABLE, _SYSTEM = "From a recipe", "From a table", "System of a table"


@dataclass(frozen=True)
class TrainingOptions:
    """Of every training."""

    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder of the bundle to make; of a table by default beside it, in a data folder"
            " in models.",
            metavar="DIR",
        ),
    ] = None
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in the folder.")
    ] = False
    transfer_from: Annotated[
        Path | None,
        typer.Option(
            help="Start with the weights of another system's training: the folder of its bundle.",
            metavar="DIR",
        ),
    ] = None
    seed: Annotated[int | None, typer.Option(help="Of weights, patterns and split.", min=0)] = None
    threads: Annotated[
        int | None, typer.Option(help="Processor threads of the training step.", min=1)
    ] = None
    data: DataOption = None


@dataclass(frozen=True)
class BackgroundOptions:
    """Of a training that nobody waits for."""

    background: Annotated[
        bool,
        typer.Option(
            "--background",
            help="Train in a process that goes on when the terminal is closed, and go on with one"
            " that was ended; from a recipe or a system.",
        ),
    ] = False
    status: Annotated[
        bool,
        typer.Option("--status", help="Show how far the trainings in the background are."),
    ] = False


@dataclass(frozen=True)
class RecipeOptions:
    """Of a training from a recipe alone."""

    table: Annotated[
        Path | None,
        typer.Option(
            help="LACBED table that [bold]pacbed simulate[/bold] made of this recipe.",
            metavar="NPZ",
            rich_help_panel=_RECIPE,
        ),
    ] = None
    samples: Annotated[
        int | None,
        typer.Option(
            help="Patterns to train on, in place of the recipe's.", min=1, rich_help_panel=_RECIPE
        ),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(
            help="Name of the model in the data folder; by default the system's.",
            metavar="NAME",
            rich_help_panel=_RECIPE,
        ),
    ] = None


@dataclass(frozen=True)
class TableOptions:
    """Of a training from a table of patterns alone."""

    targets: Annotated[
        list[str] | None,
        typer.Option(
            help="Thickness, Mistilt, Scale or Azimuth (the tilt's direction); give it again for"
            " another. All by default, Azimuth where the table has such a column.",
            metavar="NAME",
            rich_help_panel=_TABLE,
        ),
    ] = None
    backbone: Annotated[
        str | None,
        typer.Option(
            help="compact (the default), or a network of keras.applications such as Xception.",
            metavar="NAME",
            rich_help_panel=_TABLE,
        ),
    ] = None
    pretrained: Annotated[
        str | None,
        typer.Option(
            help="Keras backbone: imagenet, or a file of its weights without top layers.",
            metavar="imagenet|FILE",
            rich_help_panel=_TABLE,
        ),
    ] = None
    input_size: Annotated[
        int | None,
        typer.Option(help="Pixels that a network sees along a side; 96.", rich_help_panel=_TABLE),
    ] = None
    batch_size: Annotated[
        int | None, typer.Option(help="Patterns in a step; 32.", rich_help_panel=_TABLE)
    ] = None
    epochs: Annotated[
        int | None,
        typer.Option(help="Passes through the table, at most; 40.", rich_help_panel=_TABLE),
    ] = None
    patience: Annotated[
        int | None,
        typer.Option(
            help="Stop after so many epochs without a better validation loss; 10.",
            rich_help_panel=_TABLE,
        ),
    ] = None
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Largest, after the warm-up; 0.002.", rich_help_panel=_TABLE),
    ] = None
    validation_share: Annotated[
        float | None,
        typer.Option(help="Share of the rows that is held back; 0.15.", rich_help_panel=_TABLE),
    ] = None
    thickness_range: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Thicknesses to keep, nm.", metavar="LOW HIGH", rich_help_panel=_TABLE),
    ] = None
    convergence_range: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="Convergence angles to keep, mrad.", metavar="LOW HIGH", rich_help_panel=_TABLE
        ),
    ] = None
    no_rotation: Annotated[
        bool,
        typer.Option(
            "--no-rotation",
            help="Show the patterns as they lie in the table, not turned by any angle.",
            rich_help_panel=_TABLE,
        ),
    ] = False
    no_detector: Annotated[
        bool,
        typer.Option(
            "--no-detector",
            help="Leave out blur, background, noise and other effects of a detector.",
            rich_help_panel=_TABLE,
        ),
    ] = False
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the patterns in one file; by default .pacbed_cache beside the table.",
            metavar="DIR",
            rich_help_panel=_TABLE,
        ),
    ] = None
    device: Annotated[
        str | None,
        typer.Option(help="Of torch: cpu (the default) or cuda.", rich_help_panel=_TABLE),
    ] = None


@dataclass(frozen=True)
class SystemOptions:
    """Which system a table is of, where it does not say so itself."""

    recipe: Annotated[
        Path | None,
        typer.Option(
            help="Recipe of the table's system. Its crystal is put into the bundle, with which an"
            " answer can be refined.",
            metavar="TOML",
            rich_help_panel=_SYSTEM,
        ),
    ] = None
    system_id: Annotated[
        int | None,
        typer.Option(
            "--id",
            help="Number of the system; of a data folder the folder's name.",
            min=0,
            rich_help_panel=_SYSTEM,
        ),
    ] = None
    name: Annotated[
        str | None,
        typer.Option(help="Short name, such as sto-001-300kV.", rich_help_panel=_SYSTEM),
    ] = None
    material: Annotated[
        str | None,
        typer.Option(help="Full name; by default the column Material.", rich_help_panel=_SYSTEM),
    ] = None
    zone_axis: Annotated[
        str | None,
        typer.Option(
            help='Such as "0 0 1"; by default the column Direction.', rich_help_panel=_SYSTEM
        ),
    ] = None
    high_tension: Annotated[
        float | None,
        typer.Option(
            help="By default the column Electron_Energy.", metavar="KV", rich_help_panel=_SYSTEM
        ),
    ] = None


def given(options: Any) -> dict[str, Any]:
    """The fields that were given: those that are not as by default; 0 is a value.

    Parameters
    ----------
    options : dataclass
        One of the above.
    """
    values = {entry.name: getattr(options, entry.name) for entry in fields(options)}
    return {
        name: value for name, value in values.items() if value is not None and value is not False
    }
