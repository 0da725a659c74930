"""Where to tilt, beside an answer: the options of a stage, and the words."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pacbed.answer.estimate import Estimate
    from pacbed.readers.measurement import Metadata
    from pacbed.stage import StageCalibration

StageOption = Annotated[
    Path | None,
    typer.Option(
        "--stage",
        help="What [bold]pacbed stage calibrate[/bold] wrote: every answer says where to tilt.",
        metavar="TOML",
    ),
]
AlphaOption = Annotated[
    float | None,
    typer.Option(
        "--alpha",
        help="Where the stage's α is, with --stage; by default as the file says, or as at the"
        " calibration's last pattern.",
        metavar="DEG",
    ),
]


@dataclass(frozen=True)
class Stage:
    """A calibrated stage, and where its α is (degrees), if that is known."""

    calibration: "StageCalibration"
    alpha_deg: float | None


def stage_of(file: Path | None, alpha_deg: float | None) -> Stage | None:
    """The stage that the options name.

    Raises
    ------
    FileFormatError, OutOfRangeError
    """
    from pacbed.errors import OutOfRangeError
    from pacbed.stage import read_stage

    if file is None:
        if alpha_deg is not None:
            raise OutOfRangeError("--alpha counts with a calibration: give --stage too.")
        return None
    return Stage(read_stage(file), alpha_deg)


def guidance_of(estimate: "Estimate", stage: Stage, metadata: "Metadata") -> dict[str, Any]:
    """Where to tilt, for JSON; ``words`` alone where there is no guidance.

    Where the stage is, its pattern's file may say.
    """
    from pacbed.stage import guide

    x, y, std = estimate.tilt_x_mrad, estimate.tilt_y_mrad, estimate.tilt_std_mrad
    if estimate.status in ("mismatch", "out_of_range"):
        return {"words": "no guidance: the answer must not be used"}
    if x is None or y is None or std is None:
        return {"words": "no guidance: the answer has no direction"}
    alpha = metadata.stage_alpha_deg if stage.alpha_deg is None else stage.alpha_deg
    return vars(guide(stage.calibration, x, y, std, alpha))
