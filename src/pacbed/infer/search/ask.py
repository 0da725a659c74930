"""From a pattern and a table to hypotheses: all disks, convergence angles, tilts and rotations."""

import math
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Tilt
from pacbed.infer.fit.pattern_fit import Known
from pacbed.infer.search.patterns import SMOOTHING, CoarsePatterns
from pacbed.infer.search.samples import Pose, SmoothPattern
from pacbed.infer.search.settle import settle
from pacbed.infer.search.sweep import Hypothesis, sweep
from pacbed.pattern.geometry import turn_matrix
from pacbed.pattern.preprocess import DiskLocation
from pacbed.pattern.recorded import CleanPattern

#: Hypotheses that one disk brings, those that settle, and those that are left.
_OF_A_DISK, _SETTLED, _LEFT = 8, 60, 8
_LEAST_OF_ANGLE = 5
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
        self._known = known
        self._smooth: dict[int, SmoothPattern] = {}

    def glance(
        self, pairs: list[tuple[CoarsePatterns, DiskLocation]], count: int
    ) -> list[tuple[float, DiskLocation]]:
        """The disks that explain most, of every convergence angle as many.

        Smaller apertures show less, which is explained more easily: angles cannot be compared
        before everything has settled.

        Parameters
        ----------
        pairs : list of (CoarsePatterns, DiskLocation)
        count : int
            How many to give in all, about.
        """
        seen: dict[float, list[tuple[float, DiskLocation]]] = {}
        for coarse, disk in pairs:
            best = self._sweep(coarse, disk, 1)
            if best:
                of_angle = seen.setdefault(coarse.convergence_mrad, [])
                of_angle.append((best[0].explained, disk))
        each = max(1, round(count / max(1, len(seen))))
        return [
            (angle, disk)
            for angle, of_angle in seen.items()
            for _, disk in sorted(of_angle, key=lambda item: -item[0])[:each]
        ]

    def candidates(self, pairs: list[tuple[CoarsePatterns, DiskLocation]]) -> list[Candidate]:
        """The best hypotheses of all convergence semi-angles and disks, the best first."""
        found: dict[float, list[tuple[Hypothesis, CoarsePatterns]]] = {}
        for coarse, disk in pairs:
            of_angle = found.setdefault(coarse.convergence_mrad, [])
            of_angle += [(one, coarse) for one in self._sweep(coarse, disk, _OF_A_DISK)]
        each = max(_LEAST_OF_ANGLE, _SETTLED // max(1, len(found)))
        settled = [
            Candidate(self._settled(hypothesis, coarse), coarse.convergence_mrad)
            for of_angle in found.values()
            for hypothesis, coarse in sorted(of_angle, key=lambda item: -item[0].explained)[:each]
        ]
        settled.sort(key=lambda candidate: -candidate.hypothesis.explained)
        return _distinct(settled)[:_LEFT]

    def _sweep(self, coarse: CoarsePatterns, disk: DiskLocation, count: int) -> list[Hypothesis]:
        log_scale = math.log(coarse.convergence_mrad / disk.radius)
        pose = Pose(np.array([disk.column, disk.row]), log_scale, 0.0)
        return sweep(self._smoothed(coarse, log_scale), coarse, pose, count)

    def _settled(self, hypothesis: Hypothesis, coarse: CoarsePatterns) -> Hypothesis:
        smooth = self._smoothed(coarse, hypothesis.pose.log_scale)
        return settle(hypothesis, smooth, coarse, self._known, _STEPS)

    def _smoothed(self, coarse: CoarsePatterns, log_scale: float) -> SmoothPattern:
        size = round((math.log(coarse.step_mrad) - log_scale) / math.log(_SAME_SIZE))
        found = self._smooth.get(size)
        if found is None:
            step_px = _SAME_SIZE**size
            found = SmoothPattern(self._data, step_px, SMOOTHING * step_px)
            self._smooth[size] = found
        return found


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
    place: Tilt = pose.center * math.exp(pose.log_scale)
    return place + turn_matrix(pose.rotation) @ hypothesis.tilt
