"""The project's cubic splines against SciPy's."""

import numpy as np
import pytest
from scipy import interpolate

from pacbed.spline import CubicSpline


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize(("shape", "axis"), [((9,), 0), ((9, 3), 0), ((2, 9), 1), ((2, 9, 3), 1)])
def test_splines_and_their_derivatives_are_scipys(even, shape, axis):
    rng = np.random.default_rng(1)
    knots = np.linspace(1, 7, 9) if even else np.sort(rng.uniform(0, 9, 9))
    values = rng.normal(size=shape)
    ours, theirs = CubicSpline(knots, values, axis), interpolate.CubicSpline(knots, values, axis)
    inside = rng.uniform(knots[0], knots[-1], (4, 2))
    for order in range(4):
        for at in (inside, inside[0], float(inside[0, 0]), knots[0] - 0.5, knots[-1] + 0.5):
            expected = theirs(at, order)
            assert ours(at, order).shape == expected.shape
            assert ours(at, order) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert ours(knots) == pytest.approx(theirs(knots))


@pytest.mark.parametrize("count", [2, 3])
def test_few_knots_carry_a_line_or_a_parabola(count):
    knots, values = np.array([0.0, 1.0, 2.5])[:count], np.array([1.0, -1.0, 0.5])[:count]
    at = np.linspace(0, knots[-1], 7)
    assert CubicSpline(knots, values)(at) == pytest.approx(
        interpolate.CubicSpline(knots, values)(at)
    )


def test_values_may_be_complex():
    knots = np.linspace(0, 3, 7)
    values = np.exp(1j * knots)
    ours, theirs = CubicSpline(knots, values), interpolate.CubicSpline(knots, values)
    assert ours(1.23) == pytest.approx(theirs(1.23))
    assert ours(1.23, 1) == pytest.approx(theirs(1.23, 1))


def test_four_knots_carry_one_cubic():
    x = np.array([0.0, 1.0, 2.5, 4.0])
    spline = CubicSpline(x, x**3 - 2 * x)
    assert spline(3.3) == pytest.approx(3.3**3 - 6.6)
    assert spline(3.3, 1) == pytest.approx(3 * 3.3**2 - 2)
