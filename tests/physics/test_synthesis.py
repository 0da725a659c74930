"""The table, its compression, and the two ways from it to a pattern."""

import dataclasses
import io

import numpy as np
import pytest
import torch

from pacbed.crystal.projection import project
from pacbed.errors import BundleError, OutOfRangeError
from pacbed.lacbed.multislice import MultisliceOptions, prepare
from pacbed.lacbed.table import LacbedTable
from pacbed.learn.series_synthesis import SeriesSynthesiser
from pacbed.pattern.geometry import PatternParameters, pixel_to_crystal, rotation_matrix
from pacbed.pattern.grid import aperture_weights
from pacbed.pattern.plan import make_plan
from pacbed.pattern.series import synthesise_series
from pacbed.pattern.synthesis import native_pattern, synthesise
from tests.crystals import strontium_titanate

PARAMETERS = PatternParameters(22.3, 2.0, -1.0, 11.0, 0.35)


def test_pattern_equals_the_plain_sum_of_disks(small_table):
    """Every step between the propagation and the pattern, against the formula itself."""
    tilt, alpha, thickness = np.array([2.0, -1.0]), 11.0, 22.0
    pattern, origin, lattice = native_pattern(small_table, thickness, tilt, alpha, samples=1)
    geometry = small_table.geometry
    g = geometry.beams @ geometry.lattice_mrad
    rng = np.random.default_rng(0)
    places = rng.integers(0, min(pattern.shape), (400, 2))
    q = (places + origin) @ lattice + tilt
    near = np.linalg.norm(q, axis=1) < 1.5 * alpha
    places, q = places[near][:20], q[near][:20]
    width = abs(np.linalg.det(lattice)) ** 0.5
    weights = aperture_weights(q[:, None] - g[None], alpha, width)
    pixel, beam = np.nonzero(weights)
    k = (q[pixel] - g[beam] - tilt) * 1e-3 / geometry.wavelength
    cell = project(strontium_titanate(), (0, 0, 1))
    options = MultisliceOptions(slice_thickness=2.5)
    values = prepare(cell, 200.0, 10.0, 22, options)(k, geometry.beams).beams
    expected = np.zeros(len(q))
    np.add.at(expected, pixel, weights[pixel, beam] * values[-1, beam, np.arange(len(k))])
    expected /= np.pi * alpha**2
    found = pattern[places[:, 0], places[:, 1]]
    assert np.abs(found - expected).max() < 0.01 * pattern.max()


@pytest.mark.parametrize("samples", [1, 32], ids=["grid as it is", "refined"])
def test_a_thickness_series_is_its_patterns(small_table, samples):
    thicknesses = np.linspace(1.0, 30.0, 35)
    series = synthesise_series(small_table, PARAMETERS, thicknesses, (48, 40), samples)
    assert series.shape == (35, 48, 40)
    for place in (0, 17, 34):
        single = dataclasses.replace(PARAMETERS, thickness_nm=thicknesses[place])
        expected = synthesise(small_table, single, (48, 40), samples)
        assert np.abs(series[place] - expected).max() < 5e-6 * expected.max()
    with pytest.raises(OutOfRangeError, match="thickness"):
        synthesise_series(small_table, PARAMETERS, [10.0, 99.0])


def test_intensity_is_a_share_of_the_beam(small_table):
    thin = synthesise(small_table, dataclasses.replace(PARAMETERS, thickness_nm=0.0))
    assert thin.sum() == pytest.approx(1.0, abs=0.01)
    thick = synthesise(small_table, PARAMETERS)
    assert 0.5 < thick.sum() < 0.98


def test_tilt_is_the_position_of_the_zone_axis(small_table):
    """Around the zone axis the pattern of a large aperture has the crystal's symmetry."""
    parameters = PatternParameters(12.0, 2.0, 0.0, 12.0, 0.25)
    pattern = synthesise(small_table, parameters, (97, 97))
    column = 48 + round(2.0 / 0.25)
    patch = pattern[48 - 16 : 48 + 17, column - 16 : column + 17]
    wrong = pattern[48 - 16 : 48 + 17, 48 - 8 - 16 : 48 - 8 + 17]

    def asymmetry(image):
        return np.abs(image - image[:, ::-1]).mean() / image.std()

    assert asymmetry(patch) < 0.4 * asymmetry(wrong)


