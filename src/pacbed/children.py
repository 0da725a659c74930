"""Processes that end when the one that started them does, however that ended.

A process that is killed cannot take its children along. On Linux the system does that,
where the child has asked for it; elsewhere a thread of the child looks whether its parent
is still there.
"""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

#: Tells a child the number of its parent, which is alone able to say whether it still lives.
PARENT = "PACBED_PARENT"
_LOOK_SECONDS = 0.5
_PR_SET_PDEATHSIG = 1


def start_child(
    command: Sequence[str], environment: Mapping[str, str], *, answers: bool = False
) -> "subprocess.Popen[bytes]":
    """Start a process that calls :func:`end_with_parent`, in a session of its own.

    In its own session it does not get what a terminal sends: Ctrl-C ends the parent in
    order, which must not lose its children first.

    Parameters
    ----------
    command : sequence of str
        A program of this package; nothing of a request is in it.
    environment : mapping
    answers : bool
        Whether its standard output is a pipe, as its standard input always is.
    """

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if answers else None,
            env={**environment, PARENT: str(os.getpid())},
            start_new_session=True,
        )

    return _starter().submit(start).result()


_lock = threading.Lock()
_starters: dict[int, ThreadPoolExecutor] = {}


def _starter() -> ThreadPoolExecutor:
    """The thread that starts all children of this process.

    Linux takes the end of the thread that started a child for the end of its parent. So
    one thread starts them all, and lives as long as the process.
    """
    with _lock:
        number = os.getpid()
        if number not in _starters:  # also after a fork, which takes no threads along
            _starters[number] = ThreadPoolExecutor(1, thread_name_prefix="pacbed-children")
        return _starters[number]


def end_with_parent() -> None:
    """End this process as soon as its parent has ended, and at once if it has already.

    For a process of :func:`start_child`, one of :mod:`multiprocessing`, and one whose
    parent has put its number into the variable :data:`PARENT` and starts its children on
    its main thread. Any other process goes on as it was.
    """
    # Nobody further down shall take it for the number of its own parent.
    told = os.environ.pop(PARENT, "")
    spawner = multiprocessing.parent_process()
    if spawner is not None and told != str(spawner.pid):
        told = ""
    if told and _signalled_by_the_system():
        # It may have ended before it could be watched.
        if os.getppid() != int(told):
            os._exit(1)
    elif spawner is not None:
        _watch(spawner.join)
    elif told and sys.platform != "win32":
        _watch(partial(_wait_for_another_parent, int(told)))


def _signalled_by_the_system() -> bool:
    """Have the system kill this process when its parent ends; False where it cannot."""
    if sys.platform != "linux":
        return False
    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return False
    return int(prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)) == 0


def _watch(wait: Callable[[], object]) -> None:
    def end() -> None:
        wait()
        os._exit(1)

    threading.Thread(target=end, name="pacbed-parent", daemon=True).start()


def _wait_for_another_parent(number: int) -> None:
    """Wait until this process is the child of another one, as orphans are."""
    while os.getppid() == number:
        time.sleep(_LOOK_SECONDS)
