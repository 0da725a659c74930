"""Systems from structure files: POST /systems/ to an answer, its bounds, and who may ask."""

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from pacbed.held_folder import hold
from pacbed.service.app import create_app
from pacbed.service.exposure import serves_one_computer
from pacbed.service.settings import Settings
from pacbed.service.systems.structure_check import MOST_BYTES
from tests.cli_tools import (
    CONVERGENCE_MRAD,
    SYSTEM,
    THICKNESS_NM,
    make_data_folder,
    make_pattern,
)
from tests.service.conftest import START_SECONDS, URL, post, serving

#: Small enough to be simulated in a second.
SMALL = {
    "zone_axis": "1 1 0",
    "high_tension_kV": "200",
    "convergence_mrad": "5",
    "thickness_max_nm": "10",
    "mistilt_max_mrad": "1",
}


@pytest.fixture(scope="module")
def silicon(repository: Path) -> bytes:
    return (repository / "tests" / "data" / "crystals" / "Si.cif").read_bytes()


@pytest.fixture(scope="module")
def refusing() -> Iterator[TestClient]:
    """A service that makes systems, for requests that leave nothing behind."""
    with TestClient(create_app(Settings(threads=1, own_systems="on")), URL) as client:
        yield client


def send(client, content, filename="Si.cif", **fields):
    files = {"file": (filename, content)}
    return client.post("/systems/", data=SMALL | fields, files=files)


def finished(client, response):
    assert response.status_code == 202, response.text
    deadline = time.monotonic() + START_SECONDS
    while True:
        job = client.get(response.headers["location"]).json()
        if job["stage"] in ("done", "failed"):
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.05)


def names(client):
    return [entry["name"] for entry in client.get("/systems").json()]


def test_a_structure_becomes_a_system_that_answers(make_client, silicon):
    client = make_client(own_systems="on")
    response = send(client, silicon)
    told = dict(response.json()["understood"]["lines"])
    assert response.json()["understood"]["formula"] == "Si"
    assert told["B"].startswith("Si 0.46")
    assert told["Directions"].startswith("at rotation 0: x (right) = [1-10]")
    job = finished(client, response)
    assert (job["stage"], job["share"], job["kept_seconds"]) == ("done", 1.0, None)
    (entry,) = [e for e in client.get("/systems/").json() if e["id"] == job["system"]]
    assert (entry["name"], entry["model"]) == (job["name"], "table") == ("si-110-200kV", "table")
    simulated = client.get(
        "/pattern/",
        params={"system": job["name"], "thickness_nm": 8, "convergence_mrad": 5, "format": "npy",
                "size": 128},
    )  # fmt: skip
    pattern = io.BytesIO()
    np.save(pattern, (np.load(io.BytesIO(simulated.content)) * 1e6).astype(np.float32))
    for given in ({}, {"convergence_angle": None}, {"convergence_angle": 5}):
        parameters = {"system": job["name"], "validation": False, **given}
        answer = post(client, parameters, pattern.getvalue(), "a.npy").json()
        assert answer["thickness_nm"] == pytest.approx(8, abs=0.5)
        assert answer["convergence_mrad"] == pytest.approx(5, rel=0.03)
    # What users call their systems does not make counters.
    assert 'pacbed_answers_total{status="ok",system="own"} 3.0' in client.get("/metrics").text
    assert client.delete(response.headers["location"]).status_code == 204
    assert job["name"] not in names(client)
    assert client.get(response.headers["location"]).status_code == 404


def test_the_oldest_makes_room_and_names_are_free(make_client, silicon):
    client = make_client(own_systems="on", systems_held=1)
    first = finished(client, send(client, silicon, name="mine"))
    assert send(client, silicon, name="MINE").status_code == 422
    second = finished(client, send(client, silicon))
    third = finished(client, send(client, silicon))
    assert third["name"] == f"{second['name']}-2"
    own = set(names(client)) & {first["name"], second["name"], third["name"]}
    # A look at the jobs, which a new one brings, leaves the newest.
    assert third["name"] in own
    assert first["name"] not in own


def test_too_many_are_turned_away_and_what_waits_can_be_cancelled(make_client, silicon, tmp_path):
    # Another worker process has the turn.
    turn = hold(tmp_path / ".turn")
    client = make_client(own_systems="on", system_jobs=1, system_folder=tmp_path)
    waiting = send(client, silicon)
    assert waiting.status_code == 202
    refused = send(client, silicon)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert client.delete(waiting.headers["location"]).status_code == 204
    turn.release()
    assert finished(client, send(client, silicon))["stage"] == "done"


