"""The zone axes of a crystal that a pattern is most likely taken along, for a small picture."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Indices, Matrix, Vectors
from pacbed.crystal.space_group import operations
from pacbed.crystal.structure import Crystal

_LARGEST_INDEX = 2
#: Kinds of axes in a picture that can still be read: as many as have indices up to one without
#: any symmetry.
_MOST_KINDS = 13
#: Axes of larger indices that repeat after more than so often the shortest repeat are weak zones.
_LONGEST = 3.01
#: Fractional: translations that differ by less are one.
_SAME = 2e-3

_Axis = tuple[int, int, int]


@dataclass(frozen=True)
class LowIndexAxis:
    """A zone axis of low indices.

    Attributes
    ----------
    indices : tuple of int
        The direction [uvw].
    name : str
        As microscopists write it, without brackets: four indices where the cell is hexagonal.
    direction : tuple of float
        Unit vector: x along **a**, y in the plane of **a** and **b**; z is not negative.
    repeat_A : float
        Distance of equal atoms along the axis, Å.
    alike : int
        How many axes symmetry makes of this one, itself included; an axis and its opposite are one.
    first : bool
        Whether it stands for those alike: each kind of axes has one such.
    """

    indices: _Axis
    name: str
    direction: tuple[float, float, float]
    repeat_A: float
    alike: int
    first: bool


def low_index_axes(crystal: Crystal) -> list[LowIndexAxis]:
    """Zone axes with indices up to one, and strong ones up to two.

    An axis and its opposite are one: their projections are mirror images. Kinds of axes of which
    symmetry has members with larger indices are left out, so that what is returned is symmetric.

    Parameters
    ----------
    crystal : Crystal

    Returns
    -------
    list of LowIndexAxis
        Those with ``first``, then all others; each by the largest index, then by the repeat.
    """
    rotations, translations = operations(crystal)
    centring = translations[(rotations == np.eye(3, dtype=int)).all(axis=(1, 2))]
    kinds = [
        (_simplest(kind), _repeat(np.array(kind[0]), crystal.cell, centring), kind)
        for kind in _kinds(np.unique(rotations, axis=0))
    ]
    longest = _LONGEST * min(repeat for _, repeat, _ in kinds)
    kinds = [one for one in kinds if one[0] == 1 or one[1] < longest]
    first: list[LowIndexAxis] = []
    others: list[LowIndexAxis] = []
    for _, repeat, kind in sorted(kinds, key=lambda one: (one[0], round(one[1], 3)))[:_MOST_KINDS]:
        for axis in kind:
            name, direction = axis_name(axis, crystal.cell), _direction(axis, crystal.cell)
            (others if axis != kind[0] else first).append(
                LowIndexAxis(axis, name, direction, repeat, len(kind), axis == kind[0])
            )
    return first + others


def axis_name(axis: _Axis, cell: Matrix) -> str:
    """Indices of a direction with blanks, four of them in a hexagonal cell.

    Parameters
    ----------
    axis : tuple of int
        [uvw].
    cell : ndarray, shape (3, 3)
        Lattice vectors as rows, Å.
    """
    u, v, w = axis
    if _is_hexagonal(cell):
        # Three times the indices [uvtw] of the same direction.
        indices = (2 * u - v, 2 * v - u, -u - v, 3 * w)
        divisor = math.gcd(*indices)
        return " ".join(str(index // divisor) for index in indices)
    return f"{u} {v} {w}"


def _kinds(rotations: Indices) -> list[list[_Axis]]:
    """Axes that symmetry makes of each other, what is written first of all as the first."""
    span = range(-_LARGEST_INDEX, _LARGEST_INDEX + 1)
    kinds: list[list[_Axis]] = []
    seen: set[_Axis] = set()
    for axis in itertools.product(span, repeat=3):
        if math.gcd(*axis) != 1 or axis in seen:
            continue
        images = (rotations @ np.array(axis)).tolist()
        kind = {_upper(u, v, w) for u, v, w in images}
        seen |= kind | {(-u, -v, -w) for u, v, w in kind}
        if max(abs(index) for one in kind for index in one) <= _LARGEST_INDEX:
            kinds.append(sorted(kind, key=_unusual))
    return kinds


def _upper(u: int, v: int, w: int) -> _Axis:
    """Of an axis and its opposite the one above **a** and **b**, or in their plane towards b."""
    return (u, v, w) if (w, v, u) > (0, 0, 0) else (-u, -v, -w)


def _unusual(axis: _Axis) -> tuple[int | bool, ...]:
    """Sorts axes that are alike: [001] comes before [100], [110] before [101]."""
    u, v, w = axis
    return sum(index < 0 for index in axis), u != v, -u, -v, -w


def _simplest(kind: list[_Axis]) -> int:
    return min(max(abs(index) for index in axis) for axis in kind)


def _direction(axis: _Axis, cell: Matrix) -> tuple[float, float, float]:
    """Unit vector along an axis; see :class:`LowIndexAxis`."""
    across = np.cross(cell[0], cell[1])
    frame = np.array([cell[0], np.cross(across, cell[0]), across])
    frame = frame / np.linalg.norm(frame, axis=1)[:, None]
    vector = frame @ (np.array(axis) @ cell)
    # Without negative zeros.
    x, y, z = ((vector / np.linalg.norm(vector)).round(6) + 0.0).tolist()
    return x, y, z


def _is_hexagonal(cell: Matrix) -> bool:
    """Whether a and b are as long at 120°, with c across: what four indices are for."""
    a, b, c = np.linalg.norm(cell, axis=1)
    cosines = cell[0] @ cell[1] / (a * b), cell[0] @ cell[2] / (a * c), cell[1] @ cell[2] / (b * c)
    return abs(a / b - 1) < _SAME and bool(np.allclose(cosines, (-0.5, 0, 0), atol=_SAME))


def _repeat(axis: Indices, cell: Matrix, centring: Vectors) -> float:
    """Length of the shortest lattice vector along an axis, Å, the centring considered."""
    length = float(np.linalg.norm(axis @ cell))
    for parts in range(len(centring), 1, -1):
        away = axis / parts - centring
        if (np.abs(away - away.round()).max(axis=1) < _SAME).any():
            return length / parts
    return length
