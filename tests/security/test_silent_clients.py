"""Clients that begin and then say nothing, or do not read: they keep nobody from work."""

import contextlib
import io
import json
import resource
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from tests.service.conftest import serving
from tests.service.test_serve import infer

#: On a busy machine an answer that nothing holds up comes within this time.
SOON_SECONDS = 20.0


@pytest.fixture(scope="module")
def example(repository):
    return np.load(repository / "examples" / "sto-001-300kV_42nm.npy")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with two places, which waits for nothing but a body for long."""
    limits = {
        "PACBED_THREADS": "1",
        "PACBED_QUEUE": "1",
        "PACBED_HEAD_SECONDS": "2",
        "PACBED_SILENT_SECONDS": "3",
        "PACBED_UPLOAD_SECONDS": "5",
        "PACBED_MAX_BODY_MIB": "2",
        "PACBED_HELD_MIB": "2",
        "PACBED_CONNECTIONS": "100",
    }
    with serving(tmp_path_factory.mktemp("silent"), environment=limits) as server:
        yield server


@contextlib.contextmanager
def connections(server, count, said=b""):
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
            stack.enter_context(connection)
            if said:
                # The server may have closed it already.
                with contextlib.suppress(OSError):
                    connection.sendall(said)
            opened.append(connection)
        yield opened


def head(server, length=100_000):
    return (
        f"POST /inference/ HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def all_received(connection):
    received = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            received += part
    return received


def readiness(server):
    return json.loads(server.get("/health/ready"))


def test_forty_silent_clients_keep_nobody_from_work(server, example):
    infer(server, example)
    with connections(server, 40, head(server) + b"--x") as silent:
        started = time.monotonic()
        for _ in range(3):
            assert infer(server, example, validation=False)["thickness_nm"] > 0
        assert time.monotonic() - started < SOON_SECONDS
        assert readiness(server)["status"] == "ok"
        assert readiness(server)["queue"] == 0
        for connection in silent:
            answer = all_received(connection)
            assert answer.startswith(b"HTTP/1.1 408 "), answer
            assert b"no byte of the request arrived for 3 s" in answer
    assert time.monotonic() - started < SOON_SECONDS + 10


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"POST /inference/ HTTP/1.1\r\nHost: local"])
def test_an_unfinished_head_has_an_end(server, said):
    with connections(server, 1, said) as (connection,):
        started = time.monotonic()
        assert all_received(connection) == b""
        assert time.monotonic() - started < SOON_SECONDS


def drip(connection, seconds):
    """Send a byte again and again, and return the time until the connection was closed."""
    started = time.monotonic()
    connection.settimeout(0.2)
    while time.monotonic() - started < seconds:
        try:
            connection.sendall(b"a")
            if connection.recv(65536) == b"":
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    return time.monotonic() - started


def test_drops_do_not_keep_a_head_alive(server):
    with connections(server, 1, b"GET /") as (connection,):
        assert drip(connection, SOON_SECONDS) < SOON_SECONDS


def test_the_second_request_of_a_connection_has_an_end_too(server):
    first = f"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    with connections(server, 1, first) as (connection,):
        assert b" 200 " in connection.recv(65536)
        connection.sendall(b"GET /")
        assert drip(connection, SOON_SECONDS) < SOON_SECONDS


def test_drops_of_a_refused_body_have_an_end(server):
    with connections(server, 1, head(server, 10**12)) as (connection,):
        assert b" 413 " in connection.recv(65536)
        assert drip(connection, SOON_SECONDS) < SOON_SECONDS


def descriptors(server):
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux' /proc")
def test_half_open_connections_are_bounded(server, example):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2200 if hard == resource.RLIM_INFINITY else min(2200, hard)
    count = min(1500, wanted - 700)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    before = descriptors(server)
    try:
        with connections(server, count, b"GET / HTTP/1.1\r\nHost: "):
            most = descriptors(server)
            started = time.monotonic()
            assert infer(server, example, validation=False)["thickness_nm"] > 0
            assert time.monotonic() - started < SOON_SECONDS
            # Connections that are allowed, and those that are just being accepted.
            assert max(most, descriptors(server)) < before + 100 + 2 * 128
            # They are still held open here, and the server keeps none of them.
            deadline = time.monotonic() + SOON_SECONDS
            while descriptors(server) > before + 5:
                assert time.monotonic() < deadline
                time.sleep(0.1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "connections were closed" in server.log.read_text()


def test_begun_bodies_make_room_too(server, example):
    # More than there may be connections, each with a request that waits for its body.
    with connections(server, 150, head(server) + b"--x"):
        started = time.monotonic()
        assert infer(server, example, validation=False)["thickness_nm"] > 0
        assert time.monotonic() - started < SOON_SECONDS


def test_bodies_on_their_way_are_bounded_together(server, example):
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    # Each may be that large, but not both at once.
    with connections(server, 2, head(server, 2 * 2**20) + part + bytes(2**20 + 2**19)) as both:
        answers = sorted(all_received(connection)[:13] for connection in both)
        assert answers == [b"HTTP/1.1 408 ", b"HTTP/1.1 503 "]
    assert infer(server, example, validation=False)["thickness_nm"] > 0


def test_answers_that_nobody_reads_keep_nobody_from_work(server, example):
    stack = np.stack([example] * 8)
    stored = io.BytesIO()
    np.save(stored, stack)
    parameters = json.dumps({
        "system": "sto-001-300kV", "convergence_angle": 20, "refine": False, "views": True,
    })  # fmt: skip
    body = (
        f'--x\r\nContent-Disposition: form-data; name="parameters"\r\n\r\n{parameters}\r\n'
        '--x\r\nContent-Disposition: form-data; name="file"; filename="a.npy"\r\n\r\n'
    ).encode() + stored.getvalue() + b"\r\n--x--\r\n"  # fmt: skip
    request = head(server, len(body)).replace(b"/inference/", b"/inference/batch/") + body
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", server.port))
            connection.settimeout(60)
            connection.sendall(request)
            # Answered, but for the most part not read.
            assert connection.recv(12) == b"HTTP/1.1 200"
        before = descriptors(server)
        assert readiness(server)["queue"] == 0
        assert infer(server, example, validation=False)["thickness_nm"] > 0
        deadline = time.monotonic() + SOON_SECONDS
        while descriptors(server) > before - 2:
            assert time.monotonic() < deadline, "answers are kept for those who do not read"
            time.sleep(0.1)
