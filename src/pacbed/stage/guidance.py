"""From where the zone axis is seen to how the stage is to be tilted."""

import math
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Numbers
from pacbed.errors import OutOfRangeError
from pacbed.stage.fit import SMALLEST_STD_MRAD
from pacbed.stage.record import MRAD_PER_DEGREE, Hand, StageCalibration

#: So much of the part whose sign is open is tried, mrad and standard errors of an answer: enough
#: for the next pattern to tell the sign, and a wrong one leads hardly away.
_TELLING_MRAD, _TELLING = 1.5, 8.0
#: An open part that is shorter, in standard errors, need not be decided.
_NOTHING = 2.0
#: Beyond this the moves are not straight any more, degrees.
_LARGE_DEG = 5.0


@dataclass(frozen=True)
class Guidance:
    """How to tilt the stage so that the zone axis comes to the disk's centre.

    Attributes
    ----------
    alpha_deg, beta_deg : float
        By how much to tilt, degrees.
    alpha_std_deg, beta_std_deg : float
        Standard errors: of the tilt in the pattern, and of the calibration.
    decided : bool
        Whether both signs are known. Where not, this is a move that tells them: what is sure, and
        a little of what is not.
    left_mrad : float
        How far from the zone axis the stage is expected to be then, mrad; where the sign is not
        decided, at worst.
    words : str
        The same in one line.
    """

    alpha_deg: float
    beta_deg: float
    alpha_std_deg: float
    beta_std_deg: float
    decided: bool
    left_mrad: float
    words: str


def guide(
    calibration: StageCalibration,
    tilt_x_mrad: float,
    tilt_y_mrad: float,
    tilt_std_mrad: float,
    alpha_deg: float | None = None,
) -> Guidance:
    """Say how to tilt the stage.

    Parameters
    ----------
    calibration : StageCalibration
    tilt_x_mrad, tilt_y_mrad : float
        Position of the zone axis in the pattern, as an answer gives it, mrad.
    tilt_std_mrad : float
        Standard error of a component, mrad.
    alpha_deg : float, optional
        Where the stage's α is, degrees: β counts by its cosine. By default that of the last
        pattern of the calibration.

    Returns
    -------
    Guidance

    Raises
    ------
    OutOfRangeError
        If a number is none, or α is 90° or more.
    """
    alpha = calibration.alpha_deg if alpha_deg is None else alpha_deg
    tilt = np.array([tilt_x_mrad, tilt_y_mrad], float)
    if not (np.isfinite(tilt).all() and math.isfinite(tilt_std_mrad) and abs(alpha) < 90):
        raise OutOfRangeError(
            "guidance needs the tilt with its error in mrad, and α below 90 degrees"
        )
    std = max(tilt_std_mrad, SMALLEST_STD_MRAD)
    first, second = (_Way.of(hand, tilt, std, alpha) for hand in calibration.hands)
    if calibration.decided:
        return _said(first.move, first.std, True, first.left_mrad)
    open_part = (first.move - second.move) / 2
    size = MRAD_PER_DEGREE * float(np.hypot(*open_part))
    spread = np.maximum(first.std, second.std)
    if size < _NOTHING * std:
        # Whichever sign it is, this is as near as is known.
        left = math.hypot(first.left_mrad, size)
        return _said((first.move + second.move) / 2, spread, True, left)
    tried = min(1.0, max(_TELLING_MRAD, _TELLING * std) / size)
    move = (first.move + second.move) / 2 + tried * open_part
    left = math.hypot(size * (1 + tried), max(first.left_mrad, second.left_mrad))
    return _said(move, spread, False, left)


@dataclass(frozen=True)
class _Way:
    """The move to the zone axis if the stage is of one hand, with errors (degrees)."""

    move: Numbers
    std: Numbers
    left_mrad: float

    @classmethod
    def of(cls, hand: Hand, tilt: Numbers, std: float, alpha_deg: float) -> "_Way":
        turned = np.array([1.0, math.cos(math.radians(alpha_deg))])
        matrix = hand.matrix * turned
        inverse: Numbers = np.linalg.inv(matrix)
        move = -inverse @ tilt
        # The matrix times the move: its error by that of the matrix's entries, row by row.
        by_entry = np.kron(np.eye(2), move * turned)
        missed = by_entry @ hand.covariance @ by_entry.T + std**2 * np.eye(2)
        errors = np.sqrt(np.diag(inverse @ missed @ inverse.T))
        return cls(move, errors, math.sqrt(float(np.trace(missed))))


def _said(move: Numbers, std: Numbers, decided: bool, left_mrad: float) -> Guidance:
    (alpha, beta), (alpha_std, beta_std) = move.tolist(), std.tolist()
    tilts = f"tilt α by {_angle(alpha, alpha_std)}, β by {_angle(beta, beta_std)}"
    if not decided:
        tilts += (
            "; a sign is still open, and this tells it: take a pattern there, and add it to the "
            "calibration"
        )
    elif max(abs(alpha), abs(beta)) > _LARGE_DEG:
        tilts += "; so far away take a pattern half-way"
    return Guidance(alpha, beta, alpha_std, beta_std, decided, left_mrad, tilts)


def _angle(value: float, std: float) -> str:
    return f"{value:+.2f}° ± {max(std, 0.005):.2f}°".replace("-", "−")
