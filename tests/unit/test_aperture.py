"""The aperture on a grid of frequencies."""

import numpy as np
import pytest

from pacbed.reference.aperture import reach_of_cell, shares_inside


def grid(reciprocal, reach=30):
    index = np.arange(-reach, reach + 1)
    return np.stack(np.meshgrid(index, index, indexing="ij"), axis=-1) @ reciprocal


@pytest.mark.parametrize(
    "reciprocal", [np.eye(2) * 0.04, np.diag([0.03, 0.05]), np.array([[0.04, 0], [0.02, 0.035]])]
)
def test_cells_that_an_edge_crosses_count_by_their_share(reciprocal):
    radius = 0.61
    shares = shares_inside(grid(reciprocal), reciprocal, radius)
    cell = abs(np.linalg.det(reciprocal))
    assert shares.sum() * cell == pytest.approx(np.pi * radius**2, rel=1e-3)
    distance = np.linalg.norm(grid(reciprocal), axis=-1)
    reach = reach_of_cell(reciprocal)
    assert (shares[distance <= radius - reach] == 1).all()
    assert (shares[distance >= radius + reach] == 0).all()
    assert ((shares > 0) & (shares < 1)).any()


def test_a_cell_may_hold_the_whole_aperture():
    shares = shares_inside(grid(np.eye(2)), np.eye(2), 0.01)
    assert np.count_nonzero(shares) == 1
    assert shares[30, 30] > 0
