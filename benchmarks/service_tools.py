"""What the benchmarks of the service share: a server, and multipart requests."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pacbed


def multipart(pattern, **others):
    """Body and headers of a request with raw pixels, as earlier clients send it."""
    parameters = {
        "physical_params": {
            "acceleration_voltage": 300000,
            "crystal_structure": "Strontium Titanate",
            "zone_axis": {"u": 0, "v": 0, "w": 1},
            "convergence_angle": 20.0,
        },
        "file_params": {
            "typ": "raw", "dtype": str(pattern.dtype), "height": pattern.shape[-2],
            "width": pattern.shape[-1], "frames": len(pattern) if pattern.ndim == 3 else 1,
        },
        **others,
    }  # fmt: skip
    part = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n'
    body = b"".join(
        [
            part % b"parameters",
            json.dumps(parameters).encode(),
            b"\r\n",
            part.replace(b"\r\n\r\n", b'; filename="a"\r\n\r\n') % b"file",
            pattern.tobytes(),
            b"\r\n--b--\r\n",
        ]
    )
    return body, {"Content-Type": "multipart/form-data; boundary=b"}


def cpu_seconds(process):
    """Processor time of a process and all below it (Linux): does not depend on other load."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    total = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            total += cpu_seconds(int(child))
    return total


def descendants(process):
    """All processes below one (Linux)."""
    found = []
    try:
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    except OSError:  # it has ended meanwhile
        pass
    return found


def of_process(process, name):
    """Text of a file of the system about a process; empty where it has ended (Linux)."""
    try:
        return Path(f"/proc/{process}/{name}").read_text()
    except OSError:
        return ""


def memory_mib(process):
    """Resident memory of one process, MiB (Linux)."""
    lines = of_process(process, "status").splitlines()
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def descriptors(process):
    """Open files, pipes and connections of one process (Linux)."""
    try:
        return len(list(Path(f"/proc/{process}/fd").iterdir()))
    except OSError:
        return 0


def lives(process):
    """Whether a process runs (Linux)."""
    state = of_process(process, "stat").rpartition(")")[2].split()
    return bool(state) and state[0] not in "ZX"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def serving(*options, program=None, **environment):
    """Run ``pacbed serve``, of this installation or of `program`, with its time to be ready."""
    port = free_port()
    package = str(Path(pacbed.__file__).parents[1])
    with tempfile.TemporaryDirectory() as folder, open(f"{folder}/log", "wb") as log:
        started = time.monotonic()
        begin = [sys.executable, "-c", "from pacbed.cli import main; main()"]
        own = {"PYTHONPATH": package, "PATH": "/usr/bin:/bin", "HOME": folder}
        if program is not None:
            begin = [Path(program).absolute()]
            del own["PYTHONPATH"]
        process = subprocess.Popen(
            [*begin, "serve", "--port", str(port), *options],
            cwd=folder, env=own | environment, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=60)
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() - started > 60:
                        raise SystemExit(Path(f"{folder}/log").read_text()) from None
                    time.sleep(0.02)
            yield SimpleNamespace(
                process=process, port=port, start_seconds=time.monotonic() - started,
                log=Path(f"{folder}/log"),
            )  # fmt: skip
        finally:
            process.terminate()
            process.wait(120)
