"""Changes of a data folder's register: by one process at a time, whole or not at all.

The order of the steps makes a crash harmless at any point. A new system's folder is
complete before its row is written, so that a row never names something half made; a
folder without a row is what a crash leaves, and its number is not given again. A
system's removal is noted and its row taken out before its folder is deleted, so that
what is left over is again a folder without a row.
"""

import contextlib
import datetime
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pacbed.errors import BundleError, FileFormatError, UnknownSystemError
from pacbed.files import clear_unfinished
from pacbed.library.csv_table import CsvTable, read_table
from pacbed.library.register.rows import (
    COLUMNS,
    MODELS,
    REGISTER,
    RegisterRow,
    read_register,
    register_row,
    rows_by_id,
    system_folder,
)

#: Numbers of systems that were removed; they are not given again.
REMOVED = "Register_removed.csv"
_LOCK, _BIN = ".Register.lock", ".removed"
#: Beginning of a file that is moved to its place within the lock; an older one was left by a
#: process that was killed.
INCOMING = ".incoming-"
_OLD_SECONDS = 86_400.0
#: Folders below the data folder in which changes write.
_WRITTEN = ("*/", "*/models/", "*/models/*/", "*/simulation/")
#: A change takes milliseconds; who waits longer waits for something that hangs.
LOCK_SECONDS = 60.0


