"""How far a system's answers move where a specimen is other than its recipe: measured shifts.

They are kept in a model's description, beside its calibration, with the SHA-256 of the table that
they belong to; :mod:`pacbed.budget` makes them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from pacbed.arrays import Numbers

#: Shifts have fringes in thickness and angle, by which no answer is known: the root mean square
#: over so much of the logarithm of either, a Gaussian's σ, is what an answer is given.
_WIDTH = 0.35
_MOST_CHANGES, _MOST_NODES, _LONGEST_TEXT = 40, 64, 80


@dataclass(frozen=True, eq=False)
class Shifts:
    """Shifts of answers under one change of the specimen.

    Attributes
    ----------
    name : str
        ``debye_waller``, ``absorption``, ``potential`` or ``thickness_spread``.
    of : str
        What of it was changed, such as elements; may be empty.
    change : float
        How much: one standard error, relative.
    thickness_nm : ndarray, shape (A, T, M)
        Answer less truth for each convergence angle, thickness and mistilt.
    tilt_mrad : ndarray, shape (A, T, M)
        Root mean square of the shift of the tilt's two components.
    """

    name: str
    of: str
    change: float
    thickness_nm: Numbers
    tilt_mrad: Numbers


@dataclass(frozen=True)
class Shift:
    """What one kind of change, relative, does to one answer: standard errors, nm and mrad."""

    name: str
    of: str
    change: float
    thickness_nm: float
    tilt_mrad: float


@dataclass(frozen=True, eq=False)
class Sensitivities:
    """Shifts of a system's answers over what it covers.

    Attributes
    ----------
    convergence_mrad : ndarray, shape (A,)
    thicknesses_nm : ndarray, shape (T,)
    mistilts_mrad : ndarray, shape (M,)
    changes : tuple of Shifts
    provenance : dict
        Version, options and what was assumed.
    """

    convergence_mrad: Numbers
    thicknesses_nm: Numbers
    mistilts_mrad: Numbers
    changes: tuple[Shifts, ...]
    provenance: Mapping[str, Any]

    def at(self, thickness_nm: float, convergence_mrad: float) -> tuple[Shift, ...]:
        """What each kind of change does to an answer, the root mean square over tilts.

        Changes of one kind that are independent of each other are added in quadrature.

        Parameters
        ----------
        thickness_nm, convergence_mrad : float
        """
        near = _near(self.thicknesses_nm, thickness_nm)
        weights = _near(self.convergence_mrad, convergence_mrad)[:, None] * near
        weights = weights / weights.sum()
        kinds: dict[str, list[Shifts]] = {}
        for change in self.changes:
            kinds.setdefault(change.name, []).append(change)
        return tuple(
            Shift(
                name,
                ", ".join(one.of for one in of_kind if one.of),
                max(one.change for one in of_kind),
                _typical([one.thickness_nm for one in of_kind], weights),
                _typical([one.tilt_mrad for one in of_kind], weights),
            )
            for name, of_kind in kinds.items()
        )

    def to_dict(self) -> dict[str, Any]:
        """For a model's description."""
        return {
            "convergence_mrad": self.convergence_mrad.tolist(),
            "thicknesses_nm": self.thicknesses_nm.tolist(),
            "mistilts_mrad": self.mistilts_mrad.tolist(),
            "changes": [
                {
                    "name": one.name,
                    "of": one.of,
                    "change": one.change,
                    "thickness_nm": one.thickness_nm.round(4).tolist(),
                    "tilt_mrad": one.tilt_mrad.round(5).tolist(),
                }
                for one in self.changes
            ],
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What :meth:`to_dict` gave.

        Raises
        ------
        ValueError, KeyError, TypeError
            If it is something else.
        """
        angles, thicknesses, mistilts = (
            _numbers(values[name], positive=name != "mistilts_mrad")
            for name in ("convergence_mrad", "thicknesses_nm", "mistilts_mrad")
        )
        shape = len(angles), len(thicknesses), len(mistilts)
        changes = tuple(_shifts(entry, shape) for entry in values["changes"][:_MOST_CHANGES])
        said = dict(values.get("provenance", {}))
        return cls(angles, thicknesses, mistilts, changes, said)


def _near(nodes: Numbers, value: float) -> Numbers:
    """Weights of nodes by how near they are to a value, which is kept within them."""
    inside = min(max(value, float(nodes.min())), float(nodes.max()))
    weights: Numbers = np.exp(-((np.log(nodes / inside) / _WIDTH) ** 2) / 2)
    return weights


def _typical(shifts: list[Numbers], weights: Numbers) -> float:
    squares = sum((shift**2).mean(axis=2) for shift in shifts)
    return math.sqrt(float((weights * squares).sum()))


def _numbers(given: Any, positive: bool = False) -> Numbers:
    axis = np.array(given, dtype=float)
    if axis.ndim != 1 or not 1 <= len(axis) <= _MOST_NODES or not np.isfinite(axis).all():
        raise ValueError("the nodes of sensitivities are no list of numbers")
    if positive and axis.min() <= 0:
        raise ValueError("the nodes of sensitivities are not positive")
    return axis


def _shifts(given: Mapping[str, Any], shape: tuple[int, ...]) -> Shifts:
    arrays = [np.array(given[name], dtype=float) for name in ("thickness_nm", "tilt_mrad")]
    if any(array.shape != shape or not np.isfinite(array).all() for array in arrays):
        raise ValueError("the shifts of sensitivities have not the shape of their nodes")
    change = float(given["change"])
    if not (math.isfinite(change) and change > 0):
        raise ValueError("a change of sensitivities has no size")
    name, of = (str(given[key])[:_LONGEST_TEXT] for key in ("name", "of"))
    return Shifts(name, of, change, *arrays)
