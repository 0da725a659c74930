"""The physical fit behind an answer: from the networks' hypotheses to the best ones.

The networks say where the crystal is and which thicknesses are likely. A scan of all
thicknesses at that pose adds what they may have missed. Each distinct hypothesis is
fitted briefly, the best ones to the end; nothing is simulated on the way.
"""

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np

from pacbed.answer.peaks import on_a_line, peaks
from pacbed.arrays import Probabilities, Thicknesses
from pacbed.infer.fit.closely import fit_closely
from pacbed.infer.fit.found import Fit
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.model import ModelShelf
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.fit.pattern_fit import REACH, fit_pattern
from pacbed.infer.fit.rivals import closed, of_each_thickness, worth_finishing
from pacbed.infer.fit.samples import Samples, take_again, take_samples
from pacbed.infer.fit.scan import ThicknessScan, scanned_image, valleys
from pacbed.infer.fit.solved import Solution, weighted
from pacbed.infer.networks.posing import Placement, Reading
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.geometry import turn_matrix
from pacbed.pattern.preprocess import DiskLocation
from pacbed.pattern.recorded import CleanPattern

#: Hypotheses beside the first that are fitted briefly, and those fitted to the end.
_BRIEF, _FULL = 3, 2
BRIEF_STEPS, FULL_STEPS = 4, 12
#: A first fit that leaves less than this, and a thickness that the networks give at
#: least this share, need no other hypotheses.
_GOOD, _SURE = 0.12, 0.6
#: Two thicknesses closer than this are one hypothesis, nm.
_DISTINCT_NM = 2.0
#: Scales that are tried where the best fit is bad: the wrong basin of scale is the one
#: way in which the geometry fails.
_SCALES = (0.93, 1.07)
_BAD = 0.35
#: Other poses that are tried then.
_POSES = 2
#: First guess of the blur, semi-angles.
FIRST_BLUR = 0.02


def refine(
    data: CleanPattern,
    readings: list[Reading],
    bins: Thicknesses,
    table: LacbedTable,
    convergence_mrad: float,
    known: Known,
) -> list[Solution]:
    """Fit the synthesised pattern to the measured one.

    Parameters
    ----------
    data : CleanPattern
    readings : list of Reading
        The networks' answers, the surest first.
    bins : ndarray
        Thicknesses of its distribution, nm.
    table : LacbedTable
    convergence_mrad : float
    known : Known

    Returns
    -------
    list of Solution
        The best first.
    """
    reading = readings[0]
    job = _Job.at(reading.placement, data, table, convergence_mrad, known)
    read = _read_thicknesses(reading.probability, bins)
    best = job.fit(read[0], FULL_STEPS)
    if best.structured_residual < _GOOD and _share(reading.probability, bins, best) > _SURE:
        return [Solution(job.close(best), 1.0)]
    tried = [(best, job)]
    scanned = _scan(data, reading.placement, table, convergence_mrad)
    for thickness in _others(read, scanned, best):
        tried.append((job.fit(thickness, BRIEF_STEPS), job))
    if min(fit.structured_residual for fit, _ in tried) > _BAD:
        tried += _elsewhere(readings, bins, job)
    tried.sort(key=lambda item: item[0].ranked_residual)
    finished = [
        (fit if fit is best and fit.settled else origin.finish(fit), origin)
        for fit, origin in worth_finishing(tried, _FULL, table.geometry.rotation_order)
    ]
    return weighted(of_each_thickness(closed(finished)))


def _elsewhere(readings: list[Reading], bins: Thicknesses, job: "_Job") -> list[tuple[Fit, "_Job"]]:
    """Brief fits from the other poses, and from other sizes of the disk."""
    jobs = []
    for other in readings[1 : 1 + _POSES]:
        thickness = _read_thicknesses(other.probability, bins)[0]
        jobs.append((job.moved(other.placement), thickness))
    if job.known.scale is None:
        thickness = _read_thicknesses(readings[0].probability, bins)[0]
        jobs += [(job.moved(_rescaled(job.placement, zoom)), thickness) for zoom in _SCALES]
    return [(moved.fit(thickness, BRIEF_STEPS), moved) for moved, thickness in jobs]


