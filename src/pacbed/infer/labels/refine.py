"""The fit behind the answer of networks that choose among labels.

The networks say how thick the crystal is and how far it is tilted, not how the pattern is
turned, and not all say in which direction it is tilted. What they do not say is searched on
a grid, where a comparison with all thicknesses at once is cheap; the best poses go the way
that every fit goes.
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from pacbed.answer.estimate import Estimate
from pacbed.arrays import Numbers, Probabilities, Thicknesses
from pacbed.infer.fit.hypotheses import refine
from pacbed.infer.fit.scan import ThicknessScan, scanned_image
from pacbed.infer.fit.solved import Solution
from pacbed.infer.judge.attempts import Question
from pacbed.infer.judge.confidence import CLEAR, Calibration
from pacbed.infer.judge.judgement import Context
from pacbed.infer.judge.outcome import fitted_estimate
from pacbed.infer.labels.direction import DirectionSummary
from pacbed.infer.labels.outcome import LabelContext
from pacbed.infer.labels.summary import LabelSummary
from pacbed.infer.networks.posing import Placement, Reading
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.geometry import rotation_matrix
from pacbed.pattern.preprocess import DiskLocation
from pacbed.pattern.recorded import CleanPattern

#: Grid of the search: turns of the pattern, and directions of the tilt.
_TURN_STEP_DEG, _DIRECTIONS = 7.5, 12
#: Below this mistilt its direction is not searched, mrad.
_SMALL_TILT_MRAD = 0.3
#: Poses that are fitted.
_POSES = 3
#: A fit from the network's direction that leaves more than this of the pattern's structure
#: is not the last word.
_DOUBTFUL = 0.05
#: Thicknesses that the networks give less than this, of their likeliest, are not compared.
_LIKELY = 0.02
_BIN_NM, _ANGSTROM_PER_NM = 1.0, 10.0
#: The networks give no error of the tilt's direction: what right patterns have.
_USUAL_TILT_ERROR_MRAD = 0.07


@dataclass(frozen=True)
class LabelReading:
    """What the networks found in a pattern.

    Attributes
    ----------
    disk : DiskLocation
        Bright-field disk, its radius after the scale network's answer.
    thickness : LabelSummary
        Å.
    mistilt_mrad : float
        0 where no network says it.
    direction : DirectionSummary or None
        Of the tilt in the pattern; None where no network says it.
    """

    disk: DiskLocation
    thickness: LabelSummary
    mistilt_mrad: float
    direction: DirectionSummary | None = None


def refine_labels(
    labels: LabelContext,
    table: LacbedTable,
    data: CleanPattern,
    reading: LabelReading,
    convergence_mrad: float,
) -> Estimate:
    """Fit the synthesised pattern to a measured one, starting from labels.

    Parameters
    ----------
    labels : LabelContext
        Of the networks' answer.
    table : LacbedTable
        Of the crystal.
    data : CleanPattern
        From :func:`pacbed.pattern.clean.clean`.
    reading : LabelReading
    convergence_mrad : float

    Returns
    -------
    Estimate
        That of the fit; what the bundle is, and what its networks said, is for the caller
        to add.
    """
    bundle, given = labels.bundle, labels.given
    known = Question(convergence_mrad, given.mrad_per_pixel, given.session).known
    order = table.geometry.rotation_order
    bins, probability = _distribution(reading.thickness)

    def fit_from(start: LabelReading) -> tuple[Reading, list[Solution]]:
        placements = _search(table, data, start, convergence_mrad, order, bins, probability)
        readings = [Reading(p, probability, _USUAL_TILT_ERROR_MRAD) for p in placements]
        return readings[0], refine(data, readings, bins, table, convergence_mrad, known)

    first, solutions = fit_from(reading)
    if reading.direction is not None and _left(solutions) > _DOUBTFUL:
        # A network may be sure of a wrong direction: then all are tried.
        other, found = fit_from(dataclasses.replace(reading, direction=None))
        if _left(found) < _left(solutions):
            first, solutions = other, found
    context = Context(
        bundle.system,
        labels.digest,
        Calibration.from_dict(bundle.calibration),
        bins,
        order,
        data,
        given,
        labels.started,
        sensitivities=bundle.sensitivities,
    )
    return fitted_estimate(context, first, solutions)


def _left(solutions: list[Solution]) -> float:
    return solutions[0].fit.structured_residual


def _distribution(summary: LabelSummary) -> tuple[Thicknesses, Probabilities]:
    """Even bins in nm, and the labels' probabilities spread over them."""
    values = summary.values / _ANGSTROM_PER_NM
    middles = (values[1:] + values[:-1]) / 2
    edges = np.concatenate([[2 * values[0] - middles[0]], middles, [2 * values[-1] - middles[-1]]])
    bins = np.arange(values[0], values[-1] + _BIN_NM / 2, _BIN_NM)
    density = summary.probability / np.diff(edges)
    place = np.clip(np.searchsorted(edges, bins, side="right") - 1, 0, len(values) - 1)
    probability = density[place]
    return bins, probability / probability.sum()


