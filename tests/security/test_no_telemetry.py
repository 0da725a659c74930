"""Nothing is sent, looked up or kept beside what the documentation names."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.label_tools import MODELS
from tests.security.watching import (
    CANNOT_WATCH,
    STRACE,
    files_below,
    read_trace,
    run_without_internet,
    traced,
    watched_environment,
)
from tests.service.conftest import START_SECONDS, Server, free_port
from tests.service.test_serve import infer

#: What docs/service.md names: settings and caches of libraries, without an identity.
NAMED = (".cache/matplotlib", ".config/matplotlib", ".keras", ".hyperspy")
EXAMPLE = "sto-001-300kV_42nm.npy"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watched on Linux alone")
needs_strace = pytest.mark.skipif(STRACE is None, reason="needs strace, see .ci/run")

INFERENCE = """
import time
from pacbed import open_predictor, load_bundle, read_pattern
pattern = read_pattern(ARGUMENTS[0]).data
answer = open_predictor(load_bundle("sto-001-300kV")).infer(pattern, 20.0, refine=False)
print(answer.status)
# Telemetry waits some seconds before it speaks.
time.sleep(float(ARGUMENTS[1]))
"""

LABEL_NETWORKS = """
import numpy as np
from pathlib import Path
from pacbed.earlier.keras_network import KerasLabelNetwork
from pacbed.earlier.litert import LiteRtLabelNetwork
for path in map(Path, ARGUMENTS):
    content = path.read_bytes()
    network = (KerasLabelNetwork(content) if path.suffix == ".h5"
               else LiteRtLabelNetwork(content, 1))
    network.probabilities(np.zeros((1, *network.input), np.float32), np.zeros((1, 1), np.float32))
print("answered")
"""

IMPORTS = """
import importlib, warnings
warnings.simplefilter("ignore")
import pacbed, os
os.environ.setdefault("KERAS_BACKEND", "torch")
for name in ARGUMENTS:
    importlib.import_module(name)
print("imported")
"""
#: Every dependency that a part of the program imports.
DEPENDENCIES = (
    "numpy", "scipy.interpolate", "onnxruntime", "threadpoolctl", "rsciio", "h5py", "imageio",
    "tifffile", "PIL.Image", "matplotlib.pyplot", "filelock", "typer", "rich", "fastapi",
    "pydantic", "uvicorn", "python_multipart", "prometheus_client", "torch", "gemmi", "spglib",
    "ase", "abtem", "ai_edge_litert.interpreter", "keras", "libertem.api", "libertem_live.api",
    "hyperspy.api", "zarr", "distributed", "onnx", "onnxscript", "safetensors",
)  # fmt: skip


@pytest.fixture
def watched(tmp_path):
    """Empty folders to run in, and the environment that names them."""
    home, temporary, work = (tmp_path / name for name in ("home", "temporary", "work"))
    for folder in (home, temporary, work):
        folder.mkdir()
    return work, home, temporary, watched_environment(home, temporary)


def check(done):
    """The process ended well; the kernel would have killed it otherwise."""
    if done.returncode == CANNOT_WATCH:
        pytest.skip("this kernel takes no filter of system calls")
    assert done.returncode != -signal.SIGSYS, f"it turned to the internet: {done.stdout}"
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "asking",
    [
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))",
        "socket.socket(socket.AF_INET).connect(('192.0.2.1', 9))",
        "socket.socket(socket.AF_INET6).connect(('2001:db8::1', 9))",
        "threading.Thread(target=socket.getaddrinfo, args=('example.invalid', 9)).start()",
    ],
)
def test_watch_sees_what_turns_to_the_internet(watched, asking):
    work, _, _, environment = watched
    silent = "import socket, threading; a, b = socket.socketpair(); a.send(b'x')\n"
    check(run_without_internet(silent, work, environment))
    assert run_without_internet(silent + asking, work, environment).returncode == -signal.SIGSYS


@pytest.mark.slow
def test_inference_sends_nothing_and_keeps_nothing(watched, repository):
    work, home, temporary, environment = watched
    done = run_without_internet(INFERENCE, work, environment, repository / "examples" / EXAMPLE, 12)
    check(done)
    assert done.stdout
    assert [files_below(folder) for folder in (home, temporary, work)] == [set()] * 3


def test_networks_of_the_earlier_system_send_nothing(watched):
    work, home, temporary, environment = watched
    models = [MODELS / f"Small_Thickness{ending}" for ending in (".tflite", ".h5")]
    done = run_without_internet(LABEL_NETWORKS, work, environment, *models)
    check(done)
    assert "answered" in done.stdout
    assert unnamed(home) == set()
    assert files_below(temporary) == files_below(work) == set()


@pytest.mark.slow
def test_no_import_of_a_dependency_sends_anything(watched):
    work, home, temporary, environment = watched
    done = run_without_internet(IMPORTS, work, environment, *DEPENDENCIES)
    check(done)
    assert "imported" in done.stdout
    assert unnamed(home) == set()
    assert files_below(temporary) == files_below(work) == set()


def test_users_environment_does_not_switch_it_on(watched):
    work, _, _, environment = watched
    done = subprocess.run(
        [sys.executable, "-c", "import pacbed, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"],
        cwd=work, env=environment | {"ORT_DISABLE_TELEMETRY": "0"}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "1"


def test_runtime_is_opened_in_one_place(repository):
    importing = []
    for path in sorted((repository / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "onnxruntime" for name in names):
                importing.append(path.name)
    assert set(importing) == {"onnx_session.py"}


@needs_strace
def test_tracer_sees_messages_look_ups_and_files(watched, tmp_path):
    work, home, _, environment = watched
    script = """
