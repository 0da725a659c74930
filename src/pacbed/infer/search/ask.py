"""From a pattern and a table to hypotheses: all disks, convergence angles, tilts and rotations."""

import math
from dataclasses import dataclass, replace

import numpy as np

from pacbed.arrays import Tilt
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.parameters import zone_axis_place
from pacbed.infer.search.effort import Effort
from pacbed.infer.search.patterns import SMOOTHING, CoarsePatterns
from pacbed.infer.search.places import Posed
from pacbed.infer.search.samples import SmoothPattern
from pacbed.infer.search.settle import settle
from pacbed.infer.search.sweep import Hypothesis, best_poses, sweep
from pacbed.pattern.preprocess import DiskLocation
from pacbed.pattern.recorded import CleanPattern

_STEPS = 4
#: Patterns smoothed for one size serve those that differ by less than this factor.
_SAME_SIZE = 1.2
#: Hypotheses that differ by less are one: thickness (nm), zone axis in the pattern (mrad),
#: rotation (rad).
_SAME_NM, _SAME_MRAD, _SAME_RAD = 1.0, 0.7, 0.1


@dataclass(frozen=True)
class Candidate:
    """A hypothesis with the convergence semi-angle that it is of.

    Attributes
    ----------
    hypothesis : Hypothesis
    convergence_mrad : float
    """

    hypothesis: Hypothesis
    convergence_mrad: float

    @property
    def disk(self) -> DiskLocation:
        """The bright-field disk."""
        pose = self.hypothesis.pose
        radius = self.convergence_mrad * math.exp(-pose.log_scale)
        return DiskLocation(float(pose.center[1]), float(pose.center[0]), radius)


class Asker:
    """Asks one pattern; keeps it smoothed for every size of disk.

    Parameters
    ----------
    data : CleanPattern
    known : Known
    """

    def __init__(self, data: CleanPattern, known: Known) -> None:
        self._data = data
        self.known = known
        self._smooth: dict[int, SmoothPattern] = {}

    def glance(self, posed: Posed, coarse: CoarsePatterns, count: int) -> Posed:
        """The poses that explain most.

        Parameters
        ----------
        posed : Posed
        coarse : CoarsePatterns
            Rougher than those of :meth:`candidates`.
        count : int
            How many to give at most.
        """
        if len(posed.poses) <= count:
            return posed
        smooth = self._smoothed(coarse, posed.poses[0].log_scale)
        return replace(posed, poses=best_poses(smooth, coarse, posed.poses, count))

    def candidates(
        self, asked: list[tuple[Posed, CoarsePatterns]], effort: Effort
    ) -> list[Candidate]:
        """The best hypotheses of all convergence semi-angles and poses, the best first."""
        settled = [
            Candidate(self._settled(hypothesis, coarse), coarse.convergence_mrad)
            for posed, coarse in asked
            for hypothesis in self._swept(posed, coarse, effort.hypotheses)
        ]
        settled.sort(key=lambda candidate: -candidate.hypothesis.explained)
        return _of_every_angle(_distinct(settled))[: effort.fitted]

    def _swept(self, posed: Posed, coarse: CoarsePatterns, count: int) -> list[Hypothesis]:
        smooth = self._smoothed(coarse, posed.poses[0].log_scale)
        return sweep(smooth, coarse, posed.poses, count)

    def _settled(self, hypothesis: Hypothesis, coarse: CoarsePatterns) -> Hypothesis:
        smooth = self._smoothed(coarse, hypothesis.pose.log_scale)
        return settle(hypothesis, smooth, coarse, self.known, _STEPS)

    def _smoothed(self, coarse: CoarsePatterns, log_scale: float) -> SmoothPattern:
        size = round((math.log(coarse.step_mrad) - log_scale) / math.log(_SAME_SIZE))
        found = self._smooth.get(size)
        if found is None:
            step_px = _SAME_SIZE**size
            found = SmoothPattern(self._data, step_px, SMOOTHING * step_px)
            self._smooth[size] = found
        return found


def _of_every_angle(candidates: list[Candidate]) -> list[Candidate]:
    """The best of every convergence angle first.

    Smaller apertures show less, which is explained more easily: angles cannot be compared
    before they are fitted.
    """
    firsts = {candidate.convergence_mrad: candidate for candidate in reversed(candidates)}
    best = [one for one in candidates if firsts[one.convergence_mrad] is one]
    return best + [one for one in candidates if firsts[one.convergence_mrad] is not one]


def _distinct(candidates: list[Candidate]) -> list[Candidate]:
    """Of candidates that are nearly the same only the first."""
    kept: list[Candidate] = []
    for candidate in candidates:
        if not any(_same(candidate, other) for other in kept):
            kept.append(candidate)
    return kept


def _same(one: Candidate, other: Candidate) -> bool:
    a, b = one.hypothesis, other.hypothesis
    turned = math.remainder(a.pose.rotation - b.pose.rotation, 2 * math.pi)
    # Tilt and centre say the same of a pattern where no edge is seen: where the zone axis is.
    apart = np.linalg.norm(_axis_place(a) - _axis_place(b))
    return bool(
        abs(a.thickness_nm - b.thickness_nm) <= _SAME_NM
        and abs(turned) <= _SAME_RAD
        and apart <= _SAME_MRAD
        and abs(math.log(one.convergence_mrad / other.convergence_mrad)) < 1e-6
    )


def _axis_place(hypothesis: Hypothesis) -> Tilt:
    """Where the zone axis lies in the pattern, mrad."""
    pose = hypothesis.pose
    return zone_axis_place(pose.center, pose.log_scale, pose.rotation, hypothesis.tilt)
