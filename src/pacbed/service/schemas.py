"""What requests and answers look like; the OpenAPI document is made from this."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

#: Frames, rows and columns stay far below what 64 bits hold.
_Count = Annotated[int, Field(ge=1, le=65536)]
_Angle = Annotated[float, Field(ge=1e-4, le=1000, allow_inf_nan=False)]

FileType = Literal[
    "auto", "raw", "dm3", "dm4", "npy", "tif", "tiff", "mrc", "emd", "hspy", "blo", "mib",
    "png", "jpg", "jpeg", "bmp",
]  # fmt: skip


class ZoneAxis(BaseModel):
    """Direction [uvw] along the beam."""

    u: Annotated[int, Field(ge=-99, le=99)]
    v: Annotated[int, Field(ge=-99, le=99)]
    w: Annotated[int, Field(ge=-99, le=99)]


class PhysicalParameters(BaseModel):
    """Conditions of the recording; they choose the system."""

    acceleration_voltage: Annotated[
        float | None,
        Field(gt=0, le=1e7, allow_inf_nan=False, description="V; a number, or one as text."),
    ] = None
    crystal_structure: Annotated[
        str | None,
        Field(
            max_length=200,
            description="Name or formula of the material, or name or ID of a system; "
            "without regard to case.",
        ),
    ] = None
    zone_axis: ZoneAxis | None = None
    convergence_angle: Annotated[
        _Angle | None, Field(description="Convergence semi-angle in mrad.")
    ] = None


class FileParameters(BaseModel):
    """What the file is."""

    typ: Annotated[
        FileType,
        Field(description="`raw` needs dtype, width and height; `auto` goes by name and content."),
    ] = "auto"
    dtype: Annotated[
        str | None, Field(max_length=16, description="Type of raw pixels in NumPy's words.")
    ] = None
    width: Annotated[_Count | None, Field(description="Columns of raw pixels.")] = None
    height: Annotated[_Count | None, Field(description="Rows of raw pixels.")] = None
    frames: Annotated[_Count, Field(description="Frames of raw pixels.")] = 1
    frame: Annotated[
        int | None, Field(ge=0, le=2**31, description="Which frame of a stack, from 0.")
    ] = None


class Parameters(BaseModel):
    """How a pattern was recorded, and what the answer shall hold.

    The system is chosen by `physical_params`, or by `system`.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "physical_params": {
                        "acceleration_voltage": 300000,
                        "crystal_structure": "Strontium Titanate",
                        "zone_axis": {"u": 0, "v": 0, "w": 1},
                        "convergence_angle": 20.0,
                    },
                    "file_params": {"typ": "raw", "dtype": "uint16", "width": 256, "height": 256},
                },
                {
                    "system": "sto-001-300kV",
                    "convergence_angle": 20.0,
                    "file_params": {"typ": "auto"},
                    "validation": False,
                },
            ]
        },
    )

    physical_params: PhysicalParameters | None = None
    file_params: FileParameters = Field(default_factory=FileParameters)
    system: Annotated[
        Annotated[int, Field(ge=0)] | Annotated[str, Field(max_length=200)] | None,
        Field(description="ID or name of a system, in place of the physical parameters."),
    ] = None
    convergence_angle: Annotated[
        _Angle | None,
        Field(
            description="Convergence semi-angle in mrad. Without it that of the file is taken, or "
            "else it is found, which takes longer; networks that choose among labels need it."
        ),
    ] = None
    mrad_per_pixel: Annotated[_Angle | None, Field(description="Where it is known.")] = None
    refine: Annotated[
        bool, Field(description="Fit the simulation to the pattern, starting from the network.")
    ] = True
    validation: Annotated[
        bool | Literal["report"],
        Field(description="The validation picture: small (true), the whole report, or none."),
    ] = True
    views: Annotated[
        bool, Field(description="Measured and simulated pattern as numbers, for viewers.")
    ] = False

    @model_validator(mode="after")
    def _one_choice(self) -> "Parameters":
        chosen = self.physical_params and self.physical_params.crystal_structure
        if self.system is not None and chosen:
            raise ValueError("give system or crystal_structure, not both")
        if self.system is None and not chosen:
            raise ValueError("give system, or physical_params with crystal_structure")
        return self

    @property
    def given_convergence_mrad(self) -> float | None:
        """The convergence semi-angle, wherever it was given."""
        if self.convergence_angle is not None or self.physical_params is None:
            return self.convergence_angle
        return self.physical_params.convergence_angle


class Problem(BaseModel):
    """Why a request failed."""

    code: Annotated[str, Field(description="Short name for programs.")]
    detail: Annotated[str, Field(description="What was wrong and what to change.")]


#: JSON has no word for a number that is not determined.
_Number = Annotated[float | None, Field(description="null where it is not determined.")]


