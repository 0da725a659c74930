"""Which crystal direction lies where in a pattern."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from pacbed.arrays import Numbers
from pacbed.crystal.projection import ProjectedCell
from pacbed.crystal.structure import Crystal
from pacbed.library.zone_axis import format_zone_axis

#: Largest index of a direction that is named.
_LARGEST_INDEX = 4
#: A direction this near to an axis of the pattern, degrees, is named as lying along it.
_ALONG_DEG = 0.05
#: Where a direction against an axis of the pattern points, by its angle from x towards y.
_BACKWARDS = {-90.0: "up", 180.0: "left"}


@dataclass(frozen=True)
class PatternDirections:
    """The crystal's directions in a pattern that is seen along the beam.

    Attributes
    ----------
    x, y : str
        What points along the pattern's x (right) and y (down) at rotation 0.
    named : str
        The direction that answers speak of, such as ``+c``.
    named_deg : float
        Its angle from x towards y at rotation 0, degrees.
    order : int
        The projection looks the same after a turn by 360°/order.
    """

    x: str
    y: str
    named: str
    named_deg: float
    order: int

    def to_dict(self) -> dict[str, Any]:
        """For the provenance of a model."""
        return {
            "x": self.x, "y": self.y, "named": self.named, "named_deg": self.named_deg,
            "order": self.order,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Any) -> Self | None:
        """What a model's provenance holds; None where it holds nothing that can be meant."""
        try:
            directions = cls(
                str(values["x"])[:80],
                str(values["y"])[:80],
                str(values["named"])[:80],
                float(values["named_deg"]),
                int(values["order"]),
            )
        except (TypeError, ValueError, KeyError, OverflowError):
            return None
        usable = math.isfinite(directions.named_deg) and directions.order >= 1
        return directions if usable else None

    def at_zero(self) -> str:
        """Say what lies along the pattern's axes at rotation 0."""
        words = f"at rotation 0: x (right) = {self.x}, y (down) = {self.y}"
        for angle, where in _BACKWARDS.items():
            if abs((self.named_deg - angle + 180) % 360 - 180) < _ALONG_DEG:
                return f"{words}; {self.named} points {where}"
        return words

    def sentence(self, rotation_deg: float) -> str:
        """Say where the named direction points in a pattern.

        Parameters
        ----------
        rotation_deg : float
            Of the answer.
        """
        angle = round((rotation_deg + self.named_deg + 180) % 360 - 180)
        words = f"{self.named} points {angle:d}° from +x (right) towards +y (down)"
        if self.order == 1:
            return words
        return f"{words}, or a multiple of {360 / self.order:g}° further"


def directions_words(provenance: Mapping[str, Any], rotation_deg: float | None) -> str | None:
    """Say which crystal direction points where in a pattern.

    Parameters
    ----------
    provenance : mapping
        Of the model that answered.
    rotation_deg : float or None
        Of the answer.

    Returns
    -------
    str or None
        None of a model that does not know its directions, and of an answer without rotation.
    """
    stored = provenance.get("directions")
    known = None if stored is None else PatternDirections.from_dict(stored)
    return None if known is None or rotation_deg is None else known.sentence(rotation_deg)


def pattern_directions(crystal: Crystal, cell: ProjectedCell) -> PatternDirections:
    """Find which crystal directions lie along the axes of a projection.

    Parameters
    ----------
    crystal : Crystal
    cell : ProjectedCell
        Of this crystal.
    """
    hexagonal = _is_hexagonal(crystal.cell)
    candidates = sorted(
        (
            (u, v, w)
            for u, v, w in itertools.product(range(-_LARGEST_INDEX, _LARGEST_INDEX + 1), repeat=3)
            if math.gcd(u, v, w) == 1
        ),
        key=lambda indices: (sum(map(abs, indices)), [-index for index in indices]),
    )
    across = [
        (indices, angle)
        for indices in candidates
        if (angle := _angle_across(np.array(indices) @ crystal.cell, cell.axes)) is not None
    ]
    # What is no low direction of the lattice can still be said: x is the projection of the first
    # axis that is not the beam, and y, across both, the normal of a plane.
    x = _along(across, 0.0, hexagonal) or "the projection of " + _first_axis(crystal, cell)
    y = _along(across, 90.0, hexagonal) or f"the direction across it ({_normal(crystal, cell)})"
    named, named_deg = _named(across, x)
    return PatternDirections(x, y, named, named_deg, cell.rotation_order)


def format_direction(indices: tuple[int, int, int], hexagonal: bool) -> str:
    """Write a lattice direction as ``+c``, ``[1-10]`` or, hexagonal, ``[1-100]``."""
    if sum(map(abs, indices)) == 1:
        place = next(i for i in range(3) if indices[i])
        return f"{'+' if indices[place] > 0 else '-'}{'abc'[place]}"
    if not hexagonal:
        return format_zone_axis(indices)
    u, v, w = indices
    four = (2 * u - v, 2 * v - u, -u - v, 3 * w)
    divisor = math.gcd(*four)
    return f"[{''.join(str(index // divisor) for index in four)}]"


def _named(across: list[tuple[tuple[int, int, int], float]], x: str) -> tuple[str, float]:
    """The axis c, a or b, where one lies in the pattern's plane; else what lies along x."""
    for axis in ((0, 0, 1), (1, 0, 0), (0, 1, 0)):
        for indices, angle in across:
            if indices == axis:
                return format_direction(axis, False), round(angle, 3)
    return x, 0.0


def _angle_across(vector: Numbers, axes: Numbers) -> float | None:
    """Angle from x towards y, degrees, of a direction in the pattern's plane; None outside it."""
    along = axes @ vector / np.linalg.norm(vector)
    if abs(along[2]) > math.sin(math.radians(_ALONG_DEG)):
        return None
    return math.degrees(math.atan2(along[1], along[0]))


def _along(
    across: list[tuple[tuple[int, int, int], float]], wanted_deg: float, hexagonal: bool
) -> str | None:
    for indices, angle in across:
        if abs((angle - wanted_deg + 180) % 360 - 180) < _ALONG_DEG:
            return format_direction(indices, hexagonal)
    return None


def _first_axis(crystal: Crystal, cell: ProjectedCell) -> str:
    """The lattice vector whose projection lies along x, see :func:`project`."""
    for name, vector in zip("abc", crystal.cell, strict=True):
        if np.linalg.norm(cell.axes[:2] @ vector) > 1e-6 * np.linalg.norm(vector):
            return name
    return "a"


def _normal(crystal: Crystal, cell: ProjectedCell) -> str:
    """The plane whose normal is y: y is across two lattice vectors, x's and the beam's."""
    products = crystal.cell @ cell.axes[1]
    largest = np.abs(products).max()
    for factor in range(1, 100):
        scaled = products / largest * factor
        if np.abs(scaled - np.round(scaled)).max() < 1e-3 * factor**0.5:
            h, k, m = (int(index) for index in np.round(scaled))
            return f"normal of ({h} {k} {m})"
    return "right-handed with the beam"


def _is_hexagonal(cell: Numbers) -> bool:
    a, b, c = np.linalg.norm(cell, axis=1)
    cosines = (
        cell[0] @ cell[1] / (a * b),
        cell[0] @ cell[2] / (a * c),
        cell[1] @ cell[2] / (b * c),
    )
    return bool(abs(a - b) < 1e-3 * a and np.allclose(cosines, (-0.5, 0, 0), atol=1e-3))