@dataclass(frozen=True)
class _Job:
    """What all fits of one pattern share."""

    data: CleanPattern
    samples: Samples
    table: LacbedTable
    placement: Placement
    convergence_mrad: float
    known: Known
    shelf: ModelShelf

    @classmethod
    def at(
        cls,
        placement: Placement,
        data: CleanPattern,
        table: LacbedTable,
        convergence_mrad: float,
        known: Known,
        shelf: ModelShelf | None = None,
    ) -> "_Job":
        """Take the samples around a placement."""
        samples = take_samples(data, placement.disk, REACH)
        shelf = shelf or ModelShelf(table, REACH)
        return cls(data, samples, table, placement, convergence_mrad, known, shelf)

    def moved(self, placement: Placement) -> "_Job":
        """The same pattern with the crystal elsewhere."""
        return _Job.at(
            placement, self.data, self.table, self.convergence_mrad, self.known, self.shelf
        )

    def fit(self, thickness: float, steps: int) -> Fit:
        """Fit from the placement and a thickness in nm."""
        start = start_parameters(self.placement, thickness, self.convergence_mrad)
        start = self.known.centred(start, self.convergence_mrad)
        return self._run(start, steps, FIRST_BLUR * self.convergence_mrad)

    def finish(self, fit: Fit) -> Fit:
        """Go on from where a brief fit ended."""
        # What is known beforehand is centred on what was given, not on where the fit is.
        start = self.known.centred(fit.parameters, self.convergence_mrad)
        return self._run(start, FULL_STEPS, fit.blur_mrad)

    def close(self, fit: Fit) -> Fit:
        """End as exactly as the table allows."""
        start = self.known.centred(fit.parameters, self.convergence_mrad)
        samples = take_again(self.data, fit.parameters, self.samples)
        return fit_closely(samples, self.table, start, fit, self.shelf)

    def _run(self, start: FitParameters, steps: int, blur_mrad: float) -> Fit:
        return fit_pattern(
            self.samples,
            self.table,
            start,
            self.known,
            steps,
            blur_mrad,
            self.shelf,
        )


def _rescaled(placement: Placement, zoom: float) -> Placement:
    disk = placement.disk
    return replace(placement, disk=DiskLocation(disk.row, disk.column, disk.radius * zoom))


def start_parameters(
    placement: Placement, thickness: float, convergence_mrad: float
) -> FitParameters:
    """Where the fit of a placement starts."""
    disk = placement.disk
    return FitParameters(
        thickness_nm=thickness,
        tilt=(float(placement.tilt[0]), float(placement.tilt[1])),
        center_x=disk.column,
        center_y=disk.row,
        log_scale=math.log(convergence_mrad / disk.radius),
        rotation=placement.rotation,
        log_alpha=math.log(convergence_mrad),
    )


def _scan(
    data: CleanPattern, placement: Placement, table: LacbedTable, convergence_mrad: float
) -> list[float]:
    """Thicknesses that explain the pattern best at this pose."""
    disk = placement.disk
    image = scanned_image(data, disk)
    scan = ThicknessScan(table, placement.tilt, convergence_mrad, 0.1)
    matrix = turn_matrix(placement.rotation) * (disk.radius / convergence_mrad)
    left_over = scan.explained(image, matrix, placement.tilt)
    return valleys(left_over, scan.thickness_nm, 3)


def _read_thicknesses(probability: Probabilities, bins: Thicknesses) -> list[float]:
    """Peaks of the networks' distribution, the likeliest first."""
    return [peak.value for peak in peaks(probability, on_a_line(bins, 3), 3, 0.03)]


def _share(probability: Probabilities, bins: Thicknesses, fit: Fit) -> float:
    """What the networks give to thicknesses near a fit's."""
    return float(probability[np.abs(bins - fit.parameters.thickness_nm) <= 3.5].sum())


def _others(read: list[float], scanned: list[float], best: Fit) -> list[float]:
    """Thicknesses worth trying beside the first fit's, of scan and networks in turn."""
    taken = [best.parameters.thickness_nm]
    for pair in itertools.zip_longest(scanned, read[1:]):
        for thickness in pair:
            if thickness is not None and all(abs(thickness - t) >= _DISTINCT_NM for t in taken):
                taken.append(thickness)
    return taken[1 : 1 + _BRIEF]
