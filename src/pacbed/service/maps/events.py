"""How far a job is, as server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi.sse import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from pacbed.service.maps.jobs import JobFolder

_LOOK_SECONDS = 0.25
#: A stream of events ends after this time and is asked for again, so that a service that
#: shall stop does not wait for those who look on.
_STREAM_SECONDS = 20.0
_AGAIN_MS = 300


def problems_beside_events(answers: dict[int | str, dict[str, Any]]) -> dict[int | str, Any]:
    """Describe the answers of a route of events that are none: problems as JSON."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": answer["description"], "content": {"application/json": schema}}
        for status, answer in answers.items()
    }


async def job_events(folder: JobFolder) -> AsyncIterator[ServerSentEvent]:
    """Tell the state of a job whenever it changes.

    Events are ``progress`` and, as the last one, ``done``, ``failed`` or ``deleted``; a
    stream may end without that one, and is then asked for again.
    """
    told = None
    end = time.monotonic() + _STREAM_SECONDS
    while time.monotonic() < end:
        job = await run_in_threadpool(folder.read)
        if job is None:
            yield ServerSentEvent(data={"id": folder.id}, event="deleted")
            return
        if job.ended:
            yield ServerSentEvent(data=job, event=job.stage)
            return
        if job != told:
            told = job
            yield ServerSentEvent(data=job, event="progress", retry=_AGAIN_MS)
        await asyncio.sleep(_LOOK_SECONDS)
