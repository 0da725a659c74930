"""Every way in which a request can fail, and its status code, in one place.

Without the web framework: the processes of jobs, which import this, start sooner.

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


def classify(error: PacbedError) -> tuple[int, str]:
    """Status code and short name of an error."""
    for kind, status, code in _STATUS:
        if isinstance(error, kind):
            return status, code
    raise AssertionError("the last entry fits every PacbedError")
