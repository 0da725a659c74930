"""Least squares between a measured and the synthesised pattern, with everything free.

Thickness, tilt and geometry are found by :mod:`pacbed.infer.fit.least_squares`. Intensity scale,
offset, backgrounds, gain curve and a rest of blur enter linearly.
"""

import numpy as np

from pacbed.arrays import Numbers
from pacbed.infer.fit.found import Fit
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.least_squares import State, Steps, covariance, minimise, response
from pacbed.infer.fit.linear import CONTRAST_FLOOR, CONTRAST_REACH, share
from pacbed.infer.fit.model import ModelShelf
from pacbed.infer.fit.parameters import THICKNESS, TILT_X, TILT_Y, FitParameters
from pacbed.infer.fit.pattern_model import PatternModel, Shelf, distance, neighbours, shared
from pacbed.infer.fit.samples import Samples
from pacbed.lacbed.field import worth_mrad
from pacbed.lacbed.table import LacbedTable

#: Radius of the fitted region, semi-angles; of small apertures it is more, see `beyond_disk`.
REACH = 1.2
#: A step shorter than this in all parameters (in σ of `SHORT`) ends the fit.
SHORT = np.array([0.01, 0.004, 0.004, 0.02, 0.02, 1e-4, 1e-3, 2e-4, 2e-4, 2e-4])
#: Of χ²: a step that gains less moves nothing by more than a sixth of its error.
LEAST_GAIN = 0.03
#: Largest steps.
LONG = np.array([2.5, 0.6, 0.6, 4.0, 4.0, 0.02, 0.06, 0.01, 0.01, 0.02])


def beyond_disk(table: LacbedTable, convergence_mrad: float) -> float:
    """How far beyond `REACH` a pattern is looked at, semi-angles: 0 but for small apertures.

    As far as it is worth it and the table holds it.
    """
    geometry = table.geometry
    held = geometry.field * geometry.convergence_max_mrad
    far = min(held, worth_mrad(geometry.lattice_mrad, convergence_mrad))
    return max(0.0, far / convergence_mrad - REACH)


def fit_pattern(
    samples: Samples,
    table: LacbedTable,
    start: FitParameters,
    known: Known,
    steps: int,
    blur_mrad: float,
    shelf: Shelf | None = None,
    at: FitParameters | None = None,
) -> Fit:
    """Fit a pattern from one start.

    Parameters
    ----------
    samples : Samples
        Within `REACH` of the disk's centre, or more.
    table : LacbedTable
    start : FitParameters
        What is known is centred on it; see :meth:`Known.centred`.
    known : Known
    steps : int
        Steps at most.
    blur_mrad : float
        First guess of the blur.
    shelf : Shelf, optional
        Models that other fits of the same pattern use too; made for the samples' reach.
    at : FitParameters, optional
        Where to begin; at the start by default.

    Returns
    -------
    Fit
    """
    shelf = shelf or ModelShelf(table, samples.reach)
    first = start.to_vector()
    model = PatternModel.of(samples, table, shelf, first, known, blur_mrad)
    begin = None if at is None else at.to_vector()
    state = minimise(model, first, Steps(steps, SHORT, LONG, 1e3, LEAST_GAIN), begin)
    return _finish(model, state, known)


def shifts(
    samples: Samples,
    table: LacbedTable,
    at: FitParameters,
    known: Known,
    changes: Numbers,
    noise: float,
    shelf: Shelf,
) -> tuple[Numbers, Numbers]:
    """How far a fit that ends at some parameters moves where its samples change.

    Parameters
    ----------
    samples : Samples
        With the pattern that the table gives at the parameters.
    table : LacbedTable
    at : FitParameters
    known : Known
    changes : ndarray, shape (N, k)
        Small changes of the samples, one in each column.
    noise : float
        Noise variance of a sample in the middle of the disk, that what is known is weighed against.
    shelf : Shelf
        Models of the table, made for the samples' reach.

    Returns
    -------
    thickness_nm : ndarray, shape (k,)
    tilt_mrad : ndarray, shape (2, k)
    """
    vector = at.to_vector()
    model = PatternModel.of(samples, table, shelf, vector, known, 0.0)
    state = minimise(model, vector, Steps(0, SHORT, LONG, 1e3))
    moved = response(model, state, changes, noise)
    return moved[THICKNESS], moved[TILT_X : TILT_Y + 1]


def _finish(model: PatternModel, state: State, known: Known) -> Fit:
    samples, solved = model.samples, state.solved
    values = samples.values
    centred = values - values.mean()
    from_centre = distance(state.parameters, samples)
    inside = from_centre < CONTRAST_REACH
    ranked = from_centre < CONTRAST_REACH + (samples.reach - REACH)
    contrast = np.where(inside, values - values[inside].mean(), 0)
    residuals = np.where(inside, solved.residuals, 0)
    floor = CONTRAST_FLOOR**2 * int(inside.sum())
    left = shared(residuals, samples)
    fitted = (solved.coefficients[0] * state.at.columns[:, 0])[inside]
    return Fit(
        FitParameters.from_vector(state.parameters),
        covariance(model, state, state.noise)[0],
        share((solved.residuals**2).sum(), (centred**2).sum()),
        share((residuals**2).sum(), (contrast**2).sum()),
        float((solved.residuals[ranked] ** 2).mean()),
        share(left, shared(contrast, samples) + floor),
        share(left, ((fitted - fitted.mean()) ** 2).sum()),
        float(fitted.std() / max(abs(fitted.mean()), 1e-12)),
        float((solved.scaled**2).sum()) / state.noise,
        state.at.blur_mrad,
        float(solved.coefficients[0]),
        state.settled,
        known,
        share(_single_noise(solved.scaled, model.shown(state.at), samples), state.noise),
    )


def _single_noise(scaled: Numbers, shown: Numbers, samples: Samples) -> float:
    """Noise variance of single samples of weight 1.

    From second differences along x, which what neighbours share has hardly any of.
    """
    followed = neighbours(samples)
    both = followed[1:] & followed[:-1]
    second = (scaled[2:] - 2 * scaled[1:-1] + scaled[:-2])[both]
    weight = shown[1:-1][both]
    # Of white noise a second difference has six times the variance.
    return float((weight * second**2).sum() / max(float(weight.sum()), 1e-12)) / 6
