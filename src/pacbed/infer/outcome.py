"""From what the networks and the fit found to the answer and its status."""

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from pacbed.answer.estimate import Basis, Estimate, Status, ThicknessDistribution
from pacbed.answer.peaks import on_a_line
from pacbed.arrays import Numbers, Probabilities, Thicknesses
from pacbed.infer.alternatives import PEAK_HALF_WIDTH, fitted_alternative, fold, read_alternatives
from pacbed.infer.causes import (
    DiskSeen,
    disk_of,
    of_disk,
    of_form,
    of_given,
    of_rim,
)
from pacbed.infer.confidence import (
    CLEAR,
    TILT_SLACK,
    Calibration,
    Evidence,
    leaves_open,
)
from pacbed.infer.fit.hypotheses import Solution
from pacbed.infer.fit.pattern_fit import Fit
from pacbed.infer.given import Given
from pacbed.infer.posing import Reading, frame_scale
from pacbed.infer.shown import shown_by
from pacbed.library.system import System
from pacbed.pattern.geometry import rotation_matrix
from pacbed.pattern.preprocess import INPUT_SIZE
from pacbed.pattern.recorded import CleanPattern
from pacbed.version import __version__

#: What the networks must give at least to thicknesses near a fit that is not good.
_SUPPORT, _GOOD_FIT = 0.1, 0.1
#: A fit that leaves more of the structure than this does not stand by its numbers.
_POOR_FIT = 0.2
#: The same where the frame cuts a part of the disk, or more than a third of it is hidden.
_POOR_OF_PART, _MOSTLY_SEEN = 0.1, 0.65
#: The same as a share of what the fitted pattern varies: of a faint one, that broad backgrounds
#: outshine, the structure is mostly theirs.
_POOR_OF_FITTED = 0.15
#: A fainter contrast, over the mean intensity, is no more than what the model leaves out: such
#: patterns are of thin crystals, and several thicknesses and tilts explain them.
_FAINT = 0.02
#: Less of a disk than this determines nothing, however well it is explained.
_LEAST_OF_DISK = 0.5
#: A fit that leaves more than this share of the whole pattern's variance has found no pattern.
_UNEXPLAINED = 0.9


@dataclass(frozen=True)
class Context:
    """What an answer needs beside what was found.

    Attributes
    ----------
    system : System
    digest : str
        SHA-256 of the network that read the thickness, or of the table, hexadecimal.
    calibration : Calibration
    bins : ndarray
        Thicknesses of the distribution, nm.
    order : int
        Order of the projection's rotations.
    pattern : CleanPattern
    given : Given
    tilt_error_mrad : float or None
        How sure networks were of the tilt at best, wherever the answer is from; None where none
        were asked.
    started : float
        When the inference began, of :func:`time.perf_counter`.
    """

    system: System
    digest: str
    calibration: Calibration
    bins: Thicknesses
    order: int
    pattern: CleanPattern
    given: Given
    started: float
    tilt_error_mrad: float | None = None

    def provenance(self, method: str) -> dict[str, Any]:
        """Bundle, versions, hashes and times behind an answer."""
        return {
            "version": __version__,
            "bundle": self.system.name,
            "bundle_sha256": self.digest,
            "method": method,
            "calibrated": bool(self.calibration.calibrated) and method != "network",
            "milliseconds": round((time.perf_counter() - self.started) * 1e3, 1),
        }


def read_estimate(context: Context, reading: Reading, convergence_mrad: float) -> Estimate:
    """The networks' answer alone."""
    probability = reading.probability
    thickness, deviation, interval = _summary(context.bins, probability)
    placement = reading.placement
    seen = DiskSeen.of(context.pattern, placement.disk)
    tilt = placement.pattern_tilt
    mistilt = float(np.hypot(*tilt))
    mrad_per_pixel = convergence_mrad / placement.disk.radius
    status: Status = "ok"
    if mistilt > context.system.mistilt_mrad[1] * TILT_SLACK:
        status = "out_of_range"
    elif (
        on_a_line(context.bins, PEAK_HALF_WIDTH)(probability).share < CLEAR
        or seen.said < _LEAST_OF_DISK
    ):
        status = "ambiguous"
    return Estimate(
        system=context.system.name,
        status=status,
        thickness_nm=thickness,
        thickness_std_nm=deviation,
        thickness_interval95_nm=interval,
        tilt_x_mrad=float(tilt[0]),
        tilt_y_mrad=float(tilt[1]),
        # The width of the network's Laplace density in two dimensions: a component
        # has √3 of it as standard deviation.
        tilt_std_mrad=reading.tilt_error_mrad * 3**0.5,
        mistilt_mrad=mistilt,
        azimuth_deg=math.degrees(math.atan2(tilt[1], tilt[0])),
        mrad_per_pixel=mrad_per_pixel,
        scale=frame_scale(context.pattern.shape, mrad_per_pixel, convergence_mrad, INPUT_SIZE),
        rotation_deg=fold(placement.rotation_deg, context.order),
        center_row_px=placement.disk.row,
        center_column_px=placement.disk.column,
        residual=None,
        alternatives=read_alternatives(context.bins, probability, mistilt),
        thickness_distribution=_distribution(context.bins, probability),
        warnings=(
            *context.given.remarks,
            *context.pattern.remarks,
            *of_disk(context.pattern, seen),
            "the networks alone: the error bars are their own, and that the crystal is the "
            "right one is not checked",
        ),
        pixels_left_out=context.pattern.left_out.count,
        provenance=context.provenance("network"),
        basis=Basis(known=context.pattern.known),
    )


