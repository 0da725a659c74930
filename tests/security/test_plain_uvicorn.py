"""The service without ``pacbed serve``: what its application holds, and what its protocol adds."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.service.conftest import START_SECONDS, Server, free_port

LIMITS = {"PACBED_SILENT_SECONDS": "1", "PACBED_HEAD_SECONDS": "1", "PACBED_THREADS": "1"}
WATCHED = ("--http", "pacbed.service.connections:WatchedConnection", "--no-proxy-headers")


@pytest.fixture(scope="module", params=[(), WATCHED], ids=["plain", "watched"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uvicorn")
    port, log = free_port(), folder / "log"
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PACBED_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "pacbed_api:app", "--port", str(port),
             *request.param],
            cwd=folder, env=clean | LIMITS, stdout=output, stderr=output,
        )  # fmt: skip
        server = Server(process, port, log)
        try:
            server.wait_until_ready()
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(START_SECONDS)


def status(server, method, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse().status
    connection.close()
    return answer


def test_the_application_keeps_others_out(server):
    assert status(server, "GET", "/systems") == 200
    assert status(server, "GET", "/systems", Host="evil.test") == 421
    assert status(server, "POST", "/maps/", Origin="http://evil.test") == 403


def test_the_application_waits_for_no_silent_body(server):
    head = (
        b"POST /inference/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head)
        assert b'"queue":0' in server.get("/health/ready")
        assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")


# Uvicorn alone waits for ever; docs/service.md says so.
@pytest.mark.parametrize("server", [WATCHED], ids=["watched"], indirect=True)
def test_the_protocol_waits_for_no_head(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"GET / HT")
        started = time.monotonic()
        assert connection.recv(65536) == b""
        assert time.monotonic() - started < 30
