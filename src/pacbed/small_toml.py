"""Small text files in TOML that people keep and edit, such as the calibration of a session."""

import json
from pathlib import Path
from typing import Any

from pacbed.bounded import parse_toml, read_bytes
from pacbed.errors import FileFormatError

#: Largest size.
MOST_BYTES = 2**18


def read_small(path: Path) -> bytes:
    """Read such a file.

    Raises
    ------
    FileFormatError
        If it cannot be read.
    """
    try:
        return read_bytes(path, MOST_BYTES)
    except OSError as error:
        raise FileFormatError(
            f"{path}: cannot be read ({error.strerror}); check the path"
        ) from error


def parse_small(content: bytes, name: str) -> dict[str, Any]:
    """What such a file says; `name` is for messages.

    Raises
    ------
    FileFormatError
        If it is too large, or no TOML.
    """
    if len(content) > MOST_BYTES:
        raise FileFormatError(f"{name}: is larger than {MOST_BYTES} bytes: this is another file.")
    try:
        return parse_toml(content)
    except ValueError as error:
        raise FileFormatError(f"{name}: is not valid TOML ({error})") from error


def quoted(value: str) -> str:
    """A text as TOML writes it.

    A JSON string is a TOML string, but for the one control character that JSON lets stand; a
    name of a file may hold what is no text.
    """
    text = value.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
