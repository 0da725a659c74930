"""Trainings in the background: started, watched, and gone on with after they were ended.

``python -m pacbed.commands.train.background FOLDER`` trains what ``background.json`` in the
folder of a training asks for. It outlives the terminal that started it. As long as it lives it
holds the lock of a file, which the system gives up for a process that is killed; so nobody
takes another process for it. All that it has reached is in the checkpoint.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import typer
from filelock import BaseFileLock

from pacbed.commands.train.options import RecipeOptions, TrainingOptions
from pacbed.errors import FileFormatError, PacbedError
from pacbed.files import write_atomically
from pacbed.held_folder import hold, is_held

#: In the folder of a training.
STATE, LOG = "background.json", "background.log"
_ALIVE = ".alive"
#: Everything else on the machine goes first.
_NICENESS = 10
_START_SECONDS, _LOOK_SECONDS = 30.0, 0.05
#: The last line of a log is looked for in so many bytes.
_TAIL_BYTES = 4096
_PATHS = ("output", "transfer_from", "data", "table")


@dataclass(frozen=True)
class BackgroundTraining:
    """How a training in the background is.

    Attributes
    ----------
    folder : Path
        Of the training, inside that of the bundle.
    state : {"running", "done", "failed", "stopped"}
        The last one of a process that was ended before it was done.
    process : int or None
    said : str
        Last line of the log.
    """

    folder: Path
    state: Literal["running", "done", "failed", "stopped"]
    process: int | None
    said: str


def read_training(folder: Path) -> BackgroundTraining | None:
    """How the training in a folder is; None where none was started in the background."""
    try:
        told = json.loads((folder / STATE).read_bytes())
        process, status = told.get("process"), told.get("status")
    except (OSError, ValueError, AttributeError):
        return None
    state: Literal["running", "done", "failed", "stopped"]
    if is_held(folder / _ALIVE):
        state = "running"
    elif status is None:
        state = "stopped"
    else:
        state = "done" if status == 0 else "failed"
    return BackgroundTraining(folder, state, process, _last_line(folder / LOG))


def start_training(
    folder: Path, recipe: Path, training: TrainingOptions, of_recipe: RecipeOptions
) -> BackgroundTraining:
    """Start a training that goes on when this process has ended.

    Parameters
    ----------
    folder : Path
        Of the training; is made if it is missing.
    recipe, training, of_recipe
        As for :func:`~pacbed.commands.train.from_recipe.train_recipe`.

    Raises
    ------
    FileFormatError
        If one runs in the folder already, or it ends at once; then with its words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = hold(folder / _ALIVE)
    if lock is None:
        raise FileFormatError(
            f"{folder.parent}: is being trained already: pacbed train --status shows how far it is"
        )
    try:
        asked = {
            "recipe": str(recipe.resolve()),
            "training": _plain(training),
            "of_recipe": _plain(of_recipe),
        }
        write_atomically(folder / STATE, json.dumps({"asked": asked}).encode())
        process = _detached(folder)
    finally:
        lock.release()
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        known = read_training(folder)
        if known is not None and known.process == process.pid:
            # Nobody waits for it here; it goes on without this process.
            process.returncode = 0
            return known
        if process.poll() is not None:
            break
        time.sleep(_LOOK_SECONDS)
    process.kill()
    process.wait()
    raise FileFormatError(f"{folder / LOG}: the training did not start: {_last_line(folder / LOG)}")


def _detached(folder: Path) -> "subprocess.Popen[bytes]":
    """A process of its own session, which neither Ctrl-C nor a closed terminal reaches."""
    flags = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(
        subprocess, "CREATE_NEW_PROCESS_GROUP", 0
    )
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "pacbed.commands.train.background", str(folder.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            creationflags=flags,
        )


def main(folder: Path) -> int:
    """Train what is asked for in a folder, and record how that ended."""
    lock = _taken(folder / _ALIVE)
    if lock is None:
        return 3
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    told = json.loads((folder / STATE).read_bytes())
    told |= {"process": os.getpid(), "started": time.time()}
    write_atomically(folder / STATE, json.dumps(told).encode())
    status = _trained(folder, told["asked"])
    write_atomically(folder / STATE, json.dumps(told | {"status": status}).encode())
    lock.release()
    return status


def _trained(folder: Path, asked: dict[str, Any]) -> int:
    from pacbed.commands.train.from_recipe import CHECKPOINT, train_recipe

    training = TrainingOptions(**_with_paths(asked["training"]))
    goes_on = (folder / CHECKPOINT).exists()
    try:
        train_recipe(
            Path(asked["recipe"]),
            dataclasses.replace(training, resume=goes_on),
            RecipeOptions(**_with_paths(asked["of_recipe"])),
        )
    except PacbedError as error:
        typer.echo(f"pacbed: error: {error}", err=True)
        return 2
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _taken(path: Path) -> BaseFileLock | None:
    """The lock, which the process that started this one gives up at once."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        lock = hold(path)
        if lock is not None:
            return lock
        time.sleep(_LOOK_SECONDS)
    return None


def _plain(options: TrainingOptions | RecipeOptions) -> dict[str, Any]:
    """Options as JSON holds them, with paths that do not depend on the folder at hand."""
    values = dataclasses.asdict(options)
    return {k: str(v.resolve()) if isinstance(v, Path) else v for k, v in values.items()}


def _with_paths(values: dict[str, Any]) -> dict[str, Any]:
    return {k: Path(v) if k in _PATHS and v is not None else v for k, v in values.items()}


def _last_line(log: Path) -> str:
    with contextlib.suppress(OSError), log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = stream.read(_TAIL_BYTES).decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ""


if __name__ == "__main__":
    warnings.simplefilter("default", UserWarning)
    sys.exit(main(Path(sys.argv[1])))
