"""The client: requests, answers, many patterns at once."""

import inspect
import threading

import numpy as np
import pytest

from pacbedclient import Alternative, BudgetPart, Client, PatternError, RequestRefusedError
from standin_service import PICTURE, SYSTEMS

PATTERN = np.full((3, 4), 42, np.uint16)


@pytest.fixture
def client(service):
    return Client(service.url, timeout_s=10)


def test_infer_sends_the_system_or_the_conditions(client, service):
    client.infer(PATTERN, 13.6, system="sto-001-200kV")
    client.infer(PATTERN, 13.6, material="STRONTIUM TITANATE", high_tension_kV=200)
    first, second = (request["parameters"] for request in service.requests)
    assert first["system"] == "sto-001-200kV"
    assert first["convergence_angle"] == 13.6
    assert first["validation"] is False
    assert second["physical_params"] == {
        "acceleration_voltage": 200000,
        "crystal_structure": "STRONTIUM TITANATE",
        "zone_axis": {"u": 0, "v": 0, "w": 1},
        "convergence_angle": 13.6,
    }


def test_options_are_sent_where_they_are_given(client, service):
    client.infer(
        PATTERN, np.float32(13), system=np.int64(2), mrad_per_pixel=np.float64(0.3), refine=False
    )
    parameters = service.requests[0]["parameters"]
    assert parameters["mrad_per_pixel"] == 0.3
    assert parameters["refine"] is False
    assert parameters["system"] == 2
    client.infer(PATTERN, 13, system=2)
    assert not {"mrad_per_pixel", "refine"} & set(service.requests[1]["parameters"])


@pytest.mark.parametrize("nested", [True, False])
def test_the_estimate_is_read_whole(client, service, nested):
    service.nested = nested
    estimate = client.infer(PATTERN, 13.6, system=2, validation=True)
    assert estimate.system == "sto-001-200kV"
    assert estimate.status == "ambiguous"
    assert (estimate.thickness_nm, estimate.thickness_std_nm) == (42.0, 1.5)
    assert estimate.thickness_interval95_nm == (39.0, 45.0)
    assert (estimate.tilt_x_mrad, estimate.tilt_y_mrad, estimate.mistilt_mrad) == (3.0, 4.0, 5.0)
    assert estimate.residual is None
    assert estimate.alternatives == (Alternative(9.0, 5.0, 0.25),)
    assert estimate.budget == (
        BudgetPart("noise", None, 1.5, 0.4, True),
        BudgetPart("potential", 0.01, 0.3, None, False),
    )
    assert estimate.thickness_distribution == ((1.0, 2.0), (0.5, 0.5))
    assert estimate.warnings == ("the network is young",)
    assert np.array_equal(estimate.validation, PICTURE)
    assert estimate.answer["thickness"] == 420.0
    assert "validation" not in estimate.answer
    assert str(estimate) == "thickness 42.0 ± 1.5 nm, mistilt 5.0 ± 0.4 mrad (ambiguous)"


def test_an_older_service_is_understood(client, service):
    def old(handler):
        handler.rfile.read(int(handler.headers["Content-Length"]))
        handler.reply(200, {"thickness": 420, "mistilt": 5, "scale": 0.5, "validation": None})
        return True

    service.behave = old
    estimate = client.infer(PATTERN, 13.6, system=2)
    assert (estimate.thickness_nm, estimate.mistilt_mrad, estimate.scale) == (42.0, 5.0, 0.5)
    assert estimate.status is None
    assert estimate.validation is None
    assert str(estimate) == "thickness 42.0 nm, mistilt 5.0 mrad"


def test_a_model_that_says_no_mistilt(client, service):
    other = {"thickness_nm": 30.0, "mistilt_mrad": None, "probability": 0.2}

    def labels(handler):
        handler.rfile.read(int(handler.headers["Content-Length"]))
        answer = {"thickness": 420, "mistilt": None, "scale": 0.5, "thickness_nm": 42.0}
        nothing = dict.fromkeys(("mistilt_mrad", "tilt_x_mrad", "tilt_std_mrad", "azimuth_deg"))
        handler.reply(200, {**answer, **nothing, "alternatives": [other]})
        return True

    service.behave = labels
    estimate = client.infer(PATTERN, 13.6, system=7)
    assert estimate.mistilt_mrad is estimate.tilt_x_mrad is estimate.azimuth_deg is None
    assert estimate.alternatives[0].mistilt_mrad is None
    assert str(estimate) == "thickness 42.0 nm, mistilt unknown"


def test_files_are_sent_as_they_are(client, service, tmp_path):
    path = tmp_path / 'a "pattern".npy'
    np.save(str(path), PATTERN)
    assert client.infer(path, 13.6, system=2).thickness_nm == 42.0
    assert client.infer(str(path), 13.6, system=2).thickness_nm == 42.0
    assert service.requests[0]["parameters"]["file_params"] == {"typ": "auto"}
    with pytest.raises(PatternError, match=r"missing\.npy"):
        client.infer(tmp_path / "missing.npy", 13.6, system=2)