@contextmanager
def register_lock(data: Path, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Keep other processes from changing the register meanwhile.

    The operating system holds the lock, not the file: it ends with the process, also
    where that is killed.

    Parameters
    ----------
    data : Path
        Data folder.
    seconds : float
        How long to wait for others.

    Raises
    ------
    FileFormatError
        If another process keeps the lock, or the folder cannot be written.
    """
    # What a crash left is cleared before, since that may take a while: nobody else has any
    # use for it, and what others are writing is locked.
    _clear_left_overs(data)
    lock = FileLock(data / _LOCK)
    try:
        lock.acquire(timeout=seconds)
    except Timeout as error:
        raise FileFormatError(
            f"{data / REGISTER}: another process has been changing it for {seconds:g} s; "
            "try again when it is done"
        ) from error
    except OSError as error:
        raise FileFormatError(
            f"{data}: cannot be written ({error.strerror}); choose a writable data folder"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _clear_left_overs(data: Path) -> None:
    """Delete what changes that were killed have left unfinished."""
    clear_unfinished([data, *(p for pattern in _WRITTEN for p in data.glob(pattern))])
    for left in data.glob(f"{INCOMING}*"):
        with contextlib.suppress(OSError):
            if left.lstat().st_mtime < time.time() - _OLD_SECONDS:
                left.unlink()
    for left in data.glob(f"{_BIN}/*"):
        shutil.rmtree(left, ignore_errors=True)


def add_system(
    data: Path,
    wanted_id: int | None,
    taken: frozenset[int],
    make_row: Callable[[int], RegisterRow],
    fill: Callable[[int, Path], None],
) -> int:
    """Give a new system its number, its folder and its row. Call within the lock.

    Parameters
    ----------
    data : Path
        Data folder.
    wanted_id : int or None
        Number to take where it is free.
    taken : frozenset of int
        Numbers of systems elsewhere, which a new number must not hide.
    make_row : callable
        Makes the row for a number.
    fill : callable
        Called with number and folder; writes what belongs to the system.

    Returns
    -------
    int
        The number: `wanted_id` if neither row, folder nor removed system has it, else
        one more than the largest of all of them.

    Raises
    ------
    FileFormatError
        If a table cannot be read or a file not written.
    """
    table = _table(data / REGISTER, COLUMNS)
    used = _used_numbers(data, table)
    number = wanted_id if wanted_id is not None and wanted_id not in used else None
    if number is None:
        number = max(used | taken, default=-1) + 1
    folder = data / str(number)
    try:
        folder.mkdir()
    except OSError as error:
        raise FileFormatError(
            f"{folder}: cannot be made ({error.strerror}); choose a writable data folder"
        ) from error
    try:
        fill(number, folder)
        table.with_row(make_row(number).to_cells()).write()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return number


def next_number(data: Path | None, taken: frozenset[int]) -> int:
    """Number that a new system would get.

    Parameters
    ----------
    data : Path or None
        Data folder; may be missing.
    taken : frozenset of int
        Numbers of systems elsewhere.
    """
    used: set[int] = set()
    if data is not None and data.is_dir():
        used = _used_numbers(data, _table(data / REGISTER, COLUMNS))
    return max(used | taken, default=-1) + 1


def change_row(data: Path, id: int, row: RegisterRow) -> None:
    """Put a record into the row of its system; empty fields change nothing.

    Call within the lock.

    Raises
    ------
    UnknownSystemError
        If the register has no such row.
    """
    table = _table(data / REGISTER, COLUMNS)
    place = _place(table, id)
    table.with_cells(place, {name: text for name, text in row.to_cells().items() if text}).write()


def add_model(data: Path, id: int, folder: Path) -> int:
    """Enter a model in its system's table, if it is not there yet. Call within the lock.

    Parameters
    ----------
    data : Path
        Data folder.
    id : int
        Number of the system.
    folder : Path
        Folder of the model, below ``data/<id>/models``.

    Returns
    -------
    int
        Number of the model.
    """
    models = system_folder(data, _row(data, id)) / "models"
    models.mkdir(exist_ok=True)
    table = _table(models / MODELS, ("id", "path"))
    stored = stored_path(data, folder)
    numbers = rows_by_id(table)
    for number, place in numbers.items():
        if table.cell(place, "path").replace("\\", "/").rstrip("/") == stored:
            return number
    number = max(numbers, default=-1) + 1
    table.with_row({"id": str(number), "path": stored}).write()
    return number


def remove_system(data: Path, id: int) -> Path:
    """Take a system out of the register and delete its folder.

    Parameters
    ----------
    data : Path
        Data folder.
    id : int

    Returns
    -------
    Path
        The deleted folder.

    Raises
    ------
    UnknownSystemError
        If the data folder has no such system.
    BundleError, FileFormatError
        If its folder lies elsewhere, or belongs to another system too.
    """
    with register_lock(data):
        table = _table(data / REGISTER, COLUMNS)
        numbers = rows_by_id(table)
        row = register_row(table, numbers[id]) if id in numbers else RegisterRow(id)
        folder = _own_folder(data, row)
        if id not in numbers and not folder.is_dir():
            raise UnknownSystemError(f"{data}: has no system {id}; pacbed systems lists them")
        _note_removal(data, row)
        if id in numbers:
            table.without_row(numbers[id]).write()
        hidden = _hide(data, folder)
    _delete(data, hidden)
    return folder


def stored_path(data: Path, folder: Path) -> str:
    """A folder as the tables hold it: seen from above the data folder, with slashes."""
    inside = folder.resolve().relative_to(data.resolve())
    return "/".join((data.resolve().name, *inside.parts))


def _table(path: Path, columns: tuple[str, ...]) -> CsvTable:
    if path.exists():
        return read_table(path, "id")
    return CsvTable(path, columns, (), ())


def _place(table: CsvTable, id: int) -> int:
    numbers = rows_by_id(table)
    if id not in numbers:
        raise UnknownSystemError(f"{table.path}: has no system {id}; pacbed systems lists them")
    return numbers[id]


def _row(data: Path, id: int) -> RegisterRow:
    return next((row for row in read_register(data) if row.id == id), RegisterRow(id))


def _used_numbers(data: Path, table: CsvTable) -> set[int]:
    """Numbers of rows, folders and removed systems."""
    return set(rows_by_id(table)) | _folder_numbers(data) | _removed_numbers(data)


def _folder_numbers(data: Path) -> set[int]:
    return {int(path.name) for path in data.iterdir() if path.name.isascii() and _is_number(path)}


def _is_number(path: Path) -> bool:
    return path.name.isdigit() and str(int(path.name)) == path.name


def _removed_numbers(data: Path) -> set[int]:
    path = data / REMOVED
    if not path.exists():
        return set()
    table = read_table(path, "id")
    return {n for row in range(len(table.rows)) if (n := table.whole(row, "id")) is not None}


def _note_removal(data: Path, row: RegisterRow) -> None:
    if row.id in _removed_numbers(data):
        return
    table = _table(data / REMOVED, ("id", "material", "direction", "removed"))
    cells = row.to_cells()
    noted = {name: cells[name] for name in ("id", "material", "direction")}
    table.with_row({**noted, "removed": datetime.date.today().isoformat()}).write()


def _own_folder(data: Path, row: RegisterRow) -> Path:
    """Folder of a system, if removing it can harm nothing else."""
    folder = system_folder(data, row)
    if folder.is_symlink() or folder.resolve().parent != data.resolve():
        raise BundleError(
            f"{folder}: is not a folder directly in {data}: remove it, and its row in "
            f"{REGISTER}, by hand"
        )
    for other in read_register(data):
        # One that leads nowhere shares no folder.
        with contextlib.suppress(BundleError):
            shared = system_folder(data, other).resolve() == folder.resolve()
            if shared and other.id != row.id:
                raise FileFormatError(
                    f"{folder}: belongs to system {other.id} too; remove the row by hand"
                )
    return folder


def _hide(data: Path, folder: Path) -> Path:
    """Take a folder out of sight at once, so that nobody finds half a system."""
    # Two levels below the data folder nothing is looked for.
    hidden = data / _BIN / f"{folder.name}-{secrets.token_hex(6)}"
    try:
        hidden.parent.mkdir(exist_ok=True)
        if folder.is_dir():
            folder.rename(hidden)
    except OSError as error:
        raise _left(error, folder) from error
    return hidden


def _delete(data: Path, hidden: Path) -> None:
    """Delete a hidden folder, which may take long; links in it are removed, not followed."""
    try:
        if hidden.exists():
            shutil.rmtree(hidden)
    except FileNotFoundError:
        pass  # another change cleared it at the same time
    except OSError as error:
        raise _left(error, hidden) from error
    with register_lock(data), contextlib.suppress(OSError):  # where another system is in it
        hidden.parent.rmdir()


def _left(error: OSError, folder: Path) -> FileFormatError:
    return FileFormatError(
        f"{error.filename or folder}: cannot be deleted ({error.strerror}); the system is "
        "out of the register, delete what is left by hand"
    )
