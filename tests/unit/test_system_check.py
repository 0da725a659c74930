"""Conditions that a system covers, and those in a file that contradict an answer."""

import dataclasses
from types import SimpleNamespace

import pytest

from pacbed.answer.doubts import contradictions
from pacbed.errors import OutOfRangeError
from pacbed.infer.several import covering
from tests.cli_tools import SYSTEM

LOW, HIGH = SYSTEM.convergence_mrad


@pytest.mark.parametrize("angle", [LOW, HIGH, LOW - 1e-7, HIGH + 1e-7, (LOW + HIGH) / 2])
def test_the_ends_are_covered_as_they_read(angle):
    assert SYSTEM.covers(angle)
    SYSTEM.check(angle, 0.3)
    # Whether one system is asked or any of several.
    model = SimpleNamespace(system=SYSTEM)
    elsewhere = dataclasses.replace(SYSTEM, convergence_mrad=(HIGH + 10, HIGH + 20))
    assert covering([model, SimpleNamespace(system=elsewhere)], angle) == [model]


@pytest.mark.parametrize("angle", [LOW - 0.1, HIGH + 0.1, float("nan"), float("inf")])
def test_what_is_not_covered_is_refused_in_two_ways(angle):
    words = f"lies outside {LOW:g} to {HIGH:g}"
    with pytest.raises(OutOfRangeError, match=f"^convergence .* mrad {words} mrad, which"):
        SYSTEM.check(angle)
    with pytest.raises(OutOfRangeError, match=f"^angle {words}, which {SYSTEM.name} covers$"):
        SYSTEM.check(angle, parameter="angle")


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_must_be_a_positive_number(scale):
    with pytest.raises(OutOfRangeError, match="positive"):
        SYSTEM.check(LOW, scale)


def test_only_what_is_stated_and_far_off_is_doubted():
    def doubts(**stated):
        return contradictions(stated, SYSTEM, 20.0, 0.4, "the pattern shows")

    voltage = SYSTEM.high_tension_kV
    assert doubts() == ()
    assert doubts(high_tension_kV=voltage * 1.019, convergence_mrad=20.9, mrad_per_pixel=0.39) == ()
    assert doubts(high_tension_kV=None, convergence_mrad=22.0) == (
        "the file states convergence_mrad = 22, but the convergence given is 20",
    )
    assert doubts(mrad_per_pixel=0.5) == (
        "the file states mrad_per_pixel = 0.5, but the pattern shows 0.4",
    )
    assert len(doubts(high_tension_kV=2 * voltage, mrad_per_pixel=1.0)) == 2
