"""Thickness maps from the service: from a scan to files, and what stops the way there."""

import base64
import dataclasses
import io
import json
import re
import time

import h5py
import numpy as np
import pytest
from starlette.testclient import TestClient

from pacbed.library.installed import load_bundle
from pacbed.service.app import create_app
from pacbed.service.settings import Settings
from tests.cli_tools import SYSTEM as SMALL
from tests.service.conftest import URL, serving
from tests.table_tools import NAME, register_table, stepped_scan

SYSTEM = "sto-001-300kV"
PARAMETERS = {"system": SYSTEM, "convergence_mrad": 20.0, "window": [2, 2], "refine": False,
              "samples": 2}  # fmt: skip
#: Of a system without networks, which does not say whether it fits.
ALONE = {"refine": None, "samples": 1}
#: A busy machine may need this long for a map.
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def scan():
    """4 x 6 positions over two thicknesses: the left half is thin, the right half thick."""
    return stepped_scan(load_bundle(SYSTEM).table, (20.0, 60.0), 20.0)


def as_npy(array):
    stored = io.BytesIO()
    np.save(stored, array)
    return stored.getvalue()


def start(client, content=None, name="scan.npy", mask=None, **parameters):
    asked = {key: value for key, value in (PARAMETERS | parameters).items() if value is not None}
    files = {"parameters": (None, json.dumps(asked))}
    if content is not None:
        files["file"] = (name, content)
    if mask is not None:
        files["mask"] = ("bad.npy", as_npy(mask))
    return client.post("/maps/", files=files)


def wait(client, job, *stages):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while job["stage"] not in stages:
        assert job["stage"] not in ("done", "failed"), job
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
        answer = client.get(f"/maps/{job['id']}")
        assert answer.status_code == 200, answer.text
        job = answer.json()
    return job


def events(client, job):
    """All events of a job, as pairs of name and content."""
    told = []
    while not told or told[-1][0] == "progress":
        answer = client.get(f"/maps/{job['id']}/events")
        assert answer.headers["content-type"].startswith("text/event-stream")
        told += [
            (name, json.loads(content))
            for name, content in re.findall(r"^event: (.*)\ndata: (.*)$", answer.text, re.MULTILINE)
        ]
    return told


def unpacked(views, name):
    levels = np.frombuffer(base64.b64decode(views[name]), "<u2").astype(float)
    share = np.where(levels == 0, np.nan, (levels - 1) / 65534)
    values = views["minimum"] + share * (views["maximum"] - views["minimum"])
    return values.reshape(views["rows"], views["columns"])


def test_from_a_scan_to_maps(client, scan):
    answer = start(client, as_npy(scan), refine=True)
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/maps/{job['id']}"
    assert job["name"] == "scan.npy"
    told = events(client, job)
    assert told[-1][0] == "done"
    assert {content["stage"] for name, content in told if name == "progress"} & {
        "preparing", "inferring", "writing"
    }  # fmt: skip
    assert told[-1][1]["windows"] == told[-1][1]["windows_done"] == 6
    assert client.get(f"/maps/{job['id']}").json() == told[-1][1]
    with np.load(io.BytesIO(client.get(f"/maps/{job['id']}/file").content)) as maps:
        thickness_nm = maps["thickness_nm"]
    assert thickness_nm == pytest.approx(np.tile([20, 20, 60], (2, 1)), abs=4)
    table = client.get(f"/maps/{job['id']}/table")
    assert table.headers["content-type"].startswith("text/csv")
    picture = client.get(f"/maps/{job['id']}/picture")
    assert picture.content.startswith(b"\x89PNG")
    layers = client.get(f"/maps/{job['id']}/layers").json()
    assert (layers["rows"], layers["columns"], layers["step_unit"]) == (2, 3, "windows")
    assert layers["layers"]["thickness_nm"] == pytest.approx(thickness_nm.ravel(), rel=1e-4)
    assert layers["status"].count("ok") > 3
    # What a pixel beyond the disk got, in the mean.
    row, column = np.ogrid[:48, :48]
    away = np.hypot(row - 23.5, column - 23.5)
    beyond = scan[:2, :2].mean(axis=(0, 1))[away > 14]
    assert layers["layers"]["dark_field"][0] == pytest.approx(beyond.mean(), rel=0.5)
    views = client.get(f"/maps/{job['id']}/window", params={"row": 1, "column": 2}).json()
    measured, simulated = (unpacked(views, name) for name in ("measured", "simulated"))
    both = np.isfinite(measured) & np.isfinite(simulated)
    assert np.var((measured - simulated)[both]) < 0.05 * np.var(measured[both])
    frame = scan[2:, 4:].mean(axis=(0, 1))
    assert np.nanmax(measured) == pytest.approx(frame.max(), rel=1e-3)
    beyond = client.get(f"/maps/{job['id']}/window", params={"row": 2, "column": 0})
    assert beyond.status_code == 422
    assert "no window 2, 0" in beyond.json()["detail"]
    assert b'pacbed_maps_total{outcome="done"}' in client.get("/metrics").content
    assert client.delete(f"/maps/{job['id']}").status_code == 204
    for path in ("", "/events", "/file", "/table", "/picture", "/layers", "/window?row=0&column=0"):
        assert client.get(f"/maps/{job['id']}{path}").status_code == 404
    assert client.delete(f"/maps/{job['id']}").json()["code"] == "not_found"


