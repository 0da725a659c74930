"""Client of the PACBED-CNN service, with the standard library and NumPy alone.

``query``, ``arrayfromID`` and ``imagefromresponse`` are what the earlier client had;
:class:`Client` is the fuller interface.
"""

from pacbedclient.client import Client
from pacbedclient.earlier import arrayfromID, imagefromresponse, query
from pacbedclient.errors import (
    AnswerError,
    PacbedClientError,
    PatternError,
    RequestRefusedError,
    RequestTimeoutError,
    ServiceBusyError,
    ServiceError,
    ServiceFailedError,
    ServiceUnreachableError,
)
from pacbedclient.records import Alternative, BudgetPart, Estimate, System

__version__ = "0.1.0"

__all__ = [
    "Alternative",
    "AnswerError",
    "BudgetPart",
    "Client",
    "Estimate",
    "PacbedClientError",
    "PatternError",
    "RequestRefusedError",
    "RequestTimeoutError",
    "ServiceBusyError",
    "ServiceError",
    "ServiceFailedError",
    "ServiceUnreachableError",
    "System",
    "__version__",
    "arrayfromID",
    "imagefromresponse",
    "query",
]
