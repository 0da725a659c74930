"""The application: everything is put together here, and nothing runs before it starts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from pacbed.service import (
    routes,
    routes_crystals,
    routes_info,
    routes_maps,
    routes_stage,
    routes_systems,
    routes_watch,
)
from pacbed.service.admission import Admission, Outermost
from pacbed.service.arrival import ArrivalLimits, HeldBytes
from pacbed.service.hosts import OwnHosts, listed_hosts
from pacbed.service.metrics import Metrics
from pacbed.service.problems import install_handlers
from pacbed.service.same_site import SameSite
from pacbed.service.services import Services
from pacbed.service.settings import Settings
from pacbed.version import __version__

#: Answers of as many bytes are worth packing: pictures as numbers, and the page's own files.
_LEAST_PACKED = 4096
STATIC = Path(__file__).parent / "static"

_DESCRIPTION = """
Specimen thickness and mistilt from position-averaged convergent-beam electron diffraction
(PACBED) patterns.

Send a pattern to `/inference/` and get thickness and mistilt with their errors, or a 4D-STEM
scan to `/maps/` and get maps of them. What went wrong, where something did, stands in `detail`
of the answer, and as a short `code`.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    settings : Settings, optional
        By default those of the environment.

    Returns
    -------
    FastAPI
    """
    chosen = Settings.from_environment() if settings is None else settings
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = Services.start(chosen, metrics)
        app.state.services = services
        app.state.queue = services.queue
        try:
            yield
        finally:
            services.stop()

    app = FastAPI(
        title="PACBED-CNN",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        # The usual pages load their scripts from other hosts; /docs is a page of our own.
        docs_url=None,
        redoc_url=None,
        # Names of the functions: clients that are made from the description have them.
        generate_unique_id_function=lambda route: route.name,
        form_limits={"max_fields": 8, "max_files": 3, "max_part_size": 64 * 1024},
    )
    app.state.settings = chosen
    app.state.metrics = metrics
    app.state.held = held = HeldBytes(chosen.held_bytes)
    install_handlers(app)
    app.add_middleware(GZipMiddleware, minimum_size=_LEAST_PACKED, compresslevel=1)
    app.add_middleware(
        Admission,
        limits=ArrivalLimits(
            chosen.upload_seconds, chosen.silent_seconds, chosen.max_body_bytes, chosen.held_bytes
        ),
        held=held,
    )
    if chosen.origins:
        methods = ["GET", "POST", "DELETE"]
        app.add_middleware(CORSMiddleware, allow_origins=chosen.origins, allow_methods=methods)
    hosts = OwnHosts(listed_hosts(chosen.allow_hosts))
    app.add_middleware(SameSite, hosts=hosts, origins=chosen.origins, metrics=metrics)
    app.add_middleware(Outermost, metrics=metrics)
    app.include_router(routes.router)
    app.include_router(routes_info.router)
    app.include_router(routes_maps.router)
    app.include_router(routes_crystals.router)
    app.include_router(routes_systems.router)
    app.include_router(routes_stage.router)
    app.include_router(routes_watch.router)
    _add_pages(app)
    return app


def _add_pages(app: FastAPI) -> None:
    """Serve the page, its parts and the description of the interface."""

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        return FileResponse(STATIC / "docs.html")

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
