"""Least squares between a measured and the synthesised pattern.

Thickness, tilt and geometry are found by Gauss–Newton steps with Levenberg's
damping. Intensity scale, offset, backgrounds, gain curve and a rest of blur enter
linearly; they are solved for at every step and projected out of the derivatives
(variable projection; Kaufman, BIT 15 (1975) 49). Pixels that fit badly count less
(Huber's weights), so that dead pixels and saturation do little harm.
"""

from dataclasses import dataclass

import numpy as np

from pacbed.infer.fit.linear import (
    BLUR,
    CONTRAST_FLOOR,
    CONTRAST_REACH,
    DARKEST,
    backgrounds,
    held_cost,
    make_columns,
    make_ridge,
    share,
    solve_linear,
    without_linear,
)
from pacbed.infer.fit.model import (
    CENTER_X,
    CENTER_Y,
    ELLIPSE_A,
    ELLIPSE_B,
    LOG_ALPHA,
    LOG_SCALE,
    THICKNESS,
    FitModel,
    ModelShelf,
)
from pacbed.infer.fit.samples import Samples
from pacbed.lacbed.table import LacbedTable

#: Radius of the fitted region, semi-angles.
REACH = 1.2
#: Error of the model at the disks' edges, as a share of the pattern's derivative by the
#: logarithm of the convergence angle, which is large there alone: how sharp the edges
#: are depends on the table's grid and on the aperture, and says nothing of the crystal.
_EDGE = 0.3
#: σ of what is known beforehand: ellipticity, logarithm of the convergence angle,
#: logarithm of the scale where it is given.
_ELLIPTICITY, _LOG_ALPHA, _LOG_SCALE_GIVEN = 0.006, 0.015, 0.01
#: Largest blur that is taken into the pattern itself, semi-angles.
_LARGEST_BLUR = 0.12
#: A step shorter than this in all parameters (in σ of `_SHORT`) ends the fit.
_SHORT = np.array([0.01, 0.004, 0.004, 0.02, 0.02, 1e-4, 1e-3, 2e-4, 2e-4, 2e-4])
#: Largest steps.
_LONG = np.array([2.5, 0.6, 0.6, 4.0, 4.0, 0.02, 0.06, 0.01, 0.01, 0.01])


@dataclass(frozen=True)
class Fit:
    """The end of a fit.

    Attributes
    ----------
    parameters : ndarray, shape (10,)
        See :mod:`pacbed.infer.fit.model`.
    covariance : ndarray, shape (10, 10)
        From the curvature and the noise that the residual shows.
    residual : float
        Share of the variance that is left, 0..1.
    contrast_residual : float
        The same inside the disk alone, where only the crystal's contrast is.
    structured_residual : float
        The same for what neighbouring pixels share: without the noise of single
        pixels. Near 0 for the right crystal at any dose.
    chi_square : float
        Sum of squares over the noise variance; differences between fits of the same
        samples are log-likelihood ratios times −2.
    blur_mrad : float
    gain : float
        Contrast of the measured pattern over the synthesised one's.
    """

    parameters: np.ndarray
    covariance: np.ndarray
    residual: float
    contrast_residual: float
    structured_residual: float
    chi_square: float
    blur_mrad: float
    gain: float


@dataclass(frozen=True)
class _State:
    parameters: np.ndarray
    blur_mrad: float
    prior: float
    noise: float
    columns: np.ndarray
    coefficients: np.ndarray
    residuals: np.ndarray
    weights: np.ndarray
    jacobian: np.ndarray
    ridge: np.ndarray

    def cost(self, values: np.ndarray, held: "_State") -> float:
        """What this state leaves of the samples, with the weights and noise of `held`."""
        left = held_cost(self.columns, self.ridge, values, held.weights)
        return left + held.noise * self.prior


def fit_pattern(
    samples: Samples,
    table: LacbedTable,
    start: np.ndarray,
    scale_given: bool,
    steps: int,
    blur_mrad: float,
    shelf: ModelShelf | None = None,
) -> Fit:
    """Fit a pattern from one start.

    Parameters
    ----------
    samples : Samples
        Within `REACH` of the disk's centre.
    table : LacbedTable
    start : ndarray, shape (10,)
        Parameters, see :mod:`pacbed.infer.fit.model`.
    scale_given : bool
        Whether the angle per pixel is known, to about a per cent.
    steps : int
        Steps at most.
    blur_mrad : float
        First guess of the blur.
    shelf : ModelShelf, optional
        Models that other fits of the same pattern use too; made for `REACH`.

    Returns
    -------
    Fit
    """
    shelf = shelf or ModelShelf(table, REACH)
    bounds = _bounds(table, start)
    precision = _prior(scale_given)
    start = np.clip(start, *bounds)
    state = _evaluate(shelf.at(start), samples, start, start, precision, blur_mrad)
    damping = 1e-3
    for _ in range(steps):
        step = _step(state, start, precision, damping)
        proposal = np.clip(state.parameters + step, *bounds)
        blur = _next_blur(state, float(np.exp(proposal[LOG_ALPHA])))
        trial = _evaluate(shelf.at(proposal), samples, proposal, start, precision, blur)
        if trial.cost(samples.values, state) <= state.cost(samples.values, state):
            moved = np.abs(proposal - state.parameters)
            state, damping = trial, damping / 5
            if (moved < _SHORT).all():
                break
        else:
            damping *= 10
            if damping > 1e3:
                break
    return _finish(state, samples, precision)


