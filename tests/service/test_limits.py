"""Queue, sizes, times, vanished clients: what happens when there is too much of something."""

import asyncio
import http.client
import json
import socket
import threading
import time

import pytest

from pacbed.errors import OutOfRangeError
from pacbed.service import inference
from pacbed.service.failures import BusyError, ClientGoneError, classify
from pacbed.service.metrics import Metrics
from pacbed.service.queue import WorkQueue
from pacbed.service.settings import Settings
from tests.service.conftest import post, raw_parameters, serving


@pytest.fixture
def held(monkeypatch):
    """Make every inference wait until the test lets it go."""
    let_go, began = threading.Event(), threading.Semaphore(0)
    original = inference.ask_several

    def wait(*arguments):
        began.release()
        assert let_go.wait(30)
        return original(*arguments)

    monkeypatch.setattr(inference, "ask_several", wait)
    yield began, let_go
    let_go.set()


def in_background(*tasks):
    results = [None] * len(tasks)

    def run(number, task):
        results[number] = task()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(tasks)]
    for thread in threads:
        thread.start()
    return threads, results


def test_full_queue_turns_away_at_once(make_client, example, held):
    began, let_go = held
    client = make_client(threads=1, queue=1)
    parameters = raw_parameters(example, validation=False, refine=False)

    def send():
        return post(client, parameters, example.tobytes())

    threads, results = in_background(send, send)
    assert began.acquire(timeout=20)
    deadline = time.monotonic() + 20
    while client.app.state.queue.taken < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    started = time.monotonic()
    refused = send()
    assert time.monotonic() - started < 5
    assert refused.status_code == 503
    assert refused.json()["code"] == "busy"
    assert int(refused.headers["Retry-After"]) >= 1
    query = {"system": "3", "thickness_nm": 40, "convergence_mrad": 20}
    assert client.get("/pattern/", params=query).status_code == 503
    assert client.get("/systems").status_code == 200
    # Nothing is sent here by a load balancer that asks.
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (503, "busy")
    assert client.get("/health/live").status_code == 200
    let_go.set()
    for thread in threads:
        thread.join()
    assert [result.status_code for result in results] == [200, 200]
    assert client.app.state.queue.taken == 0
    assert client.get("/health/ready").json()["status"] == "ok"
    assert send().status_code == 200


def test_work_that_takes_too_long(make_client, example, held):
    _, let_go = held
    client = make_client(request_seconds=0.2)
    parameters = raw_parameters(example, validation=False, refine=False)
    response = post(client, parameters, example.tobytes())
    assert response.status_code == 504
    assert response.json()["code"] == "timeout"
    # The thread still has it, and with it the place.
    assert client.app.state.queue.taken == 1
    let_go.set()
    deadline = time.monotonic() + 20
    while client.app.state.queue.taken and time.monotonic() < deadline:
        time.sleep(0.01)
    assert client.app.state.queue.taken == 0


def test_large_body_is_refused(make_client, example):
    client = make_client(max_body_mib=1)
    parameters = raw_parameters(example, validation=False, refine=False)
    assert post(client, parameters, example.tobytes()).status_code == 200
    refused = post(client, parameters, bytes(2**21))
    assert refused.status_code == 413
    assert "1 MiB" in refused.json()["detail"]
    long = post(client, json.dumps(parameters) + " " * 70_000, example.tobytes())
    assert long.status_code in (400, 413)
    assert client.app.state.queue.taken == 0


