"""Writing files whole or not at all, and so that they outlast a power cut."""

import contextlib
import errno
import importlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pacbed.errors import DiskFullError, FileFormatError

_fcntl: Any = None  # Windows, where an open file cannot be deleted anyway
with contextlib.suppress(ImportError):
    _fcntl = importlib.import_module("fcntl")

#: What the system says where nothing more can be stored.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
#: Names that :func:`write_atomically` gives to what is not finished.
_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{12}")


def write_atomically(path: Path, content: bytes, durable: bool = True) -> None:
    """Write `content` to `path` through a temporary file beside it.

    Parameters
    ----------
    path : Path
        Where the file shall stand; its folder must exist.
    content : bytes
    durable : bool
        Whether it must be on the disk when this returns, also after a power cut. What is
        made again at no cost, or is written many times a second, need not.

    Raises
    ------
    DiskFullError
        If there is no space for it.
    FileFormatError
        If the folder is missing or cannot be written.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        temporary, handle = _create_beside(path)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                # Before it gets its name: else the name could be there without the content.
                os.fsync(file.fileno())
            # Still locked and open, so that nobody takes it for what a crash has left.
            if _fcntl is not None:
                os.replace(temporary, path)
        if _fcntl is None:
            os.replace(temporary, path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        if error.errno in _FULL:
            raise DiskFullError(
                f"{path}: cannot be written, the disk is full ({error.strerror}); free some space"
            ) from error
        raise FileFormatError(
            f"{path}: cannot be written ({error.strerror}); choose an existing, writable folder"
        ) from error


def _create_beside(path: Path) -> tuple[Path, int]:
    """Make and lock an empty temporary file beside a path."""
    # A result is as readable as any other file: unlike tempfile, which makes private
    # ones, this leaves the mode to the umask, which is not touched (threads share it).
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        handle = os.open(temporary, flags, 0o666)
        try:
            # Where another process looks for left-overs it may be the first to lock it.
            if _lock(handle) and os.fstat(handle).st_nlink:
                return temporary, handle
        except OSError:  # a file system without locks
            return temporary, handle
        os.close(handle)


def _lock(handle: int) -> bool:
    """Lock a file as long as it is open; False where another has it."""
    if _fcntl is None:
        return True
    try:
        _fcntl.flock(handle, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, as far as its file system can do that."""
    if not hasattr(os, "O_DIRECTORY"):
        return  # Windows knows no such thing
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def clear_unfinished(folders: Iterable[Path]) -> None:
    """Delete what :func:`write_atomically` left where its process ended in the middle.

    What a living process is writing is locked, and stays.
    """
    for folder in folders:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if _UNFINISHED.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(OSError):
                        _delete_unless_locked(Path(entry.path))


def _delete_unless_locked(path: Path) -> None:
    handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    try:
        if _lock(handle):
            path.unlink(missing_ok=True)
    finally:
        os.close(handle)


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is that nothing more can be stored."""
    for _ in range(10):
        if error is None:
            return False
        if isinstance(error, DiskFullError):
            return True
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


@contextlib.contextmanager
def telling_full(what: str) -> Iterator[None]:
    """Say of a full disk what is full, in words that name no path.

    Raises
    ------
    DiskFullError
    """
    try:
        yield
    except (OSError, DiskFullError) as error:
        if not is_full(error):
            raise
        raise DiskFullError(f"{what} is full: free some space on its disk and try again") from error
