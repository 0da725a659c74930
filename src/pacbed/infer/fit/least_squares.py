"""The one solver behind every fit: Gauss–Newton steps with Levenberg's damping.

A model is linear in some of its parts. They are solved for at every step and projected out
of the derivatives (variable projection; Kaufman, BIT 15 (1975) 49). Samples that fit badly
count less (Huber's weights), so that dead pixels and saturation do little harm.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from pacbed.arrays import Numbers

#: Residuals beyond so many σ count less.
_HUBER = 2.5


@dataclass(frozen=True)
class Evaluation:
    """A model at some parameters.

    Attributes
    ----------
    columns : ndarray, shape (N, p)
        The linear parts; the parameters act on the first one.
    jacobian : ndarray, shape (N, m)
        Derivatives of the first column by the parameters.
    weights : ndarray, shape (N,)
        Inverse variances of the samples but for a factor; 0 where nothing was recorded.
    blur_mrad : float
        Blur that the columns were made with.
    """

    columns: Numbers
    jacobian: Numbers
    weights: Numbers
    blur_mrad: float = 0.0


@dataclass(frozen=True)
class Solved:
    """The linear parts solved for, robustly.

    Attributes
    ----------
    coefficients : ndarray, shape (p,)
    residuals, weights : ndarray, shape (N,)
        The weights are smaller where a sample fits badly.
    sigma : float
        Noise of a sample of weight 1.
    """

    coefficients: Numbers
    residuals: Numbers
    weights: Numbers
    sigma: float

    @property
    def scaled(self) -> Numbers:
        """Weighted residuals, shape (N,)."""
        return np.sqrt(self.weights) * self.residuals


@dataclass(frozen=True)
class State:
    """Where a fit stands.

    Attributes
    ----------
    parameters : ndarray, shape (m,)
    at : Evaluation
    solved : Solved
    noise : float
        Noise variance of a sample of weight 1, that the prior is weighed against.
    settled : bool
        Whether there was nowhere left to go; else the steps had run out.
    """

    parameters: Numbers
    at: Evaluation
    solved: Solved
    noise: float
    settled: bool = False


class Model(Protocol):
    """What the solver asks of a model."""

    @property
    def values(self) -> Numbers:
        """The samples, shape (N,)."""
        ...

    @property
    def ridge(self) -> Numbers:
        """What holds the linear parts near 0, shape (p,)."""
        ...

    @property
    def precision(self) -> Numbers:
        """Inverse variances of the parameters around their start, known beforehand, (m,)."""
        ...

    def clip(self, parameters: Numbers) -> Numbers:
        """Keep parameters inside their bounds."""
        ...

    def evaluate(self, parameters: Numbers, before: State | None) -> Evaluation:
        """The model at some parameters, coming from a state."""
        ...

    def noise(self, at: Evaluation, solved: Solved) -> float:
        """Noise variance of a sample of weight 1."""
        ...


@dataclass(frozen=True)
class Steps:
    """How far a fit goes.

    Attributes
    ----------
    count : int
        Steps at most.
    shortest : ndarray, shape (m,)
        A step shorter than this in all parameters ends the fit.
    longest : ndarray, shape (m,)
    largest_damping : float
        A step that this much of damping does not mend ends the fit too.
    least_gain : float
        So does a step that would lower the cost by less than this many times the noise: in the
        flat valley of a weak pattern steps are long, and gain nothing that its electrons show.
    """

    count: int
    shortest: Numbers
    longest: Numbers
    largest_damping: float
    least_gain: float = 0.0


def minimise(model: Model, start: Numbers, steps: Steps, begin: Numbers | None = None) -> State:
    """Go down from a start.

    Parameters
    ----------
    model : Model
    start : ndarray, shape (m,)
        Around which parameters are known beforehand.
    steps : Steps
    begin : ndarray, shape (m,), optional
        Where to begin; at the start by default.

    Returns
    -------
    State
    """
    start = model.clip(start)
    first = start if begin is None else model.clip(begin)
    state = _solved(model, first, model.evaluate(first, None))
    slope = _slope(model, state, start)
    damping = 1e-3
    for _ in range(steps.count):
        step = _step(slope, damping)
        if step @ slope.right < steps.least_gain * state.noise:
            return replace(state, settled=True)
        step = step / max(1.0, float(np.abs(step / steps.longest).max()))
        parameters = model.clip(state.parameters + step)
        at = model.evaluate(parameters, state)
        if _cost(model, parameters, at, state, start) <= slope.cost:
            moved = np.abs(parameters - state.parameters)
            state, damping = _solved(model, parameters, at), damping / 5
            if (moved < steps.shortest).all():
                return replace(state, settled=True)
            slope = _slope(model, state, start)
        else:
            damping *= 10
            if damping > steps.largest_damping:
                return replace(state, settled=True)
    return state


def covariance(model: Model, state: State, noise: float) -> tuple[Numbers, Numbers]:
    """Of the parameters with and without what is known beforehand, shape (m, m) each."""
    derivative = _reduced(_basis(model.ridge, state), state)
    normal = derivative.T @ derivative / noise
    known = np.linalg.pinv(normal + np.diag(model.precision), hermitian=True)
    return known, np.linalg.pinv(normal, hermitian=True)


def response(model: Model, state: State, changes: Numbers, noise: float) -> Numbers:
    """How far the end of a fit moves where its samples change, to first order, shape (m, k).

    Parameters
    ----------
    model : Model
    state : State
        The end of a fit that leaves next to nothing.
    changes : ndarray, shape (N, k)
        Small changes of all samples, one in each column.
    noise : float
        Noise variance of a sample of weight 1, that the prior is weighed against.
    """
    derivative = _reduced(_basis(model.ridge, state), state)
    normal = derivative.T @ derivative + noise * np.diag(model.precision)
    weighted = changes * np.sqrt(state.solved.weights)[:, None]
    # Rows of the ridge do not change.
    return np.linalg.solve(normal, derivative[: len(changes)].T @ weighted)


def solve_robustly(columns: Numbers, ridge: Numbers, values: Numbers, weights: Numbers) -> Solved:
    """Solve for the linear parts with Huber's weights.

    Parameters
    ----------
    columns : ndarray, shape (N, p)
    ridge : ndarray, shape (p,)
    values : ndarray, shape (N,)
    weights : ndarray, shape (N,)
        Inverse variances but for a factor; the noise is taken from where they are not 0.
    """
    robust, root = weights, np.sqrt(weights)
    recorded = weights > 0
    coefficients: Numbers = np.zeros(len(ridge))
    residuals, sigma = values, 1.0
    for _ in range(2):
        coefficients, residuals = _solve(columns, ridge, values, robust)
        scaled = np.abs(residuals) * root
        sigma = 1.4826 * float(np.median(scaled[recorded])) + 1e-6
        robust = np.minimum(1, _HUBER * sigma / np.maximum(scaled, 1e-12)) * weights
    return Solved(coefficients, residuals, robust, sigma)


def _solved(model: Model, parameters: Numbers, at: Evaluation) -> State:
    solved = solve_robustly(at.columns, model.ridge, model.values, at.weights)
    return State(parameters, at, solved, model.noise(at, solved))


@dataclass(frozen=True)
class _Slope:
    """Normal equations at a state, and its cost with its own weights."""

    normal: Numbers
    right: Numbers
    cost: float


def _slope(model: Model, state: State, start: Numbers) -> _Slope:
    basis = _basis(model.ridge, state)
    derivative = _reduced(basis, state)
    held = -np.sqrt(model.ridge) * state.solved.coefficients
    residuals = np.concatenate([state.solved.scaled, held])
    off, known = state.parameters - start, state.noise * model.precision
    weighted = np.sqrt(state.solved.weights) * model.values
    left = weighted @ weighted - ((weighted @ basis[: len(weighted)]) ** 2).sum()
    return _Slope(
        derivative.T @ derivative + np.diag(known),
        derivative.T @ residuals - known * off,
        float(left + known @ off**2),
    )


def _step(slope: _Slope, damping: float) -> Numbers:
    scale = np.diag(slope.normal) + 1e-12
    return np.linalg.solve(slope.normal + damping * np.diag(scale), slope.right)


def _cost(model: Model, parameters: Numbers, at: Evaluation, held: State, start: Numbers) -> float:
    """What a trial leaves of the samples, with the weights and the noise of a state.

    Sums that were made with different weights cannot be compared: a trial that leaves more
    may come with smaller weights. Huber's cost falls wherever this one does with the weights
    of the state that it is compared with.
    """
    weights, ridge = held.solved.weights, model.ridge
    coefficients, residuals = _solve(at.columns, ridge, model.values, weights)
    left = float((weights * residuals**2).sum() + (ridge * coefficients**2).sum())
    return left + held.noise * float((model.precision * (parameters - start) ** 2).sum())


def _basis(ridge: Numbers, state: State) -> Numbers:
    """Orthonormal weighted linear parts, shape (N + p, p).

    The ridge is a row more for each of them: what it keeps a part from doing is left to the
    parameters.
    """
    weighted = state.at.columns * np.sqrt(state.solved.weights)[:, None]
    return np.linalg.qr(np.concatenate([weighted, np.diag(np.sqrt(ridge))]))[0]


def _reduced(basis: Numbers, state: State) -> Numbers:
    """Weighted derivatives without what the linear parts can do, shape (N + p, m)."""
    root = np.sqrt(state.solved.weights) * state.solved.coefficients[0]
    derivative = np.zeros((len(basis), state.at.jacobian.shape[1]))
    derivative[: len(root)] = state.at.jacobian * root[:, None]
    return derivative - basis @ (basis.T @ derivative)


def _solve(
    columns: Numbers, ridge: Numbers, values: Numbers, weights: Numbers
) -> tuple[Numbers, Numbers]:
    """Coefficients and residuals for some weights."""
    normal = columns.T @ (weights[:, None] * columns)
    normal[np.diag_indices_from(normal)] += ridge
    coefficients = np.linalg.solve(normal, columns.T @ (weights * values))
    return coefficients, values - columns @ coefficients
