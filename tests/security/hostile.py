"""Hostile content for any file of a data folder, and patience with what reads it."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Longer than anything here takes on a busy machine; what hangs hangs for ever.
_PATIENCE_SECONDS = 120.0


def _bytes(content: bytes) -> Callable[[Path], None]:
    return lambda path: void(path.write_bytes(content))


def void(_: Any) -> None:
    """Drop a result."""


def _large(path: Path) -> None:
    # Sparse: it takes no room on the disk.
    with path.open("wb") as file:
        file.truncate(3 * 2**30)


def _circle(path: Path) -> None:
    other = path.with_name(path.name + ".other")
    path.symlink_to(other)
    other.symlink_to(path)


#: What may stand in place of a file, by name.
REPLACEMENTS: dict[str, Callable[[Path], None]] = {
    "brackets": _bytes(b"[" * 100_000),
    "deep": _bytes(b"[" * 100_000 + b"]" * 100_000),
    "deep-objects": _bytes(b'{"a":' * 500 + b"1" + b"}" * 500),
    "many-digits": _bytes(b'{"schema": ' + b"9" * 100_000 + b"}"),
    "infinite": _bytes(b'{"schema": 1e999}'),
    "twice": _bytes(b'{"schema": 2, "schema": 2}'),
    "null-bytes": _bytes(b"\0" * 1000),
    "no-text": _bytes(b"\xff\xfe\xfd;\xfc\n" * 100),
    "lone-surrogate": _bytes(b'{"system": "\\ud800"}'),
    "one-long-line": _bytes(b"a" * 3_000_000),
    "one-long-field": _bytes(b'"' + b"a;\n" * 300_000),
    "separators": _bytes(b";" * 500_000),
    "empty": _bytes(b""),
    "large": _large,
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "endless-device": lambda path: path.symlink_to("/dev/zero"),
    "terminal": lambda path: path.symlink_to("/dev/tty"),
    "circle": _circle,
    "nowhere": lambda path: path.symlink_to(path.with_name("missing")),
}


def replace(path: Path, kind: str) -> None:
    """Put hostile content in the place of a file."""
    path.unlink(missing_ok=True)
    REPLACEMENTS[kind](path)


def patiently(work: Callable[[], Any]) -> Any:
    """Do something that must come to an end, and return what it returns or raises."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append((True, work()))
        except BaseException as error:
            outcome.append((False, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_PATIENCE_SECONDS)
    assert outcome, "it hangs"
    ended_well, result = outcome[0]
    if not ended_well:
        raise result
    return result