def _search(
    table: LacbedTable,
    data: CleanPattern,
    reading: LabelReading,
    convergence_mrad: float,
    order: int,
    bins: Thicknesses,
    probability: Probabilities,
) -> list[Placement]:
    """Poses that explain the pattern best at a likely thickness, the best first."""
    disk, mistilt = reading.disk, reading.mistilt_mrad
    image = scanned_image(data, disk)
    scan = ThicknessScan(table, np.zeros(2), convergence_mrad, mistilt + 0.1)
    prior = np.interp(scan.thickness_nm, bins, probability, left=0.0, right=0.0)
    likely = prior >= _LIKELY * prior.max()
    found = []
    for turn in np.arange(0.0, 360.0 / order, _TURN_STEP_DEG):
        matrix = rotation_matrix(turn) * (disk.radius / convergence_mrad)
        for direction in _directions(reading, float(turn)):
            tilt = mistilt * np.array([math.cos(direction), math.sin(direction)])
            left_over = scan.explained(image, matrix, tilt)
            placement = Placement(disk, math.radians(turn), tilt)
            found.append((float(left_over[likely].min()), placement))
    found.sort(key=lambda item: item[0])
    kept: list[Placement] = []
    for _, placement in found:
        if all(_apart(placement, other, mistilt, 360.0 / order) for other in kept):
            kept.append(placement)
    return kept[:_POSES]


def _directions(reading: LabelReading, turn_deg: float) -> Numbers:
    """Directions of the tilt in the crystal's frame to try, radians."""
    direction = reading.direction
    if reading.mistilt_mrad < _SMALL_TILT_MRAD:
        return np.zeros(1)
    if direction is not None:
        peaks = ((direction.azimuth_deg, direction.share), *direction.others)
        if sum(share for _, share in peaks) >= CLEAR:
            # In the pattern the tilt is turned with it.
            return np.deg2rad([azimuth - turn_deg for azimuth, _ in peaks])
    return 2 * math.pi * np.arange(_DIRECTIONS) / _DIRECTIONS


def _apart(one: Placement, other: Placement, mistilt: float, period_deg: float) -> bool:
    """Whether two poses are more than a step of the grid apart.

    Turned by a period the crystal looks the same, and its tilt lies elsewhere in its frame.
    """
    turn = one.rotation_deg - other.rotation_deg
    periods = round(turn / period_deg) * period_deg
    tilt = rotation_matrix(-periods) @ other.tilt
    tilted = mistilt >= _SMALL_TILT_MRAD
    far = tilted and float(np.linalg.norm(one.tilt - tilt)) > 0.5 * mistilt
    # Steps of the grid, but for the last digits of their sums.
    return far or abs(turn - periods) > 2.001 * _TURN_STEP_DEG
