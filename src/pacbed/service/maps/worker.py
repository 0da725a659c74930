"""The thread of a worker process that makes maps, one after the other.

Each map is made by a process of its own (:mod:`pacbed.service.maps.process`): inference
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

from pacbed.children import start_child
from pacbed.errors import FileFormatError
from pacbed.service.maps.jobs import BEAT_SECONDS, PROBLEM, PROGRESS, JobFolder
from pacbed.service.maps.process import FULL
from pacbed.service.maps.schemas import MapJob
from pacbed.service.metrics import Metrics
from pacbed.service.reader_pool import private_environment

log = logging.getLogger("pacbed.service")

_LOOK_SECONDS = 0.2
_STOP_SECONDS = 5.0
#: Exit status of a process after SIGKILL, where there is one.
_KILLED = -int(getattr(signal, "SIGKILL", 9))
_INTERNAL = {
    "stage": "failed",
    "seconds_left": None,
    "code": "internal",
    "detail": "an error of the service; it was written to its log",
}


class MapWorker:
    """Makes maps on a thread; may be given jobs by any thread.

    Parameters
    ----------
    seconds : float
        Longest time for one map.
    memory_mib : int
        Address space of the process that makes a map, MiB; 0 is no limit.
    keep_seconds : float
        A job that ended is deleted after this time.
    metrics : Metrics
    """

    def __init__(
        self, seconds: float, memory_mib: int, keep_seconds: float, metrics: Metrics
    ) -> None:
        self._seconds = seconds
        self._memory_mib = memory_mib
        self._keep_seconds = keep_seconds
        self._metrics = metrics
        self._waiting: deque[JobFolder] = deque()
        self._news = threading.Condition()
        self._closing = False
        self._beaten = 0.0
        self._thread: threading.Thread | None = None

    def submit(self, folder: JobFolder, name: str) -> MapJob:
        """Take a job, whose folder holds its request.

        Parameters
        ----------
        folder : JobFolder
        name : str
            What the scan is called.
        """
        job = MapJob(id=folder.id, stage="waiting", name=name)
        folder.write(job)
        with self._news:
            self._waiting.append(folder)
            self._metrics.map_jobs.inc()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pacbed-maps", daemon=True)
                self._thread.start()
            self._news.notify()
        return job

    def close(self) -> None:
        """Stop what is at work; what waits is not begun any more."""
        with self._news:
            self._closing = True
            self._news.notify()
        if self._thread is not None:
            self._thread.join(2 * _STOP_SECONDS)

    def _run(self) -> None:
        while True:
            with self._news:
                while not self._waiting and not self._closing:
                    self._news.wait()
                if not self._waiting:
                    return
                folder = self._waiting.popleft()
            try:
                self._make(folder)
            except Exception:  # a full disk, for example: the thread must go on
                self._end_in_error(folder)
            finally:
                self._metrics.map_jobs.dec()
                if folder.cancelled:
                    folder.remove()
                else:
                    folder.drop_scan()

    def _end_in_error(self, folder: JobFolder) -> None:
        """Tell the end of a job that nobody foresaw."""
        if folder.cancelled:  # and perhaps gone while its state was written
            self._metrics.maps.labels("cancelled").inc()
            return
        log.exception("a map could not be made")
        self._metrics.maps.labels("internal").inc()
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
        """Have one map made, and record how that ended."""
        job = folder.read()
        status = 0
        if job is None or self._closing:
            outcome = "cancelled" if job is None else "stopped"
        else:
            outcome, status = self._attend(folder, job)
        self._metrics.maps.labels(outcome).inc()
        job = folder.read()
        if job is None:
            return
        if outcome == "disk_full":
            folder.drop_scan()  # which makes room for the words
        if outcome == "done":
            end: dict[str, Any] = {
                "stage": "done",
                "windows_done": job.windows,
                "seconds_left": 0.0,
            }
        else:
            end = {
                "stage": "failed",
                "seconds_left": None,
                **self._problem(folder, outcome, status),
            }
        folder.write(job.model_copy(update=end | {"kept_seconds": self._keep_seconds}))

    def _attend(self, folder: JobFolder, job: MapJob) -> tuple[str, int]:
        """Watch the process that makes a map, and return how it ended, with its status."""
        deadline = time.monotonic() + self._seconds
        # Of the request there is only the job's own folder.
        process = start_child(
            [sys.executable, "-m", "pacbed.service.maps.process", str(folder.path),
             str(self._memory_mib)],
            private_environment(),
        )  # fmt: skip
        try:
            while process.poll() is None:
                if folder.cancelled:
                    return "cancelled", 0
                if self._closing:
                    return "stopped", 0
                if time.monotonic() > deadline:
                    return "timeout", 0
                job = _with_progress(folder, job)
                self._beat(folder)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_SECONDS)
            _with_progress(folder, job)
            if process.returncode == FULL:
                return "disk_full", FULL
            return "done" if process.returncode == 0 else "failed", process.returncode
        finally:
            process.kill()
            process.wait(_STOP_SECONDS)
            if process.stdin is not None:
                process.stdin.close()

    def _beat(self, folder: JobFolder) -> None:
        now = time.monotonic()
        if now - self._beaten < BEAT_SECONDS:
            return
        self._beaten = now
        with self._news:
            mine = [folder, *self._waiting]
        for each in mine:
            each.beat()

    def _problem(self, folder: JobFolder, outcome: str, status: int) -> dict[str, str]:
        """Say why there is no map, with the exit status of the process that made it."""
        if outcome == "timeout":
            return {
                "code": "timeout",
                "detail": f"the map took longer than the {self._seconds:g} s that one may: take "
                "larger windows, a part of the scan, or leave out the fit (refine false)",
            }
        if outcome == "disk_full":
            return {
                "code": "disk_full",
                "detail": "the service's folder of maps is full: free some space on its disk and "
                "send the scan again",
            }
        if outcome == "stopped":
            return {"code": "stopped", "detail": "the service was stopped: send the scan again"}
        try:
            told = json.loads((folder.path / PROBLEM).read_bytes())
            return {"code": str(told["code"]), "detail": str(told["detail"])}
        except (OSError, ValueError, KeyError, TypeError):
            return _end_of_process(status)


def _end_of_process(status: int) -> dict[str, str]:
    """Say what became of a process that could not say it itself, from its exit status."""
    if status == _KILLED:  # nothing that a file does; the service kills only what it gave up
        return {
            "code": "killed",
            "detail": "the process that made the map was killed by the system, most likely for "
            "lack of memory: send it again when the machine has less to do, or a part of the scan",
        }
    how = f"crashed ({_signal_name(-status)})" if status < 0 else "ended"
    return {
        "code": "file",
        "detail": f"the process that made the map {how}: the file is damaged, or the map needs "
        "more memory than it may have; send a part of the scan",
    }


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _with_progress(folder: JobFolder, job: MapJob) -> MapJob:
    """Take up what the process has said, and record it where that is news."""
    try:
        told = json.loads((folder.path / PROGRESS).read_bytes())
        later = MapJob.model_validate(job.model_dump() | told)
    except (OSError, ValueError):
        return job
    if later != job:
        folder.write(later)
    return later
