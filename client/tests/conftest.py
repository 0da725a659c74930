"""What the client's tests share: a stand-in service, and the folder with the examples."""

import os
import socket
import subprocess
import sys
import time

import pytest

from pacbedclient import Client, PacbedClientError
from standin_gms import StandInGMS
from standin_service import running_service


@pytest.fixture
def service():
    """A stand-in service on a free port."""
    with running_service() as running:
        yield running


@pytest.fixture(scope="session")
def examples():
    """Folder with the GMS scripts and notebooks."""
    return os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "examples")


@pytest.fixture
def gms(service):
    """A stand-in for DigitalMicrograph that knows the address of the stand-in service."""
    stand_in = StandInGMS()
    stand_in.dm.persistent._set("PACBED:Settings:url", service.url)
    return stand_in


@pytest.fixture(scope="session")
def real_service(tmp_path_factory):
    """Address of the project's service, started on a free port with the shipped systems."""
    pytest.importorskip("pacbed", reason="the service is not installed beside the client")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if key != "PACBED_DATA"}
    folder = tmp_path_factory.mktemp("service")
    log = folder / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "pacbed_api:app", "--port", str(port)],
            cwd=str(folder), env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(url, process, log):
    end = time.monotonic() + 60
    while True:
        try:
            assert Client(url, timeout_s=5).systems()
            return
        except PacbedClientError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
