"""Every tilt, rotation and thickness against a pattern, at one place and size of the disk."""

import math
from dataclasses import dataclass, replace

import numpy as np

from pacbed.arrays import Indices, Mask, Numbers, Singles, Tilt
from pacbed.infer.search.parts import Part
from pacbed.infer.search.patterns import CoarsePatterns
from pacbed.infer.search.samples import Pose, SmoothPattern, places_of

#: Share of the points that must be recorded.
_ENOUGH = 0.4
#: Hypotheses that are looked at for those which differ.
_LOOKED_AT = 3000


@dataclass(frozen=True)
class Hypothesis:
    """A thickness and a pose that a pattern may have.

    Attributes
    ----------
    pose : Pose
    tilt : ndarray, shape (2,)
        In the crystal's frame, mrad.
    thickness_nm : float
    explained : float
        Share of the contrast that it explains, 0..1.
    """

    pose: Pose
    tilt: Tilt
    thickness_nm: float
    explained: float


def sweep(
    pattern: SmoothPattern, coarse: CoarsePatterns, pose: Pose, count: int
) -> list[Hypothesis]:
    """Compare a pattern with all tilts, rotations and thicknesses.

    Parameters
    ----------
    pattern : SmoothPattern
    coarse : CoarsePatterns
    pose : Pose
        Place and size of the disk; its rotation is where the others begin.
    count : int
        Hypotheses to give at most; those that differ by little are one.

    Returns
    -------
    list of Hypothesis
        The best first; none where too little of the disk is recorded.
    """
    proper = coarse.table.geometry.rotation_order
    step = math.radians(coarse.fineness.rotation_deg)
    turns = np.arange(0, 2 * np.pi / proper - 1e-9, step)
    poses = [replace(pose, rotation=pose.rotation + float(turn)) for turn in turns]
    places = np.stack([places_of(coarse.angles[coarse.inner], p) for p in poses])
    recorded = pattern.recorded(places)
    if recorded.mean() < _ENOUGH:
        return []
    values = pattern.at(places)[:, coarse.inner_images].reshape(-1, len(coarse.inner))
    explained = _explained(values, recorded[:, coarse.inner_images].reshape(values.shape), coarse)
    best = _distinct(explained, coarse, turns, count)
    return [_hypothesis(place, explained, coarse, poses) for place in best]


def _hypothesis(
    place: tuple[int, int, int], explained: Singles, coarse: CoarsePatterns, poses: list[Pose]
) -> Hypothesis:
    tilt, row, thickness = place
    turn, operation = divmod(row, len(coarse.operations))
    folded = coarse.tilts[tilt] @ coarse.lattice
    return Hypothesis(
        poses[turn],
        coarse.operations[operation] @ folded,
        float(coarse.thickness_nm[thickness]),
        float(explained[place]),
    )


def _explained(values: Singles, recorded: Mask, coarse: CoarsePatterns) -> Singles:
    """Share of the contrast that each hypothesis explains, shape (tilts, rows, T)."""
    part = None if recorded.all() else Part(recorded, coarse)
    if part is None:
        values = _without_backgrounds(values, coarse)
    else:
        values = part.without_backgrounds(values)
    out = np.empty((len(coarse.tilts), len(values), len(coarse.thickness_nm)), np.float32)
    for number, step in enumerate(coarse.tilt_steps):
        projected = coarse.projected(step)
        along = (values @ projected.patterns) @ coarse.mixing.T
        power = projected.power if part is None else part.power(step)
        out[number] = np.maximum(along, 0) ** 2 / power
    return out


def _without_backgrounds(values: Singles, coarse: CoarsePatterns) -> Singles:
    """As :meth:`Part.without_backgrounds`, where all points are recorded."""
    basis = coarse.inner_basis
    values = (values - (values @ basis) @ basis.T).astype(np.float32)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-20)
    return values


def _distinct(
    explained: Singles, coarse: CoarsePatterns, turns: Numbers, count: int
) -> list[tuple[int, int, int]]:
    """The best hypotheses, of those that differ by little only the best."""
    flat = explained.ravel()
    looked_at = min(_LOOKED_AT, flat.size)
    best = np.argpartition(-flat, looked_at - 1)[:looked_at]
    best = best[np.argsort(-flat[best])]
    places = np.stack(np.unravel_index(best, explained.shape), axis=1)
    features = _features(places, coarse, turns)
    kept: list[int] = []
    left = np.ones(len(places), bool)
    while left.any() and len(kept) < count:
        first = int(left.argmax())
        kept.append(first)
        left &= np.abs(features - features[first]).max(axis=1) > 1.0
    return [(int(a), int(b), int(c)) for a, b, c in places[kept]]


def _features(places: Indices, coarse: CoarsePatterns, turns: Numbers) -> Numbers:
    """Thickness, tilt in the pattern and rotation, in units of what makes a difference."""
    tilt, row, thickness = places.T
    turn, operation = np.divmod(row, len(coarse.operations))
    folded = coarse.tilts[tilt] @ coarse.lattice
    in_crystal = np.einsum("nij,nj->ni", coarse.operations[operation], folded)
    cosine, sine = np.cos(turns[turn]), np.sin(turns[turn])
    in_pattern = np.stack(
        [
            cosine * in_crystal[:, 0] - sine * in_crystal[:, 1],
            sine * in_crystal[:, 0] + cosine * in_crystal[:, 1],
        ],
        axis=1,
    )
    # A rotation is a place on a circle, so that its ends meet.
    turned = np.deg2rad(12.0)
    proper = 2 * np.pi / (turns[-1] + turns[1])
    circle = np.stack([np.cos(turns[turn] * proper), np.sin(turns[turn] * proper)], axis=1)
    return np.column_stack(
        [
            coarse.thickness_nm[thickness] / 2.5,
            in_pattern / max(1.2, 0.09 * coarse.convergence_mrad),
            circle / (turned * proper),
        ]
    )
