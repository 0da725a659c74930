"""``pacbed train --status``: the trainings in the background, and how far they are."""

from collections.abc import Iterator
from pathlib import Path

import typer

from pacbed.commands.output import print_block
from pacbed.commands.train.background import LOG, STATE, BackgroundTraining, read_training
from pacbed.commands.train.from_recipe import WORK
from pacbed.errors import FileFormatError

_WORDS = {
    "running": "running, as process {process}; ended with: kill {process}",
    "done": "done; the model answers",
    "failed": "failed, see the log",
    "stopped": "stopped before it was done; the same command goes on with it",
}


def show_status(output: Path | None, given: Path | None) -> None:
    """Print how the trainings are that were started with ``--background``.

    Parameters
    ----------
    output : Path or None
        Folder of a bundle, in place of a data folder.
    given : Path or None
        Data folder.
    """
    from pacbed.library.installed import data_folder

    data = data_folder(given)
    if output is None and data is None:
        raise FileFormatError(
            "there is no data folder here: say where the trainings are, with --data DIR or -o DIR."
        )
    folders = [output / WORK] if output is not None else list(_folders(data or Path()))
    found = [known for folder in folders if (known := read_training(folder)) is not None]
    if not found:
        typer.echo("no training was started in the background.")
    for training in found:
        print_block(str(training.folder.parent), _rows(training))


def _rows(training: BackgroundTraining) -> list[tuple[str, str]]:
    return [
        ("State", _WORDS[training.state].format(process=training.process)),
        ("Last line", training.said or "none yet"),
        ("Log", str(training.folder / LOG)),
    ]


def _folders(data: Path) -> Iterator[Path]:
    """Folders of the trainings of a data folder's systems."""
    from pacbed.library.register.rows import read_register, system_folder

    for row in read_register(data):
        for state in sorted((system_folder(data, row) / "models").glob(f"*/{WORK}/{STATE}")):
            yield state.parent
