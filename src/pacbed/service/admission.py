"""What happens to a request before its body is read, and to every answer."""

import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pacbed.service.arrival import HELD_WORDS, ArrivalLimits, ArrivingBody, HeldBytes
from pacbed.service.failures import BusyError, TooLargeError, classify
from pacbed.service.metrics import Metrics
from pacbed.service.problems import internal_error, problem
from pacbed.service.queue import Place, WorkQueue

log = logging.getLogger("pacbed.service")

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
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
#: The page and its parts may be kept, and are asked for again; answers are not kept at all.
_KEPT = "no-cache"
_NOT_KEPT = "no-store"
#: What is asked by GET and simulates a pattern.
_SIMULATING = ("/pattern/", "/window")


class Visit:
    """One request that means work; takes its place in the queue when it is all there.

    Parameters
    ----------
    queue : WorkQueue
    """

    def __init__(self, queue: WorkQueue) -> None:
        self._queue = queue
        self._place: Place | None = None
        self._left = False

    def place(self) -> Place:
        """Return the place, taken at the first call.

        Raises
        ------
        BusyError
            If there is none.
        """
        if self._place is None:
            self._place = self._queue.enter()
        return self._place

    def arrived(self) -> None:
        """Take a place for a request whose body has arrived.

        Raises
        ------
        HTTPException
            503 if there is none; the framework lets no other error out of a body.
        """
        try:
            self.place()
        except BusyError as error:
            raise HTTPException(503, str(error)) from None

    def leave(self) -> None:
        """Give the place back, unless a thread still works for the request."""
        if self._place is not None and not self._left:
            self._left = True
            self._place.release()


class Admission:
    """Give each request that means work a place in the queue, or turn it away.

    Parameters
    ----------
    app : ASGI application
    limits : ArrivalLimits
        For the bodies of requests.
    held : HeldBytes
        What all bodies hold together.
    """

    def __init__(self, app: ASGIApp, limits: ArrivalLimits, held: HeldBytes) -> None:
        self._app = app
        self._limits = limits
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not is_work(scope):
            await self._app(scope, receive, send)
            return
        state = scope["app"].state
        queue: WorkQueue = state.queue
        visit = Visit(queue)
        body = ArrivingBody(receive, self._limits, self._held, visit.arrived)
        scope["pacbed.visit"] = visit

        async def send_after_work(message: Message) -> None:
            # A client that does not read its answer keeps nobody from work.
            visit.leave()
            body.forget()
            await send(message)

        try:
            if _declared_length(scope) > self._limits.max_bytes:
                raise TooLargeError(self._limits.too_large)
            if queue.full:
                raise BusyError(queue.full_words)
            if self._held.full:
                raise BusyError(HELD_WORDS)
            await self._app(scope, body.receive, send_after_work)
        except (BusyError, TooLargeError) as error:
            # Raised before the application saw the request: not a byte of it was read.
            status, code = classify(error)
            state.metrics.failures.labels(code).inc()
            await problem(status, code, str(error))(scope, receive, send)
        finally:
            visit.leave()
            body.forget()


def is_work(scope: Scope) -> bool:
    """Whether a request needs a thread for long; all others are answered at once."""
    return scope["method"] == "POST" or str(scope["path"]).endswith(_SIMULATING)


def _declared_length(scope: Scope) -> int:
    """Length of the body as the request declares it; 0 where it does not."""
    text = Headers(scope=scope).get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else 0


def place_of(request: Request) -> Place:
    """Return the place in the queue that a request holds."""
    visit: Visit = request.scope["pacbed.visit"]
    return visit.place()


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

        started = False
        # Looked up now: on its way the scope is changed.
        is_page = _is_page(scope)

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                kept = is_page and message["status"] < 400
                headers["Cache-Control"] = _KEPT if kept else _NOT_KEPT
                # The route's pattern, not the path: the number of labels stays bounded.
                route = getattr(scope.get("route"), "path", "other")
                self._metrics.requests.labels(route, str(message["status"])).inc()
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            # The framework's own last answer would come without these headers.
            if started:
                raise
            log.error("unexpected error", exc_info=error)
            self._metrics.failures.labels("internal").inc()
            await internal_error()(scope, receive, send_with_headers)


def _is_page(scope: Scope) -> bool:
    """Whether an answer is the page or one of its parts, the same for everybody."""
    path = str(scope["path"]).removeprefix(scope.get("root_path", ""))
    return path in ("/", "/docs") or path.startswith("/static/")
