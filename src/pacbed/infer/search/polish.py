"""From the search's candidates to fits: all briefly, the best to the end."""

import math
from dataclasses import dataclass, replace

from pacbed.errors import PatternError
from pacbed.infer.fit.closely import fit_closely
from pacbed.infer.fit.found import Fit
from pacbed.infer.fit.hypotheses import (
    BRIEF_STEPS,
    FIRST_BLUR,
    FULL_STEPS,
)
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.model import ModelShelf
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.fit.pattern_fit import REACH, beyond_disk, fit_pattern
from pacbed.infer.fit.rivals import closed, worth_finishing
from pacbed.infer.fit.samples import Samples, take_again, take_samples
from pacbed.infer.search.ask import Candidate
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.recorded import CleanPattern

#: Once a fit leaves less than this, candidates that leave so many times what the first one
#: leaves are not fitted.
_GOOD, _BEHIND = 0.08, 1.8


def polish(
    data: CleanPattern, table: LacbedTable, candidates: list[Candidate], known: Known, count: int
) -> list[Fit]:
    """Fit the synthesised pattern to the measured one from each candidate.

    Parameters
    ----------
    data : CleanPattern
    table : LacbedTable
    candidates : list of Candidate
    known : Known
    count : int
        Fits that are finished.

    Returns
    -------
    list of Fit
        None where no candidate's disk is recorded.
    """
    tried: list[tuple[Fit, _Job]] = []
    # Candidates come by the same tilts.
    shelves: dict[float, ModelShelf] = {}
    for candidate in candidates:
        if _settled_already(candidate, candidates[0], tried):
            break
        reach = REACH + beyond_disk(table, candidate.convergence_mrad)
        shelf = shelves.setdefault(reach, ModelShelf(table, reach))
        job = _Job.of(candidate, data, table, known, shelf, reach)
        if job is not None:
            tried.append((job.start(), job))
    tried.sort(key=lambda item: item[0].ranked_residual)
    best = worth_finishing(tried, count, table.geometry.rotation_order)
    return closed([(job.finish(fit), job) for fit, job in best])


@dataclass(frozen=True)
class _Job:
    """Fits from one candidate."""

    candidate: Candidate
    data: CleanPattern
    samples: Samples
    table: LacbedTable
    known: Known
    shelf: ModelShelf

    @classmethod
    def of(
        cls,
        candidate: Candidate,
        data: CleanPattern,
        table: LacbedTable,
        known: Known,
        shelf: ModelShelf,
        reach: float,
    ) -> "_Job | None":
        """The job, or None where hardly any of the disk is recorded."""
        try:
            samples = take_samples(data, candidate.disk, reach)
        except PatternError:
            return None
        return cls(candidate, data, samples, table, known, shelf)

    def start(self) -> Fit:
        """A few steps from the candidate."""
        hypothesis, alpha = self.candidate.hypothesis, self.candidate.convergence_mrad
        pose = hypothesis.pose
        start = FitParameters(
            thickness_nm=hypothesis.thickness_nm,
            tilt=(float(hypothesis.tilt[0]), float(hypothesis.tilt[1])),
            center_x=float(pose.center[0]),
            center_y=float(pose.center[1]),
            log_scale=pose.log_scale,
            rotation=pose.rotation,
            log_alpha=math.log(alpha),
        )
        return self._fit(self.known.centred(start, alpha), BRIEF_STEPS, FIRST_BLUR * alpha)

    def finish(self, fit: Fit) -> Fit:
        """Go on with the samples around the disk that was found."""
        job, start = self._around(fit)
        return job._fit(start, FULL_STEPS, fit.blur_mrad)

    def close(self, fit: Fit) -> Fit:
        """End as exactly as the table allows."""
        job, start = self._around(fit)
        return fit_closely(job.samples, self.table, start, fit, self.shelf)

    def _around(self, fit: Fit) -> tuple["_Job", FitParameters]:
        found = fit.parameters
        samples = take_again(self.data, found, self.samples)
        start = self.known.centred(found, self.candidate.convergence_mrad)
        return replace(self, samples=samples), start

    def _fit(self, start: FitParameters, steps: int, blur_mrad: float) -> Fit:
        return fit_pattern(
            self.samples, self.table, start, self.known, steps, blur_mrad, self.shelf
        )


def _settled_already(candidate: Candidate, first: Candidate, tried: list[tuple[Fit, _Job]]) -> bool:
    """Whether a fit is good, and the candidate leaves much more than the first one."""
    good = any(fit.structured_residual < _GOOD for fit, _ in tried)
    left, least = (1 - c.hypothesis.explained for c in (candidate, first))
    return good and left > _BEHIND * least
