"""Jobs, such as thickness maps: each has a folder, which any worker process can look into.

A folder holds the job's state and, in the end, its results. One worker made it, works on
it and alone writes its state. Any worker tells the state, hands out the results and asks
for the end of a job, by a mark in its folder. Where workers share the folder of the jobs
(``pacbed serve`` sees to that), it does not matter which of them gets a request.

Each worker holds the lock of a file beside its jobs, which the system gives up for a worker
that is killed. So the others know at once that nobody works on its jobs any more. Some
shared file systems do not show locks to other machines; so a worker also gives signs of
life, and what gives these is not dead.
"""

import contextlib
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import BaseFileLock

from pacbed.errors import FileFormatError, PacbedError
from pacbed.files import write_atomically
from pacbed.held_folder import HeldFolder, hold, is_held
from pacbed.service.failures import BusyError
from pacbed.service.maps.schemas import Job, MapJob

STATE = "state.json"
REQUEST = "request.json"
PROGRESS = "progress.json"
PROBLEM = "problem.json"
RESULT = "map.npz"
TABLE = "map.csv"
PICTURE = "map.png"
#: Patterns of the windows, which are looked at after the scan is gone.
WINDOWS = "windows.npz"
#: An upload in the folder of its job, before its ending.
SCAN = "scan"
#: The mask of its detector, likewise.
MASK = "mask"
#: The model, as it was when the job was accepted.
MODEL = "model"
#: Which worker has the job, in its folder, and the file whose lock that one holds.
_WORKER = "worker"
_LIFE = ".worker-"
_TRIES = 100
_CANCELLED = "cancelled"
_ID = re.compile(r"[0-9a-f]{32}")
#: A worker gives a sign of life for its jobs this often.
BEAT_SECONDS = 1.0
#: One without a lock is dead after this silence.
_SILENT_SECONDS = 3.0
#: What it was at is given up, or deleted, after this one: nobody is mistaken so long.
_DEAD_SECONDS = 60.0


