"""Watching what a program asks of the system, from outside and from within it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pacbed

STRACE = shutil.which("strace")
#: What tells of a look-up, a message to others, or a change of files.
_CALLS = (
    "network,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,"
    "symlinkat,mknod,mknodat,truncate"
)
_LOCAL = re.compile(r"AF_UNIX|AF_NETLINK|AF_UNSPEC|127\.0\.0\.1|\"::1\"")
_SENDING = re.compile(r"\b(connect|sendto|sendmsg|sendmmsg)\(")
_LOOK_UP = re.compile(r"/etc/(resolv\.conf|hosts|nsswitch\.conf)\"|htons\(53\)|libnss_dns")
_WRITING = re.compile(
    r"\b(?:(?:open|openat)\(.*?\"(?P<opened>[^\"]*)\", [A-Z_|]*(?:O_WRONLY|O_RDWR|O_CREAT)"
    r"|(?:creat|mkdir|mkdirat|rename|renameat|renameat2|link|linkat|symlink|symlinkat|mknod"
    r"|mknodat|truncate)\(.*\"(?P<made>[^\"]*)\")"
)
#: The folder that a relative name is seen from, as strace -y writes it.
_BASE = re.compile(r"\((?:AT_FDCWD|[0-9]+)<([^>]*)>, \"")

#: Ends the process at once when any of its threads turns to an address of the internet: which
#: family an address has, a filter sees by its length, 16 or 28 bytes. It is the kernel that
#: looks, so native code is seen like any other, and it needs no right.
_NO_INTERNET = """
import ctypes, platform, struct
_connect, _sendto = {"x86_64": (42, 44), "aarch64": (203, 206)}[platform.machine()]
_rules = [
    (0x20, 0, 0, 0),            # load the number of the call
    (0x15, 0, 2, _connect),
    (0x20, 0, 0, 32),           # load its third argument, the length of the address
    (0x05, 0, 0, 2),
    (0x15, 0, 4, _sendto),      # another call: allowed
    (0x20, 0, 0, 56),           # load its sixth argument, the length of the address
    (0x15, 1, 0, 16),           # an address of IPv4
    (0x15, 0, 1, 28),           # an address of IPv6
    (0x06, 0, 0, 0x80000000),   # kill the process
    (0x06, 0, 0, 0x7FFF0000),   # allow
]
_code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *r) for r in _rules))
_program = ctypes.create_string_buffer(
    struct.pack("HxxxxxxP", len(_rules), ctypes.addressof(_code))
)
_libc = ctypes.CDLL(None, use_errno=True)
if _libc.prctl(38, 1, 0, 0, 0) or _libc.prctl(22, 2, _program, 0, 0):
    raise SystemExit(77)
"""
CANNOT_WATCH = 77


@dataclass(frozen=True)
class Trace:
    """What the system calls of a program and its children tell.

    Attributes
    ----------
    sent, looked_up : list of str
        Lines that go to another computer, or ask for one's address.
    written : list of Path
        Files and folders that were made or opened for writing.
    """

    sent: list[str]
    looked_up: list[str]
    written: list[Path]


def traced(command: Sequence[str], trace: Path) -> list[str]:
    """Put the tracer before a command."""
    assert STRACE is not None
    return [STRACE, "-f", "-y", "-qq", "-s", "200", "-o", str(trace), "-e", f"trace={_CALLS}",
            *command]  # fmt: skip


def read_trace(path: Path, folder: Path) -> Trace:
    """Sort what a tracer wrote down; relative names are seen from `folder` without a base."""
    sent, looked_up, written = [], [], []
    for line in path.read_text(errors="replace").splitlines():
        if _SENDING.search(line) and "AF_INET" in line and not _LOCAL.search(line):
            sent.append(line)
        if _LOOK_UP.search(line):
            looked_up.append(line)
        found = _WRITING.search(line)
        if found is not None and " = -1 " not in line:
            base = _BASE.search(line)
            name = found["opened"] if found["opened"] is not None else found["made"]
            written.append(Path(base[1] if base else folder) / name)
    return Trace(sent, looked_up, written)


def watched_environment(home: Path, temporary: Path) -> dict[str, str]:
    """An environment with an empty home, in which nothing is switched off beforehand."""
    own = {"CI", "GITHUB_ACTIONS", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
           "MPLCONFIGDIR", "KERAS_HOME"}  # fmt: skip
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in own and not name.startswith(("PACBED_", "ORT_", "PYTEST_"))
    }
    return kept | {
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(Path(pacbed.__file__).parents[1]),
    }


def run_without_internet(
    script: str, folder: Path, environment: dict[str, str], *arguments: object
) -> "subprocess.CompletedProcess[str]":
    """Run a script whose process is ended when it turns to an address of the internet."""
    given = f"\nARGUMENTS = {json.dumps([str(a) for a in arguments])}\n"
    return subprocess.run(
        [sys.executable, "-c", _NO_INTERNET + given + script],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def files_below(folder: Path) -> set[str]:
    """Names of all files in a folder and below."""
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir()}
