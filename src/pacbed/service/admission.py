"""What happens to a request before its body is read, and to every answer."""

import asyncio
import time

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pacbed.service.metrics import Metrics
from pacbed.service.problems import BusyError, classify, problem
from pacbed.service.queue import Place, WorkQueue

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
    """Give each request with a body a place in the queue, or turn it away.

    Parameters
    ----------
    app : ASGI application
    upload_seconds : float
        Longest time in which a body must have arrived.
    """

    def __init__(self, app: ASGIApp, upload_seconds: float) -> None:
        self._app = app
        self._upload_seconds = upload_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        state = scope["app"].state
        queue: WorkQueue = state.queue
        try:
            place = queue.enter()
        except BusyError as error:
            status, code = classify(error)
            state.metrics.failures.labels(code).inc()
            await problem(status, code, str(error))(scope, receive, send)
            return
        scope["pacbed.place"] = place
        try:
            await self._app(scope, self._in_time(receive), send)
        finally:
            place.release()

    def _in_time(self, receive: Receive) -> Receive:
        deadline = time.monotonic() + self._upload_seconds
        complete = False

        async def receive_in_time() -> Message:
            nonlocal complete
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
            complete = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        return receive_in_time


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