def test_body_of_unknown_length_is_refused_too(make_client):
    client = make_client(max_body_mib=1)

    def endless():
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(40):
            yield bytes(2**16)
        yield b"\r\n--x--\r\n"

    response = client.post(
        "/inference/",
        content=endless(),
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert response.status_code == 413


@pytest.fixture(scope="module")
def strict_server(tmp_path_factory):
    """A server that waits neither long nor for much."""
    limits = {"PACBED_MAX_BODY_MIB": "1", "PACBED_UPLOAD_SECONDS": "1"}
    with serving(tmp_path_factory.mktemp("strict"), environment=limits) as server:
        yield server


def head(server, length):
    return (
        f"POST /inference/ HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def test_large_body_is_refused_before_it_is_read(strict_server):
    with socket.create_connection(("127.0.0.1", strict_server.port), timeout=20) as connection:
        connection.sendall(head(strict_server, 10**12))
        # Not one byte of the body was sent.
        assert b" 413 " in connection.recv(200)


def test_slow_body_is_given_up(strict_server):
    with socket.create_connection(("127.0.0.1", strict_server.port), timeout=20) as connection:
        connection.sendall(head(strict_server, 1000) + b"--x\r\n")
        started = time.monotonic()
        assert b" 408 " in connection.recv(200)
        assert time.monotonic() - started < 15
    assert json.loads(strict_server.get("/health/ready"))["queue"] == 0


def test_client_that_goes_away_frees_its_place(strict_server):
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", strict_server.port), timeout=20) as connection:
            connection.sendall(head(strict_server, 1000) + b"--x\r\n")
    deadline = time.monotonic() + 10
    while json.loads(strict_server.get("/health/ready"))["queue"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_keep_alive_survives_a_refusal(strict_server):
    connection = http.client.HTTPConnection("127.0.0.1", strict_server.port, timeout=20)
    connection.request("POST", "/inference/", b"nonsense", {"Content-Type": "text/plain"})
    assert connection.getresponse().read()
    connection.request("GET", "/systems")
    assert connection.getresponse().status == 200
    connection.close()


class FakeRequest:
    """A request whose client goes away after a while."""

    def __init__(self, seconds):
        self.seconds = seconds

    async def receive(self):
        await asyncio.sleep(self.seconds)
        return {"type": "http.disconnect"}


def test_waiting_work_of_a_vanished_client_never_begins():
    queue = WorkQueue(1, 1, 30.0, Metrics())
    let_go, done = threading.Event(), []

    async def scenario():
        first, second = queue.enter(), queue.enter()
        with pytest.raises(BusyError):
            queue.enter()
        running = queue.submit(first, lambda: let_go.wait(20))
        waiting = queue.submit(second, lambda: done.append("second"))
        with pytest.raises(ClientGoneError):
            await queue.finish(FakeRequest(0.05), second, waiting)
        second.release()
        await asyncio.sleep(0.05)
        # The place is free although the thread is still at work for the first.
        queue.enter().release()
        let_go.set()
        assert await queue.finish(FakeRequest(60), first, running)
        first.release()

    asyncio.run(scenario())
    queue.close()
    assert done == []
    assert queue.taken == 0


def test_abandoned_work_stops_between_its_stages():
    queue = WorkQueue(1, 1, 0.05, Metrics())
    stages, finished = [], threading.Event()

    def work(place):
        try:
            for stage in range(100):
                place.check()
                stages.append(stage)
                time.sleep(0.02)
        finally:
            finished.set()

    async def scenario():
        place = queue.enter()
        with pytest.raises(Exception, match="took longer"):
            await queue.finish(FakeRequest(60), place, queue.submit(place, lambda: work(place)))
        place.release()

    asyncio.run(scenario())
    assert finished.wait(10)
    queue.close()
    assert len(stages) < 50


@pytest.mark.parametrize(
    ("variable", "text"),
    [("THREADS", "many"), ("QUEUE", "-1"), ("MAX_BODY_MIB", "0"), ("REQUEST_SECONDS", "nan")],
)
def test_settings_that_cannot_be_used_are_told(monkeypatch, variable, text):
    monkeypatch.setenv(f"PACBED_{variable}", text)
    with pytest.raises(OutOfRangeError, match=f"PACBED_{variable}"):
        Settings.from_environment()


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("PACBED_QUEUE", "7")
    monkeypatch.setenv("PACBED_READ_SECONDS", "2.5")
    monkeypatch.setenv("PACBED_ALLOW_ORIGINS", "https://a.example")
    settings = Settings.from_environment()
    assert (settings.queue, settings.read_seconds) == (7, 2.5)
    assert settings.allow_origins == "https://a.example"
    assert settings.worker_threads >= 1


def test_every_error_has_a_status():
    from pacbed import errors
    from pacbed.service import failures

    kinds = [
        kind
        for module in (errors, failures)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, errors.PacbedError)
    ]
    assert len(kinds) >= 13
    for kind in kinds:
        status, code = classify(kind("words"))
        assert 400 <= status < 600
        assert code in failures.__doc__ or code == "client_gone"


def test_unexpected_errors_tell_nothing(make_client, example, monkeypatch):
    client = make_client()

    def fail(*_):
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr(inference, "ask_several", fail)
    response = post(client, raw_parameters(example), example.tobytes())
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.json()["code"] == "internal"
    assert client.app.state.queue.taken == 0
