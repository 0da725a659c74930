"""How the body of a request arrives: within a time, without a pause, and not more than fits.

A request waits for its body without a place in the queue. Whoever sends a few bytes and
then nothing so keeps a connection for some seconds, and nobody from work.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from pacbed.service.settings import MIB

#: Whoever sends at least at this rate is given the time for it, bytes per second.
_SLOWEST = 64 * 1024

HELD_WORDS = (
    "the requests that are here already fill all the space that they may; try again in a moment"
)


@dataclass(frozen=True)
class ArrivalLimits:
    """What a body may take.

    Attributes
    ----------
    seconds : float
        Longest time in which a body must have arrived, beside that which its bytes take at a
        rate of 64 KiB/s.
    silent_seconds : float
        Longest time without a byte of it.
    max_bytes : int
        Largest body.
    held_bytes : int
        All bodies together, of requests that arrive, wait or are worked on.
    """

    seconds: float
    silent_seconds: float
    max_bytes: int
    held_bytes: int

    @property
    def too_large(self) -> str:
        """What is said of a body that is larger."""
        return (
            f"the request is larger than the {self.max_bytes // MIB} MiB that this service "
            "takes: crop or bin the pattern, or send fewer frames at once"
        )


class HeldBytes:
    """Bytes of all bodies that are kept at the moment.

    Parameters
    ----------
    limit : int
        Most of them.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0

    @property
    def full(self) -> bool:
        """Whether a body has to be refused."""
        return self._held >= self._limit

    def add(self, count: int) -> None:
        """Keep some more, or give some back."""
        self._held += count


class ArrivingBody:
    """Receives one body, no longer and no more of it than allowed.

    Parameters
    ----------
    receive : ASGI receive
    limits : ArrivalLimits
    held : HeldBytes
    arrived : callable
        Is called once when all of the body is there.
    """

    def __init__(
        self, receive: Receive, limits: ArrivalLimits, held: HeldBytes, arrived: Callable[[], None]
    ) -> None:
        self._receive = receive
        self._limits = limits
        self._held = held
        self._arrived = arrived
        self._deadline = time.monotonic() + limits.seconds
        self._complete = False
        self._received = 0

    async def receive(self) -> Message:
        """Return the next part.

        Raises
        ------
        HTTPException
            408 if it does not come in time, 413 if it is too large, 503 if too much is
            held already.
        """
        if self._complete:
            return await self._receive()
        message = await self._next()
        count = len(message.get("body", b""))
        self._received += count
        self._held.add(count)
        if self._received > self._limits.max_bytes:
            raise HTTPException(413, self._limits.too_large)
        self._complete = message["type"] != "http.request" or not message.get("more_body", False)
        if not self._complete and self._held.full:
            raise HTTPException(503, HELD_WORDS)
        if self._complete and message["type"] == "http.request":
            self._arrived()
        return message

    async def _next(self) -> Message:
        left = max(0.0, self._deadline + self._received / _SLOWEST - time.monotonic())
        silent = self._limits.silent_seconds
        try:
            return await asyncio.wait_for(self._receive(), min(left, silent))
        except TimeoutError:
            words = (
                f"no byte of the request arrived for {silent:g} s"
                if silent < left
                else f"the request did not arrive within {self._limits.seconds:g} s, and came at "
                f"less than {_SLOWEST // 1024} KiB/s"
            )
            raise HTTPException(408, words, {"Connection": "close"}) from None

    def forget(self) -> None:
        """Give back what the body held, at the end of its request."""
        self._held.add(-self._received)
        self._received = 0
