"""What the tests of processes share: who started whom, and waiting for what must come."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pacbed
from tests.service.conftest import Server, free_port, serving

#: On a busy machine.
PATIENCE_SECONDS = 60.0


def eventually(true: Callable[[], object], what: str) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def descendants(process: int) -> list[int]:
    """All processes below one (Linux)."""
    found = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *descendants(child)]
    return found


def lives(process: int) -> bool:
    """Whether a process runs; one that nobody has asked for its end does not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def command_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@contextmanager
def service(folder: Path, *options: str, temporary: Path) -> Iterator[Server]:
    """Run ``pacbed serve`` with a folder for temporary files of its own."""
    folder.mkdir(exist_ok=True)
    with serving(folder, *options, environment={"TMPDIR": str(temporary)}) as server:
        yield server


@contextmanager
def plain_uvicorn(folder: Path, *options: str, temporary: Path) -> Iterator[Server]:
    """Run the application by Uvicorn alone."""
    port, log = free_port(), folder / "uvicorn.log"
    paths = {"PYTHONPATH": str(Path(pacbed.__file__).parents[1]), "TMPDIR": str(temporary)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "pacbed_api:app", "--port", str(port), *options],
            cwd=folder, env=os.environ | paths, stdout=output, stderr=output,
        )  # fmt: skip
        server = Server(process, port, log)
        try:
            server.wait_until_ready()
            yield server
        finally:
            server.stop()


@contextmanager
def program(folder: Path, text: str, temporary: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program of some lines, whose output can be read."""
    path = folder / "program.py"
    path.write_text(text)
    paths = {"PYTHONPATH": str(Path(pacbed.__file__).parents[1]), "TMPDIR": str(temporary)}
    process = subprocess.Popen(
        [sys.executable, str(path)], env=os.environ | paths, stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
