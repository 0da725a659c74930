"""What answers about own systems look like."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field

from pacbed.own_crystal.understood import FactorSource
from pacbed.service.maps.schemas import Job

SystemStage = Literal["waiting", "simulating", "done", "failed"]


class FactorEntry(BaseModel):
    """Debye-Waller factor B of an element, and where it is from."""

    symbol: Annotated[str, Field(description="Of the element.")]
    lowest: Annotated[float, Field(description="Å²; the smallest of its sites.")]
    highest: Annotated[float, Field(description="Å²; the largest of its sites.")]
    source: Annotated[
        FactorSource, Field(description="`default`: neither the request nor the CIF has one.")
    ]


class AtomColumn(BaseModel):
    """Where atoms of an element stand behind each other."""

    symbol: Annotated[str, Field(description="Of the element.")]
    x_A: Annotated[float, Field(description="To the right, Å.")]
    y_A: Annotated[float, Field(description="Downwards, Å.")]


class Projection(BaseModel):
    """The cell as the beam sees it, in the pattern's axes at rotation 0."""

    cell_A: Annotated[
        tuple[tuple[float, float], tuple[float, float]],
        Field(description="Its two vectors: x to the right, y downwards, Å."),
    ]
    columns: Annotated[list[AtomColumn], Field(description="Of one cell.")]


class UnderstoodCrystal(BaseModel):
    """What was understood of a structure."""

    formula: Annotated[str, Field(description="Of the crystal.")]
    factors: Annotated[list[FactorEntry], Field(description="Of each element.")] = []
    lines: Annotated[
        list[tuple[str, str]],
        Field(description="Label and value: crystal, cell, sites, B, beam, directions."),
    ]
    warnings: Annotated[list[str], Field(description="What to look at before using answers.")]
    projection: Annotated[
        Projection | None, Field(description="For a drawing; null of very large cells.")
    ] = None


class UnderstoodStructure(BaseModel):
    """What a structure is understood as, before anything is simulated."""

    name: Annotated[str, Field(description="Of the system, where none is given and it is free.")]
    understood: UnderstoodCrystal


class LowIndexAxis(BaseModel):
    """A zone axis of low indices; it and its opposite are one."""

    name: Annotated[str, Field(description="As `zone_axis` takes it: `1 1 0`, or `1 1 -2 0`.")]
    indices: Annotated[tuple[int, int, int], Field(description="The direction [uvw].")]
    direction: Annotated[
        tuple[float, float, float],
        Field(description="Unit vector: x along a, y in the plane of a and b, z not below 0."),
    ]
    repeat_A: Annotated[float, Field(description="Distance of equal atoms along it, Å.")]
    alike: Annotated[int, Field(description="Number of axes that symmetry makes of it.")]
    first: Annotated[bool, Field(description="Whether it stands for those alike.")]


class ZoneAxes(BaseModel):
    """Zone axes of a structure that patterns are usually taken along."""

    formula: Annotated[str, Field(description="Of the crystal.")]
    zone_axes: Annotated[
        list[LowIndexAxis], Field(description="Those that stand for others alike come first.")
    ]


class OwnSystems(BaseModel):
    """Whether this service makes systems from structure files."""

    on: Annotated[bool, Field(description="Whether it does.")]
    detail: Annotated[str | None, Field(description="Why not, and what would change that.")]
    most_bytes: Annotated[int, Field(description="Of a structure file.")]


class SystemJob(Job):
    """How far an own system is."""

    what: ClassVar[str] = "system"
    again: ClassVar[str] = "send the structure again"
    smaller: ClassVar[str] = "ask for smaller ranges of convergence, thickness or mistilt"

    stage: Annotated[SystemStage, Field(description="What is done now, or how it ended.")]
    name: Annotated[str, Field(description="Of the system, for `system` in other requests.")]
    system: Annotated[int, Field(description="Its ID; both hold from the stage `done` on.")]
    share: Annotated[float, Field(ge=0, le=1, description="Finished share.")] = 0.0
    understood: UnderstoodCrystal
