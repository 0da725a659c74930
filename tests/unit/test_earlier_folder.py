"""Data folders of the earlier system, opened as they are."""

import importlib.util
import json
import re
import shutil

import h5py
import numpy as np
import pytest

from pacbed.earlier.keras_h5 import load_h5
from pacbed.earlier.litert import LiteRtLabelNetwork
from pacbed.errors import BundleError, MissingExtraError, UnknownSystemError
from pacbed.infer.open_predictor import open_predictor
from pacbed.library.installed import (
    broken_bundles,
    find_system,
    installed_bundles,
    installed_systems,
    load_bundle,
)
from tests.label_tools import (
    MODELS,
    TARGETS,
    add_register_row,
    make_earlier_folder,
    model_folder,
    recorded_pattern,
)


@pytest.fixture(scope="module")
def table():
    return load_bundle("sto-001-300kV").table


@pytest.fixture
def data(tmp_path):
    return make_earlier_folder(tmp_path / "data")


def broken(data):
    """What is said of the one thing that is wrong."""
    (words,) = broken_bundles(data).values()
    return words


def without(monkeypatch, module):
    """Let an extra be missing."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == module else find(name, *a)
    )


def test_found_by_number_and_by_conditions(data):
    system = find_system(7, data=data)
    assert system.thickness_nm == (10, 60)
    assert system.mistilt_mrad == (0, 6)
    assert system.convergence_mrad == (15, 25)
    assert find_system(material="strontium titanate", high_tension_kV=300, data=data) == system
    assert find_system("strontium-titanate-001-300kV-earlier7", data=data) == system
    kinds = {model.system.id: model.kind for model in installed_bundles(data)}
    assert kinds == {0: "engine", 1: "engine", 2: "engine", 3: "engine", 7: "earlier"}


@pytest.mark.parametrize("thickness_nm", [20.0, 30.0, 50.0])
@pytest.mark.parametrize("mrad_per_pixel", [0.35, 0.5])
def test_thickness_mistilt_and_scale(data, table, thickness_nm, mrad_per_pixel):
    predictor = open_predictor(load_bundle(7, data))
    pattern = recorded_pattern(table, thickness_nm, 3.0, mrad_per_pixel, size=192)
    estimate = predictor.infer(pattern, 20.0)
    assert estimate.status == "ok"
    assert estimate.thickness_nm == pytest.approx(thickness_nm, abs=5)
    assert estimate.mistilt_mrad == pytest.approx(3, abs=0.75)
    assert estimate.mrad_per_pixel == pytest.approx(mrad_per_pixel, rel=0.1)
    # The simulated pictures show 26 mrad to each side.
    assert estimate.scale == pytest.approx(192 * mrad_per_pixel / 52, rel=0.12)
    assert estimate.provenance["model"] == "earlier"
    assert estimate.provenance["networks"]["Thickness"] == "Small_Thickness.tflite"
    assert estimate.tilt_x_mrad is estimate.azimuth_deg is None
    assert any("earlier system" in words for words in estimate.warnings)
    json.dumps(estimate.to_dict(), allow_nan=False)


@pytest.mark.parametrize("thickness_nm", [10.0, 60.0])
def test_ends_of_the_labels_are_out_of_range(data, table, thickness_nm):
    estimate = open_predictor(load_bundle(7, data)).infer(
        recorded_pattern(table, thickness_nm, 3.0, 0.5, size=192), 20.0, mrad_per_pixel=0.5
    )
    assert estimate.status == "out_of_range"
    assert any("was not used" in words for words in estimate.warnings)


def test_both_forms_answer_alike(tmp_path, table):
    first = make_earlier_folder(tmp_path / "a", ".tflite")
    second = make_earlier_folder(tmp_path / "b", ".h5")
    for thickness in (20.0, 40.0):
        pattern = recorded_pattern(table, thickness, 3.0, size=192)
        one, two = (open_predictor(load_bundle(7, d)).infer(pattern, 20.0) for d in (first, second))
        assert two.thickness_nm == pytest.approx(one.thickness_nm, abs=1e-3)
        assert two.mistilt_mrad == pytest.approx(one.mistilt_mrad, abs=1e-3)
        assert two.scale == pytest.approx(one.scale, rel=1e-4)
        assert two.provenance["networks"]["Scale"] == "Small_Scale.h5"


@pytest.mark.parametrize(
    ("form", "module", "extra"),
    [(".tflite", "ai_edge_litert", "tflite"), (".h5", "keras", "keras")],
)
def test_missing_extra_is_named_and_stops_nothing(tmp_path, monkeypatch, form, module, extra):
    data = make_earlier_folder(tmp_path / "data", form)
    without(monkeypatch, module)
    with pytest.raises(MissingExtraError, match=re.escape(f"pip install 'pacbed-cnn[{extra}]'")):
        find_system(7, data=data)
    assert f"Small_Thickness{form}" in broken(data)
    with pytest.warns(UserWarning, match="left out"):
        assert [s.id for s in installed_systems(data)] == [0, 1, 2, 3]


def test_the_form_that_can_be_read_is_used(data, monkeypatch):
    for target in TARGETS:
        shutil.copy(MODELS / f"Small_{target}.h5", model_folder(data))
    files = {m.file for m in load_bundle(7, data).models.values()}
    assert files == {f"Small_{target}.tflite" for target in TARGETS}
    without(monkeypatch, "ai_edge_litert")
    files = {m.file for m in load_bundle(7, data).models.values()}
    assert files == {f"Small_{target}.h5" for target in TARGETS}


def test_other_networks_change_nothing(data):
    shutil.copy(MODELS / "Small_Mistilt.tflite", model_folder(data) / "Small_Azimuth.tflite")
    assert set(load_bundle(7, data).models) == set(TARGETS)


def test_last_registered_model_counts(data):
    newer = model_folder(data).with_name("newer")
    shutil.copytree(model_folder(data), newer)
    assert load_bundle(7, data).folder.name == "Xception_0"
    with (data / "7" / "models" / "Register_models.csv").open("a") as file:
        file.write("1;data\\7\\models\\newer\n")
    assert load_bundle(7, data).folder.name == "newer"


def test_without_a_register_of_models(data):
    (data / "7" / "models" / "Register_models.csv").unlink()
    assert load_bundle(7, data).folder == model_folder(data)


def test_simulated_only_is_no_fault(data):
    add_register_row(data, 8)
    (data / "8" / "simulation").mkdir(parents=True)
    assert broken_bundles(data) == {}


def test_without_mistilt_and_scale(tmp_path, table):
    data = make_earlier_folder(tmp_path / "data", targets=("Thickness",))
    estimate = open_predictor(load_bundle(7, data)).infer(
        recorded_pattern(table, 30.0, 0.0, 52 / 160), 20.0
    )
    assert estimate.mistilt_mrad is None
    assert estimate.scale == pytest.approx(1)
    assert any("no network for the scale" in words for words in estimate.warnings)


def test_range_of_angles_from_the_register(data):
    (data / "7" / "simulation" / "df.csv").unlink()
    bundle = load_bundle(7, data)
    assert bundle.convergence_mrad == (15, 25)
    assert bundle.provenance["convergence_range_from"] == "Register.csv"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: shutil.rmtree(model_folder(d)), "does not exist, but is registered"),
        (lambda d: (model_folder(d) / "Small_Thickness.tflite").unlink(), "Thickness in its name"),
        (lambda d: (model_folder(d) / "Small_Scale_labels.csv").unlink(), "no table of labels"),
        (lambda d: (d / "7/simulation/df.csv").write_text("a;b\n1;2\n"), "Conv_Angle is missing"),
        (lambda d: (d / "7/simulation/df.csv").write_text("Conv_Angle\nx\n"), "not of numbers"),
        (lambda d: (d / "7/simulation/df.csv").write_text("Conv_Angle;\n"), "has no row"),
        (
            lambda d: (d / "7/models/Register_models.csv").write_text("id;path\n0;..\\..\\etc\n"),
            "data folder",
        ),
        (lambda d: (d / "7/models/Register_models.csv").write_text("id\n0\n"), "path"),
    ],
    ids=["gone", "thickness", "labels", "column", "number", "empty", "outside", "no path"],
)
def test_broken_folder_is_listed_and_the_rest_works(data, spoil, words):
    spoil(data)
    assert words in broken(data)
    with pytest.warns(UserWarning, match="left out"):
        assert find_system(3, data=data).id == 3
    with pytest.raises(UnknownSystemError, match="system 7 is not installed"):
        find_system(7, data=data)


@pytest.mark.parametrize("column", ["material", "direction", "high tension"])
def test_incomplete_row(tmp_path, column):
    data = make_earlier_folder(tmp_path / "data", number=7)
    (data / "Register.csv").unlink()
    add_register_row(data, 7, **{column: ""})
    assert "complete its row" in broken(data)


def test_register_that_cannot_be_read(data):
    (data / "Register.csv").write_text("nothing here")
    assert "Register.csv" in broken(data)
    with pytest.warns(UserWarning, match="left out"):
        assert [s.id for s in installed_systems(data)] == [0, 1, 2, 3]


@pytest.mark.parametrize("form", [".tflite", ".h5"])
def test_damaged_network(tmp_path, form):
    data = make_earlier_folder(tmp_path / "data", form)
    path = model_folder(data) / f"Small_Mistilt{form}"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(BundleError, match="Small_Mistilt"):
        open_predictor(load_bundle(7, data))


def test_wrong_inputs_are_refused():
    with pytest.raises(Exception, match="model"):
        LiteRtLabelNetwork(b"not a model at all", 1)


def described(tmp_path, change):
    """A small .h5 model with a changed description."""
    path = tmp_path / "model.h5"
    shutil.copy(MODELS / "Small_Thickness.h5", path)
    with h5py.File(path, "r+") as file:
        description = json.loads(file.attrs["model_config"])
        change(description["config"]["layers"])
        file.attrs["model_config"] = json.dumps(description)
    return path.read_bytes()


@pytest.mark.parametrize(
    "layer",
    [
        {"class_name": "Lambda", "config": {"function": ["code", None, None]}},
        {"class_name": "__lambda__", "config": {"value": "4wEAAA=="}},
        {"class_name": "system", "module": "os", "config": {}},
        {"class_name": "TimeDistributed", "config": {"layer": {"class_name": "Lambda"}}},
    ],
)
def test_code_in_a_model_is_never_run(tmp_path, layer):
    content = described(tmp_path, lambda layers: layers.append({"name": "added", **layer}))
    with pytest.raises(BundleError, match="whose code is not run"):
        load_h5(content)


def test_weights_alone_are_no_model(tmp_path):
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["kernel"] = np.zeros(3)
    with pytest.raises(BundleError, match="save the whole model"):
        load_h5(path.read_bytes())
    with pytest.raises(BundleError, match="not a Keras model"):
        load_h5(b"no hdf5")
