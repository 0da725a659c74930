"""What the tests of the service share: an application in this process, and real servers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

import pacbed
from pacbed.service.app import create_app
from pacbed.service.settings import Settings
from tests.service.asked_once import AskedOnce

#: A name that a service answers to without being told.
URL = "http://localhost"
#: Tests of one worker: those that share what the server answered, see :class:`AskedOnce`.
ASKS_SEVERAL = pytest.mark.xdist_group("pages that ask for several systems")
#: Seconds in which a server must be ready on a busy machine.
START_SECONDS = 60.0


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PACBED_") and not name.startswith("PACBED_TEST"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def example(repository: Path) -> np.ndarray:
    """The example pattern of SrTiO3 at 300 kV: 256 x 256 pixels of uint16."""
    return np.load(repository / "examples" / "sto-001-300kV_42nm.npy")


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    """A service in this process, with the shipped systems."""
    with TestClient(create_app(Settings(threads=1)), URL, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def make_client() -> Iterator[Callable[..., TestClient]]:
    """Make a service with settings of its own."""
    opened: list[TestClient] = []

    def make(**settings: Any) -> TestClient:
        app = create_app(Settings(**{"threads": 1, **settings}))
        client = TestClient(app, URL, raise_server_exceptions=False)
        client.__enter__()
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.__exit__(None, None, None)


class Server:
    """A server in a process of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=START_SECONDS) as response:
            return bytes(response.read())

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.get("/health/ready")
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                assert time.monotonic() < deadline, self.log.read_text()
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.05)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_SECONDS)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serving(
    folder: Path, *options: str, environment: dict[str, str] | None = None
) -> Iterator[Server]:
    """Run ``pacbed serve`` in a folder."""
    port = free_port()
    log = folder / "serve.log"
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PACBED_")}
    # The package that is tested, wherever the server runs.
    clean["PYTHONPATH"] = str(Path(pacbed.__file__).parents[1])
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", "from pacbed.cli import main; main()", "serve",
             "--port", str(port), *options],
            cwd=folder, env=clean | (environment or {}), stdout=output, stderr=output,
        )  # fmt: skip
        server = Server(process, port, log)
        try:
            server.wait_until_ready()
            yield server
        finally:
            if process.poll() is None:
                server.stop()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that need a real one."""
    # A busy machine may need longer than users wait.
    environment = {"PACBED_REQUEST_SECONDS": "600"}
    with serving(tmp_path_factory.mktemp("server"), environment=environment) as server:
        yield server


@pytest.fixture(scope="session")
def asked_once() -> AskedOnce:
    """What the one server answered to pages that ask it for several systems."""
    return AskedOnce()


def raw_parameters(pattern: np.ndarray, **others: Any) -> dict[str, Any]:
    """Parameters in the words of earlier clients."""
    return {
        "physical_params": {
            "acceleration_voltage": 300000,
            "crystal_structure": "Strontium Titanate",
            "zone_axis": {"u": 0, "v": 0, "w": 1},
            "convergence_angle": 20.0,
        },
        "file_params": {
            "typ": "raw",
            "dtype": str(pattern.dtype),
            "width": pattern.shape[-1],
            "height": pattern.shape[-2],
        },
        **others,
    }


def post(
    client: TestClient,
    parameters: Any,
    content: bytes,
    name: str = "file",
    path: str = "/inference/",
) -> Any:
    """Send a pattern as a multipart request."""
    text = parameters if isinstance(parameters, str) else json.dumps(parameters)
    return client.post(path, data={"parameters": text}, files={"file": (name, content)})
