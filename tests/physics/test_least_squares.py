"""The solver on a model that is written down: a Gaussian on a constant."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from pacbed.infer.fit.least_squares import (
    Evaluation,
    Solved,
    State,
    Steps,
    covariance,
    minimise,
)

X = np.linspace(-3, 3, 200)


@dataclass
class Hill:
    """Middle and logarithm of the width; height and offset enter linearly."""

    values: np.ndarray
    weights: np.ndarray
    ridge: np.ndarray
    precision: np.ndarray

    def clip(self, parameters):
        return np.clip(parameters, [-2, -2], [2, 1])

    def evaluate(self, parameters, before: State | None):
        middle, width = parameters[0], np.exp(parameters[1])
        shape = np.exp(-(((X - middle) / width) ** 2) / 2)
        by_middle = shape * (X - middle) / width**2
        jacobian = np.stack([by_middle, by_middle * (X - middle)], axis=1)
        return Evaluation(np.stack([shape, np.ones_like(X)], axis=1), jacobian, self.weights)

    def noise(self, at: Evaluation, solved: Solved):
        return solved.sigma**2


def hill(values, weights=1.0, ridge=(0, 0), precision=(0, 0)):
    return Hill(values, np.full(len(X), weights) * 1.0, np.array(ridge) * 1.0, np.array(precision))


def made(middle=0.4, width=0.7):
    return 3 * np.exp(-(((X - middle) / width) ** 2) / 2) + 0.5


STEPS = Steps(30, np.full(2, 1e-9), np.array([0.5, 0.3]), 1e6)


def test_finds_what_made_the_values():
    state = minimise(hill(made()), np.array([-0.3, 0.0]), STEPS)
    assert state.parameters == pytest.approx([0.4, np.log(0.7)], abs=1e-6)
    assert state.solved.coefficients == pytest.approx([3, 0.5], abs=1e-6)
    assert state.settled


def test_says_where_the_steps_ran_out():
    few = replace(STEPS, count=2)
    assert not minimise(hill(made()), np.array([-0.9, 0.0]), few).settled


def test_samples_without_weight_and_wild_ones_do_no_harm():
    values = made() + np.random.default_rng(0).normal(0, 0.02, len(X))
    model = hill(values)
    model.values[:60], model.weights[:60] = 1e3, 0
    model.values[100::25] = 40.0
    state = minimise(model, np.array([0.0, 0.0]), STEPS)
    assert state.parameters == pytest.approx([0.4, np.log(0.7)], abs=0.03)


def test_errors_are_those_of_the_noise():
    rng = np.random.default_rng(1)
    pulls = []
    for _ in range(60):
        model = hill(made() + rng.normal(0, 0.1, len(X)))
        state = minimise(model, np.array([0.3, -0.3]), STEPS)
        known, free = covariance(model, state, 0.01)
        assert known == pytest.approx(free)
        off = state.parameters - [0.4, np.log(0.7)]
        pulls.append(off / np.sqrt(np.diag(known)))
    assert 0.75 < np.sqrt(np.mean(np.square(pulls))) < 1.25


def test_what_is_known_beforehand_holds_a_parameter():
    model = hill(made() + np.random.default_rng(2).normal(0, 0.1, len(X)), precision=(1e8, 0))
    state = minimise(model, np.array([0.1, 0.0]), STEPS)
    assert state.parameters[0] == pytest.approx(0.1, abs=1e-3)


def test_a_part_that_is_held_takes_nothing_off_the_derivatives():
    """Without an offset the width is known better."""
    errors = []
    for ridge in ((0, 0), (0, 1e12)):
        model = hill(made() - 0.5, ridge=ridge)
        state = minimise(model, np.array([0.4, -0.3]), STEPS)
        assert state.parameters == pytest.approx([0.4, np.log(0.7)], abs=1e-5)
        errors.append(np.sqrt(np.diag(covariance(model, state, 0.01)[1])))
    alone = np.array([state.at.columns[:, 0], *state.at.jacobian.T * 3]).T
    expected = np.sqrt(0.01 * np.diag(np.linalg.inv(alone.T @ alone))[1:])
    assert errors[1] == pytest.approx(expected, rel=1e-3)
    assert errors[0][1] > 1.1 * errors[1][1]


def test_bounds_are_kept():
    assert minimise(hill(made(middle=2.6)), np.array([1.5, 0.0]), STEPS).parameters[0] <= 2
