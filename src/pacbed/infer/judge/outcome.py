"""From what the networks and the fit found to the answer and its status."""

import math

import numpy as np

from pacbed.answer.estimate import Basis, Estimate, Status, ThicknessDistribution
from pacbed.answer.peaks import on_a_line
from pacbed.arrays import Numbers, Probabilities, Thicknesses
from pacbed.infer.fit.solved import Solution
from pacbed.infer.judge.alternatives import (
    PEAK_HALF_WIDTH,
    fitted_alternative,
    fold,
    read_alternatives,
)
from pacbed.infer.judge.budget import budget_of
from pacbed.infer.judge.causes import DiskSeen, of_disk
from pacbed.infer.judge.confidence import CLEAR, TILT_SLACK
from pacbed.infer.judge.judgement import LEAST_OF_DISK, Context, Judgement
from pacbed.infer.judge.shown import shown_by
from pacbed.infer.networks.posing import Reading, frame_scale
from pacbed.pattern.preprocess import INPUT_SIZE


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
        or seen.said < LEAST_OF_DISK
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
    tilt = p.pattern_tilt
    probabilities = _probabilities(context, reading, solutions)
    share = float(probabilities[0])
    judged = Judgement(context, reading, best, share, deviation, solutions[0].turned)
    return Estimate(
        system=context.system.name,
        status=judged.status,
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
        rotation_deg=fold(math.degrees(p.rotation), context.order),
        center_row_px=p.center_y,
        center_column_px=p.center_x,
        residual=best.residual,
        alternatives=tuple(
            fitted_alternative(s.fit, context.order, float(share))
            for s, share in zip(solutions[1:], probabilities[1:], strict=True)
            if share >= 0.02
        ),
        thickness_distribution=_fitted_distribution(context, solutions, probabilities),
        warnings=judged.warnings,
        provenance={
            **context.provenance("search" if reading is None else "fit"),
            "convergence_mrad": round(p.convergence_mrad, 3),
            "doubt": round(judged.doubt, 2),
            "noise_share": round(noise, 4),
            **_rounded(vars(judged.evidence)),
            **_read_thickness(context, reading),
        },
        convergence_mrad=p.convergence_mrad,
        convergence_std_mrad=context.calibration.convergence_std(
            best.convergence_std_mrad, p.convergence_mrad, thickness
        ),
        pixels_left_out=context.pattern.left_out.count,
        budget=budget_of(best, context.calibration, context.sensitivities),
        basis=Basis(
            round(best.structured_residual, 5),
            known=context.pattern.known,
            shown=shown_by(best, context.order),
        ),
    )


def _rounded(figures: dict[str, float | None]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in figures.items() if value is not None}


def _read_thickness(context: Context, reading: Reading | None) -> dict[str, float]:
    if reading is None:
        return {}
    thickness = _summary(context.bins, reading.probability)[0]
    return {"network_thickness_nm": round(thickness, 2)}


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
