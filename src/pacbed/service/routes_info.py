"""Routes without an upload: systems, simulated patterns, health and metrics."""

import dataclasses
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from pacbed.library.installed import match_system
from pacbed.library.models.kinds import table_of
from pacbed.library.zone_axis import format_zone_axis
from pacbed.pattern.encode import encode_pattern
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise
from pacbed.service.catalogue import Catalogue
from pacbed.service.examples import load_examples
from pacbed.service.metrics import CONTENT_TYPE
from pacbed.service.routes import PROBLEMS
from pacbed.service.schemas import ExampleEntry, Health, Liveness, Problem, SystemEntry
from pacbed.service.services import services_of, work_for
from pacbed.version import __version__

router = APIRouter()

_MEDIA_TYPES = {"png": "image/png", "tif": "image/tiff", "npy": "application/octet-stream"}
_Small = Annotated[float, Field(ge=-200, le=200, allow_inf_nan=False)]
_Positive = Annotated[float, Field(ge=1e-4, le=1000, allow_inf_nan=False)]


class PatternQuery(BaseModel):
    """Which pattern to simulate."""

    model_config = ConfigDict(extra="forbid")

    system: Annotated[
        str, Field(max_length=200, description="ID or name.", examples=["sto-001-300kV"])
    ]
    thickness_nm: Annotated[_Positive, Field(description="nm", examples=[40.0])]
    convergence_mrad: Annotated[
        _Positive, Field(description="Convergence semi-angle, mrad.", examples=[20.0])
    ]
    tilt_x_mrad: Annotated[
        _Small, Field(description="Zone axis right of the disk's centre.", examples=[2.0])
    ] = 0.0
    tilt_y_mrad: Annotated[_Small, Field(description="Zone axis below the disk's centre.")] = 0.0
    rotation_deg: Annotated[
        float,
        Field(ge=-360, le=360, description="Turn of the crystal from +x towards +y."),
    ] = 0.0
    mrad_per_pixel: Annotated[
        _Positive | None,
        Field(description="By default the simulated field fills the picture."),
    ] = None
    size: Annotated[int, Field(ge=16, le=1024, description="Rows and columns.")] = 256
    format: Annotated[
        Literal["png", "tif", "npy"], Field(description="Of the file; png is scaled to 16 bits.")
    ] = "png"


@router.get("/systems/", include_in_schema=False)
@router.get("/systems", response_model=list[SystemEntry], tags=["information"])
def systems(request: Request) -> list[dict[str, Any]]:
    """List the installed systems and what they cover."""
    models = services_of(request).catalogue.models()
    return [{**dataclasses.asdict(model.system), "model": model.kind} for model in models]


@router.get("/examples/", response_model=list[ExampleEntry], tags=["information"])
def examples(request: Request) -> list[ExampleEntry]:
    """List the example patterns of the installed systems."""
    installed = services_of(request).catalogue.systems()
    entries = []
    for name, example in load_examples().items():
        system = example.system_among(installed)
        if system is not None:
            entries.append(
                ExampleEntry(
                    name=name,
                    title=f"{system.composition} {format_zone_axis(system.zone_axis)} "
                    f"{system.known_high_tension_kV:g} kV, {example.thickness_nm:.0f} nm",
                    system=system.name,
                    convergence_mrad=example.convergence_mrad,
                    thickness_nm=example.thickness_nm,
                )
            )
    return entries


@router.get(
    "/examples/{name}",
    tags=["information"],
    response_class=FileResponse,
    responses={
        404: {"model": Problem, "description": "There is no such example."},
        200: {
            "description": "The pattern.",
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        },
    },
)
def example_file(
    name: Annotated[str, PathParameter(description="As `GET /examples/` lists it.")],
) -> FileResponse:
    """Give one example pattern."""
    # A look-up among known names: the request never becomes a path.
    example = load_examples().get(name)
    if example is None:
        raise HTTPException(404, "there is no such example; GET /examples/ lists them")
    return FileResponse(example.path, media_type="application/octet-stream")


@router.get(
    "/pattern/",
    tags=["information"],
    response_class=Response,
    responses={
        **{status: PROBLEMS[status] for status in (404, 422, 503, 504)},
        200: {
            "description": "The pattern. npy and tif hold the share of the incident beam in each "
            "pixel, png is scaled to 16 bits. `X-Mrad-Per-Pixel` is the angle per pixel.",
            "content": {kind: {"schema": {"type": "string", "format": "binary"}}
                        for kind in _MEDIA_TYPES.values()},
        },
    },
)  # fmt: skip
async def pattern(request: Request, query: Annotated[PatternQuery, Query()]) -> Response:
    """Simulate a pattern, without noise or background.

    For example `/pattern/?system=sto-001-300kV&thickness_nm=40&convergence_mrad=20`.
    """
    catalogue = services_of(request).catalogue
    return await work_for(request, lambda _: _simulated(catalogue, query))


def _simulated(catalogue: Catalogue, query: PatternQuery) -> Response:
    system = match_system(catalogue.in_order_of_search(), query.system)
    system.check(query.convergence_mrad, parameter="convergence_mrad")
    table = table_of(catalogue.predictor(system).bundle)
    mrad_per_pixel = query.mrad_per_pixel
    if mrad_per_pixel is None:
        mrad_per_pixel = 2 * table.geometry.field * query.convergence_mrad / query.size
    parameters = PatternParameters(
        thickness_nm=query.thickness_nm,
        tilt_x_mrad=query.tilt_x_mrad,
        tilt_y_mrad=query.tilt_y_mrad,
        convergence_mrad=query.convergence_mrad,
        mrad_per_pixel=mrad_per_pixel,
        rotation_deg=query.rotation_deg,
    )
    image = synthesise(table, parameters, shape=(query.size, query.size))
    return Response(
        encode_pattern(image, f".{query.format}", mrad_per_pixel),
        media_type=_MEDIA_TYPES[query.format],
        headers={"X-Mrad-Per-Pixel": f"{mrad_per_pixel:.6g}"},
    )


@router.head("/health/live", include_in_schema=False)
@router.get("/health/live", response_model=Liveness, tags=["operation"])
async def live() -> Liveness:
    """Tell that the process answers; a supervisor restarts it where it does not."""
    return Liveness(status="ok", version=__version__)


@router.head("/health/ready", include_in_schema=False)
@router.get(
    "/health/ready",
    response_model=Health,
    responses={
        503: {"model": Health, "description": "No system is installed, or no work is taken now."}
    },
    tags=["operation"],
)
def ready(request: Request) -> JSONResponse:
    """Tell that requests can be answered; a load balancer asks this."""
    services = services_of(request)
    count = len(services.catalogue.systems())
    busy = services.queue.full or request.app.state.held.full
    health = Health(
        status="not ready" if not count else "busy" if busy else "ok",
        version=__version__,
        systems=count,
        queue=services.queue.taken,
        refused_bundles=dict(services.catalogue.faults),
    )
    return JSONResponse(health.model_dump(), 200 if health.status == "ok" else 503)


@router.get(
    "/metrics",
    tags=["operation"],
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """Give all counters in the text format of Prometheus."""
    return Response(services_of(request).metrics.exposition(), media_type=CONTENT_TYPE)
