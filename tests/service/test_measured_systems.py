"""Own systems' error bars are measured in the background, once nothing else is to be simulated."""

import io
import json
import shutil
import time

import numpy as np
import pytest

from pacbed.calibrate import calibrate as calibrating
from pacbed.library.places import open_model
from pacbed.service.systems import measure, measurer
from tests.service.conftest import START_SECONDS, post
from tests.service.test_own_systems import finished, send


@pytest.fixture(scope="module")
def silicon(repository):
    return (repository / "tests" / "data" / "crystals" / "Si.cif").read_bytes()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


@pytest.fixture
def measuring(make_client, folder, monkeypatch, repository):
    """A service that has error bars measured by a program that takes no time."""
    monkeypatch.setattr(measurer, "PROGRAM", "tests.service.measuring_stub")
    monkeypatch.setattr(measurer, "_LOOK_SECONDS", 0.05)
    monkeypatch.setenv("PYTHONPATH", str(repository))
    return make_client(own_systems="on", system_folder=folder, calibration_minutes=1)


def wait_for(fulfilled):
    deadline = time.monotonic() + START_SECONDS
    while not fulfilled():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def marks(folder):
    return sorted(folder.glob("*/measured.json"))


def asked(client, job):
    size = {"thickness_nm": 8, "convergence_mrad": 5, "format": "npy", "size": 128}
    simulated = client.get("/pattern/", params={"system": job["name"], **size})
    pattern = io.BytesIO()
    np.save(pattern, (np.load(io.BytesIO(simulated.content)) * 1e6).astype(np.float32))
    parameters = {"system": job["name"], "validation": False, "convergence_angle": 5}
    return post(client, parameters, pattern.getvalue(), "a.npy").json()


def test_answers_are_calibrated_once_it_is_measured(measuring, folder, silicon):
    (folder / "wait").touch()
    job = finished(measuring, send(measuring, silicon))
    wait_for((folder / "begun").exists)
    before = asked(measuring, job)
    assert not before["provenance"]["calibrated"]
    assert any("not been calibrated" in words for words in before["warnings"])
    (folder / "wait").unlink()
    wait_for(lambda: marks(folder))
    wait_for(lambda: asked(measuring, job)["provenance"]["calibrated"])
    after = asked(measuring, job)
    assert after["thickness_std_nm"] < before["thickness_std_nm"]
    assert not any("not been calibrated" in words for words in after["warnings"])


def test_another_structure_goes_first_and_both_are_measured(measuring, folder, silicon):
    (folder / "wait").touch()
    finished(measuring, send(measuring, silicon))
    wait_for((folder / "begun").exists)
    finished(measuring, send(measuring, silicon, name="another"))
    assert not marks(folder)
    (folder / "wait").unlink()
    wait_for(lambda: len(marks(folder)) == 2)
    # The first was begun, ended to make room, and begun again.
    assert len((folder / "begun").read_text("utf-8").split()) >= 3


def test_what_cannot_be_measured_is_not_tried_again(measuring, folder, silicon):
    (folder / "fail").touch()
    job = finished(measuring, send(measuring, silicon))
    wait_for(lambda: marks(folder))
    assert json.loads(marks(folder)[0].read_text("utf-8")) == {}
    time.sleep(0.3)
    assert len((folder / "begun").read_text("utf-8").split()) == 1
    assert not asked(measuring, job)["provenance"]["calibrated"]


def test_a_deleted_system_is_not_measured_on(measuring, folder, silicon):
    (folder / "wait").touch()
    job = finished(measuring, send(measuring, silicon))
    wait_for((folder / "begun").exists)
    assert measuring.delete(f"/systems/jobs/{job['id']}").status_code == 204
    wait_for(lambda: not list(folder.glob("*/state.json")))
    (folder / "wait").unlink()
    assert not marks(folder)


def test_without_minutes_nothing_is_measured(make_client, folder, silicon, monkeypatch):
    monkeypatch.setattr(measurer, "_LOOK_SECONDS", 0.05)
    client = make_client(own_systems="on", system_folder=folder)
    finished(client, send(client, silicon))
    time.sleep(0.3)
    assert not (folder / "begun").exists()
    assert not list(folder.glob("*/runs"))


def test_the_program_writes_budget_and_calibration(make_client, folder, silicon, monkeypatch):
    client = make_client(own_systems="on", system_folder=folder)
    job = finished(client, send(client, silicon))
    place = folder / job["id"]
    asked_of_it = []

    def calibrate(model, crystal, runs, effort, progress):
        asked_of_it.append((model.system.name, crystal.formula, runs, effort.threads))
        values = {"thickness_floor_nm": 0.02, "calibrated": True}
        return calibrating.Calibrated(values, None, 4)

    monkeypatch.setattr(calibrating, "calibrate", calibrate)
    monkeypatch.setattr("pacbed.budget.measure._THICKNESSES_NM", (4.0, 8.0), raising=False)
    measure._measure(place, 1.0)
    assert asked_of_it == [(job["name"], "Si", place / "runs", 1)]
    model = open_model(place / "made")
    assert model.calibration["thickness_floor_nm"] == 0.02
    assert model.sensitivities is not None
    assert json.loads((place / "measured.json").read_text("utf-8")) == {"runs": 4}
    shutil.rmtree(place, ignore_errors=True)
