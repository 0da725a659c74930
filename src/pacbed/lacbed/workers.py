"""Independent pieces of work on one thread each, with a finished share and a prompt end."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from threadpoolctl import threadpool_limits

Result = TypeVar("Result")
#: Called with the finished share, 0..1; may raise to end the work.
Progress = Callable[[float], None]
#: Longest time between two calls of it, seconds.
_PATIENCE = 0.5
#: Pieces that are ready to be begun, for each thread.
_AHEAD = 2


def processors() -> int:
    """Processors that this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:
        return os.cpu_count() or 1


def run_in_threads(
    task: Callable[[int, Callable[[], None]], Result],
    items: Sequence[int],
    told: Callable[[int], None],
    threads: int | None = None,
) -> Iterator[Result]:
    """Results of a task for every item, in the order in which they come.

    BLAS keeps to one thread meanwhile: pieces do not wait for each other, so a busy machine
    makes them later, not dearer.

    Parameters
    ----------
    task : callable
        Gets an item, and a function that it calls often, which raises where the work was ended.
    items : sequence of int
    told : callable
        Called with the number of finished items at least every half second, in this thread;
        what it raises ends the work.
    threads : int, optional
        By default as many as there are processors.
    """
    ended = threading.Event()

    def tick() -> None:
        if ended.is_set():
            raise CancelledError

    count = min(threads or processors(), max(1, len(items)))
    done, begun = 0, 0
    pending: set[Future[Result]] = set()
    pool = ThreadPoolExecutor(count, thread_name_prefix="pacbed-table")
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            while begun < len(items) or pending:
                while begun < len(items) and len(pending) < _AHEAD * count:
                    pending.add(pool.submit(task, items[begun], tick))
                    begun += 1
                ready, pending = wait(pending, _PATIENCE, FIRST_COMPLETED)
                for future in ready:
                    done += 1
                    yield future.result()
                told(done)
    finally:
        ended.set()
        pool.shutdown(wait=True, cancel_futures=True)
