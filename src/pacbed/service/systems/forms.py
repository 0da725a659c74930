"""What requests for own systems look like; their processes have no need of it."""

import re
from typing import Annotated

from fastapi import UploadFile
from pydantic import BaseModel, ConfigDict, Field, field_validator

from pacbed.own_crystal.conditions import MISTILT_MAX_MRAD, THICKNESS_MAX_NM

#: As the names of registered systems; ``any`` and bare numbers choose something else.
_NAME = re.compile(r"(?!any$)(?!\d+$)[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.IGNORECASE)
_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_SPAN = re.compile(rf"\s*({_NUMBER})\s*(?:[/,:]\s*({_NUMBER})\s*)?", re.ASCII)
_FACTOR = re.compile(rf"\s*([A-Z][a-z]?)\s*=\s*({_NUMBER})\s*", re.ASCII)
_MOST_FACTORS = 30
_Number = Annotated[float, Field(allow_inf_nan=False)]


class FileForm(BaseModel):
    """A structure file alone."""

    model_config = ConfigDict(extra="forbid")

    file: Annotated[UploadFile, Field(description="The CIF, at most 1 MB.")]


class StructureForm(FileForm):
    """A structure file, how the crystal is seen, and how far answers shall reach."""

    zone_axis: Annotated[
        str,
        Field(
            max_length=80,
            description="Direction [uvw] along the beam, or [uvtw] of a hexagonal crystal.",
            examples=["1 1 0", "1 1 -2 0"],
        ),
    ]
    high_tension_kV: Annotated[_Number, Field(examples=[200], description="kV")]
    convergence_mrad: Annotated[
        str,
        Field(
            max_length=40,
            description="Convergence semi-angle, or the smallest and largest as `8/20`; without it "
            "all usual ones, which takes longer.",
        ),
    ] = ""
    thickness_max_nm: Annotated[_Number, Field(description="Largest thickness of answers, nm.")] = (
        THICKNESS_MAX_NM
    )
    mistilt_max_mrad: Annotated[_Number, Field(description="Largest mistilt of answers, mrad.")] = (
        MISTILT_MAX_MRAD
    )
    b: Annotated[
        str,
        Field(
            max_length=500,
            description="Debye-Waller factors B in Å² by element, which go before those of the "
            "CIF: `Ga=0.3,N=0.35`.",
        ),
    ] = ""

    @field_validator("convergence_mrad")
    @classmethod
    def _is_span(cls, text: str) -> str:
        if text.strip() and not _SPAN.fullmatch(text):
            raise ValueError("give one angle in mrad, or two as 8/20")
        return text

    @field_validator("b")
    @classmethod
    def _are_factors(cls, text: str) -> str:
        entries = text.split(",") if text.strip() else []
        if len(entries) > _MOST_FACTORS or not all(map(_FACTOR.fullmatch, entries)):
            raise ValueError("write it like Ga=0.3,N=0.35")
        return text

    @property
    def span(self) -> float | tuple[float, float] | None:
        """The convergence semi-angle or its range, as it was given."""
        found = _SPAN.fullmatch(self.convergence_mrad)
        if found is None:
            return None
        low = float(found[1])
        return low if found[2] is None else (low, float(found[2]))

    @property
    def factors(self) -> dict[str, float]:
        """Debye–Waller factors by element, Å²."""
        found = map(_FACTOR.fullmatch, self.b.split(","))
        return {match[1]: float(match[2]) for match in found if match}


class SystemForm(StructureForm):
    """A structure file, how the crystal is seen, how far answers shall reach, and a name."""

    name: Annotated[
        str,
        Field(max_length=80, description="Of the system; by default formula, axis and voltage."),
    ] = ""

    @field_validator("name")
    @classmethod
    def _is_name(cls, text: str) -> str:
        if text and not _NAME.fullmatch(text):
            raise ValueError("letters, digits, dot, dash and underscore, but no bare number")
        return text
