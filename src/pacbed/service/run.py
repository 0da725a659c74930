"""The service as processes: how they start, and how they end with nothing left behind."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from prometheus_client.multiprocess import mark_process_dead
from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from pacbed.children import PARENT, end_with_parent
from pacbed.held_folder import HeldFolder, remove_dead_folders

#: Time that a worker has beyond its own for requests: a map is stopped, threads end.
_LAST_SECONDS = 30.0


def run_service(config: Config) -> None:
    """Serve until a signal ends it; what was made for that is removed then.

    Parameters
    ----------
    config : uvicorn.Config
    """
    with _ending_in_order():
        if config.workers > 1:
            _run_workers(config)
            return
        server = Server(config)
        server.run()
        if not server.started:
            sys.exit(STARTUP_FAILURE)


def _run_workers(config: Config) -> None:
    with (
        HeldFolder("metrics") as metrics,
        HeldFolder("maps") as maps,
        HeldFolder("systems") as systems,
    ):
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        # Any of the workers may be asked for a map that another one makes.
        os.environ.setdefault("PACBED_MAP_FOLDER", str(maps))
        os.environ.setdefault("PACBED_SYSTEM_FOLDER", str(systems))
        os.environ[PARENT] = str(os.getpid())
        _Supervisor(config, [config.bind_socket()]).run()


def begin_process() -> None:
    """Prepare a process that serves, whatever started it."""
    on_main_thread = threading.current_thread() is threading.main_thread()
    if os.environ.get(PARENT) and on_main_thread and hasattr(signal, "SIGHUP"):
        # A terminal that is closed tells all; the parent then ends this one in order.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    end_with_parent()
    remove_dead_folders()


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let a signal unwind the program, so that all that it holds is given back.

    Uvicorn catches signals while it serves, ends what is in flight, and then sends them
    again to the handler that was there before. The system's own would end the process
    where it stands.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        sys.exit(0)

    def end_as_terminated(_number: int, _frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGTERM)

    before = {}
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            before[number] = signal.signal(number, end)
        # Where it is ignored, nohup wants that.
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            before[signal.SIGHUP] = signal.signal(signal.SIGHUP, end_as_terminated)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Supervisor(Multiprocess):
    """Keeps the workers running.

    Parameters
    ----------
    config : uvicorn.Config
    sockets : list of socket.socket
    """

    def __init__(self, config: Config, sockets: list[socket.socket]) -> None:
        ignores_hup = (
            hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        )
        super().__init__(config, sockets)
        if ignores_hup:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def handle_hup(self) -> None:
        """End as after SIGTERM: a terminal that is closed sends this."""
        self.handle_term()

    def keep_subprocess_alive(self) -> None:
        """Replace workers that died, and forget what they had at work."""
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for number in before - {process.pid for process in self.processes}:
            mark_process_dead(number)  # type: ignore[no-untyped-call]

    def join_all(self) -> None:
        """Wait for the workers to end in order, but not for ever."""
        grace = self.config.timeout_graceful_shutdown or 0
        deadline = time.monotonic() + grace + _LAST_SECONDS
        for process in self.processes:
            process.process.join(max(0.0, deadline - time.monotonic()))
            if process.process.is_alive():
                process.process.kill()
        super().join_all()
