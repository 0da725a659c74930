"""``pacbed serve`` as processes: start, stop, workers that die."""

import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.cli_tools import fail, make_data_folder, succeed
from tests.service.conftest import START_SECONDS, raw_parameters, serving

BOUNDARY = "pacbed-test-boundary"


def request_of(server, example, **others):
    """A multipart request, written by hand as an old client would."""
    parameters = json.dumps(raw_parameters(example, **others)).encode()
    body = b"".join(
        [
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="parameters"\r\n\r\n'.encode(),
            parameters,
            f'\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="image"\r\n\r\n'.encode(),
            example.tobytes(),
            f"\r\n--{BOUNDARY}--\r\n".encode(),
        ]
    )
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return urllib.request.Request(server.url + "/inference/", body, {"Content-Type": kind})


def infer(server, example, **others):
    request = request_of(server, example, **others)
    with urllib.request.urlopen(request, timeout=START_SECONDS) as response:
        return json.loads(response.read())


def test_request_written_by_hand(server, example):
    answer = infer(server, example)
    assert answer["thickness"] == pytest.approx(10 * answer["thickness_nm"])
    # One truth in twenty lies outside its 95 % interval: three standard errors.
    assert abs(answer["thickness_nm"] - 41.98) < 3 * answer["thickness_std_nm"] < 2


@pytest.mark.slow
def test_sigterm_finishes_what_is_in_flight(tmp_path, example):
    with serving(tmp_path, environment={"PACBED_THREADS": "1"}) as server:
        infer(server, example)
        answers = []

        def ask():
            answers.append(infer(server, example, validation="report"))

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 20
        while json.loads(server.get("/health/ready"))["queue"] < 3:
            assert time.monotonic() < deadline
        server.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert server.process.wait(START_SECONDS) in (0, -signal.SIGTERM)
    assert len(answers) == 3
    # No reading process outlives the service.
    assert reader_processes(server.process.pid) == []


def reader_processes(parent):
    """Processes of the system that read files for this parent."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = (status.parent / "cmdline").read_bytes()
            if (
                b"pacbed.service.reader_process" in command
                and f"PPid:\t{parent}\n" in status.read_text()
            ):
                found.append(status.parent.name)
        except OSError:
            continue
    return found


def children(parent):
    path = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(number) for number in path.read_text().split()]


def is_worker(process):
    return b"multiprocessing" in Path(f"/proc/{process}/cmdline").read_bytes() and (
        b"resource_tracker" not in Path(f"/proc/{process}/cmdline").read_bytes()
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux' /proc")
def test_killed_worker_is_replaced(tmp_path, example):
    with serving(tmp_path, "--workers", "2") as server:
        workers = [child for child in children(server.process.pid) if is_worker(child)]
        assert len(workers) == 2
        expected = infer(server, example, validation=False)["thickness"]
        os.kill(workers[0], signal.SIGKILL)
        answered = 0
        for _ in range(12):
            try:
                assert infer(server, example, validation=False)["thickness"] == expected
                answered += 1
            except (urllib.error.URLError, ConnectionError):
                # A connection that the dead worker had taken already.
                continue
        assert answered >= 11
        deadline = time.monotonic() + START_SECONDS
        while True:
            now = [child for child in children(server.process.pid) if is_worker(child)]
            if len(now) == 2 and workers[0] not in now:
                break
            assert time.monotonic() < deadline
            time.sleep(0.1)
        # The numbers of both workers are in one answer.
        text = server.get("/metrics").decode()
        (line,) = [
            line for line in text.splitlines()
            if line.startswith("pacbed_requests_total{") and '"/inference/",status="200"' in line
        ]  # fmt: skip
        assert float(line.split()[-1]) >= answered


def test_data_folder_is_served(tmp_path, small_table):
    data = make_data_folder(tmp_path / "data", small_table)
    with serving(tmp_path, "--data", str(data)) as server:
        names = [system["name"] for system in json.loads(server.get("/systems"))]
    assert "test-001-200kV" in names


def test_data_of_the_current_folder_is_served(tmp_path, small_table):
    data = make_data_folder(tmp_path / "data", small_table)
    (data / "Register.csv").write_text("id;path\n")
    with serving(tmp_path) as server:
        names = [system["name"] for system in json.loads(server.get("/systems"))]
        assert f"http://localhost:{server.port}/" in server.log.read_text()
    assert "test-001-200kV" in names


def test_mistakes_are_told_before_anything_starts(tmp_path, monkeypatch):
    assert "is not a folder" in fail("serve", "--data", tmp_path / "none")
    assert "is no name of a host" in fail("serve", "--allow-host", "http://lab.example")
    assert "is no address of a proxy" in fail("serve", "--proxy", "lab.example")
    monkeypatch.setenv("PACBED_QUEUE", "long")
    assert "PACBED_QUEUE" in fail("serve")


def test_help_explains_itself():
    text = succeed("serve", "--help")
    for word in ("--host", "--port", "--data", "--workers", "--allow-host", "--proxy"):
        assert word in text


def test_the_application_of_the_older_name_is_there():
    import pacbed_api

    assert pacbed_api.app.title == "PACBED-CNN"
    assert not hasattr(pacbed_api.app.state, "services")
