"""Thickness maps: a scan is sent, the service works on it, and the maps are fetched."""

import contextlib
import io
import json
import os
import time
from typing import Any, Callable, Dict, Optional

import numpy as np

from pacbedclient.errors import (
    AnswerError,
    PacbedClientError,
    PatternError,
    RequestRefusedError,
    RequestTimeoutError,
    ServiceFailedError,
)
from pacbedclient.multipart import Part, encode
from pacbedclient.transport import Transport
from pacbedclient.wire import mask_part, microscope_part

_PATH = "/maps/"
_LOOK_S = 0.5
_FAULTS_OF_THE_SERVICE = ("internal", "stopped", "timeout")


def fetch_map(
    transport: Transport,
    scan: Any,
    parameters: Dict[str, Any],
    limit_s: float,
    progress: Optional[Callable[[int, int], Any]] = None,
    detector_mask: Any = None,
    microscope: Any = None,
) -> Dict[str, Any]:
    """Have maps made and return them; see :meth:`pacbedclient.Client.infer_map`."""
    name, content = _upload(scan)
    text = json.dumps({key: value for key, value in parameters.items() if value is not None})
    parts = [
        Part("parameters", "", "application/json", text.encode("utf-8")),
        Part("file", name, "application/octet-stream", content),
    ]
    if detector_mask is not None:
        parts.append(mask_part(detector_mask))
    if microscope is not None:
        parts.append(microscope_part(microscope))
    body, content_type = encode(parts)
    job = _job(transport.send_for_json("POST", _PATH, body, content_type))
    path = _PATH + job["id"]
    try:
        _wait(transport, path, job, limit_s, progress)
        return _unpack(transport.send("GET", path + "/file").body)
    finally:
        # Whatever happened, the service need not go on, nor keep what is fetched.
        _delete(transport, path)


def _wait(
    transport: Transport,
    path: str,
    job: Dict[str, Any],
    limit_s: float,
    progress: Optional[Callable[[int, int], Any]],
) -> None:
    end = time.monotonic() + limit_s
    told = None
    while job["stage"] != "done":
        if job["stage"] == "failed":
            words, code = str(job.get("detail")), str(job.get("code"))
            if code in _FAULTS_OF_THE_SERVICE:
                raise ServiceFailedError(500, words, code)
            raise RequestRefusedError(422, words, code)
        if time.monotonic() > end:
            raise RequestTimeoutError(f"the map was not made within {limit_s:g} s")
        time.sleep(_LOOK_S)
        job = _job(transport.send_for_json("GET", path))
        done = job.get("windows_done", 0), job.get("windows", 0)
        if progress is not None and done[1] and done != told:
            told = done
            progress(*done)


def _delete(transport: Transport, path: str) -> None:
    # A map that is not deleted now, the service deletes after its time.
    with contextlib.suppress(PacbedClientError):
        transport.send("DELETE", path)


def _upload(scan: Any) -> Any:
    if isinstance(scan, (str, os.PathLike)):
        path = os.fspath(scan)
        try:
            with open(path, "rb") as file:
                return os.path.basename(path), file.read()
        except OSError as error:
            raise PatternError(f"{path}: {error.strerror or error}") from None
    array = np.asarray(scan)
    if array.ndim != 4:
        raise PatternError(
            f"a scan has four dimensions (scan row and column, detector row and column), "
            f"this array has the shape {array.shape}"
        )
    stored = io.BytesIO()
    np.save(stored, np.ascontiguousarray(array), allow_pickle=False)
    return "scan.npy", stored.getvalue()


def _job(answer: Any) -> Dict[str, Any]:
    if not isinstance(answer, dict) or not {"id", "stage"} <= set(answer):
        raise AnswerError("the service's job is not one; does it make maps?")
    return answer


def _unpack(body: bytes) -> Dict[str, Any]:
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as stored:
            maps = {name: stored[name] for name in stored.files if "/" not in name}
        maps["description"] = json.loads(maps.pop("header").tobytes().decode("utf-8"))
    except (ValueError, OSError, EOFError, KeyError):
        raise AnswerError("the service's maps are not a file of arrays") from None
    return maps
