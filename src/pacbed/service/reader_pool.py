"""Reading files in processes of their own, each with a time limit.

A process that ends while it reads may have been ended for a reason that is not the file's:
the system takes memory back where it finds it. So the file is read once more by a new one,
and only what ends that one too is to blame.
"""

import contextlib
import json
import logging
import math
import os
import re
import sys
import threading
import time
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any

import numpy as np

from pacbed.children import start_child
from pacbed.errors import FileFormatError
from pacbed.readers import Frame, Measurement, Metadata
from pacbed.service.failures import FileTimeoutError
from pacbed.service.reader_process import error_from

log = logging.getLogger("pacbed.service")

#: Addresses of objects in the reader's memory are nobody's business.
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
#: Options that messages name, in the words of requests.
_PARAMETERS = {
    "--frame N": "the parameter frame",
    "--dataset NAME": "the parameter dataset",
    "--dataset": "the parameter dataset",
}
#: A process is replaced after this many files, whatever its libraries have leaked.
_FILES_PER_PROCESS = 500


class ReaderPool:
    """Processes that read files; may be shared by threads.

    A process is started when all others are busy, so there are never more of them
    than threads that read at once.

    Parameters
    ----------
    seconds : float
        Longest time for one file.
    memory_mib : int
        Address space of each process, MiB; 0 is no limit.
    """

    def __init__(self, seconds: float, memory_mib: int) -> None:
        self._seconds = seconds
        self._memory_mib = memory_mib
        self._idle: LifoQueue[_Reader] = LifoQueue()
        self._closed = False

    def start_one(self) -> None:
        """Have one process ready for the first file."""
        self._idle.put(_Reader(self._memory_mib))

    def read(self, path: Path, name: str, frame: Frame, dataset: str | None = None) -> Measurement:
        """Read one frame of a file.

        Parameters
        ----------
        path : Path
            A file whose ending tells its format.
        name : str
            What messages call the file.
        frame : int or "sum"
        dataset : str or None
            Which of several arrays.

        Returns
        -------
        Measurement

        Raises
        ------
        FileTimeoutError
            If reading takes too long.
        FileFormatError
            If the file ends the process that reads it, twice.
        PacbedError
            As :func:`pacbed.readers.read_pattern` does.
        """
        deadline = time.monotonic() + self._seconds
        asked = {"path": str(path), "frame": frame, "dataset": dataset}
        try:
            head, pixels = self._ask(self._take(), asked, deadline)
        except _ReaderEndedError:
            log.warning("a process that reads files ended; the file is read once more")
            try:
                head, pixels = self._ask(_Reader(self._memory_mib), asked, deadline)
            except _ReaderEndedError:
                raise FileFormatError(
                    f"{name}: ended the process that reads it, twice: it is damaged, or needs "
                    "more memory than a pattern may; export one pattern alone."
                ) from None
        if "error" in head:
            said = _ADDRESS.sub("", str(head["message"])).replace(str(path), name)
            for option, parameter in _PARAMETERS.items():
                said = said.replace(option, parameter)
            raise error_from(head["error"], said)
        shape = tuple(head["shape"])
        data = np.frombuffer(pixels, "<f4", math.prod(shape)).reshape(shape)
        mask = None
        if head["masked"]:
            mask = np.frombuffer(pixels, np.bool_, offset=data.nbytes).reshape(shape)
        return Measurement(data, Path(name), Metadata(**head["metadata"]), head["frames"], mask)

    def _ask(
        self, reader: "_Reader", asked: dict[str, Any], deadline: float
    ) -> tuple[dict[str, Any], bytes]:
        try:
            return reader.ask(asked, deadline, self._seconds)
        finally:
            self._give(reader)

    def _take(self) -> "_Reader":
        with contextlib.suppress(Empty):
            while True:
                reader = self._idle.get_nowait()
                if reader.usable:
                    return reader
                reader.stop()
        return _Reader(self._memory_mib)

    def _give(self, reader: "_Reader") -> None:
        if self._closed or not reader.usable:
            reader.stop()
        else:
            self._idle.put(reader)

    def close(self) -> None:
        """Stop the processes that nobody uses, and the others when they are given back."""
        self._closed = True
        with contextlib.suppress(Empty):
            while True:
                self._idle.get_nowait().stop()


def private_environment() -> dict[str, str]:
    """Environment of a process that runs a part of this program."""
    # One thread for each library: their stacks count as address space.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    package = str(Path(__file__).resolve().parents[2])
    paths = [package, *filter(None, [environment.get("PYTHONPATH")])]
    # Nor is a module taken from the folder in which the service was started.
    return environment | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"}


class _ReaderEndedError(Exception):
    """A process ended before it had answered."""


class _Reader:
    """One process, used by one thread at a time."""

    def __init__(self, memory_mib: int) -> None:
        self._process = start_child(
            [sys.executable, "-m", "pacbed.service.reader_process", str(memory_mib)],
            private_environment(),
            answers=True,
        )
        self._files = 0

    @property
    def usable(self) -> bool:
        """Whether the process can take another file."""
        return self._process.poll() is None and self._files < _FILES_PER_PROCESS

    def ask(
        self, asked: dict[str, Any], deadline: float, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        """Have a file read; the process is dead afterwards if that went wrong.

        `deadline` is on the monotonic clock; `seconds` is what messages call the time.
        """
        self._files += 1
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(max(0.0, deadline - time.monotonic()), give_up)
        timer.daemon = True
        timer.start()
        try:
            return self._exchange(asked)
        except (OSError, ValueError):
            self.stop()
            if late.is_set():
                raise FileTimeoutError(
                    f"the file could not be read within {seconds:g} s: export one pattern alone."
                ) from None
            raise _ReaderEndedError from None
        finally:
            timer.cancel()

    def _exchange(self, asked: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise OSError("the process has no pipes")
        requests.write(json.dumps(asked).encode() + b"\n")
        requests.flush()
        head = json.loads(answers.readline())
        if "error" in head:
            return head, b""
        each = 5 if head["masked"] else 4
        size = each * int(np.prod(head["shape"], dtype=np.int64))
        pixels = answers.read(size)
        if len(pixels) != size:
            raise OSError("the process ended before its answer")
        return head, pixels

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
