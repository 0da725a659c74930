"""What the answer to a pattern looks like."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pacbed.service.schemas import Metadata, Problem

StatusName = Literal["ok", "ambiguous", "mismatch", "out_of_range"]
#: JSON has no word for a number that is not determined.
_Number = Annotated[float | None, Field(description="null where it is not determined.")]


class Alternative(BaseModel):
    """Another solution that the pattern allows.

    What stands beside the first three is known of fits alone; `/views/` draws it.
    """

    thickness_nm: _Number
    mistilt_mrad: _Number
    probability: _Number
    tilt_x_mrad: _Number = None
    tilt_y_mrad: _Number = None
    rotation_deg: _Number = None
    convergence_mrad: _Number = None
    mrad_per_pixel: _Number = None
    center_row_px: _Number = None
    center_column_px: _Number = None
    residual: _Number = None


class ThicknessDistribution(BaseModel):
    """Probability of each thickness."""

    thickness_nm: Annotated[list[_Number], Field(description="nm")]
    probability: Annotated[list[_Number], Field(description="Of each thickness, 0 to 1.")]


class Views(BaseModel):
    """Measured and simulated pattern around the bright-field disk, on one grid.

    A pattern is base64 of unsigned 16-bit numbers, low byte first, row by row: 0 is
    no value, 1 to 65535 run linearly from `minimum` to `maximum`.
    """

    rows: Annotated[int, Field(description="Of both patterns.")]
    columns: Annotated[int, Field(description="Of both patterns.")]
    mrad_per_pixel: Annotated[float, Field(description="Angle per pixel of this grid, mrad.")]
    center_row_px: Annotated[float, Field(description="Row of the disk's centre on this grid.")]
    center_column_px: Annotated[
        float, Field(description="Column of the disk's centre on this grid.")
    ]
    convergence_mrad: Annotated[float, Field(description="Radius of the disk, mrad.")]
    minimum: Annotated[float, Field(description="Intensity of level 1.")]
    maximum: Annotated[float, Field(description="Intensity of level 65535.")]
    measured: Annotated[str, Field(description="The measured pattern, base64.")]
    simulated: Annotated[
        str | None, Field(description="The simulated pattern, base64; null where there is none.")
    ]


class RankedAnswer(BaseModel):
    """What one of several systems answers."""

    system: Annotated[str, Field(description="Its name.")]
    status: Annotated[StatusName, Field(description="Of its answer.")]
    thickness_nm: _Number
    thickness_std_nm: _Number
    mistilt_mrad: _Number
    residual: _Number
    structured_residual: Annotated[
        float | None,
        Field(
            description="Share of the contrast that is left and is no noise; it tells crystals "
            "apart."
        ),
    ]


class BudgetPart(BaseModel):
    """One part of an answer's error."""

    name: Annotated[
        str,
        Field(
            description="`noise`, `convergence`, `model`, `debye_waller`, `absorption`, "
            "`potential` or `thickness_spread`."
        ),
    ]
    change: Annotated[
        float | None,
        Field(description="Relative standard error assumed of it; null where none was."),
    ]
    thickness_nm: Annotated[_Number, Field(description="What it gives the thickness, nm.")]
    tilt_mrad: Annotated[_Number, Field(description="The same of a tilt component, mrad.")]
    in_std: Annotated[bool, Field(description="Whether the error bars hold it.")]


class Budget(BaseModel):
    """What the error of an answer is made of; the squares of its parts add up."""

    parts: Annotated[list[BudgetPart], Field(description="Independent of each other.")]
    thickness_total_nm: Annotated[_Number, Field(description="With all parts, nm.")]
    tilt_total_mrad: Annotated[_Number, Field(description="The same of a tilt component, mrad.")]
    measured: Annotated[
        bool,
        Field(
            description="Whether what the error bars do not hold was measured for this system; "
            "else they are usual values of other crystals."
        ),
    ]


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
    system: Annotated[str, Field(description="Name of the system that answered.")]
    status: Annotated[StatusName, Field(description="Whether the numbers can be used.")]
    status_words: Annotated[str, Field(description="The status in plain words.")]
    thickness_nm: _Number
    thickness_std_nm: _Number
    thickness_interval95_nm: Annotated[
        tuple[_Number, _Number],
        Field(description="Holds the thickness with a probability of 95 %, nm."),
    ]
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
    alternatives: Annotated[
        list[Alternative], Field(description="Other solutions, the likelier first.")
    ]
    thickness_distribution: ThicknessDistribution
    warnings: Annotated[list[str], Field(description="What to know before using the numbers.")]
    provenance: Annotated[
        dict[str, Any], Field(description="Bundle, versions, hashes and times behind the numbers.")
    ]
    convergence_mrad: Annotated[
        float, Field(description="As the pattern shows it; as given where nothing was fitted.")
    ]
    convergence_std_mrad: Annotated[
        float | None, Field(description="null where nothing was fitted.")
    ] = None
    budget: Annotated[
        Budget | None,
        Field(description="What the errors are made of; null where nothing was fitted."),
    ] = None
    pixels_left_out: Annotated[
        int,
        Field(description="Pixels that say nothing: dead, saturated, hidden, no numbers, masked."),
    ] = 0
    pixel_aspect: Annotated[
        float,
        Field(
            description="Angle per row over angle per column, to square pixels of which the "
            "pattern was stretched; what is said in pixels is of these."
        ),
    ] = 1.0
    metadata: Metadata
    frames: Annotated[int, Field(ge=1, description="Frames that the file holds.")] = 1
    views: Views | None = None
    directions: Annotated[
        str | None, Field(description="Where a direction of the crystal points, if that is known.")
    ] = None
    ranking: Annotated[
        list[RankedAnswer] | None,
        Field(description="With the system `any`: the answers of all, this one first."),
    ] = None
    unasked: Annotated[
        list[str] | None,
        Field(
            description="With the system `any`: those for which no time was left, or that broke."
        ),
    ] = None


class BatchItem(BaseModel):
    """One frame of a batch: its answer, or why there is none."""

    frame: Annotated[int, Field(description="Its number, from 0.")]
    answer: Annotated[Answer | None, Field(description="null where there is none.")] = None
    problem: Annotated[Problem | None, Field(description="null where there is an answer.")] = None


class BatchAnswer(BaseModel):
    """The answers of a stack, in the order of its frames."""

    results: Annotated[list[BatchItem], Field(description="In the order of the frames.")]