def test_a_simulation_has_a_time(make_client, silicon):
    client = make_client(own_systems="on", system_seconds=0.01)
    job = finished(client, send(client, silicon, thickness_max_nm="100", convergence_mrad=""))
    assert (job["stage"], job["code"]) == ("failed", "timeout")
    assert job["name"] not in names(client)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"zone_axis": "0 0 0"}, "zone axis"),
        ({"zone_axis": "north"}, "zone axis"),
        ({"high_tension_kV": "1"}, "high tension"),
        ({"convergence_mrad": "90"}, "convergence"),
        ({"convergence_mrad": "20/8"}, "backwards"),
        ({"thickness_max_nm": "1e6"}, "thickness"),
        ({"mistilt_max_mrad": "-1"}, "mistilt"),
        ({"b": "Si=99"}, "Debye"),
        ({"b": "Ga=0.3"}, "has no Ga"),
    ],
)
def test_impossible_conditions_are_one_line(refusing, silicon, fields, words):
    response = send(refusing, silicon, **fields)
    assert (response.status_code, response.json()["code"]) == (400, "structure")
    detail = response.json()["detail"]
    assert words in detail
    assert "\n" not in detail
    assert "pacbed-run" not in detail


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "any"}, {"name": "12"}, {"name": "../x"}, {"b": "Si"}, {"convergence_mrad": "x"},
        {"high_tension_kV": "nan"}, {"unknown": "1"},
    ],
)  # fmt: skip
def test_parameters_that_are_none(refusing, silicon, fields):
    assert send(refusing, silicon, **fields).status_code == 422


def hostile(silicon: bytes) -> dict[str, bytes]:
    text = silicon.decode()
    return {
        "empty": b"",
        "no text": bytes(range(256)) * 40,
        "no atoms": b"data_x\n_cell_length_a 5\n",
        "open quotes": b"data_x\n_cell_length_a '5\n" + b";" * 1000,
        "huge cell": text.replace("5.4309", "500").encode(),
        "not a number": text.replace("5.4309", "nan").encode(),
        "deep": b"data_x\nloop_\n" + b"_a\n" * 50_000,
    }


def test_hostile_structures_are_refused(refusing, silicon):
    for what, content in hostile(silicon).items():
        response = send(refusing, content)
        assert response.status_code == 400, (what, response.text)
        assert "\n" not in response.json()["detail"], what
    response = send(refusing, b"x" * (MOST_BYTES + 1))
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_a_name_is_no_path(make_client, silicon, tmp_path):
    client = make_client(own_systems="on", system_folder=tmp_path / "systems")
    (tmp_path / "systems").mkdir()
    response = send(client, b"data_x\n", filename=f"{tmp_path}/../../evil\n.cif")
    assert response.status_code == 400
    assert str(tmp_path) not in response.json()["detail"]
    # Neither a path in the structure nor one as its name leads anywhere.
    named = silicon.replace(b"data_", b"data_/etc/passwd_", 1)
    finished(client, send(client, named, filename="../../passwd"))
    assert [path.name for path in tmp_path.iterdir()] == ["systems"]


def test_off_where_nobody_switched_it_on(make_client, silicon):
    client = make_client()
    response = send(client, silicon)
    assert (response.status_code, response.json()["code"]) == (403, "own_systems_off")
    assert "--own-systems" in response.json()["detail"]
    assert client.get(f"/systems/jobs/{'0' * 32}").status_code == 403


