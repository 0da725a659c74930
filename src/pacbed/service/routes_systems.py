"""Routes that make systems from structure files."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi import Path as PathPart
from fastapi.sse import EventSourceResponse, ServerSentEvent

from pacbed.service.maps.events import job_events, problems_beside_events
from pacbed.service.maps.jobs import JobFolder
from pacbed.service.routes import PROBLEMS
from pacbed.service.schemas import Problem
from pacbed.service.services import services_of, work_for
from pacbed.service.systems.forms import FileForm, StructureForm, SystemForm
from pacbed.service.systems.schemas import OwnSystems, SystemJob, UnderstoodStructure, ZoneAxes
from pacbed.service.systems.structure_check import MOST_BYTES

router = APIRouter(tags=["own systems"])

_Found = tuple[JobFolder, SystemJob]
_OFF: dict[str, Any] = {
    "model": Problem,
    "description": "This service makes no systems, or a web page of another host or port asked.",
}
_UNKNOWN: dict[int | str, dict[str, Any]] = {
    403: _OFF,
    404: {"model": Problem, "description": "There is no such system, or not any more."},
    422: PROBLEMS[422],
}
_OF_STRUCTURES: dict[int | str, dict[str, Any]] = {
    **{status: PROBLEMS[status] for status in PROBLEMS if status not in (404, 415)},
    403: _OFF,
}
_TOO_MANY = {"model": Problem, "description": "Too many systems wait; see `Retry-After`."}


def _find(
    request: Request, job_id: Annotated[str, PathPart(max_length=64, description="Of the job.")]
) -> _Found:
    return services_of(request).systems.find(job_id)


Found = Annotated[_Found, Depends(_find)]


@router.get("/systems/own", response_model=OwnSystems)
def own_systems(request: Request) -> OwnSystems:
    """Tell whether this service makes systems from structure files."""
    return services_of(request).systems.offered()


@router.post("/systems/understood", response_model=UnderstoodStructure, responses=_OF_STRUCTURES)
async def understood_structure(
    request: Request,
    form: Annotated[StructureForm, Form(media_type="multipart/form-data")],
) -> UnderstoodStructure:
    r"""Say what a structure file is understood as; nothing is simulated, and nothing kept.

    With curl:

        curl http://localhost:8230/systems/understood -F file=@GaN.cif -F 'zone_axis=1 1 -2 0' \
             -F high_tension_kV=200

    What `POST /systems/` would refuse is refused here in the same words; `field` of a problem
    names the part of the request that is wrong.
    """
    systems = services_of(request).systems
    systems.check_on()
    content = await form.file.read(MOST_BYTES + 1)
    return await work_for(request, lambda _: systems.understood(form, content))


@router.post("/systems/zone_axes", response_model=ZoneAxes, responses=_OF_STRUCTURES)
async def zone_axes(
    request: Request, form: Annotated[FileForm, Form(media_type="multipart/form-data")]
) -> ZoneAxes:
    r"""Say which zone axes of low indices a structure file has, and which of them are alike.

    With curl:

        curl http://localhost:8230/systems/zone_axes -F file=@GaN.cif

    Directions are for a picture; `name` is what `zone_axis` of the other requests takes. Axes that
    are alike by symmetry share `repeat_A` and `alike`; nothing is kept.
    """
    systems = services_of(request).systems
    systems.check_on()
    content = await form.file.read(MOST_BYTES + 1)
    return await work_for(request, lambda _: systems.zone_axes(form, content))


@router.post(
    "/systems/",
    status_code=202,
    response_model=SystemJob,
    responses=_OF_STRUCTURES | {429: _TOO_MANY},
)
async def make_system(
    request: Request,
    response: Response,
    form: Annotated[SystemForm, Form(media_type="multipart/form-data")],
) -> SystemJob:
    r"""Start making a system from a structure file; nothing is trained.

    With curl:

        curl http://localhost:8230/systems/ -F file=@GaN.cif -F 'zone_axis=1 1 -2 0' \
             -F high_tension_kV=200

    The answer comes when the structure was understood, and says what was. `/systems/jobs/{id}`
    tells how far the simulation is; when it is done, `/inference/` answers for the system.
    """
    systems = services_of(request).systems
    systems.check_on()
    content = await form.file.read(MOST_BYTES + 1)
    job = await work_for(request, lambda place: systems.accept(form, content, place))
    response.headers["Location"] = str(request.url_for("system_job", job_id=job.id).path)
    return job


@router.get("/systems/jobs/{job_id}", response_model=SystemJob, responses=_UNKNOWN)
def system_job(found: Found) -> SystemJob:
    """Tell how far a system is."""
    return found[1]


@router.get(
    "/systems/jobs/{job_id}/events",
    response_class=EventSourceResponse,
    responses=problems_beside_events(_UNKNOWN),
)
async def system_events(found: Found) -> AsyncIterator[ServerSentEvent]:
    """Tell how far a system is, whenever that changes, as server-sent events.

    Each event `progress` has a `SystemJob` as JSON. The last one is `done`, `failed` or
    `deleted`. A stream ends after some 20 s and is asked for again by the browser on its own.
    """
    async for event in job_events(found[0]):
        yield event


@router.delete("/systems/jobs/{job_id}", status_code=204, responses=_UNKNOWN)
def delete_system(request: Request, found: Found) -> None:
    """Stop making a system, or remove it."""
    services_of(request).systems.cancel(found[0].id)
