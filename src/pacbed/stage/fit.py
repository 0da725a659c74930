"""Axes of one hand, fitted to patterns: a rotation, and how far the axes are from ideal ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Numbers
from pacbed.stage.record import MRAD_PER_DEGREE, StagePattern

#: Standard error of an angle that a stage shows, degrees.
STAGE_STD_DEG = 0.01
#: Errors of answers smaller than this are not believed, mrad.
SMALLEST_STD_MRAD = 0.03
#: A fit is as good as found when a step changes nothing more.
_STEPS, _SAME = 50, 1e-8


@dataclass(frozen=True)
class Moves:
    """Moves of one session, each pattern against the mean of its grain.

    Attributes
    ----------
    angles : ndarray, shape (patterns, 2)
        α, and β as far as it counts: times cos α, since α carries its axis along. Degrees.
    tilts : ndarray, shape (patterns, 2)
        Where the zone axis is seen, mrad.
    std : ndarray, shape (patterns,)
        Of a component of the tilt, with what the stage's angles add, mrad.
    grains : ndarray of int, shape (patterns,)
    """

    angles: Numbers
    tilts: Numbers
    std: Numbers
    grains: Numbers

    @property
    def centred(self) -> tuple[Numbers, Numbers]:
        """Angles and tilts without the mean of their grain, weighted."""
        return self._less_mean(self.angles), self._less_mean(self.tilts)

    def _less_mean(self, values: Numbers) -> Numbers:
        weights = 1 / self.std**2
        less = values.copy()
        for grain in np.unique(self.grains):
            mine = self.grains == grain
            less[mine] -= np.average(values[mine], axis=0, weights=weights[mine])
        return less

    @property
    def free(self) -> int:
        """How many numbers the patterns give beyond where each grain lies."""
        return 2 * (len(self.angles) - len(np.unique(self.grains)))


def moves_of(patterns: Sequence[StagePattern]) -> Moves:
    """Bring patterns into the form that is fitted."""
    names = sorted({pattern.grain for pattern in patterns})
    grains = np.array([names.index(pattern.grain) for pattern in patterns])
    first = {grain: patterns[int(np.argmax(grains == grain))] for grain in set(grains.tolist())}
    angles = []
    for pattern, grain in zip(patterns, grains, strict=True):
        start = first[int(grain)]
        between = math.radians((pattern.alpha_deg + start.alpha_deg) / 2)
        turned = (pattern.beta_deg - start.beta_deg) * math.cos(between)
        angles.append((pattern.alpha_deg - start.alpha_deg, turned))
    own = np.maximum([pattern.tilt_std_mrad for pattern in patterns], SMALLEST_STD_MRAD)
    return Moves(
        np.array(angles),
        np.array([(pattern.tilt_x_mrad, pattern.tilt_y_mrad) for pattern in patterns]),
        np.hypot(own, MRAD_PER_DEGREE * STAGE_STD_DEG),
        grains,
    )


@dataclass(frozen=True)
class Fitted:
    """The matrix of one hand, its covariance (row by row), and the sum of squares left."""

    matrix: Numbers
    covariance: Numbers
    misfit: float


def fit_hand(moves: Moves, mirrored: bool, ideal_std: float) -> Fitted:
    """Fit a rotation Q of one hand and a symmetric E: the matrix is k Q (1 + E).

    Parameters
    ----------
    moves : Moves
    mirrored : bool
        Which hand.
    ideal_std : float
        How far, as a share, lengths of the axes may be from ideal ones and their angle from a
        right one (rad): the prior of E.
    """
    angles, tilts = moves.centred
    known = angles / moves.std[:, None], tilts / moves.std[:, None]
    return _fit(*known, mirrored, ideal_std, _rotation(*known, mirrored))


def _rotation(angles: Numbers, tilts: Numbers, mirrored: bool) -> float:
    """The rotation (rad) of ideal axes that fits best; Schönemann, Psychometrika 31 (1966) 1."""
    first, _, second = np.linalg.svd(tilts.T @ angles)
    hand = -1.0 if mirrored else 1.0
    turn = first @ np.diag([1.0, hand * np.linalg.det(first) * np.linalg.det(second)]) @ second
    return math.atan2(turn[1, 0], turn[0, 0])


def _fit(angles: Numbers, tilts: Numbers, mirrored: bool, ideal_std: float, start: float) -> Fitted:
    """Gauss and Newton's steps; lengths of errors are 1 in what is given."""
    values = np.array([start, 0.0, 0.0, 0.0])
    prior = np.diag([0.0, 1.0, 1.0, 1.0]) / ideal_std
    left, slope = _left(values, angles, tilts, mirrored, prior)
    for _ in range(_STEPS):
        step = np.linalg.lstsq(slope, -left, rcond=None)[0]
        # A rotation by more is not straight any more.
        step *= min(1.0, 0.5 / max(float(np.abs(step).max()), 1e-300))
        values = values + step
        left, slope = _left(values, angles, tilts, mirrored, prior)
        if np.abs(step).max() < _SAME:
            break
    matrix, by_value = _matrix(values, mirrored)
    spread = by_value.reshape(4, 4) @ np.linalg.pinv(slope)
    return Fitted(matrix, spread @ spread.T, float(left @ left))


def _left(
    values: Numbers, angles: Numbers, tilts: Numbers, mirrored: bool, prior: Numbers
) -> tuple[Numbers, Numbers]:
    """What is left of the tilts and of the prior, and its slopes."""
    matrix, by_value = _matrix(values, mirrored)
    left = np.concatenate([(angles @ matrix.T - tilts).ravel(), prior @ values])
    slopes = np.einsum("xav,pa->pxv", by_value, angles).reshape(-1, 4)
    return left, np.concatenate([slopes, prior])


def _matrix(values: Numbers, mirrored: bool) -> tuple[Numbers, Numbers]:
    """The matrix (x, axis), and its slopes (x, axis, value)."""
    turn, along_alpha, along_beta, skew = values
    hand = np.diag([1.0, -1.0 if mirrored else 1.0])
    cos, sin = math.cos(turn), math.sin(turn)
    rotation = MRAD_PER_DEGREE * np.array([[cos, -sin], [sin, cos]]) @ hand
    turned = MRAD_PER_DEGREE * np.array([[-sin, -cos], [cos, -sin]]) @ hand
    stretch = np.array([[1 + along_alpha, skew], [skew, 1 + along_beta]])
    units = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 1], [1, 0]]], float)
    slopes = [turned @ stretch, *(rotation @ unit for unit in units)]
    return rotation @ stretch, np.stack(slopes, axis=-1)
