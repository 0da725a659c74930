"""Training from a table: what the command reads, trains and prints."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from pacbed.commands.output import print_block
from pacbed.commands.progress import progress_bar
from pacbed.commands.train.options import (
    SystemOptions,
    TableOptions,
    TrainingOptions,
    given,
)
from pacbed.commands.train.table_system import default_output, table_system
from pacbed.errors import BundleError, FileFormatError, OutOfRangeError

if TYPE_CHECKING:
    from pacbed.lacbed.table import LacbedTable
    from pacbed.learn.labels.loop import Epoch
    from pacbed.learn.labels.options import TableTraining
    from pacbed.learn.labels.train import Prepared
    from pacbed.library.recipe import Recipe
    from pacbed.library.system import System
    from pacbed.library.tables.pattern_table import PatternTable

#: Options of the command that are options of the training by the same name.
_SAME = (
    "input_size", "batch_size", "epochs", "patience", "learning_rate", "validation_share",
    "seed", "backbone", "pretrained", "device", "threads",
)  # fmt: skip


#: Beside the table: its patterns in one file.
CACHE_FOLDER = ".pacbed_cache"
#: What took so long to train is not given up because another process changes the register.
_PATIENCE_SECONDS = 3600.0


def train_table(
    path: Path, training: TrainingOptions, of_table: TableOptions, of_system: SystemOptions
) -> None:
    """Train the label networks of a table and write the bundle.

    Parameters
    ----------
    path : Path
    training : TrainingOptions
    of_table : TableOptions
    of_system : SystemOptions
    """
    from pacbed.learn.labels.train import check_folder, train_from_table
    from pacbed.library.recipe import load_recipe

    start = training.transfer_from
    asked = table_options(of_table, training.seed, training.threads)
    table = read_kept(path, of_table, training.data)
    options, left_out = asked, None
    if not of_table.targets:
        options, left_out = with_direction(asked, table, start)
    recipe = None if of_system.recipe is None else load_recipe(of_system.recipe)
    system = table_system(table, of_system, recipe, training.data)
    folder = training.output or default_output(path, system)
    _check_recipe(table, recipe)
    check_folder(folder, table, options, training.resume)
    _check_networks(options, start)
    prepared = read_patterns(table, options, of_table.cache)
    lacbed = _lacbed(recipe, folder)
    with progress_bar("training", total=len(options.targets)) as bar:
        done: list[str] = []

        def report(target: str, share: float, loss: float, last: "Epoch | None") -> None:
            if target not in done:
                done.append(target)
            bar.update(len(done) - 1 + share, _words(target, loss, last, options.epochs))

        best = train_from_table(prepared, system, options, folder, start, lacbed, report)
    _install(folder, system)
    _print(folder, system, prepared, best, left_out, lacbed is not None)


def table_options(of_table: TableOptions, seed: int | None, threads: int | None) -> "TableTraining":
    """The training's options from the command's."""
    from pacbed.learn.labels.options import Distortion, TableTraining

    distortion = Distortion(rotate=not of_table.no_rotation, detector=not of_table.no_detector)
    said = given(of_table) | {"seed": seed, "threads": threads}
    values = {name: said[name] for name in _SAME if said.get(name) is not None}
    if of_table.targets:
        values["targets"] = tuple(of_table.targets)
    options = TableTraining(**values, distortion=distortion)
    if options.pretrained and options.channels == 1:
        raise OutOfRangeError("--pretrained is for a Keras backbone: give --backbone as well.")
    if options.device != "cpu":
        import torch

        if options.device.split(":")[0] != "cuda" or not torch.cuda.is_available():
            raise OutOfRangeError(
                f"--device {options.device} is not there: give cpu"
                + (", or cuda." if torch.cuda.is_available() else ".")
            )
    return options


def with_direction(
    options: "TableTraining", table: "PatternTable", start: Path | None
) -> "tuple[TableTraining, str | None]":
    """Add the tilt's direction to the targets where it can be learned.

    Returns
    -------
    options : TableTraining
    left_out : str or None
        Why the direction is not trained although the table has a column for it.
    """
    from pacbed.learn.labels.networks import weights_name
    from pacbed.learn.labels.options import DIRECTION
    from pacbed.library.tables.pattern_azimuth import AZIMUTH, azimuths_to_learn

    if AZIMUTH not in table.others:
        return options, None
    try:
        azimuths_to_learn(table)
    except FileFormatError as error:
        return options, str(error)
    if start is not None and not (start / weights_name(DIRECTION, options.backbone)).is_file():
        return options, f"{start} has no such model to start from"
    return dataclasses.replace(options, targets=(*options.targets, DIRECTION)), None


def read_kept(path: Path, of_table: TableOptions, data: Path | None) -> "PatternTable":
    """The rows of a table that are inside the ranges to keep."""
    from pacbed.library.tables.pattern_table import read_pattern_table

    table = read_pattern_table(path, data)
    ranges = {}
    if of_table.thickness_range is not None:
        low, high = of_table.thickness_range
        ranges["thickness_angstrom"] = (10 * low, 10 * high)
    if of_table.convergence_range is not None:
        ranges["convergence_mrad"] = of_table.convergence_range
    return table.keep(**ranges) if ranges else table


def read_patterns(
    table: "PatternTable", options: "TableTraining", cache: Path | None
) -> "Prepared":
    """Check the table and read its patterns, with a progress bar."""
    from pacbed.learn.labels.train import prepare
    from pacbed.readers import read_pattern

    with progress_bar("reading patterns", total=len(table)) as bar:
        return prepare(
            table,
            options,
            cache or table.path.parent / CACHE_FOLDER,
            lambda file: read_pattern(file).data,
            bar.update,
        )


def _check_recipe(table: "PatternTable", recipe: "Recipe | None") -> None:
    """Refuse a recipe whose table would not cover the patterns."""
    if recipe is None:
        return
    high = recipe.system.convergence_mrad[1]
    if table.convergence_mrad.max() > high + 1e-6 or (
        table.thickness_angstrom.max() > 10 * recipe.system.thickness_nm[1] + 1e-6
    ):
        raise BundleError(
            f"{recipe.path}: covers up to {high:g} mrad and {recipe.system.thickness_nm[1]:g} nm, "
            f"less than {table.path}: widen its ranges."
        )


def _check_networks(options: "TableTraining", transfer_from: Path | None) -> None:
    """Make a network of each kind once, so that what is impossible shows before the patterns."""
    from pacbed.learn.labels.labels import DIRECTIONS
    from pacbed.learn.labels.networks import make_network, transfer_file
    from pacbed.learn.labels.options import DIRECTION

    make_network(options, "Thickness", 2)
    if transfer_from is None:
        return
    for target in options.targets:
        labels = DIRECTIONS if target == DIRECTION else 2
        network = make_network(options, target, labels)
        network.start_from(transfer_file(transfer_from, target, options.backbone))


def _lacbed(recipe: "Recipe | None", folder: Path) -> "LacbedTable | None":
    """The table of the crystal: simulated, or that of the training that goes on."""
    from pacbed.commands.simulate.recipe_table import simulate_recipe
    from pacbed.lacbed.table import LacbedTable
    from pacbed.library.models.model_files import TABLE

    if recipe is None:
        return None
    kept = folder / "training" / TABLE
    if kept.exists():
        return LacbedTable.load(kept)
    table = simulate_recipe(recipe)
    kept.parent.mkdir(parents=True, exist_ok=True)
    table.save(kept)
    return table


def _install(folder: Path, system: "System") -> None:
    """Enter the model in the register whose folder of this system it lies in."""
    from pacbed.library.changes.install import install_model

    home = folder.resolve().parent
    data = home.parent.parent
    inside = home.name == "models" and home.parent.name == str(system.id)
    if inside and (data / "Register.csv").is_file():
        install_model(data, folder, _PATIENCE_SECONDS)


def _unknown(system: "System") -> list[tuple[str, str]]:
    """What nobody said of the system, and with which options it is said."""
    options = {"material": "--material", "zone axis": "--zone-axis", "high tension":
               "--high-tension"}  # fmt: skip
    if not system.unknown:
        return []
    given = ", ".join(options[name] for name in system.unknown)
    return [("Unknown", f"{', '.join(system.unknown)}: {given} fill in")]


def _words(target: str, loss: float, last: "Epoch | None", epochs: int) -> str:
    words = f"{target}: loss {loss:.3f}"
    if last is None or last.target != target:
        return words
    return (
        f"{words}, held back {last.validation_loss:.3f} "
        f"({last.within_one_label:.0%} within one label), epoch {last.epoch} of {epochs}"
    )


def _print(
    folder: Path,
    system: "System",
    prepared: "Prepared",
    best: "dict[str, Epoch]",
    left_out: str | None,
    refines: bool,
) -> None:
    rows = [
        ("System", f"{system.id} {system.name}"),
        *_unknown(system),
        ("Patterns", f"{len(prepared.table)}, {int(prepared.held_back.sum())} held back"),
    ]
    for target, epoch in best.items():
        labels = len(prepared.labels[target].values)
        rows.append(
            (
                target,
                f"{labels} labels, {epoch.accuracy:.1%} right, {epoch.within_one_label:.1%} within "
                f"one label (epoch {epoch.epoch})",
            )
        )
    if left_out is not None:
        rows.append(("Azimuth", f"not trained: {left_out}"))
    if "Thickness" not in best:
        rows.append(("Answers", "none without Thickness: add it to --targets, with --resume"))
    rows.append(("Refinement", "yes" if refines else "no crystal was given: --recipe"))
    print_block(str(folder), rows)
