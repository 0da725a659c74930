"""Bundles that choose among labels: found, verified, answering, refused."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest

from pacbed.errors import BundleError, OutOfRangeError, UnknownSystemError
from pacbed.infer.labels.predictor import LabelPredictor
from pacbed.infer.networks.predictor import Predictor
from pacbed.infer.open_predictor import open_predictor
from pacbed.library.installed import (
    broken_bundles,
    find_system,
    installed_bundles,
    load_bundle,
    load_engine,
)
from pacbed.library.models.bundle import Bundle
from pacbed.library.models.kinds import table_of
from pacbed.library.models.label_bundle import LabelBundle
from pacbed.library.places import open_model
from tests.label_tools import LABEL_SYSTEM, make_label_bundle, recorded_pattern


@pytest.fixture(scope="module")
def table():
    return load_bundle("sto-001-300kV").table


@pytest.fixture
def folder(tmp_path, table):
    return make_label_bundle(tmp_path, table)


def change(folder, **entries):
    path = folder / "bundle.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **entries}))


def put(folder, name, content):
    """Replace a file and its hash."""
    (folder / name).write_bytes(content)
    hashes = json.loads((folder / "bundle.json").read_text())["sha256"]
    change(folder, sha256={**hashes, name: hashlib.sha256(content).hexdigest()})


def test_found_beside_the_others(folder):
    data = folder.parents[2]
    kinds = {model.system.id: model.kind for model in installed_bundles(data)}
    assert kinds == {0: "engine", 1: "engine", 2: "engine", 3: "engine", 51: "labels"}
    assert find_system(51, data=data) == LABEL_SYSTEM
    assert isinstance(open_predictor(load_bundle(51, data)), LabelPredictor)
    assert isinstance(open_predictor(load_bundle(3, data)), Predictor)


def test_answer(folder, table):
    estimate = LabelPredictor(LabelBundle.load(folder)).infer(recorded_pattern(table, 30.0), 20.0)
    assert estimate.system == "labels-001-300kV"
    assert estimate.status in ("ok", "ambiguous")
    assert estimate.thickness_nm == pytest.approx(30, abs=10)
    assert estimate.mrad_per_pixel == pytest.approx(0.4, rel=0.04)
    assert estimate.scale == pytest.approx(160 * 0.4 / 52, rel=0.04)
    assert (estimate.center_row_px, estimate.center_column_px) == pytest.approx((79.5, 79.5), abs=2)
    assert (estimate.tilt_x_mrad, estimate.tilt_y_mrad, estimate.azimuth_deg) == (None,) * 3
    assert estimate.residual is None
    assert 0 <= estimate.mistilt_mrad <= 4
    assert estimate.provenance["method"] == "labels"
    assert estimate.provenance["calibrated"] is False
    assert sum(estimate.thickness_distribution.probability) == pytest.approx(1)
    words = " ".join(estimate.warnings)
    assert "not calibrated" in words
    assert "direction of the mistilt is not known" in words
    assert "no fit" in words
    json.dumps(estimate.to_dict(), allow_nan=False)


def test_thickness_follows_the_pattern(folder, table):
    predictor = LabelPredictor(LabelBundle.load(folder))
    found = [predictor.infer(recorded_pattern(table, t), 20.0, 0.4) for t in (10.0, 20.0, 40.0)]
    assert [e.thickness_nm for e in found] == pytest.approx([10, 20, 40], abs=4)
    # The thinnest label may stand for anything thinner.
    assert found[0].status == "out_of_range"
    assert found[1].status != "out_of_range"


@pytest.mark.parametrize("mrad_per_pixel", [0.28, 0.5])
def test_scale_is_found_whatever_the_camera_length(folder, table, mrad_per_pixel):
    predictor = LabelPredictor(LabelBundle.load(folder))
    pattern = recorded_pattern(table, 30.0, mrad_per_pixel=mrad_per_pixel, size=224)
    estimate = predictor.infer(pattern, 20.0)
    assert estimate.mrad_per_pixel == pytest.approx(mrad_per_pixel, rel=0.05)
    assert estimate.provenance["scale_looks"] >= 1


@pytest.fixture(scope="module")
def with_table(tmp_path_factory, table):
    return make_label_bundle(tmp_path_factory.mktemp("fit"), table, with_table=True)


@pytest.mark.parametrize(("thickness_nm", "mistilt_mrad", "seed"), [(27.0, 2.5, 1), (20.0, 0.0, 2)])
def test_a_table_makes_a_fit(with_table, table, thickness_nm, mistilt_mrad, seed):
    predictor = LabelPredictor(LabelBundle.load(with_table))
    pattern = recorded_pattern(table, thickness_nm, mistilt_mrad, seed=seed)
    estimate = predictor.infer(pattern, 20.0)
    azimuth = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    assert estimate.status == "ok"
    assert estimate.thickness_nm == pytest.approx(thickness_nm, abs=0.6)
    tilt = mistilt_mrad * np.array([np.cos(azimuth), np.sin(azimuth)])
    assert (estimate.tilt_x_mrad, estimate.tilt_y_mrad) == pytest.approx(tuple(tilt), abs=0.5)
    assert estimate.residual < 0.05
    assert estimate.provenance["method"] == "fit"
    assert estimate.provenance["model"] == "labels"
    assert estimate.provenance["calibrated"] is False
    assert any("not been calibrated" in words for words in estimate.warnings)
    unfitted = predictor.infer(pattern, 20.0, refine=False)
    assert (unfitted.residual, unfitted.tilt_x_mrad) == (None, None)


def test_the_fit_refuses_another_crystal(with_table):
    foreign = recorded_pattern(load_bundle("rutile-001-80kV").table, 30.0, 2.0)
    estimate = LabelPredictor(LabelBundle.load(with_table)).infer(foreign, 20.0)
    assert estimate.status != "ok"


def test_known_scale_is_used(folder, table):
    predictor = LabelPredictor(LabelBundle.load(folder))
    estimate = predictor.infer(recorded_pattern(table, 30.0), 20.0, mrad_per_pixel=0.41)
    assert estimate.mrad_per_pixel == 0.41
    assert estimate.provenance["scale_looks"] == 0


def test_without_mistilt_and_scale(tmp_path, table):
    folder = make_label_bundle(tmp_path, table, targets=("Thickness",))
    estimate = LabelPredictor(LabelBundle.load(folder)).infer(
        recorded_pattern(table, 30.0), 20.0, refine=False
    )
    assert (estimate.mistilt_mrad, estimate.tilt_std_mrad) == (None, None)
    assert estimate.mrad_per_pixel == pytest.approx(0.4, rel=0.1)
    words = " ".join(estimate.warnings)
    assert "not trained for it" in words
    assert "size of the disk" in words
    assert "no fit" not in words
    json.dumps(estimate.to_dict(), allow_nan=False)


def test_convergence_must_be_covered(folder, table):
    predictor = LabelPredictor(LabelBundle.load(folder))
    with pytest.raises(OutOfRangeError, match="15 to 25 mrad"):
        predictor.infer(recorded_pattern(table, 30.0), 30.0)
    with pytest.raises(OutOfRangeError, match="positive"):
        predictor.infer(recorded_pattern(table, 30.0), 20.0, mrad_per_pixel=-1)


def test_patterns_need_a_table(folder):
    with pytest.raises(UnknownSystemError, match="no table to simulate"):
        table_of(LabelBundle.load(folder))


def test_what_needs_an_engine_refuses_it(folder):
    data = folder.parents[2]
    with pytest.raises(UnknownSystemError, match="no networks that read"):
        load_engine(51, data)
    assert load_engine(3, data).system.id == 3
    with pytest.raises(BundleError, match="of the kind labels"):
        Bundle.load(folder)


def test_changed_labels_are_refused(folder):
    text = (folder / "Thickness_labels.csv").read_text()
    (folder / "Thickness_labels.csv").write_text(text.replace("500", "900"))
    with pytest.raises(BundleError, match=r"Thickness_labels\.csv: .* \(SHA-256 differs\)"):
        LabelBundle.load(folder)


def test_changed_network_is_refused(folder):
    bundle = LabelBundle.load(folder)
    (folder / "Mistilt.onnx").write_bytes(b"changed")
    with pytest.raises(BundleError, match="SHA-256 differs"):
        LabelPredictor(bundle)


def test_network_that_does_not_load(folder):
    put(folder, "Scale.onnx", b"no network")
    with pytest.raises(BundleError, match=r"Scale\.onnx: the network cannot be loaded"):
        LabelPredictor(LabelBundle.load(folder))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"file": "../Thickness.onnx"}, "not the name of a file"),
        ({"file": "a\\Thickness.onnx"}, "not the name of a file"),
        ({"file": ".."}, "not the name of a file"),
        ({"labels": "/etc/passwd"}, "not the name of a file"),
        ({"labels": "missing.csv"}, r"missing\.csv: cannot be read"),
        ({"input": [48, 48]}, "not the description"),
    ],
)
def test_wrong_model_entry(folder, model, words):
    models = json.loads((folder / "bundle.json").read_text())["models"]
    models["Thickness"].update(model)
    change(folder, models=models)
    with pytest.raises(BundleError, match=words):
        LabelBundle.load(folder)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"schema": 99}, "schema 99"),
        ({"models": {}}, "has no network"),
        (
            {"models": {"Colour": {"file": "a", "labels": "b", "input": [1, 1, 1]}}},
            "unknown model",
        ),
        ({"convergence_mrad": [25, 15]}, "no range"),
        ({"convergence_mrad": [float("nan"), 15]}, "not the description"),
        ({"system": {"id": 3}}, "not the description"),
    ],
)
def test_wrong_description_is_listed_and_stops_nothing(folder, entries, words):
    change(folder, **entries)
    data = folder.parents[2]
    with pytest.raises(BundleError, match=words):
        LabelBundle.load(folder)
    ((place, fault),) = broken_bundles(data).items()
    assert place == folder
    assert str(folder) in fault
    with pytest.warns(UserWarning, match="left out"):
        assert find_system(3, data=data).id == 3


def test_without_thickness_it_answers_nothing(tmp_path, table):
    folder = make_label_bundle(tmp_path, table, targets=("Mistilt", "Scale"))
    # It can be looked at, as after a training of these two alone.
    assert set(open_model(folder).models) == {"Mistilt", "Scale"}
    with pytest.raises(BundleError, match="no Thickness model"):
        LabelPredictor(LabelBundle.load(folder))
    assert "no Thickness model" in broken_bundles(tmp_path)[folder]


def test_wrong_preparation(folder, table):
    change(folder, preparation={"size": 48})
    with pytest.raises(BundleError, match="preparation"):
        LabelPredictor(LabelBundle.load(folder)).infer(recorded_pattern(table, 30.0), 20.0)


def test_labels_that_belong_to_another_network(folder):
    text = "Index;Mistilt / mrad\n0;0\n1;1\n2;2\n"
    put(folder, "Mistilt_labels.csv", text.encode())
    with pytest.raises(BundleError, match="has 4 outputs, but its table 3 labels"):
        LabelPredictor(LabelBundle.load(folder))


def test_an_engine_bundle_is_no_label_bundle():
    with pytest.raises(BundleError, match="kind"):
        LabelBundle.load(load_bundle(3).folder)


def test_same_answer_for_other_types_of_numbers(folder, table):
    predictor = LabelPredictor(LabelBundle.load(folder))
    pattern = recorded_pattern(table, 30.0)
    first = predictor.infer(pattern, 20.0)
    second = predictor.infer(pattern.astype(np.float64) * 3.0, 20.0)
    assert second.thickness_nm == pytest.approx(first.thickness_nm, abs=0.2)
    times = {"provenance": {}}
    again = predictor.infer(pattern, 20.0)
    assert dataclasses.replace(again, **times) == dataclasses.replace(first, **times)
