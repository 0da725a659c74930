"""The pieces of a map on the cores of this machine."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from pacbed.children import end_with_parent
from pacbed.errors import PacbedError
from pacbed.maps.spread import Job, Piece, Result, Run, Spread, apart, here, sharing

#: Windows from which a second process is worth its start.
_WORTH_WINDOWS = 256


def spread_over_processes(workers: int) -> Spread:
    """Make a map in so many processes.

    Parameters
    ----------
    workers : int
        1 stays in this process.
    """
    if workers <= 1:
        return here

    @contextmanager
    def spread(job: Job) -> Iterator[Run]:
        # Spawned, not forked: the networks' threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        with (
            sharing(job) as sent,
            ProcessPoolExecutor(workers, context, _start, (sent,)) as pool,
        ):

            def run(pieces: Sequence[Piece[Result]]) -> Iterator[Result]:
                futures = [pool.submit(_do, piece) for piece in apart(pieces, workers)]
                try:
                    for future in as_completed(futures):
                        yield from future.result()
                except BrokenProcessPool as error:
                    raise PacbedError(
                        "a worker process ended, perhaps for lack of memory: use fewer with "
                        "--workers, and go on with --resume."
                    ) from error
                finally:
                    for future in futures:
                        future.cancel()

            yield run

    return spread


def default_workers(windows: int) -> int:
    """Processes for a map of so many windows: the cores, unless the map is small."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores or 1, windows // _WORTH_WINDOWS))


#: In a worker process: its one job.
_kept: list[Job] = []


def _start(job: Job) -> None:
    """Keep the job in a worker process."""
    # A killed process cannot end its workers, and these wait for work for ever.
    end_with_parent()
    # Ctrl-C reaches every process of the terminal; the first one ends the others in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _kept[:] = [job]


def _do(piece: Piece[Result]) -> list[Result]:
    return _kept[0](piece)
