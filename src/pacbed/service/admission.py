"""What happens to a request before its body is read, and to every answer."""

import asyncio
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pacbed.service.metrics import Metrics
from pacbed.service.problems import BusyError, TooLargeError, classify, problem
from pacbed.service.queue import Place, WorkQueue
from pacbed.service.settings import MIB

#: Everything comes from this host; pictures are also made in the page.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Admission:
    """Give each request that means work a place in the queue, or turn it away.

    Parameters
    ----------
    app : ASGI application
    upload_seconds : float
        Longest time in which a body must have arrived.
    max_body_bytes : int
        Largest body.
    """

    def __init__(self, app: ASGIApp, upload_seconds: float, max_body_bytes: int) -> None:
        self._app = app
        self._upload_seconds = upload_seconds
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not _is_work(scope):
            await self._app(scope, receive, send)
            return
        state = scope["app"].state
        queue: WorkQueue = state.queue
        place = None
        try:
            if _declared_length(scope) > self._max_body_bytes:
                raise TooLargeError(self._too_large)
            place = queue.enter()
            scope["pacbed.place"] = place
            await self._app(scope, self._bounded(receive), send)
        except (BusyError, TooLargeError) as error:
            # Raised before the application saw the request: not a byte of it was read.
            status, code = classify(error)
            state.metrics.failures.labels(code).inc()
            await problem(status, code, str(error))(scope, receive, send)
        finally:
            if place is not None:
                place.release()

    @property
    def _too_large(self) -> str:
        return (
            f"the request is larger than the {self._max_body_bytes // MIB} MiB that this service "
            "takes: crop or bin the pattern, or send fewer frames at once"
        )

    def _bounded(self, receive: Receive) -> Receive:
        """Receive a body no longer, and no more of it, than allowed."""
        deadline = time.monotonic() + self._upload_seconds
        complete = False
        received = 0

        async def receive_bounded() -> Message:
            nonlocal complete, received
            if complete:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                raise HTTPException(
                    408,
                    f"the request did not arrive within {self._upload_seconds:g} s",
                    {"Connection": "close"},
                ) from None
            received += len(message.get("body", b""))
            if received > self._max_body_bytes:
                raise HTTPException(413, self._too_large)
            complete = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        return receive_bounded


def _is_work(scope: Scope) -> bool:
    """Whether a request needs a thread for long; all others are answered at once."""
    return scope["method"] == "POST" or str(scope["path"]).endswith("/pattern/")


def _declared_length(scope: Scope) -> int:
    """Length of the body as the request declares it; 0 where it does not."""
    text = Headers(scope=scope).get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else 0


def place_of(request: Request) -> Place:
    """Return the place in the queue that a request holds."""
    place: Place = request.scope["pacbed.place"]
    return place


class Outermost:
    """Add the security headers to every answer, and count it.

    Parameters
    ----------
    app : ASGI application
    metrics : Metrics
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                # The route's pattern, not the path: the number of labels stays bounded.
                route = getattr(scope.get("route"), "path", "other")
                self._metrics.requests.labels(route, str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, send_with_headers)
