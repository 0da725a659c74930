"""Own systems as processes: a simulation ends with the service, or when it is cancelled."""

import http.client
import signal
import sys

import pytest
from pacbedclient.multipart import Part, encode

from tests.security.processes import command_of, descendants, eventually, lives, service
from tests.security.test_processes import ask, heard_hangup, ours, temporary  # noqa: F401

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="asks /proc who lives"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def structure(repository):
    return (repository / "tests" / "data" / "crystals" / "Si.cif").read_bytes()


def send(server, structure, **fields):
    """Ask for a system; without fields for one that is simulated for long."""
    given = {"zone_axis": "1 1 2", "high_tension_kV": "300", "mistilt_max_mrad": "12", **fields}
    parts = [Part(name, "", "text/plain", value.encode()) for name, value in given.items()]
    body, kind = encode([*parts, Part("file", "Si.cif", "application/octet-stream", structure)])
    job = ask(server, "POST", "/systems/", body, {"Content-Type": kind})
    assert job.get("stage") == "waiting", job
    return job["id"]


def simulated(server, job):
    """Process that simulates a system, when it has begun to."""
    makers = []

    def begun():
        told = ask(server, "GET", f"/systems/jobs/{job}")
        assert told["stage"] in ("waiting", "simulating"), told
        processes = descendants(server.process.pid)
        makers[:] = [
            p for p in processes if "systems.process" in command_of(p) and job in command_of(p)
        ]
        return told["stage"] == "simulating" and makers

    eventually(begun, "nothing is simulated")
    return makers[0]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_signal_leaves_no_system(tmp_path, temporary, structure, workers):  # noqa: F811
    with service(tmp_path, "--workers", str(workers), temporary=temporary) as server:
        job = send(server, structure)
        waiting = send(server, structure)
        maker = simulated(server, job)
        started = descendants(server.process.pid)
        assert maker in started
        # Structure and state of the jobs, one of which only waits.
        for name in (job, waiting):
            assert list(temporary.glob(f"pacbed*/{name}/crystal.cif")), name
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0, server.log.read_text()
        eventually(lambda: not any(map(lives, started)), "something outlives the service")
        assert ours(temporary) == set()


def test_a_system_is_cancelled_in_mid_simulation(tmp_path, temporary, structure):  # noqa: F811
    with service(tmp_path, temporary=temporary) as server:
        job = send(server, structure)
        maker = simulated(server, job)
        assert ask_status(server, "DELETE", f"/systems/jobs/{job}") == 204
        assert ask_status(server, "GET", f"/systems/jobs/{job}") == 404
        eventually(lambda: not lives(maker), "the simulation goes on")
        eventually(lambda: not list(temporary.glob(f"pacbed*/{job}")), "its folder stays")
        # The next one has its turn.
        small = {"convergence_mrad": "5", "thickness_max_nm": "10", "mistilt_max_mrad": "1"}
        after = send(server, structure, **small)
        eventually(
            lambda: ask(server, "GET", f"/systems/jobs/{after}")["stage"] == "done",
            "the next system is not made",
        )


def ask_status(server, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request(method, path)
    with connection.getresponse() as response:
        response.read()
        status = response.status
    connection.close()
    return status
