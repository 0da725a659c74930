"""Connections of HTTP/1.1 with limits in time and number, as a protocol of Uvicorn.

Uvicorn waits for ever for the head of a request, for a body whose request it has refused
already, and for a client that does not read its answer; and it takes any number of
connections. An application cannot mend that, it does not see them. ``pacbed serve`` uses this
protocol; with Uvicorn alone, give ``--http pacbed.service.connections:WatchedConnection``.
"""

import asyncio
import logging
import math
from typing import Any
from weakref import WeakKeyDictionary

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from pacbed.service.settings import Settings

log = logging.getLogger("pacbed.service")

#: Accepted at once, before the first of them is looked at; with ``connections`` this stays
#: below the 1024 open files that a process usually may have.
BACKLOG = 128
_LOOK_SECONDS = 0.5
_FULL_BODY = b'{"code":"busy","detail":"the service has all the connections that it may have"}'
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
    b"Cache-Control: no-store\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
) % (len(_FULL_BODY), _FULL_BODY)


class WatchedConnection(H11Protocol):
    """One connection; what it waits for has an end.

    Parameters
    ----------
    config, server_state, app_state, _loop
        As Uvicorn gives them.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        # There are none, and a connection that changes its protocol would not be watched.
        self.ws_protocol_class = None
        self._watch = _watch_of(server_state)
        #: When it began to wait for a head, was answered, or last got a part of a body.
        self.since = math.inf
        #: Whether a head is on its way; between requests Uvicorn's own limit counts.
        self.head_begun = True
        self._unsent = 0
        self._stuck_since = math.inf

    @property
    def at_work(self) -> bool:
        """Whether there is a request whose answer is not complete."""
        return bool(self.cycle) and not self.cycle.response_complete

    @property
    def waits_for_client(self) -> bool:
        """Whether nothing happens until the client sends something."""
        return not self.at_work or (self.cycle.more_body and not self.cycle.response_started)

    @property
    def is_idle(self) -> bool:
        """Whether it has no request, and has sent every answer."""
        return not self.at_work and self.transport.get_write_buffer_size() == 0

    @property
    def is_gone(self) -> bool:
        """Whether nothing comes or goes any more."""
        return self.transport.is_closing() and self.transport.get_write_buffer_size() == 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, or end at once where there are too many."""
        super().connection_made(transport)
        self.since = self.loop.time()
        self._watch.admit(self)

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        if self.transport.is_closing():
            return
        if self.at_work:
            self.since = self.loop.time()
        elif not self.head_begun:
            # From the first byte on: each further one gives no more time.
            self.since = self.loop.time()
            self.head_begun = True
        super().data_received(data)
        if self.at_work:
            self.head_begun = False

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self.since = self.loop.time()
        self.head_begun = False
        super().on_response_complete()

    def resume_writing(self) -> None:
        """Go on: the client has read a part of its answer."""
        self._stuck_since = math.inf
        super().resume_writing()

    def refuse(self) -> None:
        """Say that there are too many connections, and end this one."""
        self.transport.write(_FULL)
        self.transport.close()

    def look(self, now: float, settings: Settings) -> None:
        """End what has waited too long.

        Parameters
        ----------
        now : float
            Time of the loop.
        settings : Settings
        """
        # A body whose request was refused already may end as if it had been taken.
        refused = self.conn.their_state is h11.SEND_BODY
        limit = settings.upload_seconds if refused else settings.head_seconds
        if not self.at_work and self.head_begun and now - self.since > limit:
            self.transport.close()
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or unsent < self._unsent:
            self._stuck_since = math.inf
        elif self._stuck_since == math.inf:
            self._stuck_since = now
        elif now - self._stuck_since > settings.silent_seconds:
            self.transport.abort()
        self._unsent = unsent


class _Watch:
    """Looks after all connections of one server."""

    def __init__(self, state: ServerState, settings: Settings) -> None:
        # Not the state itself: it is the key under which this is kept.
        self._connections = state.connections
        self._settings = settings
        self._timer: asyncio.TimerHandle | None = None
        self._ended = 0

    def admit(self, connection: WatchedConnection) -> None:
        """Count one more; another one makes room for it, or it goes itself."""
        if self._timer is None:
            self._timer = connection.loop.call_later(_LOOK_SECONDS, self._look, connection.loop)
        watched = self._watched()
        if len(watched) <= self._settings.connections:
            return
        self._ended += 1
        waiting = [other for other in watched if other.waits_for_client and other is not connection]
        if not waiting:
            connection.refuse()
            return
        # Those without a request first, and among them those that wait longest.
        min(waiting, key=lambda other: (not other.is_idle, other.since)).transport.abort()

    def _watched(self) -> list[WatchedConnection]:
        return [
            connection
            for connection in self._connections
            if isinstance(connection, WatchedConnection) and not connection.is_gone
        ]

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._ended:
            log.warning(
                "%d connections were closed, for more than %d came at once",
                self._ended,
                self._settings.connections,
            )
            self._ended = 0
        for connection in list(self._connections):
            if isinstance(connection, WatchedConnection):
                connection.look(loop.time(), self._settings)
        if self._connections:
            self._timer = loop.call_later(_LOOK_SECONDS, self._look, loop)


_watches: WeakKeyDictionary[ServerState, _Watch] = WeakKeyDictionary()


def _watch_of(state: ServerState) -> _Watch:
    """Return what looks after the connections of one server."""
    if state not in _watches:
        _watches[state] = _Watch(state, Settings.from_environment())
    return _watches[state]
