"""Every way in which a request can fail, and its status code, in one place.

The answer to a failed request is JSON: ``code`` for programs, ``detail`` in plain
words for people, ``field`` where one field of the request alone is wrong.

======================  ======  =================================================
error                   status  code
======================  ======  =================================================
ParametersError         422     parameters
PatternError            422     pattern
OutOfRangeError         422     out_of_range
CrystalError            422     crystal
DiskFullError           507     disk_full
FileFormatError         400     file
FileTimeoutError        400     file_too_slow
MissingExtraError       415     file_type
UnknownSystemError      404     unknown_system
BundleError             503     bundle
BusyError               503     busy (with Retry-After)
StructureError          400     structure
SystemsOffError         403     own_systems_off
TooManyError            429     too_many (with Retry-After)
TooLargeError           413     too_large
WorkTimeoutError        504     timeout
other PacbedError       422     input
anything else           500     internal (nothing of it is told to the client)
======================  ======  =================================================

Beside these there are 403 (another web page asks), 404, 405, 408 (a body that arrives too
slowly), 409 (a map that is not made yet), 413 (a body that turns out too large) and 421 (a
name that is not the service's) in the same form.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pacbed.errors import (
    BundleError,
    CrystalError,
    DiskFullError,
    FileFormatError,
    MissingExtraError,
    OutOfRangeError,
    PacbedError,
    PatternError,
    UnknownSystemError,
)
from pacbed.files import is_full

log = logging.getLogger("pacbed.service")

RETRY_AFTER_SECONDS = 1
#: A simulation takes some ten seconds.
_RETRY_AFTER = {503: RETRY_AFTER_SECONDS, 429: 10}
_FULL = "the service's temporary folder is full: free some space on its disk and try again"


class ParametersError(PacbedError):
    """The parameters of a request contradict each other or are incomplete."""


class FileTimeoutError(FileFormatError):
    """A file was not understood within the time that one may take."""


class BusyError(PacbedError):
    """All places of the queue are taken."""


class StructureError(PacbedError):
    """A structure file or its conditions make no system."""


class SystemsOffError(PacbedError):
    """Systems are not made from structures here."""


class TooManyError(PacbedError):
    """Too many systems wait or are made."""


class TooLargeError(PacbedError):
    """The body of a request is larger than it may be."""


class WorkTimeoutError(PacbedError):
    """The work on a request took longer than it may."""


class ClientGoneError(PacbedError):
    """The client closed the connection before it had its answer."""


#: The first class that fits counts: subclasses stand before their bases.
_STATUS: tuple[tuple[type[PacbedError], int, str], ...] = (
    (ParametersError, 422, "parameters"),
    (PatternError, 422, "pattern"),
    (OutOfRangeError, 422, "out_of_range"),
    (CrystalError, 422, "crystal"),
    (FileTimeoutError, 400, "file_too_slow"),
    (DiskFullError, 507, "disk_full"),
    (FileFormatError, 400, "file"),
    (MissingExtraError, 415, "file_type"),
    (UnknownSystemError, 404, "unknown_system"),
    (BundleError, 503, "bundle"),
    (BusyError, 503, "busy"),
    (StructureError, 400, "structure"),
    (SystemsOffError, 403, "own_systems_off"),
    (TooManyError, 429, "too_many"),
    (TooLargeError, 413, "too_large"),
    (WorkTimeoutError, 504, "timeout"),
    # Nobody reads this one; the number is what web servers log for it.
    (ClientGoneError, 499, "client_gone"),
    (PacbedError, 422, "input"),
)

_CODES = {
    400: "request",
    404: "not_found",
    405: "method",
    408: "upload_too_slow",
    409: "not_ready",
    413: "too_large",
    503: "busy",
}


def classify(error: PacbedError) -> tuple[int, str]:
    """Status code and short name of an error."""
    for kind, status, code in _STATUS:
        if isinstance(error, kind):
            return status, code
    raise AssertionError("the last entry fits every PacbedError")


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
