"""The tables of crystals on disk, for several processes: each whole or not there at all."""

import contextlib
import os
import secrets
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from pacbed.errors import FileFormatError, PacbedError
from pacbed.library.models.table_model import TableModel
from pacbed.library.system import System
from pacbed.own_crystal.cache_folder import cache_folder, cache_limit_bytes, make_private
from pacbed.own_crystal.table_key import TableKey

#: Beginning of a name that is not finished; older ones are what a killed process left.
_UNFINISHED, _OLD_SECONDS = ".new-", 3600.0
#: Simulating takes minutes at most; who holds a lock longer hangs.
_PATIENCE_SECONDS = 1800.0


@dataclass(frozen=True)
class CachedTable:
    """A table of the cache: its folder, what it covers, bytes, and when it was last used."""

    folder: Path
    system: System | None
    size: int
    used: float


class TableCache:
    """Tables below one folder, at most so many bytes.

    Parameters
    ----------
    folder : Path, optional
        By default that of this user.
    limit_bytes : int, optional
        Where the tables are more, those go that were not used for the longest time.
    """

    def __init__(self, folder: Path | None = None, limit_bytes: int | None = None) -> None:
        self.folder = folder if folder is not None else cache_folder()
        self._limit = limit_bytes if limit_bytes is not None else cache_limit_bytes()

    def find_or_make(self, key: TableKey, make: Callable[[Path], object]) -> TableModel:
        """The table that serves, with its content in memory; made where there is none.

        Processes that ask for the same crystal wait for each other, so that it is made once.

        Parameters
        ----------
        key : TableKey
        make : callable
            Writes a table model into a folder.

        Raises
        ------
        FileFormatError
            If the folder cannot be used, or another process hangs.
        """
        make_private(self.folder)
        with self._locked(key.crystal_name):
            found = self._find(key)
            if found is not None:
                return found
            model = self._make(key, make)
            self._shrink(model.folder)
        return model

    def entries(self) -> list[CachedTable]:
        """All tables, the last used first."""
        found = [_look(folder) for folder in self._folders()]
        return sorted((entry for entry in found if entry), key=lambda entry: -entry.used)

    def clear(self, older_than_seconds: float = 0.0) -> tuple[int, int]:
        """Delete tables that were not used for so long; those in use stay.

        Returns
        -------
        count, size : int
            How many were deleted, and their bytes.
        """
        before = time.time() - older_than_seconds
        count = size = 0
        for entry in self.entries():
            if entry.used <= before and self._remove(entry.folder):
                count, size = count + 1, size + entry.size
        self._clear_unfinished()
        return count, size

    def _folders(self, beginning: str = "") -> list[Path]:
        """Folders of tables; a link is none, wherever it leads."""
        with contextlib.suppress(OSError), os.scandir(self.folder) as found:
            return sorted(
                Path(entry.path)
                for entry in found
                if entry.name.startswith(beginning)
                and not entry.name.startswith(".")
                and entry.is_dir(follow_symlinks=False)
            )
        return []

    def _find(self, key: TableKey) -> TableModel | None:
        serving = []
        for folder in self._folders(f"{key.crystal_name}-"):
            with self._dropping(folder):
                model = _load(folder)
                if key.served_by(model.system, model.provenance.get("options")):
                    serving.append((model.system.largest, model))
        # Of several the one that reaches least beyond what is asked.
        for _, model in sorted(serving, key=lambda pair: pair[0]):
            with self._dropping(model.folder):
                model.table  # noqa: B018  read now: later it may have been deleted
                with contextlib.suppress(OSError):
                    os.utime(model.folder)
                return model
        return None

    @contextmanager
    def _dropping(self, folder: Path) -> Iterator[None]:
        """Delete a damaged table, with a word."""
        try:
            yield
        except PacbedError as error:
            warnings.warn(
                f"a damaged table of the cache was dropped and is made again: {error}",
                UserWarning,
                stacklevel=2,
            )
            _delete(folder)

    def _make(self, key: TableKey, make: Callable[[Path], object]) -> TableModel:
        place = self.folder / key.name
        new = self.folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
        try:
            new.mkdir(mode=0o700)
            make(new)
            _delete(place)  # a damaged one, or a file that somebody put there
            new.rename(place)
        except OSError as error:
            raise FileFormatError(
                f"{self.folder}: the table cannot be kept there ({error.strerror}); name another "
                "folder in PACBED_CACHE"
            ) from error
        finally:
            shutil.rmtree(new, ignore_errors=True)
        model = _load(place)
        model.table  # noqa: B018  as above
        return model

    def _shrink(self, kept: Path) -> None:
        """Delete what was not used for the longest time, until the rest is small enough."""
        self._clear_unfinished()
        entries = self.entries()
        total = sum(entry.size for entry in entries)
        for entry in reversed(entries):
            if total <= self._limit:
                return
            if entry.folder != kept and self._remove(entry.folder, kept.name):
                total -= entry.size

    def _remove(self, folder: Path, mine: str = "") -> bool:
        """Delete a table unless a process is reading or making one of its crystal."""
        lock = self._lock_path(folder.name)
        if mine and self._lock_path(mine) == lock:
            _delete(folder)
            return True
        try:
            with FileLock(lock, timeout=0, mode=0o600):
                _delete(folder)
        except (Timeout, OSError):
            return False
        return True

    def _clear_unfinished(self) -> None:
        before = time.time() - _OLD_SECONDS
        for path in self.folder.glob(f"{_UNFINISHED}*"):
            with contextlib.suppress(OSError):
                if path.lstat().st_mtime < before:
                    _delete(path)

    @contextmanager
    def _locked(self, crystal: str) -> Iterator[None]:
        lock = FileLock(self._lock_path(crystal), mode=0o600)
        try:
            lock.acquire(timeout=_PATIENCE_SECONDS)
        except Timeout as error:
            raise FileFormatError(
                f"{self.folder}: another process has been simulating this crystal for "
                f"{_PATIENCE_SECONDS / 60:g} minutes; end it, or try again"
            ) from error
        except OSError as error:
            raise FileFormatError(
                f"{self.folder}: cannot be locked ({error.strerror}); name another folder in "
                "PACBED_CACHE"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _lock_path(self, name: str) -> Path:
        # A few locks for all crystals, so that their files do not grow in number.
        return self.folder / f".lock-{name[:2]}"


def _load(folder: Path) -> TableModel:
    """The model in a folder of the cache; files that are links are not followed."""
    for path in folder.iterdir():
        if path.is_symlink():
            raise FileFormatError(f"{path}: is a link")
    return TableModel.load(folder)


def _look(folder: Path) -> CachedTable | None:
    try:
        used = folder.stat().st_mtime
        size = sum(path.lstat().st_size for path in folder.iterdir())
    except OSError:
        return None  # another process has just deleted it
    try:
        system = _load(folder).system
    except (PacbedError, OSError):
        system = None
    return CachedTable(folder, system, size, used)


def _delete(path: Path) -> None:
    """Delete a folder or file; of a link the link alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
