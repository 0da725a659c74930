"""The answer to a failed request: JSON with ``code`` for programs and ``detail`` for people.

``field`` is there where one field of the request alone is wrong. :mod:`.failures` says which
error has which code.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pacbed.errors import BundleError, PacbedError
from pacbed.files import is_full
from pacbed.service.failures import classify

log = logging.getLogger("pacbed.service")

RETRY_AFTER_SECONDS = 1
#: A simulation takes some ten seconds.
_RETRY_AFTER = {503: RETRY_AFTER_SECONDS, 429: 10}
_FULL = "the service's temporary folder is full: free some space on its disk and try again"
_CODES = {
    400: "request",
    404: "not_found",
    405: "method",
    408: "upload_too_slow",
    409: "not_ready",
    413: "too_large",
    503: "busy",
}


def problem(status: int, code: str, detail: str, field: str | None = None) -> JSONResponse:
    """Make the answer to a failed request.

    Parameters
    ----------
    status : int
    code : str
        Short name for programs.
    detail : str
        Plain words for people.
    field : str, optional
        Of the request, where one alone is wrong.
    """
    wait = _RETRY_AFTER.get(status)
    headers = None if wait is None else {"Retry-After": str(wait)}
    told = {"code": code, "detail": detail} | ({} if field is None else {"field": field})
    return JSONResponse(told, status, headers)


def internal_error() -> JSONResponse:
    """Make the answer to what nobody has thought of; it tells nothing to the client."""
    return problem(500, "internal", "an error of the service; it was written to its log")


def in_words(errors: Iterable[dict[str, Any]]) -> str:
    """Write the errors of a validation as one line: where, and what is wrong."""
    lines = []
    for error in errors:
        place = _place(error)
        said = str(error["msg"]).removeprefix("Value error, ")
        if error["type"] == "missing":
            said = "is missing"
        elif error["type"] == "json_invalid":
            said = "is not JSON"
        lines.append(f"{place or 'the request'}: {said}")
    return "; ".join(lines[:5]) + (" …" if len(lines) > 5 else "")


def _place(error: dict[str, Any]) -> str:
    return ".".join(str(part) for part in error["loc"] if part not in ("body", "query"))


def _field(errors: Sequence[dict[str, Any]]) -> str | None:
    """The field that is wrong, where it is one alone."""
    places = {_place(error) for error in errors}
    return (places.pop() or None) if len(places) == 1 else None


def install_handlers(app: FastAPI) -> None:
    """Answer every failure of an application in the form of :func:`problem`."""

    def record(request: Request, code: str) -> None:
        request.app.state.metrics.failures.labels(code).inc()

    @app.exception_handler(PacbedError)
    async def of_the_input(request: Request, error: PacbedError) -> JSONResponse:
        status, code = classify(error)
        record(request, code)
        if isinstance(error, BundleError):
            log.error("broken bundle: %s", error)
            # Paths of the server are for its log.
            return problem(status, code, "the model of this system is broken; see the server's log")
        return problem(status, code, str(error), error.parameter)

    @app.exception_handler(RequestValidationError)
    async def of_the_parameters(request: Request, error: RequestValidationError) -> JSONResponse:
        record(request, "parameters")
        return problem(422, "parameters", in_words(error.errors()), _field(error.errors()))

    @app.exception_handler(OSError)
    async def of_the_system(request: Request, error: OSError) -> JSONResponse:
        if not is_full(error):
            raise error
        record(request, "disk_full")
        log.error("the disk is full: %s", error)
        return problem(507, "disk_full", _FULL)

    @app.exception_handler(HTTPException)
    async def of_http(request: Request, error: HTTPException) -> JSONResponse:
        if is_full(error):
            # A body that found no space on its way is no bad body.
            record(request, "disk_full")
            log.error("the disk is full: %s", error.__cause__ or error.__context__)
            return problem(507, "disk_full", _FULL)
        code = _CODES.get(error.status_code, "request")
        record(request, code)
        answer = problem(error.status_code, code, str(error.detail))
        answer.headers.update(error.headers or {})
        return answer
