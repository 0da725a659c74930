"""What requests and answers look like; the OpenAPI document is made from this."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pacbed.library.system import ANY

#: Frames, rows and columns stay far below what 64 bits hold.
_Count = Annotated[int, Field(ge=1, le=65536)]
_Angle = Annotated[float, Field(ge=1e-4, le=1000, allow_inf_nan=False)]

FileType = Literal[
    "auto", "raw", "dm3", "dm4", "npy", "tif", "tiff", "mrc", "emd", "hspy", "blo", "mib",
    "png", "jpg", "jpeg", "bmp", "h5", "hdf5", "nxs", "mat", "ser", "prz", "tvips", "app5", "de5",
]  # fmt: skip
#: What several requests take.
DatasetName = Annotated[
    str | None,
    Field(
        max_length=1000,
        description="Array or signal of a file that holds several (HDF5, emd, hspy).",
    ),
]
PixelAspect = Annotated[
    float | None,
    Field(
        ge=0.125,
        le=8,
        allow_inf_nan=False,
        description="Angle per row over angle per column, where pixels are not square; else "
        "that of the file, or where nothing fits that of the bright disk.",
    ),
]
#: Which frame of a stack or scan.
FrameChoice = Annotated[int, Field(ge=0, le=2**31)] | Literal["sum"]


class ZoneAxis(BaseModel):
    """Direction [uvw] along the beam."""

    u: Annotated[Annotated[int, Field(ge=-99, le=99)], Field(description="Along a.")]
    v: Annotated[Annotated[int, Field(ge=-99, le=99)], Field(description="Along b.")]
    w: Annotated[Annotated[int, Field(ge=-99, le=99)], Field(description="Along c.")]


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

    model_config = ConfigDict(extra="forbid")

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
        FrameChoice | None,
        Field(description="Which frame of a stack or scan, from 0; `sum` adds all."),
    ] = None
    dataset: DatasetName = None
    mirrored: Annotated[
        bool, Field(description="Mirror the pattern, and a mask, left to right first.")
    ] = False
    turn_deg: Annotated[
        Literal[0, 90, 180, 270],
        Field(
            description="Turn the pattern, and a mask, clockwise, degrees. Tilt, azimuth and "
            "centre are then in the axes of the turned pattern; a warning says so."
        ),
    ] = 0


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
        Field(
            description="ID or name of a system, in place of the physical parameters; `any` asks "
            "all that have a fit, one after the other, and ranks their answers."
        ),
    ] = None
    convergence_angle: Annotated[
        _Angle | None,
        Field(
            description="Convergence semi-angle in mrad. Without it that of the file is taken, or "
            "else it is found, which takes longer; networks that choose among labels need it."
        ),
    ] = None
    convergence_mrad: Annotated[
        _Angle | None,
        Field(description="The same as `convergence_angle`, by the name that the answer has."),
    ] = None
    mrad_per_pixel: Annotated[_Angle | None, Field(description="Where it is known.")] = None
    pixel_aspect: PixelAspect = None
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
        if self.convergence_angle is not None and self.convergence_mrad is not None:
            raise ValueError("give convergence_mrad or convergence_angle, not both")
        if self.asks_all and not self.refine:
            raise ValueError("system any compares the fits of all systems: leave out refine")
        return self

    @property
    def asks_all(self) -> bool:
        """Whether all systems are asked."""
        return isinstance(self.system, str) and self.system.strip().lower() == ANY

    @property
    def given_convergence_mrad(self) -> float | None:
        """The convergence semi-angle, wherever it was given."""
        given = self.convergence_angle
        if given is None:
            given = self.convergence_mrad
        if given is not None or self.physical_params is None:
            return given
        return self.physical_params.convergence_angle


class Problem(BaseModel):
    """Why a request failed."""

    code: Annotated[str, Field(description="Short name for programs.")]
    detail: Annotated[str, Field(description="What was wrong and what to change.")]
    field: Annotated[
        str | None, Field(description="Of the request; only where one alone is wrong.")
    ] = None


class Metadata(BaseModel):
    """What the file says about its recording; null where it says nothing."""

    high_tension_kV: Annotated[float | None, Field(description="kV")] = None
    convergence_mrad: Annotated[
        float | None, Field(description="Convergence semi-angle, mrad.")
    ] = None
    mrad_per_pixel: Annotated[float | None, Field(description="Angle per pixel, mrad.")] = None
    camera_length_mm: Annotated[float | None, Field(description="Camera length, mm.")] = None
    stage_alpha_deg: Annotated[float | None, Field(description="Angle α of the stage, °.")] = None
    stage_beta_deg: Annotated[float | None, Field(description="Angle β of the stage, °.")] = None
    extra: Annotated[dict[str, Any], Field(description="What else the file says.")] = Field(
        default_factory=dict
    )


class Preview(BaseModel):
    """What a file holds; the picture is coded as in `Views`."""

    name: Annotated[str, Field(description="Of the file.")]
    rows: Annotated[int, Field(description="Of the pattern, pixels.")]
    columns: Annotated[int, Field(description="Of the pattern, pixels.")]
    frames: Annotated[int, Field(description="That the file holds.")]
    frame: Annotated[FrameChoice, Field(description="Which one this is, from 0, or `sum`.")]
    metadata: Metadata
    picture_rows: Annotated[int, Field(description="Of the small picture.")]
    picture_columns: Annotated[int, Field(description="Of the small picture.")]
    minimum: Annotated[float, Field(description="Intensity of level 1.")]
    maximum: Annotated[float, Field(description="Intensity of level 65535.")]
    picture: Annotated[str, Field(description="The small picture, base64.")]


class SystemEntry(BaseModel):
    """An installed system and what it covers."""

    id: Annotated[int, Field(description="Number; requests may name it.")]
    name: Annotated[str, Field(description="Requests may name it.")]
    material: Annotated[str, Field(description="In words.")]
    composition: Annotated[str, Field(description="Chemical formula.")]
    zone_axis: Annotated[
        tuple[int, int, int] | None,
        Field(description="Direction along the beam; null where the model does not say it."),
    ]
    high_tension_kV: Annotated[
        float | None, Field(description="kV; null where the model does not say it.")
    ]
    convergence_mrad: Annotated[
        tuple[float, float], Field(description="Smallest and largest convergence semi-angle, mrad.")
    ]
    thickness_nm: Annotated[
        tuple[float, float], Field(description="Smallest and largest thickness, nm.")
    ]
    mistilt_mrad: Annotated[
        tuple[float, float], Field(description="Smallest and largest mistilt, mrad.")
    ]
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

    name: Annotated[str, Field(description="Of its file.")]
    title: Annotated[str, Field(description="For people.")]
    system: Annotated[str, Field(description="That it is of.")]
    convergence_mrad: Annotated[float, Field(description="Convergence semi-angle, mrad.")]
    thickness_nm: Annotated[float, Field(description="True thickness, nm.")]


class Liveness(BaseModel):
    """Sign of life of one process."""

    status: Annotated[Literal["ok"], Field(description="Always ok.")]
    version: Annotated[str, Field(description="Of the program.")]


class Health(BaseModel):
    """State of the service."""

    status: Annotated[
        Literal["ok", "busy", "not ready"],
        Field(description="`busy`: a request for work would be turned away now."),
    ]
    version: Annotated[str, Field(description="Of the program.")]
    systems: Annotated[int, Field(description="How many are installed.")]
    queue: Annotated[int, Field(description="Places of the queue that are taken.")]
    refused_bundles: Annotated[
        dict[str, str], Field(description="Bundles that could not be taken, by folder.")
    ]
