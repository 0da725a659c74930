"""The service as processes: it ends whole, leaves nothing, and says what became of its maps."""

import http.client
import io
import json
import os
import shutil
import signal
import socket
import sys
import threading

import numpy as np
import pytest
from starlette.testclient import TestClient

from pacbed.held_folder import HeldFolder
from pacbed.service.app import create_app
from pacbed.service.maps.jobs import JobStore
from pacbed.service.maps.schemas import MapJob
from pacbed.service.settings import Settings
from tests.security.processes import (
    PATIENCE_SECONDS,
    command_of,
    descendants,
    eventually,
    lives,
    plain_uvicorn,
    service,
)
from tests.service.conftest import URL

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc who lives")


@pytest.fixture
def temporary(tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def map_request():
    """Body and headers of a request for a map that takes its time."""
    scan = np.random.default_rng(1).integers(0, 99, (64, 64, 32, 32), np.uint16)
    file = io.BytesIO()
    np.save(file, scan)
    parameters = {"system": "sto-001-300kV", "convergence_mrad": 20.0, "window": [1, 1]}
    head = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n'
    body = b"".join(
        [
            head % (b"parameters", b""), json.dumps(parameters).encode(), b"\r\n",
            head % (b"file", b'; filename="scan.npy"'), file.getvalue(), b"\r\n--b--\r\n",
        ]
    )  # fmt: skip
    return body, {"Content-Type": "multipart/form-data; boundary=b"}


def ask(server, method, path, *request):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS)
    connection.request(method, path, *request)
    with connection.getresponse() as response:
        answer = json.loads(response.read())
    connection.close()
    return answer


def start_map(server, request):
    """Start a map, and return its job and the process that makes it."""
    job = ask(server, "POST", "/maps/", *request)
    assert job["stage"] == "waiting", job
    makers = []

    def made():
        processes = descendants(server.process.pid)
        makers[:] = [p for p in processes if "maps.process" in command_of(p)]
        return makers

    eventually(made, "no process makes the map")
    return job["id"], makers[0]


def ours(folder):
    """What the service keeps among the temporary files."""
    return set(folder.glob("pacbed*"))