import os, socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 9))
open("here", "w").close()
os.mkdir(os.environ["HOME"] + "/made")
open("/etc/hosts").close()
"""
    command = traced([sys.executable, "-W", "ignore", "-c", script], tmp_path / "trace")
    subprocess.run(command, cwd=work, env=environment, check=False, capture_output=True)
    trace = read_trace(tmp_path / "trace", work)
    assert trace.sent
    assert trace.looked_up
    assert {work / "here", home / "made"} <= set(trace.written)


@needs_strace
def test_command_line_sends_nothing_and_writes_where_it_should(watched, repository, tmp_path):
    work, home, temporary, environment = watched
    program = "from pacbed.cli import main; main()"
    command = [sys.executable, "-c", program, "infer", str(repository / "examples" / EXAMPLE),
               "--system", "sto-001-300kV", "--convergence", "20", "--report",
               "report.png"]  # fmt: skip
    done = subprocess.run(
        traced(command, tmp_path / "trace"),
        cwd=work, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert files_below(work) == {"report.png"}
    check_trace(tmp_path / "trace", work, home, temporary)


@needs_strace
def test_service_sends_nothing_and_writes_where_it_should(watched, repository, tmp_path):
    work, home, temporary, environment = watched
    port = free_port()
    program = "from pacbed.cli import main; main()"
    command = [sys.executable, "-c", program, "serve", "--port", str(port)]
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            traced(command, tmp_path / "trace"),
            cwd=work, env=environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
        try:
            server = Server(process, port, log)
            server.wait_until_ready()
            example = np.load(repository / "examples" / EXAMPLE)
            answer = infer(server, example, validation="report")
            server.get("/systems/")
        finally:
            # The tracer hands no signal on: the service itself is its child.
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            for child in children.read_text().split():
                os.kill(int(child), signal.SIGTERM)
            process.wait(START_SECONDS)
    assert answer["thickness_nm"] > 0
    check_trace(tmp_path / "trace", work, home, temporary)
    assert files_below(work) == set()


def unnamed(home):
    """Files of a home that the documentation does not name."""
    return {name for name in files_below(home) if not name.startswith(NAMED)}


def check_trace(trace, work, home, temporary):
    found = read_trace(trace, work)
    assert found.sent == []
    assert found.looked_up == []
    allowed = [work, temporary, Path("/dev"), *(home / name for name in NAMED)]
    parents = {home / name.split("/")[0] for name in NAMED}
    outside = [
        path
        for path in found.written
        if path not in parents and not any(path.is_relative_to(folder) for folder in allowed)
    ]
    assert outside == []
    assert unnamed(home) == set()
