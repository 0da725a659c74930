"""Every tilt and thickness against a pattern, in several poses."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Indices, Mask, Numbers, Pixels, Singles, Tilt
from pacbed.infer.search.parts import Part
from pacbed.infer.search.patterns import CoarsePatterns
from pacbed.infer.search.samples import Pose, SmoothPattern, places_of

#: Share of the points that must be recorded.
_ENOUGH = 0.4
#: Hypotheses that are looked at for those which differ.
_LOOKED_AT = 3000
#: Rotations that differ by less, rad, are one.
_TURNED = math.radians(12.0)


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
    pattern: SmoothPattern, coarse: CoarsePatterns, poses: Sequence[Pose], count: int
) -> list[Hypothesis]:
    """Compare a pattern with all tilts and thicknesses, in poses of one size.

    Parameters
    ----------
    pattern : SmoothPattern
    coarse : CoarsePatterns
    poses : sequence of Pose
        Poses that are tried.
    count : int
        Hypotheses to give at most; those that differ by little are one.

    Returns
    -------
    list of Hypothesis
        The best first; none where too little of the disk is recorded.
    """
    asked, explained = _compared(pattern, coarse, poses)
    if not asked:
        return []
    best = _distinct(explained, coarse, asked, count)
    return [_hypothesis(place, explained, coarse, asked) for place in best]


def best_poses(
    pattern: SmoothPattern, coarse: CoarsePatterns, poses: Sequence[Pose], count: int
) -> list[Pose]:
    """The poses that explain most with any tilt and thickness.

    Parameters
    ----------
    pattern : SmoothPattern
    coarse : CoarsePatterns
    poses : sequence of Pose
    count : int
        How many to give at most.
    """
    asked, explained = _compared(pattern, coarse, poses)
    if not asked:
        return []
    best = explained.max(axis=(0, 2)).reshape(len(asked), -1).max(axis=1)
    return [asked[n] for n in np.argsort(-best)[:count]]


def _compared(
    pattern: SmoothPattern, coarse: CoarsePatterns, poses: Sequence[Pose]
) -> tuple[list[Pose], Singles]:
    """Poses in which enough is recorded, and what is explained, shape (tilts, poses · m, T)."""
    asked, places, recorded = _recorded(pattern, coarse, poses)
    values = pattern.at(places)[:, coarse.inner_images].reshape(-1, len(coarse.inner))
    known = recorded[:, coarse.inner_images].reshape(values.shape)
    return asked, _explained(values, known, coarse)


def _recorded(
    pattern: SmoothPattern, coarse: CoarsePatterns, poses: Sequence[Pose]
) -> tuple[list[Pose], Pixels, Mask]:
    """Poses in which enough is recorded, the points' places (m, n, 2), and which are recorded."""
    angles = coarse.angles[coarse.inner]
    places = np.stack([places_of(angles, pose) for pose in poses])
    recorded = pattern.recorded(places)
    enough: list[int] = np.flatnonzero(recorded.mean(axis=1) >= _ENOUGH).tolist()
    return [poses[n] for n in enough], places[enough], recorded[enough]


def _hypothesis(
    place: tuple[int, int, int], explained: Singles, coarse: CoarsePatterns, poses: list[Pose]
) -> Hypothesis:
    tilt, row, thickness = place
    pose, operation = divmod(row, len(coarse.operations))
    folded = coarse.tilts[tilt] @ coarse.lattice
    return Hypothesis(
        poses[pose],
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
    explained: Singles, coarse: CoarsePatterns, poses: list[Pose], count: int
) -> list[tuple[int, int, int]]:
    """The best hypotheses, of those that differ by little only the best."""
    flat = explained.ravel()
    looked_at = min(_LOOKED_AT, flat.size)
    best = np.argpartition(-flat, looked_at - 1)[:looked_at]
    best = best[np.argsort(-flat[best])]
    places = np.stack(np.unravel_index(best, explained.shape), axis=1)
    features = _features(places, coarse, poses)
    kept: list[int] = []
    left = np.ones(len(places), bool)
    while left.any() and len(kept) < count:
        first = int(left.argmax())
        kept.append(first)
        left &= np.abs(features - features[first]).max(axis=1) > 1.0
    return [(int(a), int(b), int(c)) for a, b, c in places[kept]]


def _features(places: Indices, coarse: CoarsePatterns, poses: list[Pose]) -> Numbers:
    """Thickness, zone axis in the pattern and rotation, in units of what makes a difference."""
    tilt, row, thickness = places.T
    number, operation = np.divmod(row, len(coarse.operations))
    rotation = np.array([pose.rotation for pose in poses])[number]
    centre = np.stack([pose.center * math.exp(pose.log_scale) for pose in poses])[number]
    folded = coarse.tilts[tilt] @ coarse.lattice
    in_crystal = np.einsum("nij,nj->ni", coarse.operations[operation], folded)
    cosine, sine = np.cos(rotation), np.sin(rotation)
    in_pattern = np.stack(
        [
            cosine * in_crystal[:, 0] - sine * in_crystal[:, 1],
            sine * in_crystal[:, 0] + cosine * in_crystal[:, 1],
        ],
        axis=1,
    )
    # A rotation is a place on a circle, so that its ends meet.
    order = coarse.table.geometry.rotation_order
    circle = np.stack([np.cos(rotation * order), np.sin(rotation * order)], axis=1)
    return np.column_stack(
        [
            coarse.thickness_nm[thickness] / 2.5,
            (centre + in_pattern) / max(1.2, 0.09 * coarse.convergence_mrad),
            circle / (_TURNED * order),
        ]
    )
