"""Series of many tilts and apertures at once, against the series of each."""

import dataclasses

import numpy as np
import pytest

from pacbed.errors import OutOfRangeError
from pacbed.pattern import many_series
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.many_series import ManySeries
from pacbed.pattern.series import synthesise_series

THICKNESSES = (1.0, 7.5, 22.3, 29.0)
PARAMETERS = [
    PatternParameters(0.0, 2.0, -1.0, 11.0, 0.35),
    PatternParameters(0.0, 0.0, 0.0, 8.0, 0.3),
    PatternParameters(0.0, 0.4, 2.5, 12.0, 0.45, 30.0, 21.0, 17.5, 0.01, 20.0),
]


def test_every_series_is_the_one_made_alone(small_table):
    """The common basis leaves 0.3 % of the table's norm; nothing else differs."""
    found = list(ManySeries(small_table, THICKNESSES).synthesise(PARAMETERS, (48, 40)))
    assert len(found) == len(PARAMETERS)
    for parameters, series in zip(PARAMETERS, found, strict=True):
        expected = synthesise_series(small_table, parameters, THICKNESSES, (48, 40), samples=1)
        assert series.shape == expected.shape
        assert series.dtype == np.float32
        difference = np.abs(series - expected) / expected.max(axis=(1, 2), keepdims=True)
        # Pixels whose neighbours lie beyond the grid are left dark at the field's very rim.
        inner = expected != 0
        assert np.sqrt((difference[inner] ** 2).mean()) < 0.003
        assert np.quantile(difference[inner], 0.999) < 0.02


def test_parts_make_the_same_series(small_table, monkeypatch):
    """What does not fit into the memory at once is made in parts."""
    whole = list(ManySeries(small_table, THICKNESSES).synthesise(PARAMETERS, (32, 32)))
    monkeypatch.setattr(many_series, "_MEMORY", 1)
    parts = list(ManySeries(small_table, THICKNESSES).synthesise(PARAMETERS, (32, 32)))
    for one, other in zip(whole, parts, strict=True):
        assert np.abs(one - other).max() < 1e-6 * one.max()


def test_nothing_asked_nothing_made(small_table):
    assert list(ManySeries(small_table, THICKNESSES).synthesise([])) == []


@pytest.mark.parametrize(
    ("changed", "thicknesses", "words"),
    [
        ({"convergence_mrad": 14.0}, THICKNESSES, "convergence"),
        ({"tilt_x_mrad": 9.0}, THICKNESSES, "mistilt"),
        ({}, (10.0, 99.0), "thickness"),
    ],
)
def test_outside_the_table(small_table, changed, thicknesses, words):
    outside = [*PARAMETERS, dataclasses.replace(PARAMETERS[0], **changed)]
    with pytest.raises(OutOfRangeError, match=words):
        list(ManySeries(small_table, thicknesses).synthesise(outside))
