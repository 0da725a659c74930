"""Temporary folders that show whether their process lives, and what is done with the others.

A process that is killed leaves its temporary folders. Whether that happened is told by a
lock on a file in each, which the system holds for the process and gives up with it. The
number of a process would not do: it is given again.
"""

import contextlib
import os
import shutil
import stat
import tempfile
import weakref
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

#: All folders of this module, and none that anything else makes, begin like this.
PREFIX = "pacbed-run-"
_LOCK = ".alive"
_TRIES = 100


def hold(path: Path) -> BaseFileLock | None:
    """Lock a file, which is made where it is missing, for as long as this process lives.

    Parameters
    ----------
    path : Path
        In a folder where only this user writes.

    Returns
    -------
    BaseFileLock or None
        None if another process holds it, or its folder is gone.

    Raises
    ------
    OSError
        If it cannot be made, for example because the disk is full.
    """
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except (Timeout, FileNotFoundError, FileExistsError):
        # The last one: its folder was there, and was gone when it was looked at again.
        return None
    return lock


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock of a file."""
    if not path.exists():
        return False
    try:
        lock = hold(path)
    except OSError:
        return False
    if lock is not None:
        lock.release()
    return lock is None


class HeldFolder:
    """A private temporary folder, which lives no longer than its process.

    It is removed by :meth:`close`, at the end of a ``with`` block, or at the end of the
    process. Where that is killed, :func:`remove_dead_folders` does it later.

    Parameters
    ----------
    kind : str
        Becomes a part of its name, for whoever looks into the folder of temporary files.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, kind: str) -> None:
        for _ in range(_TRIES):
            path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-"))
            try:
                lock = hold(path / _LOCK)
            except OSError:
                shutil.rmtree(path, ignore_errors=True)
                raise
            if lock is not None and _is_held_by_us(path):
                self.path = path
                self._end = weakref.finalize(self, _remove, path, lock)
                return
            # Another process took it for one that was left, before it was held. The lock may
            # have made it again then, which is not private.
            if lock is not None:
                _remove(path, lock)
        raise OSError(f"no folder can be kept in {tempfile.gettempdir()}")

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folder."""
        self._end()


def remove_dead_folders() -> None:
    """Remove the temporary folders of processes that were killed, and no other folder."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = hold(path / _LOCK) if _is_ours(path) else None
            if lock is not None:
                _remove(path, lock)


def _is_held_by_us(path: Path) -> bool:
    """Whether a folder is there with its lock, as it was made."""
    try:
        return _is_ours(path) and (path / _LOCK).exists()
    except FileNotFoundError:
        return False


def _is_ours(path: Path) -> bool:
    """Whether it is a folder, no link to one, that belongs to this user and is private.

    Everybody may write where temporary files are. What is not private was not made here,
    and may hold links that somebody put there.
    """
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return False
    if not hasattr(os, "geteuid"):  # Windows gives every user a folder of their own
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _remove(path: Path, lock: BaseFileLock) -> None:
    shutil.rmtree(path, ignore_errors=True)
    lock.release()
    # Windows deletes no file that is open. Elsewhere a folder that is still there has a new lock,
    # by a process that made it just now and held it while the old lock's file was removed.
    if os.name == "nt" and path.exists():
        shutil.rmtree(path, ignore_errors=True)
