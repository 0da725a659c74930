"""Own systems: a structure is sent, the service simulates it, and the system can be asked."""

import os
import time
from typing import Any, Callable, Dict, Optional

from pacbedclient.errors import (
    AnswerError,
    PatternError,
    RequestRefusedError,
    RequestTimeoutError,
)
from pacbedclient.multipart import Part, encode
from pacbedclient.transport import Transport

_PATH = "/systems/"
_LOOK_S = 0.5


def make_system(
    transport: Transport,
    cif: Any,
    fields: Dict[str, Any],
    limit_s: float,
    progress: Optional[Callable[[float, Optional[float]], Any]] = None,
) -> Dict[str, Any]:
    """Have a system made and return its job; see :meth:`pacbedclient.Client.add_system`."""
    path = os.fspath(cif)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise PatternError(f"{path}: {error.strerror or error}") from None
    parts = [
        Part(name, "", "text/plain", str(value).encode("utf-8"))
        for name, value in fields.items()
        if value is not None
    ]
    parts.append(Part("file", os.path.basename(path), "application/octet-stream", content))
    body, content_type = encode(parts)
    job = _job(transport.send_for_json("POST", _PATH, body, content_type))
    address = _PATH + "jobs/" + job["id"]
    end = time.monotonic() + limit_s
    while job["stage"] != "done":
        if job["stage"] == "failed":
            raise RequestRefusedError(422, str(job.get("detail")), str(job.get("code")))
        if time.monotonic() > end:
            transport.send("DELETE", address)
            raise RequestTimeoutError(f"the system was not made within {limit_s:g} s")
        if progress is not None:
            progress(job.get("share", 0.0), job.get("seconds_left"))
        time.sleep(_LOOK_S)
        job = _job(transport.send_for_json("GET", address))
    return job


def _job(answer: Any) -> Dict[str, Any]:
    if not isinstance(answer, dict) or not {"id", "stage", "name"} <= set(answer):
        raise AnswerError("the service's job is not one; does it make systems?")
    return answer
