"""Answers from a table alone: the search, the finder, and the second opinion."""

import math

import numpy as np
import pytest

from pacbed.infer.open_predictor import open_predictor
from pacbed.infer.search.finder import shipped_finder
from pacbed.infer.search.patterns import CoarsePatterns
from pacbed.infer.search.predictor import TablePredictor
from pacbed.library.installed import load_bundle
from pacbed.library.models.table_model import TableModel, write_table_model
from pacbed.pattern.clean import clean
from pacbed.pattern.detector import apply_effects, perfect_detector
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

SIZE = 160


@pytest.fixture(scope="module")
def bundle():
    return load_bundle("sto-001-300kV")


@pytest.fixture(scope="module")
def predictor(bundle):
    return TablePredictor(bundle)


def recorded(bundle, truth, dose=3e6, size=SIZE):
    """A pattern as a detector records it, of a disk that fills the frame."""
    pattern = np.maximum(synthesise(bundle.table, truth, (size, size)), 0)
    effects = perfect_detector(1, dose=dose, blur_px=0.7, background_share=0.1, background_px=60)
    return apply_effects(pattern[None].astype(np.float32), effects, np.random.default_rng(5))[0]


def truth_of(thickness, tilt, rotation=25.0, alpha=20.0, row=82.0, column=76.0):
    """Truth of a pattern whose frame shows no more than the table holds."""
    return PatternParameters(thickness, *tilt, alpha, 0.43, rotation, row, column)


@pytest.mark.parametrize(
    ("thickness", "tilt"), [(12.0, (1.5, -2.0)), (38.0, (-4.0, 3.0)), (71.0, (0.5, 0.2))]
)
def test_a_table_alone_finds_thickness_tilt_and_scale(bundle, predictor, thickness, tilt):
    truth = truth_of(thickness, tilt)
    found = predictor.infer(recorded(bundle, truth), truth.convergence_mrad)
    assert found.thickness_nm == pytest.approx(thickness, abs=1.0)
    assert (found.tilt_x_mrad, found.tilt_y_mrad) == pytest.approx(tilt, abs=0.35)
    assert found.mrad_per_pixel == pytest.approx(truth.mrad_per_pixel, rel=0.01)
    assert found.status == "ok"
    assert found.provenance["method"] == "search"


def test_the_convergence_angle_is_found_where_it_is_not_given(bundle, predictor):
    truth = truth_of(30.0, (2.0, 1.0), alpha=18.0)
    found = predictor.infer(recorded(bundle, truth), None, truth.mrad_per_pixel)
    assert found.thickness_nm == pytest.approx(30.0, abs=0.6)
    assert found.provenance["convergence_mrad"] == pytest.approx(18.0, rel=0.02)


def test_a_disk_that_the_detector_cuts_is_no_obstacle(bundle, predictor):
    truth = truth_of(38.0, (-2.0, 1.0))
    pattern = recorded(bundle, truth)[:, 50:]
    found = predictor.infer(pattern, truth.convergence_mrad, truth.mrad_per_pixel)
    assert found.thickness_nm == pytest.approx(38.0, abs=1.0)


def test_a_model_of_a_table_alone_is_opened_as_any_other(bundle, tmp_path):
    write_table_model(tmp_path / "model", bundle.system, bundle.table, {"version": "0"})
    model = TableModel.load(tmp_path / "model")
    opened = open_predictor(model)
    truth = truth_of(38.0, (-2.0, 1.0))
    found = opened.infer(recorded(bundle, truth), 20.0, truth.mrad_per_pixel)
    assert found.thickness_nm == pytest.approx(38.0, abs=0.6)
    assert found.provenance["bundle_sha256"] == model.hashes["lacbed.npz"]


def test_networks_that_lead_astray_are_not_the_last_word(bundle, monkeypatch):
    truth = truth_of(38.0, (-4.0, 3.0))
    pattern = recorded(bundle, truth)
    networks = open_predictor(bundle)
    read = type(networks)._by_networks

    def astray(self, data, question):
        return read(self, clean(np.roll(pattern, 25, axis=0)[::-1]), question)

    monkeypatch.setattr(type(networks), "_by_networks", astray)
    found = networks.infer(pattern, truth.convergence_mrad, truth.mrad_per_pixel)
    assert found.status != "mismatch"
    assert found.thickness_nm == pytest.approx(38.0, abs=0.6)


def test_a_pattern_of_another_crystal_is_refused_by_the_search_too(predictor):
    other = load_bundle("rutile-001-80kV")
    pattern = recorded(other, truth_of(35.0, (1.0, 3.0)))
    assert predictor.infer(pattern, 20.0).status != "ok"


def test_coarse_patterns_are_those_of_the_synthesis(bundle):
    coarse = CoarsePatterns(bundle.table, 20.0, 6.0)
    step = coarse.near(np.array([2.0, -1.0]))
    tilt = np.array(step) @ coarse.lattice
    values = coarse.node(step) @ coarse.mixing_at(38.0)
    inner = coarse.inner
    angles = coarse.angles[inner]
    pixel = 0.25
    truth = PatternParameters(38.0, *tilt, 20.0, pixel)
    image = synthesise(bundle.table, truth, (201, 201))
    x, y = np.rint(angles / pixel).astype(int).T + 100
    expected = image[y, x]
    difference = np.corrcoef(values[inner], expected)[0, 1]
    assert difference > 0.98


@pytest.mark.parametrize("row", [70.0, 88.0])
def test_the_finder_finds_the_disk_where_neighbours_overlap_it(bundle, row):
    truth = truth_of(9.0, (1.0, 0.5), row=row)
    found = shipped_finder().find(clean(recorded(bundle, truth)).values, None, 4)
    radius = truth.convergence_mrad / truth.mrad_per_pixel
    best = found[0].disk
    assert math.hypot(best.row - row, best.column - 76.0) < 0.1 * radius
    assert best.radius == pytest.approx(radius, rel=0.06)
