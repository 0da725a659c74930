"""One HTTP request and its answer, over within a time limit whatever the other side does."""

import contextlib
import http.client
import socket
import threading
import urllib.parse
from typing import Any, Dict, NamedTuple, Optional

from pacbedclient.errors import (
    AnswerError,
    PacbedClientError,
    RequestTimeoutError,
    ServiceUnreachableError,
)


class Request(NamedTuple):
    """What is sent.

    Attributes
    ----------
    method, path : str
        Such as ``"GET"`` and ``"/systems"``, the path with its query.
    body : bytes
    headers : dict of str
    """

    method: str
    path: str
    body: bytes
    headers: Dict[str, str]


class Response(NamedTuple):
    """What came back.

    Attributes
    ----------
    status : int
        HTTP status.
    headers : mapping of str
        Without regard to case.
    body : bytes
    """

    status: int
    headers: Any
    body: bytes


class Address:
    """Where the service is.

    Parameters
    ----------
    url : str
        ``http`` or ``https``, with a path where the service lies behind a proxy.

    Raises
    ------
    ValueError
        If this is no such address.
    """

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"{url!r} is no address of a service: give one such as http://localhost:8230"
            )
        self.url = url.rstrip("/")
        self.secure = parts.scheme == "https"
        self.host = parts.hostname
        self.port = parts.port or (443 if self.secure else 80)
        self.path = parts.path.rstrip("/")

    def connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """Return a connection that is opened on its first use."""
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        return kind(self.host, self.port, timeout=timeout_s)


def exchange(address: Address, request: Request, timeout_s: float) -> Response:
    """Send a request and return the answer, whatever its status.

    A socket's own time limit starts anew with every byte that arrives, and the look-up
    of a host name has none. So the work is done in a thread, which is left behind when
    the time is over.

    Parameters
    ----------
    address : Address
    request : Request
    timeout_s : float
        Time limit for the whole exchange, s.

    Raises
    ------
    ServiceUnreachableError, RequestTimeoutError, AnswerError
    """
    work = _Work(address, request, timeout_s)
    work.start()
    work.join(timeout_s)
    if work.is_alive():
        work.abandon()
        raise RequestTimeoutError(
            f"{address.url} has not answered within {round(timeout_s, 1):g} s"
        )
    if work.response is None:
        raise work.error or AnswerError("no answer")
    return work.response


class _Work(threading.Thread):
    """The exchange itself; ends with either ``response`` or ``error`` set."""

    def __init__(self, address: Address, request: Request, timeout_s: float) -> None:
        super().__init__(name="pacbedclient", daemon=True)
        self._address = address
        self._request = request
        self._timeout_s = timeout_s
        self._connection = address.connection(timeout_s)
        # The connection forgets its socket as soon as an answer begins that ends with it.
        self._socket: Optional[socket.socket] = None
        self._abandoned = False
        self.response: Optional[Response] = None
        self.error: Optional[Exception] = None

    def run(self) -> None:
        try:
            self.response = self._answer()
        except PacbedClientError as error:
            self.error = error
        except socket.timeout:
            self.error = RequestTimeoutError(
                f"{self._address.url} has not answered within {round(self._timeout_s, 1):g} s"
            )
        except http.client.HTTPException as error:
            self.error = AnswerError(
                f"{self._address.url} does not answer as a web service: {error!r}"
            )
        except (OSError, UnicodeError) as error:  # UnicodeError: no possible host name
            self.error = ServiceUnreachableError(
                f"{self._address.url} cannot be reached ({error}): is the service running there?"
            )
        except Exception as error:  # raised again in the thread that waits
            self.error = error
        finally:
            self._connection.close()

    def abandon(self) -> None:
        """Break the connection, so that the thread ends soon."""
        self._abandoned = True
        if self._socket is not None:
            with contextlib.suppress(OSError):  # where it closes in this moment
                self._socket.shutdown(socket.SHUT_RDWR)

    def _answer(self) -> Response:
        connection, request = self._connection, self._request
        connection.connect()
        self._socket = connection.sock
        if self._abandoned:
            raise RequestTimeoutError
        # A service that refuses a body for its size answers and closes before it has read
        # everything: the answer says more than the broken connection.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            path = self._address.path + request.path
            connection.request(request.method, path, request.body or None, request.headers)
        answer = connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())
