"""Which of several fits of one pattern are worth going on with, and which are one."""

import math
from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np

from pacbed.infer.fit.found import Fit

#: A brief fit that leaves so many times what the best one leaves is not finished.
_HOPELESS = 2.0
#: A finished fit that leaves more than the best one by this factor is no rival of it any more: the
#: last steps hardly change what is left by a third.
_RIVAL = 1.5
#: Fits of another orientation that are finished beside: how many, and what they leave of the best.
_TURNED, _NEARLY = 2, 1.3
#: Fits closer in thickness than this are of one thickness, nm.
_SAME_NM = 0.5
#: Zone axes closer than this in the pattern (mrad), and rotations (rad), are one orientation.
_SAME_PLACE_MRAD, SAME_ROTATION = 0.5, 0.2

#: What goes on from a brief fit.
Origin = TypeVar("Origin")


def worth_finishing(
    tried: list[tuple[Fit, Origin]], count: int, rotation_order: int
) -> list[tuple[Fit, Origin]]:
    """The best `count` fits of different thickness, and a few of another orientation beside.

    Brief fits tell orientations of a thin crystal apart no better than what they leave undone:
    the last steps are to choose between them.

    Parameters
    ----------
    tried : list of (Fit, what goes on from it)
        The best first.
    count : int
    rotation_order : int
        Of the projection's point group: turned by a part of it, the crystal is the same.

    Returns
    -------
    list of (Fit, what goes on from it)
        None that is far behind the best.
    """
    left = tried[0][0].ranked_residual if tried else 0.0
    best = [one for one in distinct(tried)[:count] if one[0].ranked_residual <= _HOPELESS * left]
    turned: list[tuple[Fit, Origin]] = []
    for one in tried:
        beside = [fit for fit, _ in best + turned if not _other_thickness(one[0], fit)]
        near = one[0].ranked_residual <= _NEARLY * left and len(turned) < _TURNED
        if near and beside and all(orientations_differ(one[0], f, rotation_order) for f in beside):
            turned.append(one)
    return best + turned


class Closing(Protocol):
    """What goes on from a fit as exactly as the table allows."""

    def close(self, fit: Fit) -> Fit:
        """The end of a fit."""
        ...


def closed(finished: Sequence[tuple[Fit, Closing]]) -> list[Fit]:
    """Fits that were finished, and their exact ends where these may still choose between them."""
    least = min((fit.ranked_residual for fit, _ in finished), default=0.0)
    return [
        origin.close(fit) if fit.ranked_residual <= _RIVAL * least else fit
        for fit, origin in finished
    ]


def _other_thickness(one: Fit, other: Fit) -> bool:
    return abs(one.parameters.thickness_nm - other.parameters.thickness_nm) > _SAME_NM


def orientations_differ(one: Fit, other: Fit, rotation_order: int) -> bool:
    """Whether two fits have the crystal tilted or turned otherwise."""
    a, b = one.parameters, other.parameters
    apart = float(np.linalg.norm(a.zone_axis_place - b.zone_axis_place))
    return apart > _SAME_PLACE_MRAD or turned_by(one, other, rotation_order) > SAME_ROTATION


def turned_by(one: Fit, other: Fit, rotation_order: int) -> float:
    """Angle between two crystals, but for a symmetry of theirs, rad."""
    angle = one.parameters.rotation - other.parameters.rotation
    return abs(math.remainder(angle, 2 * math.pi / rotation_order))


def distinct(tried: list[tuple[Fit, Origin]]) -> list[tuple[Fit, Origin]]:
    """Fits of different thickness, in the order given."""
    kept: list[tuple[Fit, Origin]] = []
    for fit, origin in tried:
        if all(_other_thickness(fit, other) for other, _ in kept):
            kept.append((fit, origin))
    return kept


def of_each_thickness(fits: list[Fit]) -> list[Fit]:
    """The best of each thickness, the best first."""
    best = sorted(fits, key=lambda fit: fit.ranked_residual)
    return [fit for fit, _ in distinct([(fit, None) for fit in best])]
