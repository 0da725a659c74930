"""A data cube that py4DSTEM 0.14.18 wrote itself (benchmarks/py4dstem_cube.py)."""

import numpy as np
import pytest

from pacbed.maps import open_scan
from pacbed.readers import read_pattern

CUBE = np.arange(2 * 3 * 32 * 40).reshape(2, 3, 32, 40)


@pytest.fixture
def cube(repository):
    return repository / "tests" / "data" / "py4dstem_cube.h5"


def test_patterns_and_their_calibration(cube):
    one = read_pattern(cube, 4)
    np.testing.assert_array_equal(one.data, CUBE[1, 1])
    assert one.metadata.mrad_per_pixel == pytest.approx(0.4)
    assert one.frames == 6
    np.testing.assert_array_equal(read_pattern(cube, "sum").data, CUBE.sum((0, 1)))


def test_the_scan(cube):
    scan = open_scan(cube)
    assert scan.shape == CUBE.shape
    np.testing.assert_array_equal(np.stack([row for _, row in scan.rows(0, 2)]), CUBE)
