"""An answer as Swift keeps and shows it: metadata, words, a disk, a table."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pacbed import Estimate
from pacbed.answer.words import summary_rows

#: Of the metadata of a data item.
KEY = "pacbed"
_COLUMNS = (
    "system", "status", "thickness_nm", "thickness_std_nm", "mistilt_mrad", "tilt_x_mrad",
    "tilt_y_mrad", "tilt_std_mrad", "azimuth_deg", "rotation_deg", "convergence_mrad",
    "mrad_per_pixel", "residual",
)  # fmt: skip
#: With these a spreadsheet begins a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Disk:
    """The bright-field disk as a share of the picture, as Swift places graphics.

    Attributes
    ----------
    center : tuple of float
        Row and column, 0 at the upper left edge and 1 at the other.
    size : tuple of float
        Height and width.
    """

    center: tuple[float, float]
    size: tuple[float, float]


def metadata_with(metadata: Mapping[str, Any], estimate: Estimate) -> dict[str, Any]:
    """Metadata of a data item with an answer in it; what is no number becomes None."""
    return {**metadata, KEY: _plain(estimate.to_dict())}


def words(estimate: Estimate) -> str:
    """The answer in lines for people, warnings last."""
    lines = [f"{label}: {value}" if label else value for label, value in summary_rows(estimate)]
    return "\n".join([*lines, *(f"Warning: {warning}" for warning in estimate.warnings)])


def disk_of(estimate: Estimate, shape: tuple[int, int], asked_mrad: float | None) -> Disk | None:
    """Where the bright-field disk was found.

    Parameters
    ----------
    estimate : Estimate
    shape : tuple of int
        Rows and columns of the pattern that was inferred.
    asked_mrad : float or None
        Convergence semi-angle, for answers that do not have one.
    """
    angle = estimate.convergence_mrad or asked_mrad
    if angle is None:
        return None
    rows, columns = shape
    diameter = 2 * angle / estimate.mrad_per_pixel
    # The middle of the first pixel is half a pixel from the edge.
    center = (estimate.center_row_px + 0.5) / rows, (estimate.center_column_px + 0.5) / columns
    return Disk(center, (diameter / rows, diameter / columns))


def table(items: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """The answers that data items hold, as CSV.

    Parameters
    ----------
    items : iterable of (str, dict)
        Title and metadata of each data item; those without an answer are left out.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["title", *_COLUMNS, "warnings"])
    for title, metadata in items:
        answer = metadata.get(KEY)
        if isinstance(answer, Mapping):
            values = [answer.get(name) for name in _COLUMNS]
            warnings = " | ".join(map(str, answer.get("warnings") or ()))
            writer.writerow([_cell(value) for value in (title, *values, warnings)])
    return text.getvalue()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
