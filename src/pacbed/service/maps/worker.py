"""The thread of a worker process that has jobs done, such as maps, one after the other.

Each is done by a process of its own (a map by :mod:`pacbed.service.maps.process`): inference
requests go on beside it, and whatever a file does to its reader, or a fit to the clock,
ends with that process.
"""

import contextlib
import json
import logging
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from typing import Any

from prometheus_client import Counter, Gauge

from pacbed.children import start_child
from pacbed.errors import FileFormatError
from pacbed.service.maps.jobs import BEAT_SECONDS, PROBLEM, PROGRESS, JobFolder
from pacbed.service.maps.process import FULL
from pacbed.service.maps.schemas import Job, MapJob
from pacbed.service.metrics import Metrics
from pacbed.service.reader_pool import private_environment

log = logging.getLogger("pacbed.service")

LOOK_SECONDS = 0.2
_STOP_SECONDS = 5.0
#: Exit status of a process after SIGKILL, where there is one.
_KILLED = -int(getattr(signal, "SIGKILL", 9))
_INTERNAL = {
    "stage": "failed",
    "seconds_left": None,
    "code": "internal",
    "detail": "an error of the service; it was written to its log",
}


class JobWorker:
    """Has jobs done by processes, from a thread; may be given jobs by any thread.

    Parameters
    ----------
    seconds : float
        Longest time for one job.
    memory_mib : int
        Address space of the process of a job, MiB; 0 is no limit.
    keep_seconds : float
        A job that ended is deleted after this time.
    ended : Counter
        Jobs that ended, by outcome.
    waiting : Gauge
        Jobs that wait or are at work.
    """

    #: State of its jobs, and the program that does one, given its folder and the memory.
    kind: type[Job]
    program: str

    def __init__(
        self,
        seconds: float,
        memory_mib: int,
        keep_seconds: float,
        ended: Counter,
        waiting: Gauge,
    ) -> None:
        self._seconds = seconds
        self._memory_mib = memory_mib
        self._keep_seconds = keep_seconds
        self._ended = ended
        self._count = waiting
        self._waiting: deque[JobFolder] = deque()
        self._news = threading.Condition()
        self.closing = False
        self._beaten = 0.0
        self._thread: threading.Thread | None = None

    def submit(self, folder: JobFolder, name: str, **said: Any) -> Job:
        """Take a job, whose folder holds its request.

        Parameters
        ----------
        folder : JobFolder
        name : str
            What is shown as its name.
        **said
            More of its state.
        """
        job = self.kind(id=folder.id, stage="waiting", name=name, **said)
        folder.write(job)
        with self._news:
            self._waiting.append(folder)
            self._count.inc()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name=f"pacbed-{self.kind.what}s", daemon=True
                )
                self._thread.start()
            self._news.notify()
        return job

    def close(self) -> None:
        """Stop what is at work; what waits is not begun any more."""
        with self._news:
            self.closing = True
            self._news.notify()
        if self._thread is not None:
            self._thread.join(2 * _STOP_SECONDS)

    def _run(self) -> None:
        while True:
            with self._news:
                while not self._waiting and not self.closing:
                    self._news.wait()
                if not self._waiting:
                    return
                folder = self._waiting.popleft()
            try:
                self._make(folder)
            except Exception:  # a full disk, for example: the thread must go on
                self._end_in_error(folder)
            finally:
                self._count.dec()
                if folder.cancelled:
                    folder.remove()
                else:
                    folder.drop_scan()

    def _end_in_error(self, folder: JobFolder) -> None:
        """Tell the end of a job that nobody foresaw."""
        if folder.cancelled:  # and perhaps gone while its state was written
            self._ended.labels("cancelled").inc()
            return
        log.exception("a %s could not be made", self.kind.what)
        self._ended.labels("internal").inc()
        folder.drop_scan()  # on a full disk this is the room for saying so
        job = folder.read()
        try:
            if job is not None:
                folder.write(
                    job.model_copy(update=_INTERNAL | {"kept_seconds": self._keep_seconds})
                )
        except FileFormatError:
            folder.cancel()
            folder.remove()  # also where there is no space for the mark

    def _make(self, folder: JobFolder) -> None:
        """Have one job done, and record how that ended."""
        job = folder.read()
        status = 0
        if job is None or self.closing:
            outcome = "cancelled" if job is None else "stopped"
        else:
            outcome, status = self.attend(folder, job)
        self._ended.labels(outcome).inc()
        job = folder.read()
        if job is None:
            return
        if outcome == "disk_full":
            folder.drop_scan()  # which makes room for the words
        if outcome == "done":
            end: dict[str, Any] = {
                "stage": "done",
                "seconds_left": 0.0,
                **self.at_end(job),
            }
        else:
            end = {
                "stage": "failed",
                "seconds_left": None,
                **self._problem(folder, outcome, status),
            }
        folder.write(job.model_copy(update={"kept_seconds": self._keep_seconds} | end))

    def at_end(self, job: Job) -> dict[str, Any]:
        """What the state of a job that is done says beside that."""
        raise NotImplementedError

    def attend(self, folder: JobFolder, job: Job) -> tuple[str, int]:
        """Watch the process that does a job, and return how it ended, with its status."""
        deadline = time.monotonic() + self._seconds
        # Of the request there is only the job's own folder.
        process = start_child(
            [sys.executable, "-m", self.program, str(folder.path),
             str(self._memory_mib)],
            private_environment(),
        )  # fmt: skip
        try:
            while process.poll() is None:
                if folder.cancelled:
                    return "cancelled", 0
                if self.closing:
                    return "stopped", 0
                if time.monotonic() > deadline:
                    return "timeout", 0
                job = _with_progress(folder, job)
                self.beat(folder)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK_SECONDS)
            _with_progress(folder, job)
            if process.returncode == FULL:
                return "disk_full", FULL
            return "done" if process.returncode == 0 else "failed", process.returncode
        finally:
            process.kill()
            process.wait(_STOP_SECONDS)
            if process.stdin is not None:
                process.stdin.close()

    def beat(self, folder: JobFolder) -> None:
        """Give a sign of life for this job and those that wait."""
        now = time.monotonic()
        if now - self._beaten < BEAT_SECONDS:
            return
        self._beaten = now
        with self._news:
            mine = [folder, *self._waiting]
        for each in mine:
            each.beat()

    def _problem(self, folder: JobFolder, outcome: str, status: int) -> dict[str, str]:
        """Say why there is no result, with the exit status of the process."""
        if outcome == "timeout":
            return {
                "code": "timeout",
                "detail": f"the {self.kind.what} took longer than the {self._seconds:g} s that one "
                f"may: {self.kind.smaller}",
            }
        if outcome == "disk_full":
            return {
                "code": "disk_full",
                "detail": f"the service's folder of {self.kind.what}s is full: free some space "
                f"on its disk and {self.kind.again}",
            }
        if outcome == "stopped":
            return {"code": "stopped", "detail": f"the service was stopped: {self.kind.again}"}
        try:
            told = json.loads((folder.path / PROBLEM).read_bytes())
            return {"code": str(told["code"]), "detail": str(told["detail"])}
        except (OSError, ValueError, KeyError, TypeError):
            return _end_of_process(status, self.kind)


