"""Windows summed in any order are those of a scan in order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacbed.plugins.scattered_sums import (
    add_frame,
    complete_windows,
    join_windows,
    row_of_sums,
    windows_at,
)
from pacbed.scans.windows import WindowGrid, sum_windows

GRIDS = [
    WindowGrid((7, 9), (2, 3), (2, 3)),
    WindowGrid((7, 9), (4, 3), (1, 2)),
    WindowGrid((7, 9), (2, 2), (3, 5)),
    WindowGrid((7, 9), (2, 2), (1, 1), region=(1, 6, 2, 8)),
    WindowGrid((7, 9), (3, 3), (2, 2), mask=np.arange(63).reshape(7, 9) % 4 > 0),
]


@pytest.mark.parametrize("grid", GRIDS)
@given(seed=st.integers(0, 2**32 - 1))
def test_same_sums_in_any_order_and_by_any_worker(grid, seed):
    random = np.random.default_rng(seed)
    scan = random.integers(0, 60000, (7, 9, 5, 4), dtype=np.uint16)
    workers = [{}, {}, {}]
    for position in random.permutation(63):
        row, column = divmod(int(position), 9)
        add_frame(workers[random.integers(3)], grid, row, column, scan[row, column])
    joined = {}
    for worker in workers:
        join_windows(joined, worker)
    expected = sum_windows(grid, enumerate(scan), 0, grid.shape[0])
    for theirs in expected:
        mine = row_of_sums(joined, grid, theirs.row, (5, 4))
        np.testing.assert_array_equal(mine.patterns, theirs.patterns)
        np.testing.assert_array_equal(mine.frames, theirs.frames)


def test_a_frame_with_nan_is_left_out_and_counted():
    grid = WindowGrid((2, 4), (2, 2), (2, 2))
    scan = np.ones((2, 4, 3, 3), np.float32)
    scan[0, 1, 2, 2] = np.nan
    windows = {}
    for row, column in np.ndindex(2, 4):
        add_frame(windows, grid, row, column, scan[row, column])
    sums = row_of_sums(windows, grid, 0, (3, 3))
    assert sums.frames.tolist() == [3, 4]
    assert sums.bad.tolist() == [1, 0]
    assert sums.patterns[:, 0, 0].tolist() == [3, 4]


def test_a_pixel_that_is_nan_in_every_frame_is_the_detectors():
    grid = WindowGrid((2, 4), (2, 2), (2, 2))
    scan = np.ones((2, 4, 3, 3), np.float32)
    scan[..., 2, 2] = np.nan
    scan[0, 1, 0, 1] = np.inf
    workers = [{}, {}]
    for row, column in np.ndindex(2, 4):
        add_frame(workers[column % 2], grid, row, column, scan[row, column])
    join_windows(workers[0], workers[1])
    sums = row_of_sums(workers[0], grid, 0, (3, 3))
    assert sums.frames.tolist() == [4, 4]
    assert sums.bad.tolist() == [0, 0]
    assert sums.patterns[:, 0, 0].tolist() == [4, 4]
    assert np.argwhere(np.isnan(sums.patterns)).tolist() == [[0, 0, 1], [0, 2, 2], [1, 2, 2]]


def test_what_a_masked_pixel_holds_is_no_fault_of_the_frame():
    grid = WindowGrid((2, 2), (2, 2), (2, 2))
    scan = np.ones((2, 2, 3, 3), np.float32)
    scan[0, 1, 2, 2] = np.nan
    silent = np.zeros((3, 3), bool)
    silent[2, 2] = True
    windows = {}
    for row, column in np.ndindex(2, 2):
        add_frame(windows, grid, row, column, scan[row, column], silent)
    sums = row_of_sums(windows, grid, 0, (3, 3))
    assert (sums.frames.tolist(), sums.bad.tolist()) == ([4], [0])
    in_order = next(sum_windows(grid, enumerate(scan), 0, 1, silent))
    assert (in_order.frames.tolist(), in_order.bad.tolist()) == ([4], [0])
    assert np.argwhere(np.isnan(in_order.patterns)).tolist() == [[0, 2, 2]]


@pytest.mark.parametrize("grid", GRIDS)
def test_complete_windows_are_those_without_a_missing_position(grid):
    random = np.random.default_rng(1)
    seen = random.random((7, 9)) > 0.2
    needed = np.ones((7, 9), bool) if grid.mask is None else grid.mask
    expected = np.ones(grid.shape, bool)
    for row, column in np.argwhere(needed & ~seen):
        for place in windows_at(grid, int(row), int(column)):
            expected[place] = False
    np.testing.assert_array_equal(complete_windows(grid, seen), expected)
    assert complete_windows(grid, np.ones((7, 9), bool)).all()
