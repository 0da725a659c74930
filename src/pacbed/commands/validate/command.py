"""``pacbed validate``: a trained model's answers against the truth, pictured."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.options import DataOption, JsonOption
from pacbed.commands.output import print_block, print_json
from pacbed.errors import BundleError, OutOfRangeError

if TYPE_CHECKING:
    from pacbed.library.models.kinds import Model


def validate(
    model: Annotated[
        str,
        typer.Argument(
            help="Folder of a model, or ID or name of an installed system.", metavar="MODEL"
        ),
    ],
    table: Annotated[
        Path | None,
        typer.Option(
            help="Table of patterns. By default that of the training, if it lies where it did."
            " Of the table of the training only the rows held back are asked.",
            metavar="CSV",
        ),
    ] = None,
    undistorted: Annotated[
        bool,
        typer.Option(
            "--undistorted",
            help="Ask about the patterns as they are in the table, without turning, shifting or"
            " a detector.",
        ),
    ] = False,
    count: Annotated[
        int | None,
        typer.Option(
            help="Patterns at most; by default 5000 of a table, 200 where they are made.", min=10
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the table's stored patterns, as in the training.", metavar="DIR"
        ),
    ] = None,
    refine: Annotated[
        bool, typer.Option("--refine", help="With the fit, where there is no table; slower.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of patterns and distortions.", min=0)] = 1,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder to write; by default validation inside the model's.",
            metavar="DIR",
        ),
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare a model's answers with the truth: confusion matrices, errors, worst patterns.

    A model from a table is asked about the rows that its training held back. One from a
    recipe is asked about patterns that are made for the purpose, with a simulated detector.
    Writes a picture for each quantity, validation.json, and validation.html, which holds all.

    Example: [bold]pacbed validate data/7/models/gan-table[/bold]
    """
    from pacbed.commands.validate.engine import validate_engine
    from pacbed.commands.validate.labels import validate_labels
    from pacbed.evaluate.page import write_validation
    from pacbed.library.models.bundle import Bundle
    from pacbed.library.models.label_bundle import LabelBundle

    bundle = _chosen(model, data)
    engine, labels = bundle.as_kind(Bundle), bundle.as_kind(LabelBundle)
    if engine is not None:
        if table is not None or undistorted:
            raise OutOfRangeError(
                f"{bundle.folder}: was trained from a recipe: leave out --table and --undistorted; "
                "for patterns of your own there is pacbed evaluate."
            )
        validation = validate_engine(engine, count or 200, refine, seed)
    elif labels is not None and labels.trained_here:
        if refine:
            raise OutOfRangeError("--refine is for models that were trained from a recipe.")
        validation = validate_labels(labels, table, undistorted, count or 5000, seed, data, cache)
    else:
        raise BundleError(
            f"{bundle.folder}: is a model of the kind {bundle.kind}, which does not say what its "
            "training held back: pacbed evaluate compares it with patterns of yours."
        )
    folder = output or bundle.folder / "validation"
    files = write_validation(validation, folder)
    if as_json:
        print_json(validation.to_dict())
        return
    rows = [("Model", validation.model), ("Patterns", validation.patterns)]
    for answers in validation.answers:
        figures = answers.figures()
        words = (
            f"{figures['share_right']:.1%} right, {figures['share_within_one_label']:.1%} within "
            f"one label of {figures['step']:.3g} {answers.unit}".rstrip()
        )
        rows.append((answers.target, words))
    left_out: dict[str, str] = validation.details.get("left_out", {})
    rows += [(target, f"not asked: {why}") for target, why in left_out.items()]
    print_block(str(files[-1]), rows)


def _chosen(given: str, data: Path | None) -> "Model":
    """Load the model in a folder, or that of a system by ID or name."""
    from pacbed.library.installed import load_bundle
    from pacbed.library.models.model_files import DESCRIPTION
    from pacbed.library.places import open_model

    folder = Path(given)
    if folder.is_dir() and not (folder / DESCRIPTION).is_file():
        raise BundleError(f"{folder}: has no {DESCRIPTION}: give the folder of a model.")
    return open_model(folder) if folder.is_dir() else load_bundle(given, data)
