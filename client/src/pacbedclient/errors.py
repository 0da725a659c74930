"""The errors of this package, all below :class:`PacbedClientError`.

::

    PacbedClientError
      PatternError              the pattern cannot be sent as it is
      ServiceUnreachableError   no connection, or it broke
      RequestTimeoutError       the time limit has passed
      AnswerError               what came back is not an answer of the service
      ServiceError              the service answered with an error, and says why
        RequestRefusedError       4xx: change the request
        ServiceBusyError          503: try again later
        ServiceFailedError        other 5xx: the fault is the service's
"""

from typing import Optional


class PacbedClientError(Exception):
    """Base of every error that this package raises on purpose."""


class PatternError(PacbedClientError, ValueError):
    """The pattern cannot be sent as it is; the message says what to change."""


class ServiceUnreachableError(PacbedClientError, ConnectionError):
    """The service could not be reached, or the connection broke."""


class RequestTimeoutError(PacbedClientError, TimeoutError):
    """The service has not answered within the time limit."""


class AnswerError(PacbedClientError):
    """What came back is not an answer of a PACBED-CNN service."""


class ServiceError(PacbedClientError):
    """The service answered with an error.

    Attributes
    ----------
    status : int
        HTTP status.
    message : str
        What the service says is wrong.
    code : str
        The service's short name of the error, such as ``"pattern"``; may be empty.
    """

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(status, message, code)
        self.status = status
        self.message = message
        self.code = code

    def __str__(self) -> str:
        return f"{self.message} (status {self.status})"


class RequestRefusedError(ServiceError):
    """The service refuses the request (4xx); the message says what to change."""


class ServiceBusyError(ServiceError):
    """The service is busy or not ready (503), also after the retries.

    Attributes
    ----------
    retry_after_s : float or None
        Seconds after which the service asks to be tried again.
    """

    retry_after_s: Optional[float] = None


class ServiceFailedError(ServiceError):
    """The service failed (5xx)."""
