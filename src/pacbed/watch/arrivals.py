"""Files of a folder whose writing has ended, found by looking at it again and again.

A folder on a network share, where microscopes write, tells no events: looking is what works
everywhere, and a look each second costs nothing beside an answer.
"""

import contextlib
import importlib
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pacbed.errors import FileFormatError
from pacbed.readers.formats import EXTENSIONS, FOLDERS, RAW

_fcntl: Any = None  # not on Windows
with contextlib.suppress(ImportError):
    _fcntl = importlib.import_module("fcntl")

#: What may arrive: single files that hold all of a pattern.
WATCHED = tuple(sorted(set(EXTENSIONS) - {*FOLDERS, *RAW, ".xml", ".emi"}))
#: A file that stays as it is for so long is written to its end, seconds.
SETTLE_SECONDS = 2.0
#: So many files of a folder are looked at, the newest.
MOST_FILES = 20_000


@dataclass(frozen=True)
class Arrival:
    """A file that was written to its end.

    Attributes
    ----------
    path : Path
    bytes : int
    modified_ns : int
        When it was changed last, nanoseconds since 1970.
    """

    path: Path
    bytes: int
    modified_ns: int


class Arrivals:
    """Looks into a folder; not into folders in it, and follows no links.

    Parameters
    ----------
    folder : Path
    settle_seconds : float
        A file must have had one size and date for so long.
    clock : callable
        Seconds, rising.

    Raises
    ------
    FileFormatError
        If it is no folder.
    """

    def __init__(
        self,
        folder: Path,
        settle_seconds: float = SETTLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not folder.is_dir():
            raise FileFormatError(f"{folder}: is no folder: give the one that patterns arrive in")
        self.folder = folder
        self._settle, self._clock = settle_seconds, clock
        self._seen: dict[Arrival, float] = {}

    def look(self) -> list[Arrival]:
        """Files that are written to their end, the oldest first.

        A folder that is away for a moment, as network shares are, holds none.
        """
        now = self._clock()
        here = self._files()
        self._seen = {arrival: self._seen.get(arrival, now) for arrival in here}
        return [
            arrival
            for arrival, since in self._seen.items()
            if now - since >= self._settle and not _is_written(arrival.path)
        ]

    @property
    def waiting(self) -> bool:
        """Whether the last look saw files that may still be written."""
        now = self._clock()
        return any(now - since < self._settle for since in self._seen.values())

    def _files(self) -> list[Arrival]:
        found = []
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    known = Path(entry.name).suffix.lower() in WATCHED
                    if not known or entry.name.startswith((".", "~")):
                        continue
                    about = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(about.st_mode) and about.st_size:
                        path = self.folder / entry.name
                        found.append(Arrival(path, about.st_size, about.st_mtime_ns))
        found.sort(key=lambda arrival: (arrival.modified_ns, arrival.path.name))
        return found[-MOST_FILES:]


def _is_written(path: Path) -> bool:
    """Whether a process of this computer has a file open for writing, where the system tells.

    Linux gives a lease for reading to the owner of a file that nobody writes to.
    """
    lease = getattr(_fcntl, "F_SETLEASE", None)
    if lease is None:
        return False
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        _fcntl.fcntl(handle, lease, _fcntl.F_RDLCK)
        _fcntl.fcntl(handle, lease, _fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False  # not the owner, or a file system without leases
    finally:
        os.close(handle)
    return False
