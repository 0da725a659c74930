"""From patterns at known stage angles to where the stage's axes lie in the pattern."""

import math
from collections.abc import Iterable

import numpy as np

from pacbed.errors import OutOfRangeError
from pacbed.stage.fit import Fitted, Moves, fit_hand, moves_of
from pacbed.stage.record import (
    MRAD_PER_DEGREE,
    Hand,
    StageCalibration,
    StagePattern,
)

#: How far axes are from ideal ones (lengths by 1.5 %, their angle by 1.7° from a right one), and
#: how far they are where patterns say so.
_IDEAL, _ODD = 0.015, 0.5
#: Of the squares left, so many beyond what is usual say that the model does not fit.
_BAD = 12.0
#: Moves must be so many standard errors long.
_FEWEST_ERRORS = 8.0
#: Most patterns of a calibration.
MOST_PATTERNS = 200
#: Grain of what was stated and not measured.
STATED = "as stated"


def calibrate_stage(
    patterns: Iterable[StagePattern], name: str = "", mirrored: bool | None = None
) -> StageCalibration:
    """Find where the axes of the stage lie in the pattern.

    Two patterns give one move of the zone axis. A stage has right angles and true degrees, within
    some 1.5 %; with that, one move says where its own direction in (α, β) points, but not whether
    the direction across lies on one side of it or on the other: both hands are kept until patterns
    tell them apart. The hand is the same at all camera lengths of a microscope and camera: once
    told, it may be given. A move of α and β by as much as each other tells most: the directions
    along and across it stay at right angles even where those of α and β are not. More patterns
    make all exacter, and show axes that are not at right angles.

    Parameters
    ----------
    patterns : iterable of StagePattern
        Two or more; at least two of one grain at different stage angles.
    name : str
        Microscope and camera length, to be shown.
    mirrored : bool, optional
        The hand, if it is known: whether, seen in the pattern, β turns the other way round after α
        than from +x towards +y.

    Returns
    -------
    StageCalibration

    Raises
    ------
    OutOfRangeError
        If there are too few or too many patterns, or the stage hardly moved between them.

    Examples
    --------
    >>> from pacbed.stage import StagePattern, calibrate_stage, guide
    >>> first = StagePattern(0.0, 0.0, 3.1, -2.0, 0.06)
    >>> second = StagePattern(0.5, 0.5, 14.3, 5.3, 0.06)
    >>> calibration = calibrate_stage([first, second], mirrored=False)
    >>> print(guide(calibration, 14.3, 5.3, 0.06).words)
    tilt α by −0.72° ± 0.01°, β by −0.44° ± 0.02°
    """
    taken = tuple(patterns)
    if not 2 <= len(taken) <= MOST_PATTERNS:
        raise OutOfRangeError(
            f"a stage is calibrated with 2 to {MOST_PATTERNS} patterns, not {len(taken)}: give "
            "patterns of one grain at different stage angles"
        )
    moves = moves_of(taken)
    _check_moved(moves)
    fits, odd = _fitted(moves)
    hands = _hands(fits, mirrored)
    return StageCalibration(taken, hands, name, mirrored, _warnings(moves, hands, odd))


def stated_patterns(
    alpha_direction_deg: float, beta_direction_deg: float, std_deg: float = 3.0
) -> tuple[StagePattern, ...]:
    """Patterns that say what is known beforehand: where +α and +β move the zone axis.

    Parameters
    ----------
    alpha_direction_deg, beta_direction_deg : float
        From +x (columns) towards +y (rows, downwards), degrees.
    std_deg : float
        How well the directions are known, degrees.

    Returns
    -------
    tuple of StagePattern
        As if the stage had been moved by one degree in each axis.

    Raises
    ------
    OutOfRangeError
        If the directions are not some 90° apart.
    """
    apart = abs(math.remainder(beta_direction_deg - alpha_direction_deg, 360))
    if not 60 <= apart <= 120:
        raise OutOfRangeError(
            f"α and β are stated to move the zone axis into directions {apart:.0f} degrees apart: "
            "they are some 90 degrees apart in every double-tilt holder"
        )
    error = MRAD_PER_DEGREE * math.radians(std_deg)

    def at(alpha: float, beta: float, direction: float, length: float) -> StagePattern:
        angle = math.radians(direction)
        x, y = length * math.cos(angle), length * math.sin(angle)
        return StagePattern(alpha, beta, x, y, error, STATED, STATED)

    return (
        at(0, 0, 0, 0),
        at(1, 0, alpha_direction_deg, MRAD_PER_DEGREE),
        at(0, 1, beta_direction_deg, MRAD_PER_DEGREE),
    )


def _check_moved(moves: Moves) -> None:
    angles, _ = moves.centred
    moved = MRAD_PER_DEGREE * np.hypot(*angles.T) / moves.std
    total = math.sqrt(float((moved**2).sum()))
    if total < _FEWEST_ERRORS:
        least = _FEWEST_ERRORS * float(moves.std.mean()) * math.sqrt(2) / MRAD_PER_DEGREE
        raise OutOfRangeError(
            "between patterns of one grain the stage hardly moved: take a pattern after tilting "
            f"by {max(least, 0.3):.1f} degrees or more"
        )


def _fitted(moves: Moves) -> tuple[tuple[Fitted, Fitted], bool]:
    """Both hands, of ideal axes if one of them fits; else of odd ones, and that they are odd."""
    ideal = fit_hand(moves, False, _IDEAL), fit_hand(moves, True, _IDEAL)
    # One move is explained by any axes: only several can show that these are odd.
    if moves.free <= 2 or min(fit.misfit for fit in ideal) <= moves.free + _BAD:
        return ideal, False
    return (fit_hand(moves, False, _ODD), fit_hand(moves, True, _ODD)), True


def _hands(fits: tuple[Fitted, Fitted], mirrored: bool | None) -> tuple[Hand, Hand]:
    """Both hands with their probabilities, the likelier first."""
    least = min(fit.misfit for fit in fits)
    likely = [math.exp(-(fit.misfit - least) / 2) for fit in fits]
    if mirrored is not None:
        likely = [0.0, 1.0] if mirrored else [1.0, 0.0]
    first, second = sorted(
        (
            Hand(mirrored, fit.matrix, fit.covariance, fit.misfit, share / sum(likely))
            for mirrored, fit, share in zip((False, True), fits, likely, strict=True)
        ),
        # Where nothing tells them apart, rounding must not either.
        key=lambda hand: (-round(hand.probability, 6), hand.mirrored),
    )
    return first, second


def _warnings(moves: Moves, hands: tuple[Hand, Hand], odd: bool) -> tuple[str, ...]:
    taken, other = hands
    words = []
    if odd:
        first, second = taken.matrix.T
        apart = math.degrees(math.atan2(*second[::-1]) - math.atan2(*first[::-1]))
        words.append(
            "the patterns say that the axes are not those of a usual double-tilt stage: +α and +β "
            f"are {abs(math.remainder(apart, 360)):.0f} degrees apart and move the zone axis by "
            f"{math.hypot(*first):.1f} and {math.hypot(*second):.1f} mrad per degree"
        )
    if taken.misfit - other.misfit > _BAD:
        words.append("the patterns contradict the hand that was given: leave it out")
    elif taken.misfit > moves.free + _BAD:
        words.append(
            "the zone axis did not move as the stage did: check the angles, and that all patterns "
            "are of one grain, zone axis and camera length"
        )
    return tuple(words)
