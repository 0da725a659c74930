"""What a table will cost, what is refused for it, and that what is written can be read."""

import numpy as np
import pytest

from pacbed.crystal.projection import ProjectedCell, project
from pacbed.errors import CrystalError, OutOfRangeError
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.cost import check_cost, estimate_cost
from pacbed.lacbed.directions import choose_divisions
from pacbed.lacbed.options import TableOptions
from pacbed.lacbed.sampling import choose_sampling
from pacbed.lacbed.table import LacbedTable
from pacbed.units import electron_wavelength
from tests.crystals import crystal, gallium_nitride, silicon, strontium_titanate

#: A projected cell of 40 Å² without any symmetry.
SITES = [
    ("Cu", (0.1, 0.13, 0.2), 0.6), ("Sn", (0.45, 0.52, 0.71), 0.7), ("S", (0.72, 0.3, 0.45), 0.8),
    ("S", (0.3, 0.8, 0.1), 0.8), ("O", (0.55, 0.1, 0.9), 1.0),
]  # fmt: skip


def asymmetric():
    return crystal((6.1, 6.6, 7.2, 95, 101, 88), SITES)


@pytest.mark.slow
def test_an_asymmetric_table_of_40_square_angstrom_is_written_and_read():
    """With small ranges, so that it is quick; its estimate is near what it took."""
    cell = project(asymmetric(), (0, 0, 1))
    assert len(cell.point_group) == 1
    assert 38 < cell.area < 41
    options = TableOptions(direction_step_mrad=1.2, thickness_step_nm=1.0)
    ranges = (200.0, 7.0, 1.5, 30.0)
    cost = check_cost(cell, *ranges, options)
    table = simulate_table(cell, *ranges, options)
    content = table.to_bytes()
    assert len(content) / cost.file_bytes == pytest.approx(1, abs=0.5)
    assert sum(map(len, table.coefficients)) / cost.entries == pytest.approx(1, abs=0.3)
    assert len(table.geometry.grid.wedge) == cost.directions
    read = LacbedTable.from_bytes(content, "lacbed.npz")
    for one, other in zip(table.coefficients, read.coefficients, strict=True):
        assert np.array_equal(one, other)
    # A bound is kept by a coarser quantum, which the table then says.
    bound = len(content) * 3 // 4
    small = simulate_table(cell, *ranges, options, file_bytes_max=bound)
    assert small.quantum > table.quantum
    assert len(small.to_bytes()) < 1.1 * bound
    assert np.abs(small.entries(25.0) - table.entries(25.0)).max() < 0.02


@pytest.mark.parametrize(
    ("make", "zone", "quantum"),
    [(silicon, (1, 1, 2), 2e-3), (strontium_titanate, (0, 0, 1), 8e-3)],
)
def test_the_estimate_is_near_the_truth(make, zone, quantum):
    cell = project(make(), zone)
    options = TableOptions(direction_step_mrad=0.8, thickness_step_nm=1.0, quantum=quantum)
    cost = estimate_cost(cell, 200.0, 12.0, 4.0, 50.0, options)
    size = len(simulate_table(cell, 200.0, 12.0, 4.0, 50.0, options).to_bytes())
    assert 0.5 < size / cost.file_bytes < 1.6


def test_what_a_bundle_cannot_hold_is_refused_before():
    """The default ranges of a wurtzite in steps of half a milliradian, and of a large cell."""
    cell = project(gallium_nitride(), (1, 1, 0))
    wide = (200.0, 30.0, 12.0, 120.0)
    with pytest.raises(OutOfRangeError, match="larger direction_step_mrad, up to 0"):
        check_cost(cell, *wide, TableOptions(direction_step_mrad=0.25))
    chosen = choose_sampling(cell, 200.0, (15.0, 30.0), 12.0, 120.0)
    assert check_cost(cell, *wide, chosen).file_bytes < 40e6
    with pytest.raises(OutOfRangeError, match="more than one can hold"):
        check_cost(project(asymmetric(), (0, 0, 1)), *wide, TableOptions(0.06))


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        ((200.0, 120.0, 12.0, 120.0), "convergence semi-angle 120 mrad"),
        ((200.0, 0.0, 12.0, 120.0), "convergence semi-angle 0 mrad"),
        ((200.0, 20.0, 12.0, 0.0), "thickness 0 nm"),
        ((200.0, 20.0, 12.0, float("nan")), "thickness nan nm"),
        ((200.0, 20.0, -1.0, 50.0), "mistilt -1 mrad"),
        ((2.0, 20.0, 1.0, 50.0), "high tension 2 kV"),
        ((200.0, 20.0, 1.0, 1e6), "thickness 1e\\+06 nm"),
    ],
)
def test_impossible_ranges_are_one_line(ranges, words):
    cell = project(silicon(), (0, 0, 1))
    with pytest.raises(OutOfRangeError, match=words) as caught:
        check_cost(cell, *ranges, TableOptions())
    assert "\n" not in str(caught.value)


def test_a_cell_of_500_angstrom_is_refused_at_once():
    large = crystal((500, 500, 500, 90, 90, 90), [("Si", (0, 0, 0), 0.5)])
    with pytest.raises(CrystalError, match="500 x 500 Å"):
        check_cost(project(large, (0, 0, 1)), 200.0, 20.0, 5.0, 50.0, TableOptions())


def worst_step(cell: ProjectedCell, options: TableOptions) -> float:
    per_mrad = 1e-3 / electron_wavelength(200.0)
    divisions = choose_divisions(
        cell.reciprocal, cell.point_group, options.direction_step_mrad * per_mrad
    )
    return (np.linalg.norm(cell.reciprocal, axis=1) / divisions).max() / per_mrad


@pytest.mark.parametrize("convergence", [4.0, 6.0, 10.0, 18.0, 30.0])
@pytest.mark.parametrize(
    ("make", "zone"), [(gallium_nitride, (1, 1, 0)), (strontium_titanate, (0, 0, 1))]
)
def test_chosen_steps_are_fine_enough_for_the_fit(make, zone, convergence):
    """Also where it leaves out every second direction: a twelfth of the semi-angle, 1.2 mrad."""
    cell = project(make(), zone)
    options = choose_sampling(cell, 200.0, (convergence, 1.05 * convergence), 8.0, 80.0)
    step = worst_step(cell, options)
    left_out = 2 * step <= min(1.1, 1.05 * convergence / 8.5)
    assert (2 * step if left_out else step) <= min(convergence / 12, 1.2)
    assert step > 0.2


def test_heavy_columns_and_thick_crystals_are_sampled_more_finely():
    cell = project(silicon(), (1, 1, 0))
    thin, thick = (
        choose_sampling(cell, 200.0, (20.0, 20.0), 5.0, thickness) for thickness in (50.0, 200.0)
    )
    assert thick.direction_step_mrad < 0.6 * thin.direction_step_mrad
    face = [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    gold = crystal((4.078, 4.078, 4.078, 90, 90, 90), [("Au", p, 0.63) for p in face])
    heavy = choose_sampling(project(gold, (1, 1, 0)), 200.0, (20.0, 20.0), 5.0, 50.0)
    assert heavy.thickness_step_nm < 0.8 * thin.thickness_step_nm
