"""Models that choose among labels in the service: the old wire format, reloads, faults."""

import dataclasses
import io
import shutil

import numpy as np
import pytest

from pacbed.infer.labels.predictor import LabelPredictor
from pacbed.library.installed import load_bundle
from pacbed.library.system import UNKNOWN
from pacbed.service.catalogue import Catalogue
from pacbed.service.metrics import Metrics
from tests.label_tools import (
    EARLIER_ID,
    LABEL_SYSTEM,
    add_register_row,
    make_earlier_folder,
    make_label_bundle,
    model_folder,
    recorded_pattern,
)
from tests.service.conftest import post, raw_parameters


@pytest.fixture(scope="module")
def table():
    return load_bundle("sto-001-300kV").table


@pytest.fixture(scope="module")
def pattern(table):
    return recorded_pattern(table, 30.0, 3.0, size=192)


@pytest.fixture
def data(tmp_path):
    return make_earlier_folder(tmp_path / "data")


@pytest.mark.parametrize("form", [".tflite", ".h5"])
def test_wire_format_of_earlier_clients(tmp_path, make_client, pattern, form):
    client = make_client(data=make_earlier_folder(tmp_path / "data", form))
    # By voltage, structure and zone axis, as raw pixels: what those clients have always sent.
    response = post(client, raw_parameters(pattern), pattern.tobytes())
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["system"] == "strontium-titanate-001-300kV-earlier7"
    assert answer["thickness"] == pytest.approx(300, abs=50)
    assert answer["mistilt"] == pytest.approx(3, abs=0.75)
    assert answer["scale"] == pytest.approx(192 * 0.4 / 52, rel=0.12)
    assert answer["validation"]
    assert answer["thickness_nm"] == pytest.approx(answer["thickness"] / 10)
    assert answer["tilt_x_mrad"] is answer["azimuth_deg"] is answer["residual"] is None
    assert any("earlier system" in words for words in answer["warnings"])


def by_number(number, **others):
    return {"system": number, "convergence_angle": 20, "file_params": {"typ": "npy"}, **others}


def npy(pattern):
    buffer = io.BytesIO()
    np.save(buffer, pattern)
    return buffer.getvalue()


@pytest.mark.parametrize("number", [EARLIER_ID, str(EARLIER_ID)])
def test_the_number_is_enough(data, make_client, pattern, number):
    client = make_client(data=data)
    asked = by_number(number, validation="report", views=True)
    response = post(client, asked, npy(pattern), "p.npy")
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["thickness"] == pytest.approx(300, abs=50)
    assert answer["views"]["measured"]
    assert answer["views"]["simulated"] is None
    assert answer["validation"]


def test_listed_with_their_kind(data, make_client, table):
    make_label_bundle(data, table)
    client = make_client(data=data)
    kinds = {entry["id"]: entry["model"] for entry in client.get("/systems").json()}
    assert kinds == {0: "engine", 1: "engine", 2: "engine", 3: "engine", 7: "earlier", 51: "labels"}


def test_no_pattern_without_a_table(data, make_client):
    client = make_client(data=data)
    response = client.get("/pattern/?system=7&thickness_nm=30&convergence_mrad=20")
    assert response.status_code == 404
    assert "no table to simulate" in response.json()["detail"]


def test_without_mistilt(data, make_client, pattern, table):
    make_label_bundle(data, table, targets=("Thickness",))
    response = post(make_client(data=data), by_number(51), npy(pattern), "p.npy")
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["mistilt"] is answer["mistilt_mrad"] is None
    assert all(other["mistilt_mrad"] is None for other in answer["alternatives"])


def test_the_direction_of_the_tilt(data, make_client, pattern, table):
    around = np.full(72, 0.1 / 71)
    around[24] = 0.9  # 120 degrees
    make_label_bundle(data, table, directions=around)
    asked = by_number(51, validation="report", views=True)
    response = post(make_client(data=data), asked, npy(pattern), "p.npy")
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["azimuth_deg"] == pytest.approx(120, abs=1)
    assert answer["tilt_x_mrad"] < 0 < answer["tilt_y_mrad"]
    assert answer["mistilt_mrad"] == pytest.approx(
        np.hypot(answer["tilt_x_mrad"], answer["tilt_y_mrad"])
    )
    assert answer["validation"]
    assert not any("direction" in words for words in answer["warnings"])


def numbers(catalogue):
    return [system.id for system in catalogue.systems()]


def of(catalogue, number):
    return next(system for system in catalogue.systems() if system.id == number)