def test_rotation_turns_from_x_to_y(small_table):
    upright = synthesise(small_table, PatternParameters(22.3, 2, -1, 11, 0.35), (65, 65))
    turned = synthesise(
        small_table, PatternParameters(22.3, 1, 2, 11, 0.35, rotation_deg=90), (65, 65)
    )
    # A quarter turn from +x (columns) to +y (rows) takes (x, y) to (−y, x).
    assert turned == pytest.approx(np.rot90(upright, -1), abs=2e-3 * float(upright.max()))


def test_ellipticity_and_centre(small_table):
    moved = synthesise(
        small_table,
        dataclasses.replace(PARAMETERS, center_row_px=40.0, center_column_px=30.0),
        (90, 80),
    )
    plain = synthesise(small_table, PARAMETERS, (81, 61))
    assert moved[0:81, 0:61] == pytest.approx(plain, abs=1e-6)
    wide = synthesise(small_table, dataclasses.replace(PARAMETERS, ellipticity=0.1), (128, 128))
    bright = wide > 0.5 * wide.max()
    assert np.ptp(np.nonzero(bright.any(0))[0]) > 1.12 * np.ptp(np.nonzero(bright.any(1))[0])


def test_thickness_is_interpolated(small_table):
    between = small_table.entries(15.5)
    neighbours = (small_table.entries(15.0) + small_table.entries(16.0)) / 2
    assert np.abs(between - neighbours).max() < 0.05
    assert small_table.entries(0.0)[:-1].max() == pytest.approx(1.0, abs=0.01)


def test_save_and_load(small_table, tmp_path):
    path = tmp_path / "table.npz"
    small_table.save(path)
    loaded = LacbedTable.load(path)
    assert loaded.entries(11.7) == pytest.approx(small_table.entries(11.7), abs=1e-6)
    assert loaded.provenance == small_table.provenance
    assert sorted(p.name for p in tmp_path.iterdir()) == ["table.npz"]


