"""Silence, slow and broken connections: no call waits longer than it may."""

import json
import socket
import threading
import time

import numpy as np
import pytest

from pacbedclient import (
    AnswerError,
    Client,
    RequestRefusedError,
    RequestTimeoutError,
    ServiceUnreachableError,
)
from standin_service import wait_until


def infer(service, **options):
    return Client(service.url, **options).infer(np.ones((3, 4)), 13.6, system=2)


def test_silence_ends_with_the_time_limit(service):
    over = threading.Event()

    def silent(handler):
        over.wait(20)
        return True

    service.behave = silent
    begin = time.monotonic()
    with pytest.raises(RequestTimeoutError, match=r"within 0\.3 s"):
        infer(service, timeout_s=0.3)
    assert time.monotonic() - begin < 1.5
    over.set()


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_slow_drip_ends_with_the_time_limit(service, part):
    """A socket's own time limit would begin anew with every byte."""
    gone = threading.Event()

    def drip(handler):
        handler.rfile.read(int(handler.headers["Content-Length"]))
        start = b"HTTP/1.1 200 OK\r\nX: " if part == "head" else b"HTTP/1.1 200 OK\r\n\r\n"
        try:
            handler.wfile.write(start)
            for _ in range(400):
                handler.wfile.write(b" ")
                handler.wfile.flush()
                time.sleep(0.05)
        except OSError:
            gone.set()
        return True

    service.behave = drip
    begin = time.monotonic()
    with pytest.raises(RequestTimeoutError):
        infer(service, timeout_s=0.4)
    assert time.monotonic() - begin < 1.5
    # The connection is closed, and no thread stays behind.
    assert gone.wait(5)
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "pacbedclient"])


def test_a_hanging_look_up_of_the_host_ends_with_the_time_limit(monkeypatch):
    over = threading.Event()

    def hang(*args, **kwargs):
        over.wait(20)
        raise socket.gaierror("unknown")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    begin = time.monotonic()
    with pytest.raises(RequestTimeoutError):
        Client("http://somewhere.invalid:8230", timeout_s=0.3).systems()
    assert time.monotonic() - begin < 1.5
    over.set()


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def test_nobody_there():
    begin = time.monotonic()
    with pytest.raises(ServiceUnreachableError, match="is the service running") as caught:
        Client(f"http://127.0.0.1:{free_port()}").systems()
    assert time.monotonic() - begin < 3
    assert isinstance(caught.value, ConnectionError)


def listener(react):
    """A server for one connection, below HTTP."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(1)

    def serve():
        connection, _ = sock.accept()
        with connection:
            react(connection)
        sock.close()

    thread = threading.Thread(target=serve)
    thread.start()
    return f"http://127.0.0.1:{sock.getsockname()[1]}", thread


def test_a_service_that_hangs_up():
    url, thread = listener(lambda connection: connection.recv(10))
    with pytest.raises((ServiceUnreachableError, AnswerError)):
        Client(url, timeout_s=5).systems()
    thread.join()


def test_something_else_than_http():
    def react(connection):
        connection.recv(1000)
        connection.sendall(b"220 mail.example.org ESMTP\r\n")

    url, thread = listener(react)
    with pytest.raises(AnswerError, match="web service"):
        Client(url, timeout_s=5).systems()
    thread.join()


def test_an_answer_that_is_cut_off():
    def react(connection):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[")

    url, thread = listener(react)
    with pytest.raises(AnswerError, match="web service"):
        Client(url, timeout_s=5).systems()
    thread.join()


def test_a_body_that_is_refused_before_it_is_read():
    """The answer to a body that is too large arrives, although sending it fails."""
    content = json.dumps({"code": "too_large", "detail": "at most 1 MiB"}).encode("ascii")

    def react(connection):
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1000)
        answer = f"HTTP/1.1 413 Too Large\r\nContent-Length: {len(content)}\r\n\r\n"
        connection.sendall(answer.encode("ascii") + content)
        # Closes for writing, and reads on for a moment, as web servers do.
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(0.2)
        try:
            while connection.recv(1 << 16):
                pass
        except OSError:
            pass

    url, thread = listener(react)
    with pytest.raises(RequestRefusedError, match="at most 1 MiB") as caught:
        Client(url, timeout_s=10).infer(np.zeros((1000, 2000)), 13.6, system=2)
    assert caught.value.status == 413
    thread.join()
