"""``pacbed preview``: what a training would show to the networks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.options import DataOption, check_output
from pacbed.commands.output import print_block
from pacbed.commands.train.options import TableOptions
from pacbed.errors import OutOfRangeError

if TYPE_CHECKING:
    import numpy as np

_COLUMNS = 6
_UNITS = {"Thickness": "Å", "Mistilt": "mrad", "Scale": "×", "Azimuth": "°"}


def preview(
    source: Annotated[
        Path,
        typer.Argument(
            help="Table of simulated patterns (CSV), or recipe (TOML).", metavar="TABLE|RECIPE"
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Picture to write.", metavar="PNG")
    ] = Path("preview.png"),
    target: Annotated[
        str,
        typer.Option(help="Thickness, Mistilt, Scale or Azimuth, of a table.", metavar="NAME"),
    ] = "Thickness",
    count: Annotated[int, typer.Option(help="Patterns.", min=1, max=60)] = 18,
    input_size: Annotated[
        int | None, typer.Option(help="Pixels that a network sees along a side; 96.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the choice and the distortions.", min=0)] = 0,
    table: Annotated[
        Path | None,
        typer.Option(help="LACBED table of the recipe, if it was simulated before.", metavar="NPZ"),
    ] = None,
    no_rotation: Annotated[
        bool, typer.Option("--no-rotation", help="As for the training.")
    ] = False,
    no_detector: Annotated[
        bool, typer.Option("--no-detector", help="As for the training.")
    ] = False,
    cache: Annotated[Path | None, typer.Option(help="As for the training.", metavar="DIR")] = None,
    data: DataOption = None,
) -> None:
    """Plot what the data generator gives the networks, to see whether it suits the patterns.

    Of a table, each pattern is shown as it is and, below it, as a network sees it: turned,
    zoomed, shifted and recorded by a simulated detector, anew each time. Of a recipe, the
    input of the locator is shown.

    Example: [bold]pacbed preview data/7/simulation/df.csv -o preview.png[/bold]
    """
    from pacbed.evaluate.figures import draw_patterns
    from pacbed.files import write_atomically

    check_output(output, (".png",))
    if source.suffix.lower() in (".csv", ".txt"):
        if table is not None:
            raise OutOfRangeError("--table is for a recipe: leave it out.")
        options = TableOptions(
            targets=[target], input_size=input_size, cache=cache,
            no_rotation=no_rotation, no_detector=no_detector,
        )  # fmt: skip
        frames, titles = _of_table(source, options, count, seed, data)
        heading = f"{source.name}: patterns, and what the {target} network sees of them"
    else:
        frames, titles = _of_recipe(source, table, count, seed)
        heading = f"{source.name}: what the locator sees"
    write_atomically(output, draw_patterns(frames, titles, heading, _COLUMNS))
    print_block(str(output), [("Patterns", str(count))])


def _of_table(
    path: Path, options: TableOptions, count: int, seed: int, data: Path | None
) -> "tuple[list[np.ndarray], list[str]]":
    """Patterns in rows of the picture, each above what is made of it."""
    import numpy as np

    from pacbed.commands.train.from_table import read_kept, read_patterns, table_options

    training = table_options(options, seed, None)
    (target,) = training.targets
    prepared = read_patterns(read_kept(path, options, data), training, options.cache)
    rng = np.random.default_rng([training.seed, 51])
    source = prepared.source(target, training)
    usable = source.labels.rows_with_label(np.arange(len(prepared.table)))
    rows = rng.choice(usable, count, replace=len(usable) < count)
    batch = source.batch(rows, rng)
    frames: list[np.ndarray] = []
    titles: list[str] = []
    kept = prepared.table
    for first in range(0, count, _COLUMNS):
        part = range(first, min(first + _COLUMNS, count))
        empty = _COLUMNS - len(part)
        frames += [np.asarray(prepared.patterns[rows[i]], np.float32) for i in part]
        frames += [np.zeros((2, 2), np.float32)] * empty
        titles += [
            f"{kept.thickness_angstrom[r]:g} Å, {kept.mistilt_mrad[r]:g} mrad,\n"
            f"α {kept.convergence_mrad[r]:g} mrad"
            for r in rows[list(part)]
        ] + [""] * empty
        frames += [batch.images[i, ..., 0] for i in part] + [np.zeros((2, 2), np.float32)] * empty
        values = source.labels.values
        titles += [f"{values[batch.labels[i]]:.4g} {_UNITS[target]}" for i in part] + [""] * empty
    return frames, titles


def _of_recipe(
    path: Path, table: Path | None, count: int, seed: int
) -> "tuple[list[np.ndarray], list[str]]":
    """Frames of the stream that trains the networks of a recipe."""
    import numpy as np

    from pacbed.commands.simulate.recipe_table import check_table, simulate_recipe
    from pacbed.lacbed.table import LacbedTable
    from pacbed.learn.batches import PatternStream, StreamOptions
    from pacbed.library.recipe import load_recipe

    recipe = load_recipe(path)
    if table is None:
        lacbed = simulate_recipe(recipe)
    else:
        lacbed = LacbedTable.load(table)
        check_table(lacbed, recipe, table)
    small = StreamOptions(tilts=max(4, -(-count // 4)), series=4, pool_groups=1)
    batch = next(PatternStream(lacbed, recipe.system, small, seed).batches(count))
    tilt = np.linalg.norm(batch.tilt, axis=1)
    titles = [
        f"{t:.1f} nm, {m:.1f} mrad,\nα {a:.1f} mrad"
        for t, m, a in zip(batch.thickness_nm, tilt, batch.convergence_mrad, strict=True)
    ]
    return list(batch.frames), titles
