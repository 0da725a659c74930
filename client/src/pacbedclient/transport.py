"""Requests with patience: waits where the service is busy, and raises what it complains about."""

import email.utils
import json
import time
from http.client import responses
from typing import Any, Optional

from pacbedclient.errors import (
    AnswerError,
    RequestRefusedError,
    ServiceBusyError,
    ServiceError,
    ServiceFailedError,
)
from pacbedclient.exchange import Address, Request, Response, exchange

#: Waiting time before the n-th retry where the service gives none, s.
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.25, 8.0
#: A day; much longer times overflow in the clocks of some systems.
_LONGEST_LIMIT_S = 86400
#: Characters of an error in plain text that are shown.
_LONGEST_TEXT = 500


class Transport:
    """Requests to one service.

    Parameters
    ----------
    url : str
        Address of the service.
    timeout_s : float
        Time limit of a call, its retries included, s.
    retries : int
        How often a request is sent again at most after the answer 503.
    """

    def __init__(self, url: str, timeout_s: float, retries: int) -> None:
        if not 0 < timeout_s <= _LONGEST_LIMIT_S:
            raise ValueError(
                f"timeout_s = {timeout_s}: give seconds above 0 and up to {_LONGEST_LIMIT_S}"
            )
        if retries < 0:
            raise ValueError(f"retries = {retries}: give 0 or more")
        self.address = Address(url)
        self.timeout_s = timeout_s
        self.retries = retries

    def send(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> Response:
        """Return the answer to a request that succeeded.

        Raises
        ------
        ServiceUnreachableError, RequestTimeoutError, AnswerError, ServiceError
        """
        headers = {"Connection": "close", "Accept": "*/*"}
        if content_type:
            headers["Content-Type"] = content_type
        request = Request(method, path, body, headers)
        end = time.monotonic() + self.timeout_s
        response = exchange(self.address, request, self.timeout_s)
        for retry in range(self.retries):
            if response.status != 503:
                break
            wait = _waiting_time(response, retry)
            if time.monotonic() + wait >= end:
                break
            time.sleep(wait)
            remaining = end - time.monotonic()
            if remaining <= 0:
                break
            response = exchange(self.address, request, remaining)
        if response.status >= 300:
            raise _complaint(response)
        return response

    def send_for_json(self, *request: Any) -> Any:
        """Return the decoded answer of a request; arguments and errors as for ``send``."""
        body = self.send(*request).body
        try:
            return json.loads(body.decode("utf-8"))
        except ValueError:
            raise AnswerError(
                f"{self.address.url} answers, but not as a PACBED-CNN service does"
            ) from None


def _waiting_time(response: Response, retry: int) -> float:
    asked = _retry_after(response)
    if asked is not None:
        return asked
    return float(min(_FIRST_WAIT_S * 2**retry, _LONGEST_WAIT_S))


def _retry_after(response: Response) -> Optional[float]:
    """Return the seconds in the header Retry-After, which may also be a date."""
    text = (response.headers.get("Retry-After") or "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max(0.0, when.timestamp() - time.time())


def _complaint(response: Response) -> ServiceError:
    """Return the error that an answer with an error status stands for."""
    message, code = _message(response)
    status = response.status
    if status == 503:
        error = ServiceBusyError(status, message, code)
        error.retry_after_s = _retry_after(response)
        return error
    if status >= 500:
        return ServiceFailedError(status, message, code)
    return RequestRefusedError(status, message, code)


def _message(response: Response) -> Any:
    """Find what the service says in words, and its short name of the error."""
    try:
        answer = json.loads(response.body.decode("utf-8"))
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        code = str(answer.get("code", ""))
        for key in ("detail", "message", "error"):
            words = _words(answer.get(key))
            if words:
                return words, code
    if (response.headers.get("Content-Type") or "").startswith("text/plain"):
        words = response.body[:_LONGEST_TEXT].decode("utf-8", "replace").strip()
        if words:
            return words, ""
    return "{}; the service gives no reason".format(responses.get(response.status, "Error")), ""


def _words(said: Any) -> str:
    """Put into one line what may be a text, a list of complaints or a dict with a message."""
    if isinstance(said, str):
        return said
    if isinstance(said, dict):
        return _words(said.get("message") or said.get("msg") or said.get("detail"))
    if isinstance(said, list):
        return "; ".join(filter(None, map(_words, said)))
    return ""