def fitted_estimate(
    context: Context, reading: Reading | None, solutions: list[Solution]
) -> Estimate:
    """The answer of the fit, from where the networks read or, without a reading, the search led."""
    best = solutions[0].fit
    p = best.parameters
    thickness = p.thickness_nm
    noise = best.noise_share
    deviation = context.calibration.thickness_std(best.thickness_std_nm, thickness, noise)
    half = context.calibration.tail * deviation
    turned = math.degrees(p.rotation)
    tilt = rotation_matrix(turned) @ p.tilt
    probabilities = _probabilities(context, reading, solutions)
    seen = DiskSeen.of(context.pattern, disk_of(best))
    evidence = _evidence(context, best, seen.whole)
    doubt = context.calibration.doubt(evidence)
    status = _status(
        context,
        reading,
        best,
        doubt,
        _is_poor(best, seen),
        seen.said >= _LEAST_OF_DISK,
        float(np.hypot(*tilt)),
        float(probabilities[0]),
        deviation,
    )
    return Estimate(
        system=context.system.name,
        status=status,
        thickness_nm=thickness,
        thickness_std_nm=deviation,
        thickness_interval95_nm=(max(0.0, thickness - half), thickness + half),
        tilt_x_mrad=float(tilt[0]),
        tilt_y_mrad=float(tilt[1]),
        tilt_std_mrad=context.calibration.tilt_std(best.tilt_std_mrad, thickness, noise),
        mistilt_mrad=float(np.hypot(*tilt)),
        azimuth_deg=math.degrees(math.atan2(tilt[1], tilt[0])),
        mrad_per_pixel=p.mrad_per_pixel,
        scale=frame_scale(
            context.pattern.shape,
            p.mrad_per_pixel,
            context.given.convergence_mrad or p.convergence_mrad,
            INPUT_SIZE,
        ),
        rotation_deg=fold(turned, context.order),
        center_row_px=p.center_y,
        center_column_px=p.center_x,
        residual=best.residual,
        alternatives=tuple(
            fitted_alternative(s.fit, context.order, float(share))
            for s, share in zip(solutions[1:], probabilities[1:], strict=True)
            if share >= 0.02
        ),
        thickness_distribution=_fitted_distribution(context, solutions, probabilities),
        warnings=_warnings(context, status, best, seen),
        provenance={
            **context.provenance("search" if reading is None else "fit"),
            "convergence_mrad": round(p.convergence_mrad, 3),
            "doubt": round(doubt, 2),
            "noise_share": round(noise, 4),
            **{n: round(value, 5) for n, value in vars(evidence).items() if value is not None},
            **_read_thickness(context, reading),
        },
        convergence_mrad=p.convergence_mrad,
        convergence_std_mrad=context.calibration.convergence_std(
            best.convergence_std_mrad, p.convergence_mrad, thickness
        ),
        pixels_left_out=context.pattern.left_out.count,
        basis=Basis(
            round(best.structured_residual, 5),
            known=context.pattern.known,
            shown=shown_by(best, context.order),
        ),
    )


def _read_thickness(context: Context, reading: Reading | None) -> dict[str, float]:
    if reading is None:
        return {}
    thickness = _summary(context.bins, reading.probability)[0]
    return {"network_thickness_nm": round(thickness, 2)}


def _evidence(context: Context, best: Fit, whole: bool) -> Evidence:
    given = context.given.convergence_mrad
    shift = None if given is None else best.parameters.log_alpha - math.log(given)
    return Evidence(
        best.structured_residual,
        best.residual,
        # Of a part of a disk the networks are never sure, whatever the crystal.
        context.tilt_error_mrad if whole else None,
        best.thickness_std_nm,
        shift,
    )


