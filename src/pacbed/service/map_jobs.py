"""Jobs that make thickness maps: each has a folder, which any worker process can look into.

A folder holds the job's state and, in the end, its results. One worker made it, works on
it and alone writes its state. Any worker tells the state, hands out the results and asks
for the end of a job, by a mark in its folder. Where workers share the folder of the jobs
(``pacbed serve`` sees to that), it does not matter which of them gets a request.
"""

import contextlib
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pacbed.files import write_atomically
from pacbed.service.map_schemas import MapJob
from pacbed.service.problems import BusyError

STATE = "state.json"
REQUEST = "request.json"
PROGRESS = "progress.json"
PROBLEM = "problem.json"
RESULT = "map.npz"
TABLE = "map.csv"
PICTURE = "map.png"
#: An upload in the folder of its job, before its ending.
SCAN = "scan"
_CANCELLED = "cancelled"
_ID = re.compile(r"[0-9a-f]{32}")
#: A worker gives a sign of life for its jobs at least this often, and is dead without one.
BEAT_SECONDS = 5.0
_DEAD_SECONDS = 60.0


@dataclass(frozen=True)
class JobFolder:
    """The folder of one job.

    Attributes
    ----------
    path : Path
    """

    path: Path

    @property
    def id(self) -> str:
        """Name of the job; it cannot be guessed, so it is the right to see the job."""
        return self.path.name

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked for the end of the job, or it is gone."""
        return (self.path / _CANCELLED).exists() or not (self.path / STATE).exists()

    def cancel(self) -> None:
        """Ask for the end of the job; its worker removes it."""
        with contextlib.suppress(OSError):
            (self.path / _CANCELLED).touch()

    def write(self, job: MapJob) -> None:
        """Record the state; for the worker that has the job."""
        write_atomically(self.path / STATE, job.model_dump_json().encode(), durable=False)

    def beat(self) -> None:
        """Give a sign of life; for the worker that has the job."""
        with contextlib.suppress(OSError):
            os.utime(self.path / STATE)

    def read(self) -> MapJob | None:
        """Return the state; None where there is none, or the job was cancelled."""
        try:
            job = MapJob.model_validate_json((self.path / STATE).read_bytes())
        except (OSError, ValueError):
            return None
        if self.cancelled:
            return None
        if not job.ended and self._silent_seconds() > _DEAD_SECONDS:
            return job.model_copy(
                update={
                    "stage": "failed",
                    "code": "internal",
                    "detail": "the service was restarted during this map: send it again",
                }
            )
        return job

    def drop_scan(self) -> None:
        """Delete the uploaded scan, which is not needed after the map is made."""
        for path in self.path.glob(f"{SCAN}.*"):
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the folder and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def is_left(self, keep_seconds: float) -> bool:
        """Whether nobody needs the folder any more: ended long ago, or its worker died."""
        job = self.read()
        if job is None:
            return self._silent_seconds() > _DEAD_SECONDS
        return job.ended and self._silent_seconds() > keep_seconds

    def _silent_seconds(self) -> float:
        """Time since the last sign of life of the worker."""
        for path in (self.path / STATE, self.path):
            with contextlib.suppress(OSError):
                return max(0.0, time.time() - path.stat().st_mtime)
        return 0.0


class JobStore:
    """All jobs of a service.

    Parameters
    ----------
    folder : Path or None
        Where the jobs lie; None takes a private folder of this process.
    most : int
        Jobs that may wait or be worked on, of all workers together.
    keep_seconds : float
        A job that ended is deleted after this time.
    """

    def __init__(self, folder: Path | None, most: int, keep_seconds: float) -> None:
        self._private: tempfile.TemporaryDirectory[str] | None = None
        self._shared = folder
        self._lock = threading.Lock()
        self._most = most
        self.keep_seconds = keep_seconds

    def create(self) -> JobFolder:
        """Make the folder of a new job.

        Raises
        ------
        BusyError
            If too many jobs wait already.
        """
        self.clean()
        folder = JobFolder(self._made_folder() / secrets.token_hex(16))
        folder.path.mkdir(mode=0o700)
        # Counted after it was made, so that workers that do so at once cannot exceed the limit.
        if sum(1 for other in self if _takes_a_place(other)) > self._most:
            folder.remove()
            raise BusyError(
                f"{self._most} maps are waiting or being made; try again when one is done"
            )
        return folder

    def find(self, name: str) -> JobFolder | None:
        """Return the folder of a job; None where there is no such job."""
        parent = self._folder()
        if parent is None or not _ID.fullmatch(name):
            return None
        folder = JobFolder(parent / name)
        return folder if folder.read() is not None else None

    def clean(self) -> None:
        """Delete the jobs that ended long ago, and what workers that died have left."""
        for folder in self:
            if folder.is_left(self.keep_seconds):
                folder.remove()

    def close(self) -> None:
        """Delete the folder if it is private."""
        if self._private is not None:
            self._private.cleanup()

    def _folder(self) -> Path | None:
        """Where the jobs lie; None before the first one."""
        if self._private is not None:
            return Path(self._private.name)
        return self._shared

    def _made_folder(self) -> Path:
        """Where the jobs lie, made for the first one."""
        if self._shared is not None:
            return self._shared
        with self._lock:
            if self._private is None:
                self._private = tempfile.TemporaryDirectory(prefix="pacbed-maps-")
            return Path(self._private.name)

    def __iter__(self) -> Iterator[JobFolder]:
        """Iterate over the folders of all jobs."""
        parent = self._folder()
        for path in [] if parent is None else parent.iterdir():
            if _ID.fullmatch(path.name):
                yield JobFolder(path)


def _takes_a_place(folder: JobFolder) -> bool:
    """Whether a job waits or is worked on; one without a state is about to."""
    if not (folder.path / STATE).exists():
        return True
    job = folder.read()
    return job is not None and not job.ended
