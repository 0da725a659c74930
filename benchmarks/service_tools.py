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


@contextmanager
def serving(*options):
    """Run ``pacbed serve``, with its time to be ready."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    package = str(Path(pacbed.__file__).parents[1])
    with tempfile.TemporaryDirectory() as folder, open(f"{folder}/log", "wb") as log:
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-c", "from pacbed.cli import main; main()", "serve",
             "--port", str(port), *options],
            cwd=folder, env={"PYTHONPATH": package, "PATH": "/usr/bin:/bin", "HOME": folder},
            stdout=log, stderr=log,
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
                process=process, port=port, start_seconds=time.monotonic() - started
            )
        finally:
            process.terminate()
            process.wait(60)
