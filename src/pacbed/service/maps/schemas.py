"""What requests for thickness maps and their answers look like."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pacbed.service.schemas import DatasetName, PixelAspect

_Angle = Annotated[float, Field(ge=1e-4, le=1000, allow_inf_nan=False)]
_Positions = Annotated[int, Field(ge=1, le=4096)]
_Side = Annotated[int, Field(ge=1, le=65536)]
_Pair = tuple[_Positions, _Positions]

JobStage = Literal["waiting", "reading", "preparing", "inferring", "writing", "done", "failed"]


class MapParameters(BaseModel):
    """Which scan shall become a map, and how it was recorded."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"system": "sto-001-300kV", "convergence_mrad": 20.0, "window": [8, 8]},
                {
                    "system": "sto-001-300kV",
                    "convergence_mrad": 20.0,
                    "path": "2026-11-25/wedge.hspy",
                    "scan_step_nm": 0.05,
                },
            ]
        },
    )

    system: Annotated[
        Annotated[int, Field(ge=0)] | Annotated[str, Field(max_length=200)],
        Field(description="ID or name of a system."),
    ]
    convergence_mrad: Annotated[
        _Angle | None,
        Field(
            description="Convergence semi-angle. Without it that of the file is taken, or else it "
            "is found from a few windows, which takes a minute or two, and some 2 GB of memory."
        ),
    ] = None
    path: Annotated[
        str | None,
        Field(
            max_length=1000,
            description="A file below the folder that the service was given for this, in place of "
            "an upload; with slashes, and not beginning with one.",
        ),
    ] = None
    dataset: DatasetName = None
    scan_shape: Annotated[
        tuple[_Side, _Side] | None,
        Field(description="Scan rows and columns, of a file with one long series of frames."),
    ] = None
    window: Annotated[
        _Pair | None,
        Field(
            description="Scan positions (rows, columns) that are summed into one pattern; without "
            "it, one unit cell, which needs the step of the scan."
        ),
    ] = None
    stride: Annotated[
        _Pair | None,
        Field(description="Positions from one window to the next; by default they touch."),
    ] = None
    scan_step_nm: Annotated[
        float | None,
        Field(
            ge=1e-5,
            le=1e6,
            allow_inf_nan=False,
            description="Distance of neighbouring scan positions, where the file does not hold it.",
        ),
    ] = None
    mrad_per_pixel: Annotated[
        _Angle | None, Field(description="Angle per pixel, where it is known.")
    ] = None
    pixel_aspect: PixelAspect = None
    scan_rotation_deg: Annotated[
        float | None,
        Field(
            ge=-360,
            le=360,
            allow_inf_nan=False,
            description="Turns vectors of the pattern, from +x to the right towards +y downwards, "
            "to be vectors of the scan; tilts are then given along the scan's axes too.",
        ),
    ] = None
    flip_y: Annotated[
        bool, Field(description="The pattern's y is reversed before it is turned to the scan.")
    ] = False
    samples: Annotated[
        int,
        Field(ge=1, le=64, description="Windows from which scale, rotation and centre are found."),
    ] = 16
    refine: Annotated[
        bool, Field(description="Fit the simulation to each pattern, starting from the network.")
    ] = True


class Job(BaseModel):
    """How far a job is, whatever it makes."""

    #: What it makes, what has to be done for another try, and what may make it smaller.
    what: ClassVar[str] = "result"
    again: ClassVar[str] = "send it again"
    smaller: ClassVar[str] = "ask for less"

    id: Annotated[str, Field(description="Names the job in the other routes; keep it private.")]
    stage: str
    name: str
    seconds_left: Annotated[
        float | None, Field(ge=0, description="Estimate; null as long as there is none.")
    ] = None
    code: Annotated[
        str | None, Field(description="Of a failed job: what went wrong, for programs.")
    ] = None
    detail: Annotated[
        str | None, Field(description="Of a failed job: what went wrong, in words.")
    ] = None
    kept_seconds: Annotated[
        float | None, Field(description="Of a job that ended: it is deleted after this time.")
    ] = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.stage in ("done", "failed")


class MapJob(Job):
    """How far a map is."""

    what: ClassVar[str] = "map"
    again: ClassVar[str] = "send the scan again"
    smaller: ClassVar[str] = (
        "take larger windows, a part of the scan, or leave out the fit (refine false); give "
        "convergence_mrad where it was left out"
    )

    stage: Annotated[JobStage, Field(description="What is done now, or how it ended.")]
    name: Annotated[str, Field(description="What the scan is called.")]
    windows: Annotated[
        int, Field(ge=0, description="Windows of the map; 0 as long as unknown.")
    ] = 0
    windows_done: Annotated[int, Field(ge=0, description="Windows that have an answer.")] = 0

    @model_validator(mode="after")
    def _never_more_than_all(self) -> "MapJob":
        if self.windows and self.windows_done > self.windows:
            raise ValueError("more windows are done than there are")
        return self


class MapLayers(BaseModel):
    """What a map shows, window by window; each list goes row by row."""

    system: Annotated[str, Field(description="Name of the system.")]
    rows: Annotated[int, Field(description="Of windows.")]
    columns: Annotated[int, Field(description="Of windows.")]
    row_step: Annotated[float, Field(description="From one row of windows to the next.")]
    column_step: Annotated[float, Field(description="From one column of windows to the next.")]
    step_unit: Annotated[Literal["nm", "windows"], Field(description="Of both steps.")]
    status: Annotated[list[str], Field(description="Of each window.")]
    layers: Annotated[
        dict[str, list[float | None]],
        Field(
            description="By name, with the unit in it; null where there is no answer. `dark_field` "
            "is the mean intensity beyond the bright disk."
        ),
    ]