def test_another_page_makes_none(refusing, silicon):
    for headers in ({"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
        response = refusing.post(
            "/systems/", data=SMALL, files={"file": ("a.cif", silicon)}, headers=headers
        )
        assert (response.status_code, response.json()["code"]) == (403, "other_page")


def test_on_by_itself_for_one_computer_alone():
    assert serves_one_computer("127.0.0.1", (), ())
    assert serves_one_computer("::1", (), ())
    assert serves_one_computer("localhost", (), ())
    for host in ("0.0.0.0", "::", "192.168.1.5", "lab.example"):
        assert not serves_one_computer(host, (), ())
    assert not serves_one_computer("127.0.0.1", ("lab.example",), ())
    assert not serves_one_computer("127.0.0.1", (), ("10.0.0.1",))


def test_the_convergence_is_found_with_networks_too(make_client, small_table, tmp_path):
    # A busy machine may need longer than users wait.
    client = make_client(request_seconds=600.0, data=make_data_folder(tmp_path, small_table))
    pattern = io.BytesIO()
    np.save(pattern, make_pattern(small_table))
    parameters = json.dumps({"system": SYSTEM.name, "validation": False})
    answer = post(client, parameters, pattern.getvalue(), "a.npy").json()
    assert answer["convergence_mrad"] == pytest.approx(CONVERGENCE_MRAD, rel=0.03)
    assert answer["thickness_nm"] == pytest.approx(THICKNESS_NM, abs=0.5)


def test_the_client_waits_for_its_system(tmp_path, repository):
    from pacbedclient import Client

    told = []
    with serving(tmp_path) as server:
        job = Client(server.url).add_system(
            repository / "tests" / "data" / "crystals" / "Si.cif",
            "1 1 0",
            200,
            progress=lambda share, left: told.append(share),
            convergence_mrad=5,
            thickness_max_nm=10,
            mistilt_max_mrad=1,
        )
        assert job["name"] in {entry.name for entry in Client(server.url).systems()}
    assert told


def ask(client, content, filename="Si.cif", **fields):
    files = {"file": (filename, content)}
    return client.post("/systems/understood", data=SMALL | fields, files=files)


def test_what_is_understood_is_told_before_anything_is_made(make_client, silicon, tmp_path):
    client = make_client(own_systems="on", system_folder=tmp_path)
    told = ask(client, silicon).json()
    assert told["name"] == "si-110-200kV"
    assert told["understood"]["formula"] == "Si"
    assert told["understood"]["factors"] == [
        {"symbol": "Si", "lowest": 0.46, "highest": 0.46, "source": "CIF"}
    ]
    given = ask(client, silicon, b="Si=0.5").json()["understood"]["factors"]
    assert [(factor["lowest"], factor["source"]) for factor in given] == [(0.5, "given")]
    assert list(tmp_path.iterdir()) == []
    assert client.get("/systems/own").json() == {"on": True, "detail": None, "most_bytes": 10**6}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"zone_axis": "north"}, "zone_axis"),
        ({"zone_axis": "0 0 0"}, "zone_axis"),
        ({"high_tension_kV": "1"}, "high_tension_kV"),
        ({"high_tension_kV": "nan"}, "high_tension_kV"),
        ({"convergence_mrad": "20/8"}, "convergence_mrad"),
        ({"convergence_mrad": "x"}, "convergence_mrad"),
        ({"thickness_max_nm": "1e6"}, "thickness_max_nm"),
        ({"mistilt_max_mrad": "-1"}, "mistilt_max_mrad"),
        ({"b": "Si=99"}, "b"),
        ({"b": "Ga=0.3"}, "b"),
        ({"b": "Si"}, "b"),
    ],
)
def test_a_refusal_names_its_field(refusing, silicon, fields, field):
    for send_to in (ask, send):
        answer = send_to(refusing, silicon, **fields)
        assert answer.status_code in (400, 422)
        assert answer.json()["field"] == field, answer.json()


def test_what_is_too_large_is_told_in_the_words_of_requests(refusing, repository):
    content = (repository / "tests" / "data" / "crystals" / "ZrO2.cif").read_bytes()
    wide = {"zone_axis": "1 2 3", "convergence_mrad": "8/60", "thickness_max_nm": "500",
            "mistilt_max_mrad": "40"}  # fmt: skip
    detail = ask(refusing, content, **wide).json()["detail"]
    assert "mistilt_max_mrad or thickness_max_nm" in detail
    assert "--" not in detail
    assert "[table]" not in detail


def test_a_file_that_is_no_structure_is_the_field(refusing, silicon):
    for content in hostile(silicon).values():
        answer = ask(refusing, content)
        assert (answer.status_code, answer.json()["field"]) == (400, "file")
    assert ask(refusing, b"x" * (MOST_BYTES + 1)).status_code == 413


def test_understanding_is_off_where_making_is(make_client, silicon):
    client = make_client()
    answer = ask(client, silicon)
    assert (answer.status_code, answer.json()["code"]) == (403, "own_systems_off")
    offered = client.get("/systems/own").json()
    assert not offered["on"]
    assert "--own-systems" in offered["detail"]
    other = make_client(own_systems="on")
    told = other.post(
        "/systems/understood", data=SMALL, files={"file": ("a.cif", silicon)},
        headers={"Origin": "http://evil.test"},
    )  # fmt: skip
    assert (told.status_code, told.json()["code"]) == (403, "other_page")


def test_zone_axes_are_told_of_the_file_alone(refusing, silicon, make_client):
    def asked(client, content, **fields):
        files = {"file": ("Si.cif", content)}
        return client.post("/systems/zone_axes", data=fields, files=files)

    told = asked(refusing, silicon).json()
    assert told["formula"] == "Si"
    assert [axis["name"] for axis in told["zone_axes"]][:3] == ["1 1 0", "0 0 1", "1 1 1"]
    assert told["zone_axes"][0]["repeat_A"] == pytest.approx(3.840, abs=1e-3)
    assert told["zone_axes"][0]["alike"] == 6
    bad = hostile(silicon)
    for what in ("no atoms", "huge cell", "not a number"):
        answer = asked(refusing, bad[what])
        assert (answer.status_code, answer.json()["field"]) == (400, "file"), what
    assert asked(refusing, b"x" * (MOST_BYTES + 1)).status_code == 413
    assert asked(refusing, silicon, zone_axis="1 1 0").status_code == 422
    assert asked(make_client(), silicon).json()["code"] == "own_systems_off"


def test_events_tell_how_far_a_system_is(make_client, silicon):
    client = make_client(own_systems="on")
    response = send(client, silicon)
    with client.stream("GET", f"{response.headers['location']}/events") as stream:
        text = "".join(stream.iter_text())
    assert "event: done" in text
    assert '"stage":"done"' in text
    assert client.get(f"/systems/jobs/{'0' * 32}/events").status_code == 404
