"""Arrays of every kind arrive as they were, or are refused with words that help."""

import itertools

import numpy as np
import pytest

from pacbedclient import Client, PatternError
from pacbedclient.arrays import raw_pattern

KINDS = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8"]


def received(array):
    """What a service makes of the bytes."""
    raw = raw_pattern(array)
    return np.frombuffer(raw.data, raw.dtype).reshape(raw.height, raw.width)


def layouts(array):
    """The same pattern in many orders of memory."""
    spread = np.zeros((2 * array.shape[0], 3 * array.shape[1]), array.dtype)
    spread[::2, ::3] = array
    read_only = array.copy()
    read_only.setflags(write=False)
    return {
        "C": np.ascontiguousarray(array),
        "Fortran": np.asfortranarray(array),
        "every second row, every third column": spread[::2, ::3],
        "turned twice": np.ascontiguousarray(array[::-1, ::-1])[::-1, ::-1],
        "transposed": np.ascontiguousarray(array.T).T,
        "read-only": read_only,
        "broadcast": np.broadcast_to(array[:1], array.shape),
    }


@pytest.mark.parametrize(("kind", "order"), list(itertools.product(KINDS, "<>=")))
def test_data_types_byte_orders_and_memory_orders(kind, order):
    pattern = np.array([[0, 1, 100], [7, 50, 127]]).astype(order + kind)
    for name, array in layouts(pattern).items():
        got = received(array)
        assert np.array_equal(got, array), name
        assert got.dtype == np.dtype(kind), name


@pytest.mark.parametrize("kind", ["<f2", ">f2"])
def test_float16_becomes_float32_without_loss(kind):
    pattern = np.array([[0.5, 1.25], [65504, 6e-8]], kind)
    got = received(pattern)
    assert got.dtype == np.float32
    assert np.array_equal(got, pattern)


def test_bool_becomes_uint8():
    got = received(np.array([[True, False]]))
    assert got.dtype == np.uint8
    assert got.tolist() == [[1, 0]]


def test_long_double_becomes_float64():
    got = received(np.array([[1.5, 2.5]], np.longdouble))
    assert got.dtype == np.float64
    assert got.tolist() == [[1.5, 2.5]]


def test_lists_and_matrices_are_arrays():
    assert received([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]


def test_unmasked_masked_arrays_are_arrays():
    assert received(np.ma.array([[1, 2]], mask=False)).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (np.ones((2, 2), complex), "complex"),
        (np.ones((2, 2), np.complex64), "intensity"),
        (np.array([["a", "b"]]), "real numbers"),
        (np.array([[None, 1]]), "real numbers"),
        (np.zeros((2, 2), "M8[s]"), "real numbers"),
        (np.zeros((2, 2), [("a", "f4")]), "real numbers"),
        (np.ones(4), r"\(4,\)"),
        (np.ones((2, 2, 3)), r"\(2, 2, 3\)"),
        (np.ones((0, 5)), "empty"),
        (3.0, "two dimensions"),
        (np.ma.array([[1, 2]], mask=[[True, False]]), "masked"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern, words):
    with pytest.raises(PatternError, match=words):
        raw_pattern(pattern)
    with pytest.raises(ValueError, match=words):
        Client().infer(pattern, 20, system=1)


def test_the_array_is_not_changed_and_not_kept():
    pattern = np.arange(6, dtype=">i4").reshape(2, 3)
    before = pattern.copy()
    raw = raw_pattern(pattern)
    pattern[0, 0] = 99
    assert np.frombuffer(raw.data, raw.dtype)[0] == before[0, 0]
    assert pattern.dtype == before.dtype
