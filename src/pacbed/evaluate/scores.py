"""How far estimates are from labels: per pattern and in total."""

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pacbed.answer.estimate import Estimate
from pacbed.evaluate.truth import Label
from pacbed.library.csv_table import csv_text

#: Limits on the thickness error whose shares the summary gives, nm.
LIMITS_NM = (1, 2, 5)

_TABLE_COLUMNS = (
    "path",
    "system",
    "status",
    "thickness_min_nm",
    "thickness_max_nm",
    "thickness_nm",
    "thickness_std_nm",
    "thickness_low95_nm",
    "thickness_high95_nm",
    "error_nm",
    "tilt_x_mrad",
    "tilt_y_mrad",
    "mistilt_mrad",
    "azimuth_deg",
    "tilt_error_mrad",
    "mrad_per_pixel",
    "residual",
    "warnings",
    "label_origin",
)


@dataclass(frozen=True)
class Score:
    """One label beside its estimate.

    Attributes
    ----------
    label : Label
    estimate : Estimate
    """

    label: Label
    estimate: Estimate

    @property
    def error_nm(self) -> float:
        """Distance of the thickness to the range of the label, nm; 0 inside it."""
        thickness = self.estimate.thickness_nm
        if not math.isfinite(thickness):
            return math.inf
        below = self.label.thickness_min_nm - thickness
        above = thickness - self.label.thickness_max_nm
        return max(0.0, below, above)

    @property
    def tilt_error_mrad(self) -> float | None:
        """Length of the difference of the tilt vectors, mrad; None where one is not known."""
        x, y = self.estimate.tilt_x_mrad, self.estimate.tilt_y_mrad
        if self.label.tilt_x_mrad is None or self.label.tilt_y_mrad is None:
            return None
        if x is None or y is None:
            return None
        return math.hypot(x - self.label.tilt_x_mrad, y - self.label.tilt_y_mrad)

    def to_dict(self) -> dict[str, Any]:
        """Return path, label range, errors and the whole estimate, ready for JSON."""
        return {
            "path": self.label.name,
            "error_nm": self.error_nm,
            "tilt_error_mrad": self.tilt_error_mrad,
            "thickness_min_nm": self.label.thickness_min_nm,
            "thickness_max_nm": self.label.thickness_max_nm,
            "label_origin": self.label.label_origin,
            **self.estimate.to_dict(),
        }


def summarise(scores: Sequence[Score]) -> dict[str, Any]:
    """Sum up the errors of an evaluation.

    Parameters
    ----------
    scores : sequence of Score
        At least one.

    Returns
    -------
    dict
        ``count``, ``median_error_nm``, ``max_error_nm``, ``share_within_1nm`` and
        so on for ``LIMITS_NM`` (0..1), ``tilt_count``, ``median_tilt_error_mrad``
        and ``max_tilt_error_mrad`` (None where no label has a tilt), ``status`` (the
        number of patterns of each).
    """
    errors = [score.error_nm for score in scores]
    tilts = [score.tilt_error_mrad for score in scores]
    labelled = [tilt for tilt in tilts if tilt is not None]
    return {
        "count": len(errors),
        "median_error_nm": statistics.median(errors),
        "max_error_nm": max(errors),
        **{
            f"share_within_{limit}nm": sum(error <= limit for error in errors) / len(errors)
            for limit in LIMITS_NM
        },
        "tilt_count": len(labelled),
        "median_tilt_error_mrad": statistics.median(labelled) if labelled else None,
        "max_tilt_error_mrad": max(labelled) if labelled else None,
        "status": dict(Counter(score.estimate.status for score in scores)),
    }


def to_csv(scores: Sequence[Score]) -> str:
    """Write the scores as a comma-separated table with one line per pattern."""
    lines = []
    for score in scores:
        low, high = score.estimate.thickness_interval95_nm
        values = {
            **score.to_dict(),
            "thickness_low95_nm": low,
            "thickness_high95_nm": high,
            "warnings": " | ".join(score.estimate.warnings),
        }
        lines.append([values[name] for name in _TABLE_COLUMNS])
    return csv_text(_TABLE_COLUMNS, lines, ",")