def test_a_series_of_frames_in_one_of_several_arrays(client, scan):
    stored = io.BytesIO()
    series = scan.reshape(-1, *scan.shape[2:])
    with h5py.File(stored, "w") as file:
        file["one"], file["other"] = series, 0 * series
    content = stored.getvalue()
    asked = {"dataset": "one", "scan_shape": list(scan.shape[:2])}
    job = wait(client, start(client, content, "a.h5", **asked).json(), "done")
    assert job["windows"] == 6
    refused = wait(client, start(client, content, "a.h5", dataset="one").json(), "failed")
    assert "scan_shape" in refused["detail"]
    assert "--" not in refused["detail"]


def test_a_mask_of_the_detector(client, scan):
    bad = np.zeros(scan.shape[2:], np.uint8)
    bad[14:19, 26:32] = 1
    spoiled = np.where(bad, 400, scan)
    job = wait(client, start(client, as_npy(spoiled), mask=bad).json(), "done")
    with np.load(io.BytesIO(client.get(f"/maps/{job['id']}/file").content)) as maps:
        assert (maps["detector_mask"] == bad).all()
    wrong = start(client, as_npy(scan), mask=bad[:, :40]).json()
    detail = wait(client, wrong, "failed")["detail"]
    assert "the mask of the detector has the shape" in detail


@pytest.mark.parametrize("convergence_mrad", [12.0, None])
def test_a_map_of_a_system_without_networks(make_client, small_table, tmp_path, convergence_mrad):
    """Where the convergence angle is not given, it is found."""
    # Few angles that have to be asked.
    narrow = dataclasses.replace(SMALL, convergence_mrad=(11.5, 12.0))
    register_table(tmp_path / "data", narrow, small_table)
    client = make_client(data=tmp_path / "data")
    content = as_npy(stepped_scan(small_table, (12.0, 25.0), 12.0))
    asked = {"system": NAME, "convergence_mrad": convergence_mrad, **ALONE}
    started = start(client, content, **asked)
    assert started.status_code == 202, started.text
    job = wait(client, started.json(), "done")
    with np.load(io.BytesIO(client.get(f"/maps/{job['id']}/file").content)) as maps:
        assert maps["thickness_nm"] == pytest.approx(np.tile([12, 12, 25], (2, 1)), abs=2)


def test_inference_goes_on_beside_a_map(make_client, scan, example):
    client = make_client()
    job = start(client, as_npy(np.tile(scan, (9, 9, 1, 1))), refine=True, samples=64).json()
    wait(client, job, "preparing", "inferring")
    answer = client.post(
        "/inference/",
        data={"parameters": json.dumps({"system": SYSTEM, "convergence_angle": 20.0})},
        files={"file": ("a.npy", as_npy(example))},
    )
    assert answer.status_code == 200
    assert client.get(f"/maps/{job['id']}").json()["stage"] in ("preparing", "inferring")
    assert client.get(f"/maps/{job['id']}/file").status_code == 409
    assert client.delete(f"/maps/{job['id']}").status_code == 204
    assert client.get(f"/maps/{job['id']}").status_code == 404
    # The process is stopped, its folder removed, and the next job gets its turn.
    second = start(client, as_npy(scan)).json()
    wait(client, second, "reading", "preparing", "inferring", "writing", "done")


def test_too_many_jobs_are_turned_away(make_client, scan):
    client = make_client(map_jobs=2)
    content = as_npy(np.tile(scan, (6, 6, 1, 1)))
    jobs = [start(client, content, refine=True).json() for _ in range(2)]
    refused = start(client, content)
    assert refused.status_code == 503
    assert refused.json()["code"] == "busy"
    for job in jobs:
        client.delete(f"/maps/{job['id']}")
    assert start(client, as_npy(scan)).status_code == 202


def test_a_map_that_takes_too_long_ends(make_client, scan):
    client = make_client(map_seconds=2.0)
    job = start(client, as_npy(np.tile(scan, (9, 9, 1, 1))), refine=True, samples=64).json()
    ended = wait(client, job, "failed")
    assert ended["code"] == "timeout"
    assert "2 s" in ended["detail"]


