"""The error model that suits measured errors best."""

import itertools

import numpy as np

from pacbed.arrays import Numbers
from pacbed.calibrate.measured import Measured
from pacbed.infer.judge.confidence import Calibration
from pacbed.infer.judge.confidence import thinnest as judged_thinnest

#: Nominal coverage of a standard error.
ONE_SIGMA = 0.683
#: Share of right patterns that the threshold of refusal keeps, what is added to it (real
#: specimens are further from the model than simulated ones), and its limits.
_KEPT, _MARGIN, _THRESHOLDS = 0.985, 3.5, (9.0, 10.0)
#: Patterns that a Gaussian's tail counts for beside those that were measured: the twentieth part
#: of few patterns says little of it.
_GAUSSIAN_TAIL, _TAIL_PATTERNS = 1.96, 60
#: What is tried: the factors on the part of the fit's own error that is noise and on its rest,
#: what the model leaves at any dose, and its
#: share of the thickness, or its part in crystals of 10 nm.
_OF_THICKNESS = {
    "thickness_scale": (0.7, 1.0, 1.4, 2.0),
    "thickness_rest": (0.0, 0.3, 0.6, 1.0, 1.7, 2.8),
    "thickness_floor_nm": (0.03, 0.05, 0.08, 0.12, 0.18, 0.25, 0.35, 0.5),
    "thickness_relative": (0.0, 2e-3, 4e-3, 7e-3),
}
_OF_TILT = {
    "tilt_scale": (0.7, 1.0, 1.5, 2.2),
    "tilt_rest": (0.0, 0.3, 0.6, 1.0, 1.7, 3.0),
    "tilt_floor_mrad": (0.005, 0.01, 0.02, 0.04, 0.06, 0.1),
    "tilt_thin_mrad": (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4),
}
#: Steps in which the factors are then made finer.
_FINER = (1.25, 1.1, 1.04)


def fit_calibration(
    measured: Measured, others: Numbers | None = None
) -> dict[str, float | list[float]]:
    """What a model's description stores, for :class:`pacbed.infer.judge.confidence.Calibration`.

    Parameters
    ----------
    measured : Measured
        Of patterns that are of the system, with the fit's own errors.
    others : ndarray, shape (n, 4), optional
        Figures of other right patterns, which count for the refusal alone.

    Returns
    -------
    dict
    """
    figures = measured.figures if others is None else np.concatenate([measured.figures, others])
    evidence = _evidence(figures)
    kept = measured.judged(Calibration.from_dict(evidence))
    usual = Calibration()
    thinnest = np.array([judged_thinnest(t) for t in kept.thickness_nm.tolist()])
    thickness = _likeliest(
        kept.thickness_error_nm,
        (*_own(kept.thickness_fit_nm, kept), np.ones(len(kept)), kept.thickness_nm),
        _OF_THICKNESS,
        usual.thickness_thinnest_nm * thinnest,
    )
    thin = (10 / kept.thickness_nm) ** 2
    tilt_parts = (*_own(kept.tilt_fit_mrad, kept), np.ones(len(kept)), thin)
    tilt = _likeliest(
        kept.tilt_error_mrad.T.ravel(),
        tuple(np.tile(part, 2) for part in tilt_parts),
        _OF_TILT,
        np.tile(usual.tilt_thinnest_mrad * thinnest, 2),
    )
    found = Calibration.from_dict({**thickness, **tilt})
    expected = kept.thickness_std_nm(found)
    wide = float(np.quantile(np.abs(kept.thickness_error_nm) / expected, 0.95))
    tail = np.average([wide, _GAUSSIAN_TAIL], weights=[len(kept), _TAIL_PATTERNS])
    return {**thickness, **tilt, "tail": round(float(tail), 4), **evidence, "calibrated": True}


def _own(std: Numbers, measured: Measured) -> tuple[Numbers, Numbers]:
    """The parts of a fit's own error that are noise and rest."""
    noise = measured.noise_share
    return std * np.sqrt(noise), std * np.sqrt(1 - noise)


def _likeliest(
    errors: Numbers,
    parts: tuple[Numbers, ...],
    tried: dict[str, tuple[float, ...]],
    beside: Numbers,
) -> dict[str, float | list[float]]:
    """Factors of σ² = beside² + Σ (factor · part)² under which errors are likeliest.

    For Student's t with 4 degrees of freedom; then scaled so that one σ covers its share.
    """
    best = np.inf
    likeliest: Numbers = np.ones(len(parts))
    for factors in itertools.product(*tried.values()):
        cost = _cost(np.array(factors), errors, parts, beside)
        if cost < best:
            best, likeliest = cost, np.array(factors)
    likeliest = _nearby(likeliest, errors, parts, beside)
    scale = float(np.quantile(np.abs(errors) / _sigma(likeliest, parts, beside), ONE_SIGMA))
    return {
        name: round(float(value), 5) for name, value in zip(tried, likeliest * scale, strict=True)
    }


def _cost(factors: Numbers, errors: Numbers, parts: tuple[Numbers, ...], beside: Numbers) -> float:
    sigma = _sigma(factors, parts, beside)
    return float((np.log(sigma) + 2.5 * np.log1p((errors / sigma) ** 2 / 4)).mean())


def _nearby(
    factors: Numbers, errors: Numbers, parts: tuple[Numbers, ...], beside: Numbers
) -> Numbers:
    """The likeliest factors near some, one after the other in ever smaller steps."""
    best = _cost(factors, errors, parts, beside)
    for step in _FINER:
        better = True
        while better:
            better = False
            for place, change in itertools.product(range(len(factors)), (step, 1 / step)):
                moved = factors.copy()
                moved[place] *= change
                cost = _cost(moved, errors, parts, beside)
                if cost < best - 1e-6:
                    factors, best, better = moved, cost, True
    return factors


def _sigma(factors: Numbers, parts: tuple[Numbers, ...], beside: Numbers) -> Numbers:
    squares = [(factor * part) ** 2 for factor, part in zip(factors, parts, strict=True)]
    return np.asarray(np.sqrt(np.sum(squares, axis=0) + beside**2))


def _evidence(figures: Numbers) -> dict[str, float | list[float]]:
    """Centres, widths and threshold of the doubt."""
    usual = Calibration()
    known = ~np.isnan(figures).all(axis=0)
    centers, widths = np.array(usual.doubt_centers), np.array(usual.doubt_widths)
    # The widths are those of the bulk: a few odd patterns must not widen them. Nor are they
    # narrower than usual where fits leave next to nothing: of few electrons they leave more.
    low, middle, high = np.nanquantile(figures[:, known], [0.16, 0.5, 0.84], axis=0)
    centers[known] = middle
    widths[known] = np.maximum((high - low) / 2, widths[known])
    judge = Calibration(doubt_centers=tuple(centers), doubt_widths=tuple(widths))
    threshold = float(np.quantile(judge.doubts(figures), _KEPT)) + _MARGIN
    return {
        "mismatch": round(float(np.clip(threshold, *_THRESHOLDS)), 4),
        "doubt_centers": centers.round(4).tolist(),
        "doubt_widths": widths.round(4).tolist(),
    }
