"""The grid of directions: its points, its strides and its splines."""

from dataclasses import replace

import numpy as np
import pytest

from pacbed.learn.batches import PatternStream, StreamOptions
from pacbed.library.installed import load_bundle
from pacbed.pattern.disks import grid_stride
from pacbed.pattern.grid import (
    direction_stride,
    points_within,
    refine_axis,
    spline_slopes,
    spline_weights,
    step_mrad,
)
from tests.cli_tools import SYSTEM


def test_points_within_a_circle_are_all_of_them():
    lattice = np.array([[0.5, 0.1], [-0.2, 0.4]])
    centre, radius = np.array([3.3, -2.1]), 2.5
    found = {tuple(index) for index in points_within(lattice, centre, radius).tolist()}
    span = range(-40, 41)
    inside = {
        (i, j)
        for i in span
        for j in span
        if np.linalg.norm(np.array([i, j]) @ lattice - centre) <= radius
    }
    assert found == inside


def test_spline_weights_are_a_spline():
    x = np.linspace(0, 0.999, 50)
    weights, slopes = spline_weights(x), spline_slopes(x)
    assert weights.sum(axis=0) == pytest.approx(np.ones(50))
    # The four neighbours' own places give the position back.
    assert np.arange(-1, 3) @ weights == pytest.approx(x)
    ahead, behind = spline_weights(x + 1e-6), spline_weights(x - 1e-6)
    assert slopes == pytest.approx((ahead - behind) / 2e-6, abs=1e-7)
    wave = np.sin(np.arange(20) / 3)
    # At the ends the samples are mirrored, which the wave is not.
    refined, exact = refine_axis(wave, 4, 0), np.sin((1 + np.arange(68) / 4) / 3)
    assert refined[20:48] == pytest.approx(exact[20:48], abs=2e-3)


def test_directions_are_left_out_where_enough_steps_are_left(small_table):
    """17 steps for an edge of one cell; the disks' edge of two takes half as many."""
    first, second = small_table.geometry.divisions
    geometry = replace(small_table.geometry, divisions=(2 * first, 2 * second))
    table, step = replace(small_table, geometry=geometry), step_mrad(geometry)
    assert direction_stride(geometry, 33.9 * step) == 1
    assert direction_stride(geometry, 34.1 * step) == 2
    assert grid_stride(table, 16.9 * step) == 1
    assert grid_stride(table, 17.1 * step) == 2
    # Fringes do not widen with the aperture: what is coarse already stays whole.
    assert direction_stride(small_table.geometry, 34.1 * step_mrad(small_table.geometry)) == 1


def test_of_the_shipped_tables_every_second_direction_is_summed():
    for name in ("rutile-001-80kV", "sto-001-80kV", "sto-001-200kV", "sto-001-300kV"):
        assert grid_stride(load_bundle(name).table, 20.0) == 2


def test_training_and_fit_ask_the_same_grid(small_table, monkeypatch):
    asked = []

    def note(geometry, convergence_mrad, edge_cells=1):
        asked.append((convergence_mrad, edge_cells))
        return 1

    monkeypatch.setattr("pacbed.learn.batches.direction_stride", note)
    monkeypatch.setattr("pacbed.pattern.disks.direction_stride", note)
    PatternStream(small_table, SYSTEM, StreamOptions(), 0)
    grid_stride(small_table, 11.0)
    assert asked[0] == (SYSTEM.convergence_mrad[0], 1)
    assert asked[-1] == (11.0, 2)