def test_a_map_is_deleted_after_its_time(make_client, scan):
    client = make_client(map_keep_seconds=0.5)
    job = wait(client, start(client, as_npy(scan)).json(), "done", "failed")
    assert job["kept_seconds"] == 0.5
    time.sleep(0.6)
    start(client, b"another")
    assert client.get(f"/maps/{job['id']}").status_code == 404


def test_a_stopped_service_says_so(make_client, scan, tmp_path):
    client = make_client(map_folder=tmp_path)
    job = start(client, as_npy(np.tile(scan, (6, 6, 1, 1))), refine=True).json()
    wait(client, job, "inferring", "reading")
    client.app.state.services.maps.close()
    ended = client.get(f"/maps/{job['id']}").json()
    assert (ended["stage"], ended["code"]) == ("failed", "stopped")


@pytest.mark.parametrize(
    ("content", "parameters", "status", "words"),
    [
        (b"nonsense", {}, 202, "scan.npy"),
        pytest.param(as_npy(np.ones((4, 6, 48, 48))), {}, 202, "sampled windows", id="ones"),
        (None, {}, 422, "send the scan as file"),
        (None, {"path": "a.npy"}, 422, "PACBED_MAP_ROOT"),
        (b"x", {"path": "a.npy"}, 422, "not both"),
        (b"x", {"system": "diamond"}, 404, "diamond"),
        (b"x", {"convergence_mrad": 900.0}, 422, "covers"),
        (b"x", {"window": [0, 2]}, 422, "window"),
        (b"x", {"windw": [2, 2]}, 422, "windw"),
    ],
)
def test_bad_requests(client, content, parameters, status, words):
    answer = start(client, content, **parameters)
    assert answer.status_code == status, answer.text
    if status == 202:
        ended = wait(client, answer.json(), "failed")
        assert ended["code"] in ("file", "pattern", "scan", "out_of_range")
        assert words in ended["detail"]
        assert "/tmp" not in ended["detail"]
    else:
        assert words in answer.json()["detail"]


@pytest.fixture(scope="module")
def root(tmp_path_factory, scan):
    """A folder of scans, and beside it what nobody may read."""
    tmp_path = tmp_path_factory.mktemp("root")
    root = tmp_path / "scans"
    (root / "today").mkdir(parents=True)
    np.save(root / "today" / "wedge.npy", scan)
    np.save(tmp_path / "secret.npy", scan)
    (root / "out.npy").symlink_to(tmp_path / "secret.npy")
    (root / "up").symlink_to(tmp_path)
    (root / "in.npy").symlink_to(root / "today" / "wedge.npy")
    return root


@pytest.fixture(scope="module")
def rooted(root):
    with TestClient(create_app(Settings(threads=1, map_root=root, map_jobs=50)), URL) as client:
        yield client


def test_a_scan_below_the_root(rooted, root):
    job = start(rooted, path="in.npy").json()
    # It was found and opened.
    assert wait(rooted, job, "preparing", "inferring", "done")["windows"] == 6
    assert job["name"] == "wedge.npy"
    assert (root / "today" / "wedge.npy").exists()


@pytest.mark.parametrize(
    "path",
    [
        "../secret.npy", "today/../../secret.npy", "/etc/passwd", "out.npy", "up/secret.npy",
        "today", "", ".", "nothing.npy", "..\\secret.npy", "C:/secret.npy", "//host/share/a.npy",
        "a\0.npy", "~/secret.npy", "file:///etc/passwd", "today/wedge.npy/../../../secret.npy",
    ],
)  # fmt: skip
def test_no_way_out_of_the_root(rooted, root, path):
    answer = start(rooted, path=path)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["detail"].startswith("path: ")
    assert str(root.parent) not in answer.text


def test_names_of_jobs_are_never_paths(client):
    for name in ("%2e%2e", "..%2f..%2fetc", "a" * 32, "A" * 32, "0" * 64, "state.json"):
        assert client.get(f"/maps/{name}").status_code == 404
    assert client.get(f"/maps/{'0' * 65}").status_code == 422


@pytest.mark.slow
def test_any_worker_finds_a_job(tmp_path, scan):
    """Two processes: each job is asked for until both have surely been asked."""
    import httpx2

    with (
        serving(tmp_path, "--workers", "2") as server,
        httpx2.Client(base_url=server.url, headers={"Connection": "close"}, timeout=60) as client,
    ):
        job = start(client, as_npy(scan)).json()
        for _ in range(20):
            assert client.get(f"/maps/{job['id']}").status_code == 200
        wait(client, job, "done")
        for _ in range(12):
            assert client.get(f"/maps/{job['id']}/file").status_code == 200
        assert client.delete(f"/maps/{job['id']}").status_code == 204
        for _ in range(12):
            assert client.get(f"/maps/{job['id']}").status_code == 404
        assert server.stop() == 0
