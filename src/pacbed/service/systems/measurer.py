"""The thread that has own systems' error bars measured, while nothing else is to be simulated."""

import logging
import sys
import threading
import time

from pacbed.children import start_child
from pacbed.held_folder import hold
from pacbed.service.maps.jobs import JobFolder
from pacbed.service.reader_pool import private_environment
from pacbed.service.systems.job_files import MEASURED
from pacbed.service.systems.jobs import SystemStore

log = logging.getLogger("pacbed.service")

PROGRAM = "pacbed.service.systems.measure"
#: Beside the jobs; who holds its lock may measure.
_TURN = ".measuring"
_LOOK_SECONDS, _STOP_SECONDS = 0.5, 5.0
#: A measurement may take this many times the minutes that it is given: the first runs are made
#: however long they take.
_LONGEST = 4.0


class Measurer:
    """Has error bars measured, one system at a time in the whole service; see `PROGRAM`.

    Parameters
    ----------
    store : SystemStore
    minutes : float
        For one system; 0 measures none.
    memory_mib : int
        Address space of the process, MiB; 0 is no limit.
    """

    def __init__(self, store: SystemStore, minutes: float, memory_mib: int) -> None:
        self._store, self._minutes, self._memory_mib = store, minutes, memory_mib
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Look for systems to measure, once those that are on their way are done."""
        with self._lock:
            alive = self._thread is not None and self._thread.is_alive()
            if self._minutes > 0 and not alive and not self._closing.is_set():
                self._thread = threading.Thread(
                    target=self._run, name="pacbed-measuring", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Stop; what was measured is kept."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(2 * _STOP_SECONDS)

    def _run(self) -> None:
        while not self._closing.wait(_LOOK_SECONDS):
            if self._store.busy():
                continue
            folder = next(iter(self._store.unmeasured()), None)
            if folder is None:
                return
            try:
                self._turn(folder)
            except OSError:  # somebody deleted the folder
                log.exception("error bars could not be measured")
                return

    def _turn(self, folder: JobFolder) -> None:
        lock = hold(folder.path.parent / _TURN)
        if lock is None:  # another worker of the service does it
            return
        try:
            ended = self._attend(folder)
            if ended is not None and ended != 0:
                # It would end so again: answers stay with the usual error bars.
                log.warning("error bars were not measured (status %d)", ended)
                (folder.path / MEASURED).write_text("{}", encoding="utf-8")
        finally:
            lock.release()

    def _attend(self, folder: JobFolder) -> int | None:
        """Exit status of the process; None where it was ended to make room."""
        deadline = time.monotonic() + 60 * _LONGEST * self._minutes
        arguments = [str(folder.path), str(self._memory_mib), str(self._minutes)]
        process = start_child([sys.executable, "-m", PROGRAM, *arguments], private_environment())
        try:
            while process.poll() is None:
                if self._closing.wait(_LOOK_SECONDS) or folder.cancelled or self._store.busy():
                    return None
                if time.monotonic() > deadline:
                    return 1
            return process.returncode
        finally:
            process.kill()
            process.wait(_STOP_SECONDS)
            if process.stdin is not None:
                process.stdin.close()
