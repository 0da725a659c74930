"""The gathered disks against the synthesis that starts from the table every time."""

import numpy as np
import pytest

from pacbed.pattern.crystal_frame import plane_operations
from pacbed.pattern.disks import gather_disks, grid_stride
from pacbed.pattern.synthesis import native_pattern

TILT, ALPHA, THICKNESS_NM = np.array([1.6, -0.8]), 11.0, 22.0


def sums_at(table, tilt, alpha, center=None, point_stride=1):
    """Points (P, 2) in mrad from the zone axis and the sums there."""
    disks = gather_disks(table, tilt if center is None else center, alpha, 1.2, 0.5, point_stride)
    values = table.evaluate(disks.places, table.thickness_weights(THICKNESS_NM)[None])[:, 0]
    return disks, disks.sums(values, one_cell_wide(disks, tilt, alpha))


def one_cell_wide(disks, tilt, alpha):
    """The aperture with the edge that the synthesis draws."""
    distance = np.linalg.norm(disks.directions + tilt, axis=1)
    return np.clip(0.5 + (alpha - distance) / disks.cell_mrad, 0, 1)


def by_index(disks, values):
    return dict(zip(map(tuple, disks.points.tolist()), values.tolist(), strict=True))


@pytest.mark.parametrize("center", [None, np.add(TILT, (0.3, -0.2))])
def test_sums_are_those_of_the_synthesis(small_table, center):
    """Also where the disks were gathered for a tilt nearby."""
    disks, sums = sums_at(small_table, TILT, ALPHA, center)
    assert grid_stride(small_table, ALPHA) == 1
    pattern, origin, lattice = native_pattern(small_table, THICKNESS_NM, TILT, ALPHA, samples=1)
    assert disks.lattice == pytest.approx(lattice)
    row, column = (disks.points - origin).T
    near = np.linalg.norm(disks.points @ lattice + TILT, axis=1) < 1.2 * ALPHA
    inside = (row >= 0) & (row < pattern.shape[0]) & (column >= 0) & (column < pattern.shape[1])
    assert inside[near].all()
    expected = pattern[row[near], column[near]] * np.pi * ALPHA**2
    assert sums[near] == pytest.approx(expected, abs=2e-4 * float(expected.max()))


def test_coarse_points_are_a_part_of_all(small_table):
    disks, sums = sums_at(small_table, TILT, ALPHA)
    coarse, some = sums_at(small_table, TILT, ALPHA, point_stride=2)
    everywhere = by_index(disks, sums)
    shared = {k: v for k, v in by_index(coarse, some).items() if k in everywhere}
    assert len(shared) > 100
    assert list(shared.values()) == pytest.approx([everywhere[k] for k in shared], abs=1e-5)


def test_derivatives_of_the_aperture(small_table):
    disks = gather_disks(small_table, TILT, ALPHA, 1.2, 0.5)
    step = 1e-4
    weight, by_x, by_y, by_alpha = disks.aperture(TILT, ALPHA)
    for axis, derivative in enumerate((by_x, by_y)):
        shift = step * np.eye(2)[axis]
        ahead, behind = (disks.aperture(TILT + s, ALPHA)[0] for s in (shift, -shift))
        found = (ahead - behind) / (2 * step)
        assert found == pytest.approx(derivative, abs=1e-3)
    ahead, behind = (disks.aperture(TILT, ALPHA + s)[0] for s in (step, -step))
    assert (ahead - behind) / (2 * step) == pytest.approx(by_alpha, abs=1e-3)
    assert ((weight >= 0) & (weight <= 1)).all()
    assert by_alpha.any()


def test_sums_on_the_edge_and_of_series(small_table):
    disks = gather_disks(small_table, TILT, ALPHA, 1.2, 0.5)
    weights = disks.aperture(TILT, ALPHA)
    thicknesses = small_table.thickness_weights(np.array([10.0, THICKNESS_NM]))
    values = small_table.evaluate(disks.places, thicknesses)
    series = disks.series(values, weights[0])
    for column, found in zip(values.T, series.T, strict=True):
        assert found == pytest.approx(disks.sums(column, weights[0]), abs=1e-4)
    edges = disks.edge_sums(values[:, 1], weights[1:])
    for row, found in zip(weights[1:], edges, strict=True):
        assert found == pytest.approx(disks.sums(values[:, 1], row), abs=1e-4)


def test_equal_tilts_give_equal_patterns(small_table):
    """A tilt turned or mirrored by the projection's symmetry turns or mirrors the pattern."""
    geometry = small_table.geometry
    inverse = np.linalg.inv(geometry.fine_lattice_mrad)
    disks, sums = sums_at(small_table, TILT, ALPHA)
    near = np.linalg.norm(disks.points @ disks.lattice + TILT, axis=1) < 1.2 * ALPHA
    for w in plane_operations(geometry):
        other, there = sums_at(small_table, w @ TILT, ALPHA)
        found = by_index(other, there)
        images = np.rint(disks.points @ disks.lattice @ w.T @ inverse).astype(int)
        turned = [found[tuple(image)] for image in images[near].tolist()]
        assert turned == pytest.approx(sums[near], abs=1e-4)