@dataclass(frozen=True)
class JobFolder:
    """The folder of one job.

    Attributes
    ----------
    path : Path
    kind : type of Job
        What its state is read as.
    """

    path: Path
    kind: type[Job] = MapJob

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

    def write(self, job: Job) -> None:
        """Record the state; for the worker that has the job."""
        write_atomically(self.path / STATE, job.model_dump_json().encode(), durable=False)

    def beat(self) -> None:
        """Give a sign of life; for the worker that has the job."""
        with contextlib.suppress(OSError):
            os.utime(self.path / STATE)

    def read(self) -> Job | None:
        """Return the state; None where there is none, or the job was cancelled."""
        job = self._written()
        if job is None or self.cancelled:
            return None
        if not job.ended and self.is_orphaned(_SILENT_SECONDS):
            return job.model_copy(update=self._orphaned())
        return job

    def _written(self) -> Job | None:
        """The state as its worker wrote it last."""
        try:
            return self.kind.model_validate_json((self.path / STATE).read_bytes())
        except (OSError, ValueError):
            return None

    def is_orphaned(self, seconds: float) -> bool:
        """Whether its worker is dead: holds no lock, and was silent for so long."""
        if self._silent_seconds() <= seconds:
            return False
        try:
            worker = (self.path / _WORKER).read_text(encoding="ascii")
        except (OSError, ValueError):
            return True
        return not is_held(self.path.parent / f"{_LIFE}{worker}")

    def give_up(self, keep_seconds: float) -> None:
        """Record the end of a job whose worker is dead, and keep nothing but that."""
        job = self._written()
        if job is not None and not job.ended and self.is_orphaned(_DEAD_SECONDS):
            self.write(job.model_copy(update=self._orphaned() | {"kept_seconds": keep_seconds}))
            self.drop_scan()

    def _orphaned(self) -> dict[str, str | None]:
        """What becomes of a job whose worker ended."""
        return {
            "stage": "failed",
            "seconds_left": None,
            "code": "stopped",
            "detail": f"the process of the service that made this {self.kind.what} was ended, "
            f"perhaps for lack of memory: {self.kind.again}",
        }

    def belongs_to(self, worker: str) -> None:
        """Record which worker has the job."""
        (self.path / _WORKER).write_text(worker, encoding="ascii")

    def drop_scan(self) -> None:
        """Delete the uploaded scan and the model, which are not needed after the map is made."""
        shutil.rmtree(self.path / MODEL, ignore_errors=True)
        for path in self.path.glob(f"{SCAN}.*"):
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the folder and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def is_left(self, keep_seconds: float) -> bool:
        """Whether nobody needs the folder any more: ended long ago, or its worker died."""
        job = self.read()
        if job is None:
            return self.is_orphaned(_DEAD_SECONDS)
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

    #: What the state of its jobs is.
    kind: type[Job] = MapJob

    def __init__(self, folder: Path | None, most: int, keep_seconds: float) -> None:
        self._private: HeldFolder | None = None
        self._shared = folder
        #: File beside the jobs, and its lock, which say that this worker lives.
        self._life: tuple[Path, BaseFileLock] | None = None
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
        with self._lock:
            parent = self._made_folder()
            worker = self._living_in(parent)
        folder = JobFolder(parent / secrets.token_hex(16), self.kind)
        folder.path.mkdir(mode=0o700)
        folder.belongs_to(worker)
        # Counted after it was made, so that workers that do so at once cannot exceed the limit.
        if sum(1 for other in self if _takes_a_place(other)) > self._most:
            folder.remove()
            raise self._too_many(
                f"{self._most} {self.kind.what}s are waiting or being made; try again when one is "
                "done"
            )
        return folder

    def find(self, name: str) -> JobFolder | None:
        """Return the folder of a job; None where there is no such job."""
        parent = self._folder()
        if parent is None or not _ID.fullmatch(name):
            return None
        folder = JobFolder(parent / name, self.kind)
        return folder if folder.read() is not None else None

    def clean(self) -> None:
        """Delete the jobs that ended long ago, and what workers that died have left."""
        for folder in self:
            # A full disk, or another worker that does the same: the next time will do.
            with contextlib.suppress(FileFormatError):
                folder.give_up(self.keep_seconds)
            if self._is_left(folder):
                folder.remove()
        for life in self._files(f"{_LIFE}*"):
            if not is_held(life):
                life.unlink(missing_ok=True)

    def _too_many(self, words: str) -> PacbedError:
        return BusyError(words)

    def _is_left(self, folder: JobFolder) -> bool:
        return folder.is_left(self.keep_seconds)

    def close(self) -> None:
        """Give up the folder, which is deleted if it is private."""
        with self._lock:
            if self._life is not None:
                path, lock = self._life
                path.unlink(missing_ok=True)
                lock.release()
                path.unlink(missing_ok=True)  # Windows deletes no file that is open
            if self._private is not None:
                self._private.close()

    def _folder(self) -> Path | None:
        """Where the jobs lie; None before the first one."""
        return self._shared if self._private is None else self._private.path

    def _made_folder(self) -> Path:
        """Where the jobs lie, made for the first one, and again if somebody deleted it."""
        if self._shared is not None:
            self._shared.mkdir(mode=0o700, exist_ok=True)
            return self._shared
        if self._private is None or not self._private.path.exists():
            self._private = HeldFolder(f"{self.kind.what}s")
        return self._private.path

    def _living_in(self, parent: Path) -> str:
        """Name of this worker, which a locked file in the folder shows to be alive."""
        for _ in range(_TRIES):
            if self._life is not None and self._life[0].exists():
                return self._life[0].name.removeprefix(_LIFE)
            path = parent / f"{_LIFE}{secrets.token_hex(16)}"
            lock = hold(path)
            if lock is not None:  # else another worker took it for one that was left
                self._life = path, lock
        raise FileFormatError(
            f"the folder of the {self.kind.what}s cannot be kept: somebody deletes it"
        )

    def __iter__(self) -> Iterator[JobFolder]:
        """Iterate over the folders of all jobs."""
        for path in self._files("*"):
            if _ID.fullmatch(path.name):
                yield JobFolder(path, self.kind)

    def _files(self, pattern: str) -> list[Path]:
        parent = self._folder()
        return [] if parent is None else list(parent.glob(pattern))


def _takes_a_place(folder: JobFolder) -> bool:
    """Whether a job waits or is worked on; one without a state is about to."""
    if not (folder.path / STATE).exists():
        return True
    job = folder.read()
    return job is not None and not job.ended
