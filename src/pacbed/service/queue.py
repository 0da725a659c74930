"""Work off the event loop: a bounded queue in front of a few threads.

A request takes a place when all of it has arrived and gives it back when its answer
begins and no thread works for it any more. Whoever finds all places taken is
turned away at once. Work cannot be stopped inside a computation, so it looks
between its stages whether anybody still waits for it.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import Request

from pacbed.service.failures import BusyError, ClientGoneError, WorkTimeoutError
from pacbed.service.metrics import Metrics

_T = TypeVar("_T")


class Place:
    """A place in the queue, held by one request.

    Attributes
    ----------
    abandoned : threading.Event
        Set when nobody waits for the result any more.
    """

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave
        self._lock = threading.Lock()
        # The request itself, and each piece of work that a thread has for it.
        self._holders = 1
        self.abandoned = threading.Event()

    def hold(self) -> None:
        """Keep the place for one more piece of work."""
        with self._lock:
            self._holders += 1

    def release(self) -> None:
        """Give up one hold; the last one frees the place."""
        with self._lock:
            self._holders -= 1
            free = self._holders == 0
        if free:
            self._leave()

    def check(self) -> None:
        """Raise ClientGoneError if nobody waits for the result any more."""
        if self.abandoned.is_set():
            raise ClientGoneError("the client is gone")


class WorkQueue:
    """Bounded places in front of a pool of threads.

    Parameters
    ----------
    threads : int
        Pieces of work at once.
    waiting : int
        Requests that may wait beside them.
    seconds : float
        Longest time of the work on one request, waiting included.
    metrics : Metrics
    """

    def __init__(self, threads: int, waiting: int, seconds: float, metrics: Metrics) -> None:
        self.threads = threads
        self._places = threads + waiting
        self._seconds = seconds
        self._metrics = metrics
        self._lock = threading.Lock()
        self._taken = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="pacbed")

    @property
    def taken(self) -> int:
        """Places that are taken."""
        return self._taken

    @property
    def full(self) -> bool:
        """Whether all places are taken."""
        return self._taken >= self._places

    @property
    def full_words(self) -> str:
        """What is said where there is no place."""
        return f"all {self._places} places of the queue are taken; try again in a moment"

    def enter(self) -> Place:
        """Take a place.

        Raises
        ------
        BusyError
            If there is none.
        """
        with self._lock:
            if self._taken >= self._places:
                raise BusyError(self.full_words)
            self._taken += 1
        self._metrics.waiting.inc()
        return Place(self._leave)

    def _leave(self) -> None:
        with self._lock:
            self._taken -= 1
        self._metrics.waiting.dec()

    def submit(self, place: Place, work: Callable[[], _T]) -> "asyncio.Future[_T]":
        """Give work to the threads.

        Parameters
        ----------
        place : Place
            Is held until the work is done or cancelled before it began.
        work : callable
        """
        place.hold()
        submitted = time.perf_counter()

        def run() -> _T:
            waited = time.perf_counter() - submitted
            self._metrics.stage_seconds.labels("wait").observe(waited)
            place.check()
            self._metrics.working.inc()
            try:
                return work()
            finally:
                self._metrics.working.dec()

        future = self._pool.submit(run)
        future.add_done_callback(lambda _: place.release())
        return _quiet(future)

    async def finish(self, request: Request, place: Place, work: Awaitable[_T]) -> _T:
        """Wait for work, but not longer than allowed, nor longer than the client does.

        Raises
        ------
        WorkTimeoutError
            If the time is over.
        ClientGoneError
            If the client closed the connection.
        """
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait(
                {task, gone}, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if task.done():
                return task.result()
            if gone.done():
                raise ClientGoneError("the client is gone")
            raise WorkTimeoutError(
                f"the work took longer than the {self._seconds:g} s that one request may; "
                "try again when the service is less busy, or send fewer frames"
            )
        finally:
            if not task.done():
                place.abandoned.set()
                task.cancel()
            gone.cancel()

    def close(self) -> None:
        """Finish what is at work and drop what has not begun."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _quiet(future: "Future[_T]") -> "asyncio.Future[_T]":
    """Wrap a thread's future; an error that nobody waits for any more is no news."""
    wrapped = asyncio.wrap_future(future)
    wrapped.add_done_callback(lambda done: done.cancelled() or done.exception())
    return wrapped


async def _disconnected(request: Request) -> None:
    """Return when the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