def test_the_choice_of_the_system_must_be_one(client):
    with pytest.raises(ValueError, match="material and high tension"):
        client.infer(PATTERN, 20)
    with pytest.raises(ValueError, match="material and high tension"):
        client.infer(PATTERN, 20, material="Rutile")
    with pytest.raises(ValueError, match="either"):
        client.infer(PATTERN, 20, system=1, material="Rutile")


def test_parameters_that_are_no_numbers(client):
    with pytest.raises(TypeError, match="cannot be sent"):
        client.infer(PATTERN, object(), system=1)


def test_systems(client):
    first, second = client.systems()
    assert (first.id, first.name, first.high_tension_kV) == (2, "sto-001-200kV", 200.0)
    assert first.zone_axis == (0, 0, 1)
    assert first.convergence_mrad == (8.0, 25.0)
    assert str(first) == "Strontium titanate [001] 200 kV"
    assert str(second) == 'Müller\'s "α\\β" [1 -1 0] 100 kV'
    assert second.answer == SYSTEMS[1]


def test_systems_in_an_envelope(client, service):
    def envelope(handler):
        handler.reply(200, {"systems": SYSTEMS[:1]})
        return True

    service.behave = envelope
    assert [system.id for system in client.systems()] == [2]


def test_a_system_of_which_not_all_is_known(client, service):
    """Networks that were trained from a table alone."""
    bare = {**SYSTEMS[0], "name": "my-alloy", "zone_axis": None, "high_tension_kV": None}

    def unknown(handler):
        handler.reply(200, [bare])
        return True

    service.behave = unknown
    (system,) = client.systems()
    assert (system.zone_axis, system.high_tension_kV, str(system)) == (None, None, "my-alloy")


def test_pattern(client, service):
    pattern = client.pattern("sto-001-200kV", 40, 13.6, tilt_x_mrad=-1.5, mrad_per_pixel=0.25)
    assert pattern.shape == (4, 5)
    assert (pattern == 40).all()
    assert service.requests[0]["query"] == {
        "system": "sto-001-200kV", "thickness_nm": "40", "convergence_mrad": "13.6",
        "tilt_x_mrad": "-1.5", "tilt_y_mrad": "0.0", "rotation_deg": "0.0",
        "mrad_per_pixel": "0.25", "size": "256", "format": "npy",
    }  # fmt: skip


def test_infer_many_keeps_the_order_and_reports_its_progress(client, service):
    stack = np.arange(12, dtype=np.uint8)[:, np.newaxis, np.newaxis] * np.ones((3, 4), np.uint8)
    calls = []
    estimates = client.infer_many(
        stack, 13.6, system=2, progress=lambda *done: calls.append((threading.get_ident(), done))
    )
    assert [estimate.thickness_nm for estimate in estimates] == list(range(12))
    done = [count for _, (count, total) in calls]
    assert done == sorted(done)
    assert done[-1] == 12
    assert {total for _, (_, total) in calls} == {12}
    assert {thread for thread, _ in calls} == {threading.get_ident()}


def test_infer_many_has_several_requests_at_once(client, service):
    all_there = threading.Barrier(3, timeout=5)

    def meet(handler):
        all_there.wait()

    service.behave = meet
    client.infer_many([PATTERN] * 6, 13.6, system=2, concurrency=3)
    assert service.most_at_once == 3


def test_infer_many_raises_or_returns_errors(client):
    patterns = [PATTERN, np.full((2, 2), np.nan), PATTERN, np.ones(3)]
    results = client.infer_many(patterns, 13.6, system=2, return_errors=True)
    assert [type(result).__name__ for result in results] == [
        "Estimate", "RequestRefusedError", "Estimate", "PatternError",
    ]  # fmt: skip
    with pytest.raises(RequestRefusedError, match="not finite"):
        client.infer_many(patterns[:3], 13.6, system=2)


def test_infer_many_of_nothing_and_with_nobody(client):
    assert client.infer_many([], 13.6, system=2) == []
    with pytest.raises(ValueError, match="concurrency"):
        client.infer_many([PATTERN], 13.6, system=2, concurrency=0)


def test_infer_many_stops_early_at_an_error(client, service):
    with pytest.raises(ValueError, match="either"):
        client.infer_many([PATTERN] * 50, 13.6, system=2, material="X")
    patterns = [np.full((2, 2), np.nan)] + [PATTERN] * 50
    with pytest.raises(RequestRefusedError):
        client.infer_many(patterns, 13.6, system=2, concurrency=1)
    assert len(service.requests) < 10


def test_public_methods_are_documented():
    for name, member in inspect.getmembers(Client, inspect.isfunction):
        if not name.startswith("_"):
            assert member.__doc__, name


def test_repr():
    assert repr(Client("http://localhost:1/x/")) == "Client('http://localhost:1/x')"
