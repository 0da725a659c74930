"""Windows and their sums, against loops that are obviously right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacbed.errors import OutOfRangeError
from pacbed.scans.scan import Scan
from pacbed.scans.windows import (
    WindowGrid,
    projected_cell_nm,
    sum_windows,
    window_for_cell,
)

RNG = np.random.default_rng(0)


def literal(grid: WindowGrid, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums and counts, one window after the other."""
    shape = grid.shape
    sums, frames = np.zeros((*shape, *data.shape[2:])), np.zeros(shape, int)
    for i in range(shape[0]):
        for j in range(shape[1]):
            for row in range(*grid.rows_of(i)):
                for column in range(*grid.columns_of(j)):
                    used = grid.mask is None or grid.mask[row, column]
                    if used and np.isfinite(data[row, column]).all():
                        sums[i, j] += data[row, column]
                        frames[i, j] += 1
    return sums, frames


def collect(grid: WindowGrid, data: np.ndarray, first: int, last: int) -> list:
    scan = Scan.from_array(data, rows_at_once=2)
    begin, end = grid.rows_of(first)[0], grid.rows_of(last - 1)[1]
    return list(sum_windows(grid, scan.rows(begin, end), first, last))


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.booleans(),
    st.sampled_from(["u2", "f4", "i4", "bool"]),
)
def test_one_pass_gives_what_loops_give(window, stride, masked, kind):
    data = RNG.integers(0, 2 if kind == "bool" else 200, (9, 8, 32, 32)).astype(kind)
    mask = RNG.random((9, 8)) < 0.7 if masked else None
    grid = WindowGrid((9, 8), window, stride, (1, 9, 0, 7), mask)
    sums, frames = literal(grid, data)
    found = collect(grid, data, 0, grid.shape[0])
    assert [part.row for part in found] == list(range(grid.shape[0]))
    assert np.array_equal(np.stack([part.patterns for part in found]), sums)
    assert np.array_equal(np.stack([part.frames for part in found]), frames)


def test_a_part_of_the_rows_gives_the_same_sums():
    data = RNG.integers(0, 9, (12, 6, 32, 32)).astype("u1")
    grid = WindowGrid((12, 6), (4, 3), (2, 3))
    whole = collect(grid, data, 0, grid.shape[0])
    part = collect(grid, data, 2, 4)
    assert [p.row for p in part] == [2, 3]
    assert np.array_equal(part[0].patterns, whole[2].patterns)
    assert np.array_equal(part[1].patterns, whole[3].patterns)


def test_frames_with_nan_are_left_out_and_counted():
    data = RNG.random((4, 4, 32, 32)).astype("f4")
    data[1, 2, 5, 5] = np.nan
    data[3, 3, 0, 0] = np.inf
    grid = WindowGrid((4, 4), (2, 2), (2, 2))
    sums, frames = literal(grid, data)
    found = collect(grid, data, 0, 2)
    assert np.allclose(np.stack([part.patterns for part in found]), sums, rtol=1e-6)
    assert np.array_equal(np.stack([part.frames for part in found]), frames)
    assert np.array_equal(np.stack([part.bad for part in found]), [[0, 1], [0, 1]])


def test_large_counts_do_not_overflow():
    data = np.full((8, 8, 32, 32), 65535, "u2")
    [sums] = collect(WindowGrid((8, 8), (8, 8), (8, 8)), data, 0, 1)
    assert (sums.patterns == 64 * 65535).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (((4, 4), (5, 1), (1, 1)), "larger than the scan"),
        (((4, 4), (0, 1), (1, 1)), "1 or more"),
        (((4, 4), (1, 1), (1, 0)), "1 or more"),
        (((4, 4), (1, 1), (1, 1), (0, 5, 0, 4)), "does not lie in the scan"),
        (((4, 4), (3, 3), (1, 1), (0, 2, 0, 4)), "larger than the scan"),
        (((4, 4), (1, 1), (1, 1), (0, 4, 0, 4), np.ones((3, 4), bool)), "mask"),
    ],
)
def test_windows_that_make_no_sense_are_refused(arguments, words):
    with pytest.raises(OutOfRangeError, match=words):
        WindowGrid(*arguments)


def test_the_window_covers_a_cell():
    cell = projected_cell_nm(np.eye(2) / 3.905)
    assert cell == pytest.approx(0.3905)
    assert window_for_cell(cell, 0.1) == 4
    assert window_for_cell(cell, 0.3905) == 1
    assert window_for_cell(cell, 2.0) == 1


def test_centers_are_the_middles_of_the_windows():
    rows, columns = WindowGrid((8, 9), (4, 3), (2, 3), (2, 8, 0, 9)).centers()
    assert rows[:, 0].tolist() == [3.5, 5.5]
    assert columns[0].tolist() == [1, 4, 7]
