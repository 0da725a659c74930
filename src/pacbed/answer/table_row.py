"""An answer as a line of the table that the page saves and opens too."""

import math
from typing import Any

from pacbed.answer.estimate import Estimate
from pacbed.version import __version__

_NUMBERS = (
    "mistilt_mrad", "tilt_x_mrad", "tilt_y_mrad", "tilt_std_mrad", "azimuth_deg", "rotation_deg",
    "convergence_mrad", "convergence_std_mrad", "mrad_per_pixel", "scale", "center_row_px",
    "center_column_px", "residual", "pixels_left_out",
)  # fmt: skip
_ORIGIN = ("version", "bundle", "bundle_sha256", "method")
#: The columns, in the order of the page's table.
COLUMNS = (
    "file", "frame", "file_sha256", "system", "status", "thickness_nm", "thickness_std_nm",
    "thickness_low95_nm", "thickness_high95_nm", *_NUMBERS, "pixel_aspect", "warnings", "problem",
    "note", "date", *_ORIGIN, "asked_system", "asked_convergence_mrad", "asked_mrad_per_pixel",
    "asked_fit", "turned_deg", "mirrored",
    "asked_microscope", "stage_alpha_deg", "stage_beta_deg", "guide_alpha_deg", "guide_beta_deg",
    "guide_alpha_std_deg", "guide_beta_std_deg", "guide_left_mrad", "guide_decided",
    "stage_calibration",
)  # fmt: skip


def answered_row(estimate: Estimate) -> dict[str, Any]:
    """What an answer says, by column."""
    low, high = estimate.thickness_interval95_nm
    values = {
        "system": estimate.system,
        "status": estimate.status,
        "thickness_nm": estimate.thickness_nm,
        "thickness_std_nm": estimate.thickness_std_nm,
        "thickness_low95_nm": low,
        "thickness_high95_nm": high,
        **{name: getattr(estimate, name) for name in _NUMBERS},
        "pixel_aspect": estimate.basis.pixel_aspect,
        "warnings": " | ".join(estimate.warnings),
        **{name: estimate.provenance.get(name) for name in _ORIGIN},
    }
    return {name: _plain(value) for name, value in values.items()}


def failed_row(problem: str) -> dict[str, Any]:
    """Why there is no answer, by column."""
    return {"status": "failed", "problem": problem, "version": __version__}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