def parent_of(process):
    with open(f"/proc/{process}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def is_free(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture(autouse=True)
def heard_hangup():
    """Tests that run under nohup would hand on that SIGHUP is to be ignored, as it should be."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "workers"),
    [
        (signal.SIGTERM, 1), (signal.SIGINT, 1), (signal.SIGHUP, 1),
        (signal.SIGTERM, 2), (signal.SIGINT, 2),
    ],
)  # fmt: skip
def test_a_signal_leaves_nothing(tmp_path, temporary, map_request, number, workers):
    with service(tmp_path, "--workers", str(workers), temporary=temporary) as server:
        _, maker = start_map(server, map_request)
        started = descendants(server.process.pid)
        assert maker in started
        assert ours(temporary)
        server.process.send_signal(number)
        assert server.process.wait(PATIENCE_SECONDS) == 0
    assert ours(temporary) == set()
    eventually(lambda: not any(map(lives, started)), "a process goes on")


@pytest.mark.slow
def test_a_killed_service_ends_whole_and_the_next_one_clears_up(tmp_path, temporary, map_request):
    with service(tmp_path / "first", "--workers", "2", temporary=temporary) as server:
        _, maker = start_map(server, map_request)
        started = descendants(server.process.pid)
        assert maker in started
        assert sum("reader_process" in command_of(process) for process in started) >= 1
        server.process.kill()
        server.process.wait()
        eventually(lambda: not any(map(lives, started)), "a process goes on")
        assert is_free(server.port)
    left = ours(temporary)
    assert left
    environment = pytest.MonkeyPatch()
    environment.setattr("tempfile.tempdir", str(temporary))
    try:
        living = HeldFolder("maps")
    finally:
        environment.undo()
    with service(tmp_path / "second", temporary=temporary) as server:
        assert ours(temporary) == {living.path}
    assert ours(temporary) == {living.path}
    living.close()


@pytest.mark.slow
def test_plain_uvicorn_ends_whole(tmp_path, temporary):
    with plain_uvicorn(tmp_path, "--workers", "2", temporary=temporary) as server:
        started = descendants(server.process.pid)
        server.process.kill()
        server.process.wait()
        eventually(lambda: not any(map(lives, started)), "a process goes on")
        assert is_free(server.port)


@pytest.mark.slow
def test_maps_of_a_killed_worker_fail_at_once(tmp_path, temporary, map_request):
    with service(tmp_path, "--workers", "2", temporary=temporary) as server:
        job, maker = start_map(server, map_request)
        worker = parent_of(maker)
        os.kill(worker, signal.SIGKILL)
        found = {}

        def failed():
            try:
                found.update(ask(server, "GET", f"/maps/{job}"))
            except (OSError, http.client.HTTPException):  # the dead worker had taken it
                return False
            assert found["stage"] != "done"
            return found["stage"] == "failed"

        eventually(failed, "the job says that it goes on")
        assert "was ended" in found["detail"]
        assert not lives(maker)
        # What it had at work is not counted any more.
        eventually(lambda: b"\npacbed_map_jobs 0.0" in server.get("/metrics"), "counted still")
        # A terminal that is closed ends the worker that came in its place, too.
        server.process.send_signal(signal.SIGHUP)
        assert server.process.wait(PATIENCE_SECONDS) == 0
    assert ours(temporary) == set()


@pytest.fixture
def client():
    application = create_app(Settings(threads=1))
    with TestClient(application, URL, raise_server_exceptions=False) as client:
        yield client


def maker_of(client, request):
    body, headers = request
    job = client.post("/maps/", content=body, headers=headers).json()
    found = []

    def made():
        below = descendants(os.getpid())
        found[:] = [process for process in below if "maps.process" in command_of(process)]
        return found

    eventually(made, "no process makes the map")
    return job["id"], found[0]


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGKILL, "killed", "memory"), (signal.SIGSEGV, "file", "SIGSEGV")],
)
def test_killed_map_says_so(client, map_request, number, code, words):
    job, maker = maker_of(client, map_request)
    os.kill(maker, number)
    eventually(lambda: client.get(f"/maps/{job}").json()["stage"] == "failed", "not failed")
    answer = client.get(f"/maps/{job}").json()
    assert answer["code"] == code
    assert words in answer["detail"]


def test_a_job_whose_folder_is_gone(client, map_request):
    job, maker = maker_of(client, map_request)
    maps = client.app.state.services.maps
    folder, _ = maps.find(job)
    shutil.rmtree(folder.path)
    eventually(lambda: not lives(maker), "a map is made for nobody")
    assert client.get(f"/maps/{job}").status_code == 404
    # Nor does it matter that the folder of all jobs is gone.
    shutil.rmtree(folder.path.parent)
    assert client.get(f"/maps/{job}").status_code == 404
    job, _ = maker_of(client, map_request)
    assert client.delete(f"/maps/{job}").status_code == 204


def test_jobs_of_a_living_worker_are_alive(tmp_path, monkeypatch):
    """However long it was silent: the machine may have slept."""
    mine, other = (JobStore(tmp_path, 8, 3600.0) for _ in range(2))
    folder = mine.create()
    folder.write(MapJob(id=folder.id, stage="inferring", name="scan"))
    os.utime(folder.path / "state.json", (0, 0))
    assert other.find(folder.id).read().stage == "inferring"
    other.clean()
    assert folder.read().stage == "inferring"
    mine.close()
    found = other.find(folder.id).read()
    assert (found.stage, found.code) == ("failed", "stopped")
    (folder.path / "scan.npy").touch()
    other.clean()
    assert not (folder.path / "scan.npy").exists()
    assert folder.read().kept_seconds == 3600.0
    os.utime(folder.path / "state.json", (0, 0))
    other.clean()
    assert list(tmp_path.iterdir()) == []


def test_workers_share_a_folder_at_once(tmp_path):
    """Their files beside the jobs are made while others look for those of the dead."""
    stores = [JobStore(tmp_path, 1000, 3600.0) for _ in range(4)]
    made = []

    def make(store):
        for _ in range(20):
            folder = store.create()
            folder.write(MapJob(id=folder.id, stage="waiting", name="scan"))
            made.append(folder)

    threads = [threading.Thread(target=make, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 80
    for folder in made:
        os.utime(folder.path / "state.json", (0, 0))
        assert folder.read().stage == "waiting"
    for store in stores:
        store.close()