def test_newly_registered_models_are_taken_up(tmp_path, table):
    data = tmp_path / "data"
    data.mkdir()
    catalogue = Catalogue(data, 0.0, Metrics())
    assert numbers(catalogue) == [0, 1, 2, 3]
    make_label_bundle(data, table)
    assert numbers(catalogue) == [0, 1, 2, 3, 51]
    make_earlier_folder(data)
    assert numbers(catalogue) == [0, 1, 2, 3, 7, 51]
    assert isinstance(catalogue.predictor(of(catalogue, 7)), LabelPredictor)
    # A system that is registered and has no model yet is no fault.
    add_register_row(data, 8)
    assert numbers(catalogue) == [0, 1, 2, 3, 7, 51]
    assert catalogue.faults == {}


def test_the_last_row_of_the_register_serves(data, table):
    folder = make_label_bundle(data, table)
    newer = folder.rename(folder.with_name("a"))
    shutil.copytree(newer, folder.with_name("b"))
    add_register_row(data, LABEL_SYSTEM.id, path=str(LABEL_SYSTEM.id))
    catalogue = Catalogue(data, 0.0, Metrics())
    register = folder.parent / "Register_models.csv"
    for first, last in (("a", "b"), ("b", "a"), ("a", "b")):
        register.write_text(f"id;path\n0;51/models/{first}\n1;51/models/{last}\n")
        assert catalogue.predictor(of(catalogue, 51)).bundle.folder.name == last
    assert catalogue.faults == {}


def test_broken_successor_leaves_the_older_one_serving(data, table):
    folder = make_label_bundle(data, table)
    catalogue = Catalogue(data, 0.0, Metrics())
    before = {n: catalogue.predictor(of(catalogue, n)) for n in (7, 51)}
    (folder / "Thickness.onnx").write_bytes(b"broken")
    (folder / "bundle.json").write_text((folder / "bundle.json").read_text() + " ")
    path = model_folder(data) / "Small_Thickness.tflite"
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    for _ in range(2):
        for number, predictor in before.items():
            assert catalogue.predictor(of(catalogue, number)) is predictor
    assert catalogue.faults == {"table": "BundleError", "Xception_0": "BundleError"}
    path.write_bytes(whole)
    assert catalogue.predictor(of(catalogue, 7)) is not before[7]
    assert catalogue.faults == {"table": "BundleError"}


def test_broken_register_changes_nothing(data):
    catalogue = Catalogue(data, 0.0, Metrics())
    assert 7 in numbers(catalogue)
    text = (data / "Register.csv").read_text()
    (data / "Register.csv").write_text("broken")
    assert 7 in numbers(catalogue)
    assert catalogue.faults == {"data": "FileFormatError"}
    (data / "Register.csv").write_text(text)
    assert 7 in numbers(catalogue)
    assert catalogue.faults == {}


def test_unregistered_and_removed_models_go(data):
    catalogue = Catalogue(data, 0.0, Metrics())
    assert 7 in numbers(catalogue)
    text = (data / "Register.csv").read_text()
    (data / "Register.csv").write_text(text.splitlines()[0] + "\n")
    assert 7 not in numbers(catalogue)
    (data / "Register.csv").write_text(text)
    assert 7 in numbers(catalogue)
    shutil.rmtree(data / "7")
    assert 7 not in numbers(catalogue)


def test_a_model_of_its_own_replaces_the_earlier_one(data, table):
    catalogue = Catalogue(data, 0.0, Metrics())
    assert of(catalogue, 7).name.endswith("earlier7")
    make_label_bundle(data, table, system=dataclasses.replace(LABEL_SYSTEM, id=7))
    assert of(catalogue, 7).name == LABEL_SYSTEM.name


def test_a_system_of_which_nobody_said_all(tmp_path, make_client, table, pattern):
    """Networks that were trained from a table of four columns: asked for by name or number."""
    unknown = dataclasses.replace(
        LABEL_SYSTEM, id=12, name="my-alloy", material=UNKNOWN, composition=UNKNOWN,
        zone_axis=None, high_tension_kV=None,
    )  # fmt: skip
    make_label_bundle(tmp_path / "data", table, system=unknown)
    client = make_client(data=tmp_path / "data")
    (entry,) = [entry for entry in client.get("/systems/").json() if entry["id"] == 12]
    assert entry["material"] == "unknown"
    assert entry["zone_axis"] is entry["high_tension_kV"] is None
    stored = io.BytesIO()
    np.save(stored, pattern)
    response = post(client, by_number("my-alloy"), stored.getvalue())
    assert response.status_code == 200, response.text
    assert response.json()["system"] == "my-alloy"
