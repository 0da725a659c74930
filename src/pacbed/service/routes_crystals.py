"""Routes that tell which crystals need no structure file."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi import Path as PathPart
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from pacbed.crystal.known.as_cif import crystal_as_cif
from pacbed.crystal.known.catalogue import known_crystals, search
from pacbed.service.routes import PROBLEMS
from pacbed.service.schemas import Problem

router = APIRouter(tags=["own systems"])


class ZoneAxisEntry(BaseModel):
    """A direction that the crystal is often seen along."""

    axis: Annotated[str, Field(description="As `zone_axis` of `POST /systems/` takes it.")]
    known_as: Annotated[str, Field(description="What else it is called; may be empty.")]


class CrystalEntry(BaseModel):
    """A crystal that comes with the program."""

    name: Annotated[str, Field(description="By which it is asked for.")]
    formula: Annotated[str, Field(description="As CIF files write it.")]
    title: Annotated[str, Field(description="For people.")]
    also: Annotated[list[str], Field(description="Other names.")]
    elements: Annotated[list[str], Field(description="Their symbols.")]
    space_group: Annotated[str, Field(description="Hermann-Mauguin symbol.")]
    cell: Annotated[list[float], Field(description="a, b, c in Å and α, β, γ in degrees.")]
    zone_axes: Annotated[list[ZoneAxisEntry], Field(description="The most usual first.")]
    source: Annotated[str, Field(description="Of cell and positions.")]
    b_source: Annotated[str, Field(description="Of the Debye-Waller factors.")]
    b_estimated: Annotated[bool, Field(description="Whether those are estimates.")]


@router.get("/crystals/", response_model=list[CrystalEntry], responses={422: PROBLEMS[422]})
def crystals(
    q: Annotated[
        str,
        Query(
            max_length=200,
            description="Words that must all fit: an element, a formula, or part of a name.",
            examples=["nitride"],
        ),
    ] = "",
) -> list[CrystalEntry]:
    """List the crystals that need no structure file."""
    return [CrystalEntry.model_validate(one, from_attributes=True) for one in search(q.split())]


_UNKNOWN: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"chemical/x-cif": {"schema": {"type": "string"}}},
        "description": "The CIF, with its sources.",
    },
    404: {"model": Problem, "description": "There is no such crystal."},
    422: PROBLEMS[422],
}


@router.get("/crystals/{name}", response_class=Response, responses=_UNKNOWN)
def crystal_file(
    name: Annotated[str, PathPart(max_length=100, description="As `GET /crystals/` lists it.")],
) -> Response:
    """Give a known crystal as a CIF, ready for `POST /systems/`."""
    found = next((one for one in known_crystals() if one.name == name), None)
    if found is None:
        raise HTTPException(404, "there is no such crystal; GET /crystals/ lists them")
    return Response(
        crystal_as_cif(found),
        media_type="chemical/x-cif",
        headers={"Content-Disposition": f'attachment; filename="{found.name}.cif"'},
    )
