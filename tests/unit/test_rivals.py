"""Which fits go on: of every thickness, and of every orientation."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest

from pacbed.infer.fit.found import Fit
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.fit.rivals import closed, of_each_thickness, worth_finishing
from pacbed.infer.search.search import Searcher, _enough, _turned_otherwise


def fit(left, thickness=20.0, tilt=(1.0, 0.0), rotation=0.0, structured=0.05, unexplained=0.05):
    parameters = FitParameters(
        thickness_nm=thickness,
        tilt=tilt,
        center_x=64.0,
        center_y=64.0,
        log_scale=math.log(0.5),
        rotation=rotation,
        log_alpha=math.log(20.0),
    )
    return Fit(parameters, np.eye(10), 0.1, 0.1, left, structured, unexplained, 0.1, 1e4, 0.4, 1.0)


def finished(*tried, count=2, order=2):
    return [one for one, _ in worth_finishing([(one, None) for one in tried], count, order)]


def test_another_tilt_of_the_same_thickness_goes_on():
    best, other, far = fit(1.0), fit(1.1, tilt=(-1.0, 0.0)), fit(1.5, tilt=(0.0, 2.0))
    assert finished(best, other, far) == [best, other]


def test_another_polarity_goes_on_but_no_turn_by_a_symmetry():
    best = fit(1.0, tilt=(0.0, 0.0))
    turned = fit(1.1, tilt=(0.0, 0.0), rotation=math.pi)
    assert finished(best, turned, order=1) == [best, turned]
    assert finished(best, turned, order=2) == [best]


def test_orientations_take_no_thickness_its_place():
    tilts = [fit(1.0 + n / 100, tilt=(float(n), 0.0)) for n in range(6)]
    thick = fit(1.9, thickness=30.0)
    assert finished(*tilts, thick) == [tilts[0], thick, *tilts[1:3]]


def test_the_exact_end_is_for_those_that_may_still_be_the_best():
    best, near, far = fit(1.0), fit(1.4, thickness=24.0), fit(1.6, thickness=30.0)
    end = SimpleNamespace(close=lambda one: dataclasses.replace(one, settled=False))
    assert [one.settled for one in closed([(near, end), (best, end), (far, end)])] == [
        False, False, True,
    ]  # fmt: skip
    assert closed([]) == []


@pytest.fixture
def inside():
    ranges = SimpleNamespace(thickness_nm=(2.0, 100.0), mistilt_mrad=(0.0, 8.0))
    return Searcher(None, ranges)._inside


def test_what_lies_beyond_the_ranges_has_to_explain_clearly_more(inside):
    within, tilted, thin = fit(1.0), fit(0.97, tilt=(0.0, 11.0)), fit(0.98, thickness=1.0)
    assert inside([tilted, thin, within]) == [within]
    much_less = fit(0.5, tilt=(0.0, 11.0))
    assert inside([much_less, within]) == [much_less, within]
    assert inside([tilted]) == [tilted]


def test_a_fair_fit_is_enough_where_nothing_else_comes_near():
    fair = fit(1.0, structured=0.1)
    assert _enough([fair, fit(2.0, structured=0.4)])
    assert not _enough([fair, fit(1.1, structured=0.15)])
    assert not _enough([fit(1.0, structured=0.1, unexplained=0.3)])
    assert not _enough([fit(1.0, structured=0.2)])
    faint = dataclasses.replace(fit(1.0, structured=0.2), contrast=0.015)
    assert _enough([faint])


def test_a_crystal_turned_otherwise_is_told_where_it_leaves_hardly_more():
    best, turned = fit(1.0), fit(1.01, tilt=(-1.0, 0.0), rotation=math.pi)
    assert _turned_otherwise([best, turned], best, 1) is turned
    assert _turned_otherwise([best, turned], best, 2) is None
    worse, thicker = fit(1.1, rotation=math.pi), fit(1.0, thickness=22.0, rotation=math.pi)
    assert _turned_otherwise([best, worse, thicker], best, 1) is None


def test_two_orientations_of_one_thickness_are_no_two_thicknesses():
    best, other = fit(1.0), fit(1.1, tilt=(-1.0, 0.0))
    thicker = fit(1.2, thickness=25.0)
    assert of_each_thickness([other, thicker, best]) == [best, thicker]