@pytest.mark.parametrize("damage", ["truncated", "empty", "foreign", "pickle"])
def test_broken_table(small_table, tmp_path, damage):
    path = tmp_path / "table.npz"
    small_table.save(path)
    whole = path.read_bytes()
    buffer = io.BytesIO()
    np.savez(buffer, header=np.array([{"a": 1}], object), allow_pickle=True)
    foreign = io.BytesIO()
    np.savez(foreign, other=np.zeros(3))
    path.write_bytes(
        {
            "truncated": whole[: len(whole) // 2],
            "empty": b"",
            "foreign": foreign.getvalue(),
            "pickle": buffer.getvalue(),
        }[damage]
    )
    with pytest.raises(BundleError, match=r"table\.npz"):
        LacbedTable.load(path)


@pytest.mark.parametrize(
    "changed",
    [
        {"thickness_nm": 99.0},
        {"thickness_nm": -1.0},
        {"convergence_mrad": 14.0},
        {"tilt_x_mrad": 9.0},
    ],
)
def test_outside_the_table(small_table, changed):
    with pytest.raises(OutOfRangeError):
        synthesise(small_table, dataclasses.replace(PARAMETERS, **changed))


class InCommonBasis:
    """A table of what its common basis carries."""

    def __init__(self, table):
        self.geometry, self._table = table.geometry, table
        places = np.arange(int(table.geometry.entry_of.max()))
        self._coefficients = table.evaluate(places, table.common_basis)

    def entries(self, thickness_nm):
        mixing = self._table.common_basis @ self._table.thickness_weights(thickness_nm)
        return np.append(self._coefficients @ mixing, 0).astype(np.float32)


TILTS = torch.tensor([[2.0, -1.0], [0.5, 0.3]])
ALPHAS = torch.tensor([11.0, 10.0])
SERIES = np.array([[5.0, 22.3], [14.0, 29.0]])


def test_sums_for_training_are_the_plain_sums(small_table):
    """The plan and its matrix products, against the sum of each pattern by itself."""
    source = SeriesSynthesiser(small_table, make_plan(small_table, 12.0, 3.0, 1))
    native = source.native(SERIES, TILTS, ALPHAS).numpy()
    carried = InCommonBasis(small_table)
    for number, image in enumerate(native):
        row, column = divmod(number, 2)
        tilt, alpha = TILTS[row].numpy(), float(ALPHAS[row])
        expected, origin, lattice = native_pattern(carried, SERIES[row, column], tilt, alpha, 1)
        assert lattice == pytest.approx(source.plan.lattice)
        i, j = np.moveaxis(np.indices(expected.shape), 0, -1).reshape(-1, 2).T
        # Further out the plan leaves out what lies beyond the recorded field.
        angle = (np.stack([i, j], 1) + origin) @ lattice + tilt
        field = np.linalg.norm(angle, axis=1) <= small_table.geometry.field * alpha
        i, j = i[field], j[field]
        a, b = origin - source.plan.origin
        difference = image[i + a, j + b] - expected[i, j]
        assert np.abs(difference).max() < 1e-4 * expected.max()


@pytest.mark.parametrize(
    ("stride", "rms", "most"), [(1, 0.01, 0.05), (2, 0.05, 0.2)], ids=["every", "every second"]
)
def test_series_for_training(small_table, stride, rms, most):
    """Thickness series in the common basis, against the synthesis of each pattern.

    The basis leaves 0.3 % of the table, the bicubic sampling some more on the edge of
    the disks, and directions that are left out the most: stated here as shares of the
    largest intensity.
    """
    source = SeriesSynthesiser(small_table, make_plan(small_table, 12.0, 3.0, stride))
    where = PatternParameters(0.0, 0.0, 0.0, 11.0, 0.35, 25.0, 45.0, 50.5, 0.02, 40.0)
    native = source.native(SERIES, TILTS, ALPHAS)
    transform = torch.from_numpy(pixel_to_crystal(where).astype(np.float32)).expand(4, 2, 2)
    centre = torch.tensor([[50.5, 45.0]]).expand(4, 2) - (96 - 1) / 2
    images = source.sample(native, transform, centre, TILTS.repeat_interleave(2, dim=0), 96)
    in_pattern = TILTS.numpy() @ rotation_matrix(25.0).T
    for number, image in enumerate(images.numpy() * 0.35**2):
        row, column = divmod(number, 2)
        parameters = dataclasses.replace(
            where,
            thickness_nm=SERIES[row, column],
            tilt_x_mrad=in_pattern[row, 0],
            tilt_y_mrad=in_pattern[row, 1],
            convergence_mrad=float(ALPHAS[row]),
        )
        expected = synthesise(small_table, parameters, (96, 96), samples=1)
        difference = np.abs(image - expected)[expected != 0] / expected.max()
        assert np.sqrt((difference**2).mean()) < rms
        assert np.quantile(difference, 0.99) < most


def test_some_entries_are_those_of_all(small_table):
    """``evaluate`` gathers before it multiplies; the numbers are the same."""
    everything = small_table.entries(17.3)
    places = np.sort(np.random.default_rng(2).choice(len(everything) - 1, 500, replace=False))
    found = small_table.evaluate(places, small_table.thickness_weights(np.array([3.0, 17.3])))
    assert found.shape == (500, 2)
    assert found[:, 1] == pytest.approx(everything[places], abs=1e-6)
    ahead, behind = (small_table.entries(17.3 + s)[places] for s in (0.01, -0.01))
    slope = small_table.evaluate(places, small_table.thickness_weights(17.3, 1)[None])[:, 0]
    assert slope == pytest.approx((ahead - behind) / 0.02, abs=2e-3)


def test_common_basis_carries_the_table(small_table):
    basis = small_table.common_basis
    assert basis @ basis.T == pytest.approx(np.eye(len(basis)), abs=1e-10)
    places = np.arange(len(small_table.entries(10.0)) - 1)
    coefficients = small_table.evaluate(places, basis)
    mixing = small_table.thickness_weights(10.0) @ basis.T
    left = coefficients @ mixing - small_table.entries(10.0)[:-1]
    assert np.linalg.norm(left) < 0.01 * np.linalg.norm(small_table.entries(10.0))


def test_thickness_weights_outside(small_table):
    with pytest.raises(OutOfRangeError, match="0 to 3"):
        small_table.thickness_weights(np.array([10.0, 99.0]))
    with pytest.raises(OutOfRangeError):
        small_table.thickness_weights(float("nan"))


def test_quantum_that_overflows_the_integers(small_table, tmp_path):
    fine = dataclasses.replace(small_table, quantum=1e-7)
    with pytest.raises(OutOfRangeError, match="quantum 1e-07 is too small"):
        fine.save(tmp_path / "table.npz")
    assert list(tmp_path.iterdir()) == []
