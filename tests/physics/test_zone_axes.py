"""The zone axes that a crystal offers to choose from."""

import numpy as np
import pytest

from pacbed.crystal.structure import Crystal
from pacbed.crystal.zone_axes import low_index_axes
from pacbed.library.zone_axis import parse_zone_axis
from tests.crystals import crystal, gallium_nitride, rutile, silicon, strontium_titanate


def firsts(made):
    """Indices, name, axes alike and repeat (Å) of one axis of each kind."""
    return {
        axis.indices: (axis.name, axis.alike, round(axis.repeat_A, 3))
        for axis in low_index_axes(made)
        if axis.first
    }


def test_a_cubic_crystal_has_three_kinds_of_simple_axes():
    found = firsts(strontium_titanate())
    a = 3.905
    assert list(found)[:3] == [(0, 0, 1), (1, 1, 0), (1, 1, 1)]
    assert found[0, 0, 1] == ("0 0 1", 3, a)
    assert found[1, 1, 0] == ("1 1 0", 6, round(a * 2**0.5, 3))
    assert found[1, 1, 1] == ("1 1 1", 4, round(a * 3**0.5, 3))
    assert found[1, 1, 2][1] == 12


def test_the_repeat_heeds_the_centring():
    found = firsts(silicon())
    assert found[1, 1, 0][2] == pytest.approx(5.431 / 2**0.5, abs=1e-3)
    assert found[0, 0, 1][2] == pytest.approx(5.431, abs=1e-3)
    assert found[1, 1, 2][2] == pytest.approx(5.431 * 1.5**0.5, abs=1e-3)
    # The same atoms in twice the cell are the same crystal.
    one = silicon()
    positions = np.concatenate([one.positions, one.positions + np.array([0, 0, 1])]) / [1, 1, 2]
    double = Crystal(
        one.cell * [[1], [1], [2]], one.symbols * 2, positions,
        np.tile(one.occupancies, 2), np.tile(one.b_iso, 2),
    )  # fmt: skip
    assert firsts(double)[0, 0, 1][2] == pytest.approx(5.431, abs=1e-3)


def test_hexagonal_axes_have_four_indices():
    found = firsts(gallium_nitride())
    assert found[0, 0, 1] == ("0 0 0 1", 1, 5.189)
    assert found[1, 1, 0] == ("1 1 -2 0", 3, 3.19)
    assert found[2, 1, 0] == ("1 0 -1 0", 3, round(3.19 * 3**0.5, 3))
    assert (1, 0, 0) not in found
    for axis in low_index_axes(gallium_nitride()):
        assert parse_zone_axis(axis.name) == axis.indices


def test_directions_lie_where_the_cell_has_them():
    axes = {axis.indices: np.array(axis.direction) for axis in low_index_axes(gallium_nitride())}
    assert axes[1, 0, 0] == pytest.approx([1, 0, 0])
    assert axes[0, 1, 0] == pytest.approx([-0.5, 0.75**0.5, 0], abs=1e-6)
    assert axes[0, 0, 1] == pytest.approx([0, 0, 1])
    tan = 3.19 / 5.189
    assert axes[1, 0, 1][0] / axes[1, 0, 1][2] == pytest.approx(tan, abs=1e-5)
    assert all(direction[2] >= 0 for direction in axes.values())


@pytest.mark.parametrize("make", [strontium_titanate, silicon, gallium_nitride, rutile])
def test_each_axis_is_there_once_and_its_kind_is_complete(make):
    axes = low_index_axes(make())
    lines = {max(axis.indices, tuple(-i for i in axis.indices)) for axis in axes}
    assert len(lines) == len(axes)
    assert sum(axis.alike for axis in axes if axis.first) == len(axes)
    kinds = [axis.first for axis in axes]
    assert kinds == sorted(kinds, reverse=True)


def test_a_crystal_without_symmetry_has_a_kind_for_each_axis():
    made = crystal(
        (4.1, 5.3, 6.2, 81, 95, 103),
        [("Si", (0.1, 0.2, 0.3), 0.4), ("O", (0.6, 0.55, 0.8), 0.5), ("Ga", (0.35, 0.9, 0.5), 0.3)],
    )
    axes = low_index_axes(made)
    assert len(axes) == 13
    assert all(axis.first and axis.alike == 1 for axis in axes)
    assert {(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, -1, 0)} <= {
        axis.indices if axis.indices != (-1, 1, 0) else (1, -1, 0) for axis in axes
    }