def _bounds(table: LacbedTable, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.full(10, -np.inf), np.full(10, np.inf)
    low[THICKNESS], high[THICKNESS] = 0.2, table.geometry.thicknesses_nm[-1]
    low[LOG_ALPHA] = start[LOG_ALPHA] - 0.05
    high[LOG_ALPHA] = min(start[LOG_ALPHA] + 0.05, np.log(table.geometry.convergence_max_mrad))
    low[ELLIPSE_A : ELLIPSE_B + 1], high[ELLIPSE_A : ELLIPSE_B + 1] = -0.05, 0.05
    return low, high


def _prior(scale_given: bool) -> np.ndarray:
    """Inverse variances of what is known of each parameter beforehand."""
    precision = np.zeros(10)
    precision[ELLIPSE_A : ELLIPSE_B + 1] = _ELLIPTICITY**-2
    precision[LOG_ALPHA] = _LOG_ALPHA**-2
    if scale_given:
        precision[LOG_SCALE] = _LOG_SCALE_GIVEN**-2
    return precision


def _evaluate(
    model: FitModel,
    samples: Samples,
    parameters: np.ndarray,
    start: np.ndarray,
    precision: np.ndarray,
    blur_mrad: float,
) -> _State:
    """Solve for the linear parts, robustly."""
    at = model.evaluate(parameters, samples, blur_mrad)
    alpha = float(np.exp(parameters[LOG_ALPHA]))
    values = samples.values
    broad = backgrounds(_distance(parameters, samples))
    columns = make_columns(at.pattern, broad, at.diffuse, at.laplacian * alpha**2)
    ridge = make_ridge(len(values))
    shot = np.maximum(at.pattern, DARKEST)
    spread = shot + (_EDGE * at.jacobian[:, LOG_ALPHA]) ** 2
    coefficients, residuals, weights, _ = solve_linear(columns, ridge, values, 1 / spread)
    # Neighbouring residuals are alike where the model is wrong: fewer of them count.
    # The noise shows where edges do not matter; on them the residuals are small beside theirs.
    noise = float(np.average(weights * residuals**2, weights=shot / spread))
    noise = noise / _independent_share(np.sqrt(weights) * residuals, samples) + 1e-12
    prior = float((precision * (parameters - start) ** 2).sum())
    return _State(
        parameters, blur_mrad, prior, noise, columns, coefficients, residuals, weights,
        at.jacobian, ridge,
    )  # fmt: skip


def _distance(parameters: np.ndarray, samples: Samples) -> np.ndarray:
    """Distance of the samples from the disk's centre, semi-angles."""
    radius = np.exp(parameters[LOG_ALPHA] - parameters[LOG_SCALE])
    distance = np.hypot(samples.x - parameters[CENTER_X], samples.y - parameters[CENTER_Y])
    return np.asarray(distance / radius)


def _next_blur(state: _State, alpha: float) -> float:
    """Take the linear rest of the blur into the pattern's own."""
    rest = 2 * BLUR * alpha**2 * state.coefficients[5] / max(state.coefficients[0], 1e-6)
    square = state.blur_mrad**2 + float(np.clip(rest, -((0.03 * alpha) ** 2), (0.05 * alpha) ** 2))
    return float(np.sqrt(np.clip(square, 0, (_LARGEST_BLUR * alpha) ** 2)))


def _projected(state: _State) -> tuple[np.ndarray, np.ndarray]:
    return without_linear(
        state.columns,
        state.ridge,
        state.weights,
        state.coefficients,
        state.residuals,
        state.jacobian,
    )


def _step(state: _State, start: np.ndarray, precision: np.ndarray, damping: float) -> np.ndarray:
    derivative, residuals = _projected(state)
    normal = derivative.T @ derivative + state.noise * np.diag(precision)
    right = derivative.T @ residuals
    right -= state.noise * precision * (state.parameters - start)
    scale = np.diag(normal) + 1e-12
    step = np.linalg.solve(normal + damping * np.diag(scale), right)
    return np.asarray(step / max(1.0, float(np.abs(step / _LONG).max())))


def _finish(state: _State, samples: Samples, precision: np.ndarray) -> Fit:
    derivative, _ = _projected(state)
    scaled = np.sqrt(state.weights) * state.residuals
    normal = derivative.T @ derivative / state.noise + np.diag(precision)
    covariance = np.linalg.pinv(normal, hermitian=True)
    values = samples.values
    centred = values - values.mean()
    inside = _distance(state.parameters, samples) < CONTRAST_REACH
    contrast = np.where(inside, values - values[inside].mean(), 0)
    residuals = np.where(inside, state.residuals, 0)
    floor = CONTRAST_FLOOR**2 * int(inside.sum())
    return Fit(
        state.parameters,
        covariance,
        share((state.residuals**2).sum(), (centred**2).sum()),
        share((residuals**2).sum(), (contrast**2).sum()),
        share(_shared(residuals, samples), _shared(contrast, samples) + floor),
        float((scaled**2).sum()) / state.noise,
        state.blur_mrad,
        float(state.coefficients[0]),
    )


def _neighbours(samples: Samples) -> np.ndarray:
    """Which samples are followed by their neighbour along x."""
    beside = np.diff(samples.x) <= samples.pitch_px * 1.01
    return np.asarray((np.diff(samples.y) == 0) & beside)


def _shared(values: np.ndarray, samples: Samples) -> float:
    """Sum of the products of neighbours."""
    return float((values[1:] * values[:-1])[_neighbours(samples)].sum())


def _independent_share(scaled: np.ndarray, samples: Samples) -> float:
    """Share of the residuals that are independent, from neighbours along x."""
    power = float((scaled**2).mean()) + 1e-20
    correlation = _shared(scaled, samples) / max(int(_neighbours(samples).sum()), 1) / power
    correlation = float(np.clip(correlation, 0, 0.95))
    # Of a two-dimensional exponential correlation.
    return ((1 - correlation) / (1 + correlation)) ** 2
