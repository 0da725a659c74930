"""Routes that make thickness maps of 4D-STEM scans."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Query, Request, Response, UploadFile
from fastapi import Path as PathPart
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Json

from pacbed.service.maps.events import job_events, problems_beside_events
from pacbed.service.maps.jobs import PICTURE, RESULT, TABLE, JobFolder
from pacbed.service.maps.looking import map_layers, window_views
from pacbed.service.maps.requests import result_file
from pacbed.service.maps.schemas import MapJob, MapLayers, MapParameters
from pacbed.service.routes import PROBLEMS
from pacbed.service.schemas import Problem
from pacbed.service.schemas_answer import Views
from pacbed.service.services import services_of, work_for
from pacbed.service.uploads import Upload

router = APIRouter(tags=["maps"])

_Found = tuple[JobFolder, MapJob]
_UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such map, or not any more."},
    422: PROBLEMS[422],
}
_NOT_READY = _UNKNOWN | {409: {"model": Problem, "description": "The map is not made yet."}}


def _find(
    request: Request, job_id: Annotated[str, PathPart(max_length=64, description="Of the job.")]
) -> _Found:
    return services_of(request).maps.find(job_id)


Found = Annotated[_Found, Depends(_find)]
_Window = Annotated[int, Query(ge=0, le=65535, description="Of the window, from 0.")]


@router.post(
    "/maps/",
    status_code=202,
    response_model=MapJob,
    responses={status: PROBLEMS[status] for status in PROBLEMS if status != 504},
)
async def make_map(
    request: Request,
    response: Response,
    parameters: Annotated[
        Json[MapParameters],
        Form(
            description="JSON text; see the schema `MapParameters`.",
            examples=['{"system": "sto-001-300kV", "convergence_mrad": 20, "window": [8, 8]}'],
        ),
    ],
    file: Annotated[
        UploadFile | None, File(description="The scan: rows, columns, pattern rows and columns.")
    ] = None,
    mask: Annotated[
        UploadFile | None,
        File(
            description="A file of the detector's size, not 0 where a pixel says nothing, such as "
            "its bad pixels. Dead lines, gaps and a beam stop are found without it."
        ),
    ] = None,
    microscope: Annotated[
        UploadFile | None,
        File(
            description="What `pacbed calibrate-microscope` wrote: says convergence angle and "
            "angle per pixel where the parameters do not. It goes before what the scan's file says."
        ),
    ] = None,
) -> MapJob:
    r"""Start making maps of thickness and mistilt of a 4D-STEM scan.

    With curl:

        curl http://localhost:8230/maps/ -F file=@scan.npy \
             -F 'parameters={"system": "sto-001-300kV", "convergence_mrad": 20, "window": [8, 8]}'

    The answer comes at once and holds the `id` of the job; `/maps/{id}/events` tells how far it
    is, and `/maps/{id}/file` gives the maps when it is done.
    """
    maps = services_of(request).maps
    with ExitStack() as sent:
        scan, masked, session = [
            None if part is None else sent.enter_context(Upload(await part.read(), part.filename))
            for part in (file, mask, microscope)
        ]
        job = await work_for(request, lambda _: maps.accept(parameters, scan, masked, session))
    response.headers["Location"] = str(request.url_for("map_job", job_id=job.id).path)
    return job


@router.get("/maps/{job_id}", response_model=MapJob, responses=_UNKNOWN)
def map_job(found: Found) -> MapJob:
    """Tell how far a map is."""
    return found[1]


@router.delete("/maps/{job_id}", status_code=204, responses=_UNKNOWN)
def delete_map(request: Request, found: Found) -> None:
    """Stop making a map, and delete what there is of it."""
    services_of(request).maps.cancel(found[0].id)


@router.get(
    "/maps/{job_id}/events",
    response_class=EventSourceResponse,
    responses=problems_beside_events(_UNKNOWN),
)
async def map_events(found: Found) -> AsyncIterator[ServerSentEvent]:
    """Tell how far a map is, whenever that changes, as server-sent events.

    Each event `progress` has a `MapJob` as JSON. The last one is `done`, `failed` or `deleted`.
    A stream ends after some 20 s and is asked for again by the browser on its own.
    """
    async for event in job_events(found[0]):
        yield event


def _binary(words: str, kind: str) -> dict[int | str, dict[str, Any]]:
    schema = {"schema": {"type": "string", "format": "binary"}}
    return _NOT_READY | {200: {"description": words, "content": {kind: schema}}}


@router.get(
    "/maps/{job_id}/file",
    response_class=FileResponse,
    responses=_binary("All maps, with axes, settings and provenance.", "application/octet-stream"),
)
def map_file(found: Found) -> FileResponse:
    """Give the maps as one file."""
    return _given(found, RESULT, "application/octet-stream")


@router.get(
    "/maps/{job_id}/table",
    response_class=FileResponse,
    responses=_binary("One line for each window.", "text/csv"),
)
def map_table(found: Found) -> FileResponse:
    """Give the maps as a table."""
    return _given(found, TABLE, "text/csv")


@router.get(
    "/maps/{job_id}/picture",
    response_class=FileResponse,
    responses=_binary("The maps drawn.", "image/png"),
)
def map_picture(found: Found) -> FileResponse:
    """Give a picture of the maps."""
    return _given(found, PICTURE, "image/png")


@router.get("/maps/{job_id}/layers", response_model=MapLayers, responses=_NOT_READY)
def map_layers_of(found: Found) -> MapLayers:
    """Tell what a map shows, window by window, for viewers."""
    return map_layers(*found)


@router.get("/maps/{job_id}/window", response_model=Views, responses=_NOT_READY)
async def map_window(request: Request, found: Found, row: _Window, column: _Window) -> Views:
    """Draw the pattern of one window beside the one simulated at its answer."""
    catalogue = services_of(request).catalogue
    return await work_for(request, lambda _: window_views(catalogue, *found, row, column))


def _given(found: _Found, name: str, kind: str) -> FileResponse:
    folder, job = found
    path = result_file(folder, job, name)
    stem = job.name.rsplit(".", 1)[0]
    return FileResponse(path, media_type=kind, filename=f"{stem}-{name}")