def _status(
    context: Context,
    reading: Reading | None,
    best: Fit,
    doubt: float,
    poor: bool,
    enough: bool,
    mistilt: float,
    probability: float,
    deviation: float,
) -> Status:
    system = context.system
    doubtful = doubt > context.calibration.mismatch or best.residual > _UNEXPLAINED
    if doubtful or best.gain <= 0:
        return "mismatch"
    low, high = system.thickness_nm
    thickness = best.parameters.thickness_nm
    beyond = mistilt > system.mistilt_mrad[1] * TILT_SLACK
    if beyond or not low - 0.5 <= thickness <= high + 0.5:
        return "out_of_range"
    wide = leaves_open(deviation, thickness)
    contradicted = False
    if reading is not None and best.structured_residual > _GOOD_FIT:
        # Networks and fit that contradict each other are believed only where the fit is good.
        near = np.abs(context.bins - thickness) <= max(PEAK_HALF_WIDTH + 0.5, 3 * deviation)
        contradicted = bool(reading.probability[near].sum() < _SUPPORT)
    open_ = probability < CLEAR or wide or contradicted or poor or not enough
    return "ambiguous" if open_ else "ok"


def _is_poor(best: Fit, seen: DiskSeen) -> bool:
    """Whether a fit leaves too much of what is there to see."""
    part = seen.cut or seen.said < _MOSTLY_SEEN
    poor = best.structured_residual > (_POOR_OF_PART if part else _POOR_FIT)
    return poor or best.unexplained > _POOR_OF_FITTED or best.contrast < _FAINT


def _warnings(context: Context, status: Status, best: Fit, seen: DiskSeen) -> tuple[str, ...]:
    missing = of_disk(context.pattern, seen)
    warnings = [*context.given.remarks, *context.pattern.remarks, *missing]
    if status != "mismatch":
        # A fit that explains nothing has measured nothing either.
        warnings += of_given(best, context.given)
    much = best.structured_residual > _POOR_FIT or best.unexplained > _POOR_OF_FITTED
    if status == "mismatch" or much:
        warnings += of_form(context.pattern)
    if status == "mismatch":
        warnings += [] if missing else of_rim(context.pattern)
        first = "if that is right, check" if warnings else "check"
        warnings.append(
            f"the simulated pattern leaves {best.contrast_residual:.0%} of the contrast inside "
            f"the disk: {first} convergence angle, crystal, zone axis and high tension"
        )
    elif best.contrast < _FAINT:
        warnings.append(
            f"the crystal gives the disk a contrast of {best.contrast:.1%} alone: too little to "
            "tell one thickness and tilt from others; a smaller convergence angle or a thicker "
            "place shows more"
        )
    elif much:
        left = max(best.structured_residual, best.unexplained)
        warnings.append(
            f"the fit leaves {left:.0%} of the structure inside the disk: the crystal is too thin "
            "to be told from others, or not quite the one asked for"
        )
    if not context.calibration.calibrated:
        warnings.append("the error bars of this bundle have not been calibrated")
    return tuple(warnings)


def _probabilities(context: Context, reading: Reading | None, solutions: list[Solution]) -> Numbers:
    """Of the solutions: likelihood of the fit times what the reader thinks of it."""
    weights = np.array([s.weight for s in solutions])
    if reading is None:
        return np.asarray(weights / weights.sum())
    floor = 0.02
    read = [
        floor
        + float(
            reading.probability[
                np.abs(context.bins - s.fit.parameters.thickness_nm) <= PEAK_HALF_WIDTH
            ].sum()
        )
        for s in solutions
    ]
    joined = weights * np.array(read)
    shares: Numbers = joined / joined.sum()
    return shares


def _fitted_distribution(
    context: Context, solutions: list[Solution], probabilities: Numbers
) -> ThicknessDistribution:
    """Sum of Gaussians around the solutions on the networks' bins."""
    density = np.zeros(len(context.bins))
    for solution, share in zip(solutions, probabilities, strict=True):
        thickness = solution.fit.parameters.thickness_nm
        width = context.calibration.thickness_std(
            solution.fit.thickness_std_nm, thickness, solution.fit.noise_share
        )
        step = context.bins[1] - context.bins[0]
        shape = np.exp(-0.5 * ((context.bins - thickness) / max(width, 0.4 * step)) ** 2)
        density += share * shape / max(shape.sum(), 1e-30)
    return _distribution(context.bins, density / max(density.sum(), 1e-30))


def _distribution(bins: Thicknesses, probability: Probabilities) -> ThicknessDistribution:
    return ThicknessDistribution(tuple(map(float, bins)), tuple(map(float, probability)))


def _summary(
    bins: Thicknesses, probability: Probabilities
) -> tuple[float, float, tuple[float, float]]:
    """Mean around the peak, standard deviation and 95 % interval of a distribution."""
    thickness = on_a_line(bins, PEAK_HALF_WIDTH)(probability).value
    deviation = float(np.sqrt((probability * (bins - thickness) ** 2).sum()))
    cumulative = np.concatenate([[0.0], np.cumsum(probability)])
    half = (bins[1] - bins[0]) / 2
    edges = np.concatenate([[bins[0] - half], bins + half])
    low, high = np.interp([0.025, 0.975], cumulative, edges)
    return thickness, deviation, (max(0.0, float(low)), float(high))