class Alternative(BaseModel):
    """Another solution that the pattern allows."""

    thickness_nm: _Number
    mistilt_mrad: _Number
    probability: _Number


class ThicknessDistribution(BaseModel):
    """Probability of each thickness."""

    thickness_nm: list[_Number]
    probability: list[_Number]


class Views(BaseModel):
    """Measured and simulated pattern around the bright-field disk, on one grid.

    A pattern is base64 of unsigned 16-bit numbers, low byte first, row by row: 0 is
    no value, 1 to 65535 run linearly from `minimum` to `maximum`.
    """

    rows: int
    columns: int
    mrad_per_pixel: float
    center_row_px: float
    center_column_px: float
    convergence_mrad: float
    minimum: float
    maximum: float
    measured: str
    simulated: str | None


class Metadata(BaseModel):
    """What the file says about its recording; null where it says nothing."""

    high_tension_kV: float | None = None
    convergence_mrad: float | None = None
    mrad_per_pixel: float | None = None
    camera_length_mm: float | None = None
    extra: dict[str, Any] = Field(default_factory=dict)


class Answer(BaseModel):
    """The answer: the keys of the earlier service, and beside them the whole estimate."""

    model_config = ConfigDict(extra="allow")

    thickness: Annotated[float | None, Field(description="Å, along the zone axis.")]
    mistilt: Annotated[float | None, Field(description="mrad")]
    scale: Annotated[
        float | None,
        Field(description="Zoom that brings the pattern to the simulated field of view."),
    ]
    validation: Annotated[
        str | None, Field(description="PNG picture, base64; null where none was asked for.")
    ]
    system: str
    status: Literal["ok", "ambiguous", "mismatch", "out_of_range"]
    status_words: Annotated[str, Field(description="The status in plain words.")]
    thickness_nm: _Number
    thickness_std_nm: _Number
    thickness_interval95_nm: tuple[_Number, _Number]
    tilt_x_mrad: _Number
    tilt_y_mrad: _Number
    tilt_std_mrad: _Number
    mistilt_mrad: _Number
    azimuth_deg: _Number
    mrad_per_pixel: _Number
    rotation_deg: _Number
    center_row_px: _Number
    center_column_px: _Number
    residual: _Number
    alternatives: list[Alternative]
    thickness_distribution: ThicknessDistribution
    warnings: list[str]
    provenance: dict[str, Any]
    convergence_mrad: Annotated[
        float, Field(description="As the pattern shows it; as given where nothing was fitted.")
    ]
    convergence_std_mrad: Annotated[
        float | None, Field(description="null where nothing was fitted.")
    ] = None
    pixels_left_out: Annotated[
        int,
        Field(description="Pixels that say nothing: dead, saturated, hidden, no numbers, masked."),
    ] = 0
    metadata: Metadata
    views: Views | None = None


class BatchItem(BaseModel):
    """One frame of a batch: its answer, or why there is none."""

    frame: int
    answer: Answer | None = None
    problem: Problem | None = None


class BatchAnswer(BaseModel):
    """The answers of a stack, in the order of its frames."""

    results: list[BatchItem]


class Preview(BaseModel):
    """What a file holds; the picture is coded as in `Views`."""

    name: str
    rows: int
    columns: int
    frames: int
    frame: int
    metadata: Metadata
    picture_rows: int
    picture_columns: int
    minimum: float
    maximum: float
    picture: str


class SystemEntry(BaseModel):
    """An installed system and what it covers."""

    id: int
    name: str
    material: str
    composition: str
    zone_axis: tuple[int, int, int]
    high_tension_kV: float
    convergence_mrad: tuple[float, float]
    thickness_nm: tuple[float, float]
    mistilt_mrad: tuple[float, float]
    model: Annotated[
        Literal["engine", "table", "labels", "earlier"],
        Field(
            description="`engine`: networks and a fit; `table`: a search in a table and a fit, "
            "without networks; `labels`: networks that choose among labels, trained from a table; "
            "`earlier`: such networks of the earlier system."
        ),
    ]


class ExampleEntry(BaseModel):
    """An example pattern, and what its answer should be."""

    name: str
    title: str
    system: str
    convergence_mrad: float
    thickness_nm: float


class Liveness(BaseModel):
    """Sign of life of one process."""

    status: Literal["ok"]
    version: str


class Health(BaseModel):
    """State of the service."""

    status: Annotated[
        Literal["ok", "busy", "not ready"],
        Field(description="`busy`: a request for work would be turned away now."),
    ]
    version: str
    systems: int
    queue: Annotated[int, Field(description="Places of the queue that are taken.")]
    refused_bundles: Annotated[
        dict[str, str], Field(description="Bundles that could not be taken, by folder.")
    ]
