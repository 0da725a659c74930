"""How the axes of a scan lie in its patterns."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pacbed.arrays import Matrix, Tilts
from pacbed.errors import OutOfRangeError
from pacbed.pattern.geometry import rotation_matrix

#: Groups of tags are searched so far.
_DEEPEST = 40


@dataclass(frozen=True)
class ScanOrientation:
    """From vectors in the pattern to the same in the scan.

    Both have x along the columns to the right and y along the rows downwards. A vector of the
    pattern is mirrored first, where it has to be, and then turned: as by `scan_rotation` and
    `flip_y` of LiberTEM.

    Attributes
    ----------
    rotation_deg : float
        Turns vectors of the pattern from +x towards +y, which looks clockwise.
    flip_y : bool
        The pattern's y is reversed before.

    Raises
    ------
    OutOfRangeError
        If the rotation is no number.
    """

    rotation_deg: float = 0.0
    flip_y: bool = False

    def __post_init__(self) -> None:
        if not math.isfinite(self.rotation_deg):
            raise OutOfRangeError(
                f"the rotation of the scan must be a number in degrees, not {self.rotation_deg}"
            )

    @property
    def to_scan(self) -> Matrix:
        """Matrix from (x, y) in the pattern to (x, y) in the scan, shape (2, 2)."""
        mirrored = np.diag([1.0, -1.0 if self.flip_y else 1.0])
        matrix: Matrix = rotation_matrix(self.rotation_deg) @ mirrored
        return matrix

    def in_scan(self, vectors: Tilts) -> Tilts:
        """Bring vectors (..., 2) from the pattern to the scan."""
        return vectors @ self.to_scan.T


def read_orientation(tags: Any) -> ScanOrientation | None:
    """The orientation that py4DSTEM found and stored; None where there is none.

    Parameters
    ----------
    tags : mapping
        Of the file, in groups.

    Notes
    -----
    py4DSTEM names rows first: it exchanges (row, column) where `QR_flip` is set, and turns by
    `QR_rotation` from the rows towards the columns.
    """
    for group in _groups(tags):
        degrees = _number(group.get("QR_rotation_degrees"))
        radians = _number(group.get("QR_rotation"))
        if degrees is None and radians is not None:
            degrees = math.degrees(radians)
        if degrees is not None:
            flip = _number(group.get("QR_flip")) == 1
            return ScanOrientation(90.0 - degrees if flip else -degrees, flip)
    return None


def _groups(tags: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [(tags, 0)]
    while waiting:
        group, depth = waiting.pop()
        if isinstance(group, Mapping) and depth <= _DEEPEST:
            yield group
            waiting += [(below, depth + 1) for below in group.values()]


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
