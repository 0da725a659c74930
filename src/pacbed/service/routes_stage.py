"""Where to tilt: the route behind the page's panel; nothing is kept here."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from pydantic import BaseModel, ConfigDict, Field, Json

from pacbed.service.routes import PROBLEMS
from pacbed.stage import StageCalibration, StagePattern, calibrate_stage, guide, stage_text
from pacbed.stage.calibrate import MOST_PATTERNS
from pacbed.stage.file import open_words

router = APIRouter(tags=["stage"])

_Degrees = Annotated[float, Field(gt=-90, lt=90, allow_inf_nan=False)]
_Tilt = Annotated[float, Field(ge=-500, le=500, allow_inf_nan=False)]
_Error = Annotated[float, Field(ge=0, le=500, allow_inf_nan=False)]
_Name = Annotated[str, Field(max_length=300)]


class SeenTilt(BaseModel):
    """Where an answer sees the zone axis, and where the stage's α is."""

    model_config = ConfigDict(extra="forbid")

    tilt_x_mrad: Annotated[_Tilt, Field(description="As the answer says it, mrad.")]
    tilt_y_mrad: Annotated[_Tilt, Field(description="As the answer says it, mrad.")]
    tilt_std_mrad: Annotated[_Error, Field(description="Standard error of a component, mrad.")]
    alpha_deg: Annotated[
        _Degrees | None,
        Field(description="By default that of the calibration's last pattern, degrees."),
    ] = None


class PatternAtAngles(SeenTilt):
    """The same of a pattern that the stage is calibrated with."""

    alpha_deg: Annotated[_Degrees, Field(description="As the stage shows it, degrees.")]
    beta_deg: Annotated[_Degrees, Field(description="As the stage shows it, degrees.")]
    file: Annotated[_Name, Field(description="Where it is from.")] = ""
    grain: Annotated[_Name, Field(description="Patterns of one grain have one name.")] = ""


class StageParameters(BaseModel):
    """Patterns at known angles of the stage, and answers to be guided from."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "patterns": [
                        {"alpha_deg": 0, "beta_deg": 0, "tilt_x_mrad": 3.1, "tilt_y_mrad": -2,
                         "tilt_std_mrad": 0.06},
                        {"alpha_deg": 0.5, "beta_deg": 0, "tilt_x_mrad": 10.2, "tilt_y_mrad": 3.1,
                         "tilt_std_mrad": 0.06},
                    ],
                    "seen": [{"tilt_x_mrad": 10.2, "tilt_y_mrad": 3.1, "tilt_std_mrad": 0.06}],
                }
            ]
        },
    )  # fmt: skip

    patterns: Annotated[
        list[PatternAtAngles],
        Field(min_length=2, max_length=MOST_PATTERNS, description="Of one camera length."),
    ]
    seen: Annotated[
        list[SeenTilt], Field(max_length=100, description="What guidance is wanted for.")
    ] = []
    mirrored: Annotated[
        bool | None, Field(description="The hand, where it is known; see docs/stage.md.")
    ] = None
    name: Annotated[_Name, Field(description="Microscope and camera length.")] = ""


class StageForm(BaseModel):
    """The parts of the request."""

    parameters: Annotated[
        Json[StageParameters], Field(description="JSON text; see the schema `StageParameters`.")
    ]


class StageAxis(BaseModel):
    """Where one axis moves the zone axis."""

    direction_deg: Annotated[float, Field(description="From +x towards +y, degrees.")]
    direction_std_deg: Annotated[float, Field(description="Its standard error.")]
    mrad_per_degree: Annotated[float, Field(description="How far.")]
    mrad_per_degree_std: Annotated[float, Field(description="Its standard error.")]


class StageGuidance(BaseModel):
    """How to tilt the stage."""

    alpha_deg: Annotated[float, Field(description="By how much, degrees.")]
    beta_deg: Annotated[float, Field(description="By how much, degrees.")]
    alpha_std_deg: Annotated[float, Field(description="Standard error.")]
    beta_std_deg: Annotated[float, Field(description="Standard error.")]
    decided: Annotated[bool, Field(description="false where the move tells a sign first.")]
    left_mrad: Annotated[float, Field(description="Expected distance from the zone axis, mrad.")]
    words: Annotated[str, Field(description="The same in one line.")]


class StageAnswer(BaseModel):
    """What patterns say of a stage."""

    decided: Annotated[bool, Field(description="Whether both signs are known.")]
    mirrored: Annotated[bool | None, Field(description="The hand; null where it is open.")]
    axes: Annotated[list[StageAxis], Field(description="Of α and β, of the likelier hand.")]
    open: Annotated[str | None, Field(description="What is open, and what would tell it.")]
    warnings: Annotated[list[str], Field(description="What to know before using it.")]
    guidance: Annotated[list[StageGuidance], Field(description="In the order of `seen`.")]
    file: Annotated[str, Field(description="The calibration for `pacbed infer --stage`, TOML.")]


@router.post(
    "/stage/", response_model=StageAnswer, responses={s: PROBLEMS[s] for s in (400, 403, 422)}
)
def stage(
    form: Annotated[StageForm, Form(media_type="multipart/form-data")],
) -> dict[str, Any]:
    r"""Say where the axes of a stage lie in patterns, and where to tilt.

    With curl:

        curl http://localhost:8230/stage/ -F 'parameters={"patterns": [{"alpha_deg": 0, "beta_deg":
        0, "tilt_x_mrad": 3.1, "tilt_y_mrad": -2, "tilt_std_mrad": 0.06}, {"alpha_deg": 0.5,
        "beta_deg": 0, "tilt_x_mrad": 10.2, "tilt_y_mrad": 3.1, "tilt_std_mrad": 0.06}]}'

    Nothing is kept: who asks keeps the patterns.
    """
    parameters = form.parameters
    found = calibrate_stage(
        [StagePattern(**pattern.model_dump()) for pattern in parameters.patterns],
        parameters.name,
        parameters.mirrored,
    )
    return {
        "decided": found.decided,
        "mirrored": found.hands[0].mirrored if found.decided else None,
        "axes": [vars(axis) for axis in found.axes],
        "open": None if found.decided else open_words(found),
        "warnings": list(found.warnings),
        "guidance": [_guidance(found, seen) for seen in parameters.seen],
        "file": stage_text(found),
    }


def _guidance(found: StageCalibration, seen: SeenTilt) -> dict[str, Any]:
    return vars(
        guide(found, seen.tilt_x_mrad, seen.tilt_y_mrad, seen.tilt_std_mrad, seen.alpha_deg)
    )