class MapWorker(JobWorker):
    """Has maps made; see :class:`JobWorker`.

    Parameters
    ----------
    seconds, memory_mib, keep_seconds
    metrics : Metrics
    """

    kind = MapJob
    program = "pacbed.service.maps.process"

    def __init__(
        self, seconds: float, memory_mib: int, keep_seconds: float, metrics: Metrics
    ) -> None:
        super().__init__(seconds, memory_mib, keep_seconds, metrics.maps, metrics.map_jobs)

    def at_end(self, job: Job) -> dict[str, Any]:
        """All windows are done."""
        return {"windows_done": job.windows} if isinstance(job, MapJob) else {}


def _end_of_process(status: int, kind: type[Job]) -> dict[str, str]:
    """Say what became of a process that could not say it itself, from its exit status."""
    if status == _KILLED:  # nothing that a file does; the service kills only what it gave up
        return {
            "code": "killed",
            "detail": f"the process that made the {kind.what} was killed by the system, most "
            "likely for lack of memory: send it again when the machine has less to do, or "
            f"{kind.smaller}",
        }
    how = f"crashed ({_signal_name(-status)})" if status < 0 else "ended"
    return {
        "code": "file",
        "detail": f"the process that made the {kind.what} {how}: the file is damaged, or the "
        f"{kind.what} needs more memory than it may have; {kind.smaller}",
    }


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _with_progress(folder: JobFolder, job: Job) -> Job:
    """Take up what the process has said, and record it where that is news."""
    try:
        told = json.loads((folder.path / PROGRESS).read_bytes())
        later = type(job).model_validate(job.model_dump() | told)
    except (OSError, ValueError):
        return job
    if later != job:
        folder.write(later)
    return later
