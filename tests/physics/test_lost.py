"""What phonons take from each direction, and what a fit makes of where they send it."""

import dataclasses
import io
import math

import numpy as np
import pytest

from pacbed.crystal.projection import project
from pacbed.errors import BundleError
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.model import FitModel
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.fit.pattern_fit import REACH, fit_pattern
from pacbed.infer.fit.samples import take_samples
from pacbed.infer.shared.dictionary import PatternDictionary
from pacbed.lacbed.bloch import beam_intensities, beams_within
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.multislice import MultisliceOptions, prepare
from pacbed.lacbed.neighbourhood import choose_reach, prepare_kernel
from pacbed.lacbed.options import TableOptions
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.clean import clean
from pacbed.pattern.preprocess import DiskLocation
from tests.crystals import gallium_nitride, strontium_titanate

THICKNESS_NM, TILT, ALPHA, SCALE, CENTER = 22.0, np.array([1.6, -0.8]), 10.0, 0.3, (48.0, 47.0)
PARAMETERS = np.array([THICKNESS_NM, *TILT, *CENTER, math.log(SCALE), 0, 0, 0, math.log(ALPHA)])


@pytest.fixture(scope="module")
def polar():
    cell = project(gallium_nitride(), (1, 1, 0))
    options = TableOptions(direction_step_mrad=1.0, thickness_step_nm=1.0)
    return cell, simulate_table(cell, 200.0, 8.0, 3.0, 30.0, options)


def taken_by_the_twin(cell, table, directions, thickness_nm):
    geometry = table.geometry
    k = directions @ geometry.fine_lattice_mrad * 1e-3 / geometry.wavelength
    beams = beams_within(cell, 3.5)
    return np.array(
        [
            1 - beam_intensities(cell, beams, one, 200.0, np.array([10.0 * thickness_nm])).sum()
            for one in k
        ]
    )


def test_what_is_lost_is_what_all_beams_lack(polar):
    """By the table of a polar crystal, and by the literal twin."""
    cell, table = polar
    directions = np.array([[0, 0], [3, 1], [-3, -1], [0, 4], [0, -4]])
    weights = table.thickness_weights(np.array([10.0, 27.0]))
    found = table.lost.of(directions, weights)
    for column, thickness_nm in enumerate((10.0, 27.0)):
        expected = taken_by_the_twin(cell, table, directions, thickness_nm)
        assert found[:, column] == pytest.approx(expected, abs=4e-3)
    assert (found[:, 1] > found[:, 0] + 0.005).all()
    assert abs(found[1:, 1] - found[1:, 1].mean()).max() > 0.01, "directions differ"


def test_electrons_go_where_the_crystal_seen_from_behind_takes_them(polar):
    """By reciprocity: of a polar crystal that is not where waves lose them."""
    _, table = polar
    weights = table.thickness_weights(np.array([27.0]))
    places = np.array([[2, 1], [0, 5], [4, -3], [-1, 6]])
    sent = table.lost.sent_to(places, weights)
    assert (sent == table.lost.of(-places, weights)).all()
    assert np.abs(sent - table.lost.of(places, weights)).max() > 0.005


def test_both_kernels_lose_the_same():
    cell = project(strontium_titanate(), (0, 0, 1))
    k, beams = np.array([[0.05, 0.02], [0.2, 0.1]]), beams_within(cell, 1.0)
    grid = prepare(cell, 200.0, 10.0, 40, MultisliceOptions())(k, beams).lost
    reach = choose_reach(cell, 200.0)
    near = [
        prepare_kernel(cell, 200.0, reach, 0.3, 4.0, 10.0, 40, 2)(one[None], beams).lost
        for one in k
    ]
    assert np.concatenate(near, axis=1) == pytest.approx(grid, abs=3e-3)
    assert (np.diff(grid, axis=0) > 0).all()


def test_beyond_the_edge_the_edge_stands(small_table):
    weights = small_table.thickness_weights(np.array([20.0]))
    lattice = small_table.geometry.fine_lattice_mrad
    edge = int(small_table.geometry.direction_max_mrad / np.linalg.norm(lattice[0])) - 2
    far = small_table.lost.of(np.array([[3 * edge, 0], [edge, 0], [0, 500]]), weights)
    assert far[0] == pytest.approx(far[1], abs=0.02)
    assert (far > 0.01).all()


def test_a_file_keeps_it_and_files_of_before_have_none(small_table, tmp_path):
    path = tmp_path / "table.npz"
    small_table.save(path)
    weights = small_table.thickness_weights(np.array([20.0]))
    directions = np.array([[1, 2], [5, 0]])
    found = LacbedTable.load(path).lost.of(directions, weights)
    assert found == pytest.approx(small_table.lost.of(directions, weights), abs=1e-3)
    without = dataclasses.replace(small_table, lost=None)
    without.save(path)
    loaded = LacbedTable.load(path)
    assert loaded.lost is None
    assert loaded.entries(12.0) == pytest.approx(small_table.entries(12.0), abs=1e-6)


