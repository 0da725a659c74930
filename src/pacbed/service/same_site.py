"""Who may ask: programs, and the pages of this service; not the pages of others.

A browser lets every page send requests to every host, also to this computer, with whatever
rights its user has. It says so: in ``Origin``, and in ``Sec-Fetch-Site`` where the page is
served with TLS or from this computer. Programs send neither.
"""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pacbed.service.admission import is_work
from pacbed.service.hosts import OwnHosts
from pacbed.service.metrics import Metrics
from pacbed.service.problems import problem

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_OWN_SITES = ("same-origin", "none")
_EVERY_PAGE = "*"

_Refusal = tuple[int, str, str]


class SameSite:
    """Turn away what came under a foreign name, and what another page asked for.

    Parameters
    ----------
    app : ASGI application
    hosts : OwnHosts
        Names that the service answers to.
    origins : collection of str
        Pages of other hosts that may use the service; ``*`` means all.
    metrics : Metrics
    """

    def __init__(
        self, app: ASGIApp, hosts: OwnHosts, origins: Collection[str], metrics: Metrics
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = frozenset(origins)
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "websocket":
            # There is none; to a web socket browsers apply no rule of same origin.
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = (
            _framing(scope, headers)
            or self._wrong_host(scope, headers)
            or self._other_page(scope, headers)
        )
        if refusal is None:
            await self._app(scope, receive, self._with_policy(headers, send))
            return
        status, code, words = refusal
        self._metrics.failures.labels(code).inc()
        answer = problem(status, code, words)
        if status == 400:
            # Where this request ends is in doubt, and with it where a next one begins.
            answer.headers["Connection"] = "close"
        await answer(scope, receive, send)

    def _with_policy(self, headers: Headers, send: Send) -> Send:
        """Let no other page show an answer as a picture or run it, but those that may use it."""
        allowed = self._is_allowed(headers.get("origin") or _referrer(headers))
        policy = b"cross-origin" if allowed else b"same-origin"

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"cross-origin-resource-policy", policy),
                ]
            await send(message)

        return send_with_policy

    def _wrong_host(self, scope: Scope, headers: Headers) -> _Refusal | None:
        given = headers.getlist("host")
        if not given and scope["http_version"] == "1.0":
            # A program, such as the check of a load balancer: every browser sends it.
            return None
        if len(given) != 1:
            return 400, "request", "a request has one Host header"
        server = scope.get("server")
        if self._hosts.answers(given[0], server[0] if server else None):
            return None
        return (
            421,
            "host",
            f"this service does not answer to the name {_shown(given[0])}: open it as localhost, "
            "or start it with --allow-host NAME (or PACBED_ALLOW_HOSTS=NAME) for a name of its own",
        )

    def _other_page(self, scope: Scope, headers: Headers) -> _Refusal | None:
        origins = headers.getlist("origin")
        if origins and all(self._is_allowed(origin) for origin in origins):
            return None
        sites = headers.getlist("sec-fetch-site")
        if sites:
            own = all(site in _OWN_SITES for site in sites)
        else:
            host = headers.get("host", "")
            own = all(self._hosts.is_own_page(origin, host) for origin in origins)
        if own or self._may_look(scope, headers):
            return None
        return (
            403,
            "other_page",
            f"another web page ({_shown(', '.join(origins) or 'without a name')}) asked for this: "
            "open the service's own page, or list that page in PACBED_ALLOW_ORIGINS",
        )

    def _may_look(self, scope: Scope, headers: Headers) -> bool:
        """Whether another page may have this: a link that is followed, an allowed picture."""
        if scope["method"] not in _SAFE_METHODS or headers.getlist("origin"):
            return False
        # Pictures come without Origin. No page can put the name of another into Referer.
        if self._is_allowed(_referrer(headers)):
            return True
        follows = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
        return follows == ("navigate", "document") and not is_work(scope)

    def _is_allowed(self, origin: str) -> bool:
        return origin in self._origins or _EVERY_PAGE in self._origins


def _referrer(headers: Headers) -> str:
    """Origin of the page that a request names as where it came from."""
    return "/".join(headers.get("referer", "").split("/")[:3])


def _framing(scope: Scope, headers: Headers) -> _Refusal | None:
    """Refuse a request whose end a proxy could see elsewhere than this service does."""
    coded = "transfer-encoding" in headers
    if coded and ("content-length" in headers or scope["http_version"] == "1.0"):
        return 400, "request", "give Content-Length or Transfer-Encoding: chunked, not both"
    return None


def _shown(text: str) -> str:
    """What a request said, fit for a message."""
    return "".join(character for character in text if character.isprintable())[:100]
