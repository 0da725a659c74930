"""A folder that patterns arrive in, for the page of this computer alone."""

import os
import stat
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as PathPart
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from pacbed.service.routes import PROBLEMS
from pacbed.service.schemas import Problem
from pacbed.service.services import services_of

router = APIRouter(tags=["watched folder"])

#: So many files are told, the newest.
_MOST_TOLD = 1000
_GONE = "there is no such file, or it changed; GET /watched/ lists what is there"


class WatchedFile(BaseModel):
    """A file that was written to its end."""

    name: Annotated[str, Field(description="In the folder.")]
    key: Annotated[str, Field(description="Another one as soon as the file changes.")]


class WatchedFolder(BaseModel):
    """What arrived in the folder that the service watches."""

    on: Annotated[bool, Field(description="Whether it watches one, and this computer asks.")]
    folder: Annotated[str, Field(description="Its name.")] = ""
    files: Annotated[list[WatchedFile], Field(description="The oldest first, at most 1000.")] = []


@router.get("/watched/", response_model=WatchedFolder, responses={403: PROBLEMS[403]})
def watched(request: Request) -> WatchedFolder:
    """List what arrived in the watched folder; it asks again whenever it likes."""
    services = services_of(request)
    arrivals = services.arrivals
    if arrivals is None or not _is_here(request):
        return WatchedFolder(on=False)
    most = services.settings.max_body_bytes
    files = [
        WatchedFile(name=arrival.path.name, key=_key(arrival.modified_ns, arrival.bytes))
        for arrival in arrivals.look()
        if arrival.bytes <= most
    ]
    return WatchedFolder(on=True, folder=arrivals.folder.name, files=files[-_MOST_TOLD:])


@router.get(
    "/watched/{name}",
    response_class=Response,
    responses={
        403: PROBLEMS[403],
        404: {"model": Problem, "description": "There is no such file."},
        422: PROBLEMS[422],
        200: {
            "description": "The pattern.",
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        },
    },
)
def watched_file(
    request: Request,
    name: Annotated[str, PathPart(max_length=255, description="As listed.")],
    key: Annotated[str, Query(max_length=60, description="As listed.")],
) -> Response:
    """Give one file of the watched folder."""
    services = services_of(request)
    arrivals = services.arrivals
    # A look-up among listed names: the request never becomes a path.
    known = {} if arrivals is None or not _is_here(request) else {
        arrival.path.name: arrival.path for arrival in arrivals.look()
    }  # fmt: skip
    if name not in known:
        raise HTTPException(404, _GONE)
    content = _content(known[name], key, services.settings.max_body_bytes)
    if content is None:
        raise HTTPException(404, _GONE)
    return Response(content, media_type="application/octet-stream")


def _key(modified_ns: int, size: int) -> str:
    return f"{modified_ns:x}-{size:x}"


def _content(path: Path, key: str, most_bytes: int) -> bytes | None:
    """What a file holds; None where it is a link, too large, or not the one that was listed."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            about = os.fstat(file.fileno())
            fits = stat.S_ISREG(about.st_mode) and about.st_size <= most_bytes
            if not fits or _key(about.st_mtime_ns, about.st_size) != key:
                return None
            content = file.read(most_bytes + 1)
    except OSError:
        return None
    return content if len(content) == about.st_size else None


def _is_here(request: Request) -> bool:
    """Whether who asks is at this computer."""
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