def test_a_file_that_says_otherwise_is_refused(small_table):
    """Its format promises what its ranks do not have, and the other way round."""
    for table, now, said in (
        (small_table, b'"format": 2', b'"format": 1'),
        (dataclasses.replace(small_table, lost=None), b'"format": 1', b'"format": 2'),
    ):
        with np.load(io.BytesIO(table.to_bytes()), allow_pickle=False) as file:
            arrays = dict(file)
        header = arrays["header"].tobytes()
        assert now in header
        arrays["header"] = np.frombuffer(header.replace(now, said), np.uint8)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        with pytest.raises(BundleError, match=r"made\.npz"):
            LacbedTable.from_bytes(buffer.getvalue(), "made.npz")


def flat():
    """Samples of a disk with hardly any structure."""
    y, x = np.mgrid[:96, :96]
    inside = np.hypot(x - CENTER[0], y - CENTER[1]) < ALPHA / SCALE
    image = np.where(inside, 1000 + x, 10).astype(np.float32)
    return take_samples(clean(image), DiskLocation(CENTER[1], CENTER[0], ALPHA / SCALE), REACH)


def test_samples_see_the_place_that_they_lie_on(polar):
    """Of a polar crystal, tilted: A(τ − q) at angles q from the disk's centre."""
    _, table = polar
    alpha = 7.0
    samples, parameters = flat(), PARAMETERS.copy()
    parameters[9] = math.log(alpha)
    found = FitModel(table, TILT, alpha, REACH).evaluate(parameters, samples, 0.1).phonons
    q = np.stack([samples.x - CENTER[0], samples.y - CENTER[1]], axis=1) * SCALE
    near = np.linalg.norm(q, axis=1) < alpha
    step = (q[near] - TILT) @ np.linalg.inv(table.geometry.fine_lattice_mrad)
    on_grid = np.abs(step - np.rint(step)).max(axis=1) < 0.12
    assert on_grid.sum() > 20
    weights = table.thickness_weights(np.array([THICKNESS_NM]))
    expected = table.lost.of(-np.rint(step[on_grid]).astype(int), weights)[:, 0]
    assert np.ptp(expected) > 0.01
    assert found[near][on_grid] == pytest.approx(expected, abs=0.004)


def test_a_table_of_before_knows_of_no_phonons(small_table):
    without = dataclasses.replace(small_table, lost=None)
    model = FitModel(without, TILT, ALPHA, REACH)
    assert not model.evaluate(PARAMETERS, flat(), 0.1).phonons.any()
    assert not PatternDictionary(without, ALPHA, 0.3).phonons((1, 0), THICKNESS_NM).any()


def test_maps_and_single_patterns_see_the_same(small_table):
    dictionary = PatternDictionary(small_table, ALPHA, 0.3)
    step = (2, -1)
    tilt = np.array(step) @ dictionary.lattice
    parameters = PARAMETERS.copy()
    parameters[1:3] = tilt
    samples = flat()
    single = FitModel(small_table, tilt, ALPHA, REACH).evaluate(parameters, samples, 0.1).phonons
    shared = dictionary.phonons(step, THICKNESS_NM)
    q = np.stack([samples.x - CENTER[0], samples.y - CENTER[1]], axis=1) * SCALE
    apart = np.linalg.norm(dictionary.angles[:, None] - q[None], axis=2)
    nearest = apart.argmin(axis=1)
    close = (apart.min(axis=1) < 0.16) & (dictionary.radius < 0.95)
    assert close.sum() > 20
    assert np.ptp(shared[close]) > 0.02
    assert shared[close] == pytest.approx(single[nearest[close]], abs=0.01)


def test_electrons_that_phonons_send_move_no_thickness(small_table):
    """Structure in the disk that a fit without them takes for a thinner or thicker crystal."""
    model = FitModel(small_table, TILT, ALPHA, REACH)
    samples = flat()
    at = model.evaluate(PARAMETERS, samples, 0.2)
    both = dataclasses.replace(samples, values=at.pattern + 0.2 * at.phonons)
    off = []
    for table in (small_table, dataclasses.replace(small_table, lost=None)):
        begin = PARAMETERS.copy()
        begin[:3] += 1.0, 0.2, -0.2
        fit = fit_pattern(both, table, FitParameters.from_vector(begin), Known(), 20, 0.2)
        off.append(abs(fit.parameters.thickness_nm - THICKNESS_NM))
    assert off[0] < 0.05
    assert off[1] > 3 * off[0]
