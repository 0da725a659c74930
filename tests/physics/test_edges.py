"""Edges drawn as they are: against the synthesis on a fine grid, and what a fit finds with them."""

import math

import numpy as np
import pytest

from pacbed.infer.fit.closely import fit_closely
from pacbed.infer.fit.edges import EdgeModel, EdgeShelf
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.model import ModelShelf
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.fit.pattern_fit import REACH, fit_pattern
from pacbed.infer.fit.samples import take_samples
from pacbed.pattern.clean import clean
from pacbed.pattern.geometry import PatternParameters, rotation_matrix
from pacbed.pattern.preprocess import DiskLocation
from pacbed.pattern.synthesis import synthesise

#: Thirteen steps of the table in a semi-angle: as coarse as a table is made.
ALPHA, TILT, ROTATION_DEG, RADIUS_PX = 10.4, np.array([1.6, -1.1]), 25.0, 68.0
STEPS = (5e-3, 5e-3, 5e-3, 0.02, 0.02, 2e-4, 5e-4, 2e-4, 2e-4, 3e-4)
BLUR = 0.15


def parameters_of(thickness_nm, tilt=TILT):
    middle = (95.0, 93.5)
    scale = math.log(ALPHA / RADIUS_PX)
    turned = math.radians(ROTATION_DEG)
    return FitParameters(thickness_nm, tuple(tilt), *middle, scale, turned, math.log(ALPHA))


def samples_of(table, thickness_nm):
    """Of a pattern that was summed on a grid eight times finer than the table."""
    at = parameters_of(thickness_nm)
    x, y = rotation_matrix(ROTATION_DEG) @ TILT
    asked = PatternParameters(
        thickness_nm, x, y, ALPHA, ALPHA / RADIUS_PX, ROTATION_DEG, at.center_y, at.center_x
    )
    image = np.maximum(synthesise(table, asked, (190, 190), samples=100), 0) * np.float32(1e6)
    return take_samples(clean(image), DiskLocation(at.center_y, at.center_x, RADIUS_PX), REACH)


def left_over(samples, pattern):
    """Of the samples' variance, with the best scale and offset."""
    columns = np.stack([pattern, np.ones_like(pattern)], axis=1)
    coefficients = np.linalg.lstsq(columns, samples.values, rcond=None)[0]
    return (samples.values - columns @ coefficients).var() / samples.values.var()


@pytest.mark.parametrize("thickness_nm", [5.0, 26.0])
def test_a_pattern_is_drawn_as_on_a_much_finer_grid(small_table, thickness_nm):
    samples = samples_of(small_table, thickness_nm)
    shelf = ModelShelf(small_table, REACH)
    at = parameters_of(thickness_nm).to_vector()
    fine = EdgeModel(small_table, at, samples, 0.0, shelf).evaluate(at, samples, 0.0)
    on_grid = shelf.evaluate(at, samples, 0.0)
    assert left_over(samples, fine.pattern) < 5e-4
    assert left_over(samples, fine.pattern) < left_over(samples, on_grid.pattern) / 10


def test_derivatives(small_table):
    samples = samples_of(small_table, 20.0)
    at = parameters_of(20.0).to_vector()
    model = EdgeModel(small_table, at, samples, BLUR, ModelShelf(small_table, REACH))
    jacobian = model.evaluate(at, samples, BLUR).jacobian
    for number, step in enumerate(STEPS):
        ends = []
        for sign in (1, -1):
            moved = at.copy()
            moved[number] += sign * step
            ends.append(model.evaluate(moved, samples, BLUR).pattern)
        slope = (ends[0] - ends[1]) / (2 * step)
        # How contents change across an edge is part of the pattern, and not of every derivative.
        assert np.abs(slope - jacobian[:, number]).max() < 0.08 * np.abs(slope).max()
        assert np.corrcoef(slope, jacobian[:, number])[0, 1] > 0.998


def test_the_laplacian_is_what_more_blur_adds(small_table):
    samples = samples_of(small_table, 20.0)
    at = parameters_of(20.0).to_vector()
    model = EdgeModel(small_table, at, samples, BLUR, ModelShelf(small_table, REACH))
    wide, narrow = (model.evaluate(at, samples, blur).pattern for blur in (0.2, 0.1))
    added = (wide - narrow) / ((0.2**2 - 0.1**2) / 2)
    laplacian = model.evaluate(at, samples, BLUR).laplacian
    assert np.abs(added - laplacian).max() < 0.08 * np.abs(added).max()


@pytest.mark.parametrize("away", [(0.0, 0.0), (1.2, -0.9), (-1.5, 0.8)])
def test_the_fit_of_a_thin_crystal_finds_its_tilt_from_afar(small_table, away):
    """Edges on the grid hold it up about a step beside the truth, with an error bar of 0.02."""
    thickness = 5.0
    samples = samples_of(small_table, thickness)
    start = parameters_of(thickness + 0.3, np.add(TILT, away))
    shelf = ModelShelf(small_table, REACH)
    near = fit_pattern(samples, small_table, start, Known(), 16, BLUR, shelf)
    end = fit_closely(samples, small_table, start, near, shelf)
    assert end.parameters.tilt == pytest.approx(TILT, abs=0.05)
    assert end.parameters.thickness_nm == pytest.approx(thickness, abs=0.05)
    assert end.ranked_residual < near.ranked_residual / 5


def test_a_model_is_made_anew_where_the_fit_leaves_it(small_table):
    samples = samples_of(small_table, 12.0)
    shelf = EdgeShelf(small_table, ModelShelf(small_table, REACH))
    for move in (0.0, 0.9):
        at = parameters_of(12.0, (TILT[0] + move, TILT[1])).to_vector()
        own = EdgeModel(small_table, at, samples, BLUR, ModelShelf(small_table, REACH))
        pattern = shelf.evaluate(at, samples, BLUR).pattern
        assert pattern == pytest.approx(own.evaluate(at, samples, BLUR).pattern, abs=1e-3)
