"""Writing files whole or not at all."""

import os
import secrets
from pathlib import Path

from pacbed.errors import FileFormatError


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` through a temporary file beside it.

    Parameters
    ----------
    path : Path
        Where the file shall stand; its folder must exist.
    content : bytes

    Raises
    ------
    FileFormatError
        If the folder is missing or cannot be written.
    """
    path = Path(path)
    temporary: str | None = None
    try:
        beside = str(path.with_name(f".{path.name}.{secrets.token_hex(6)}"))
        # A result is as readable as any other file: unlike tempfile, which makes private
        # ones, this leaves the mode to the umask, which is not touched (threads share it).
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        handle = os.open(beside, flags, 0o666)
        temporary = beside
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise FileFormatError(
            f"{path}: cannot be written ({error.strerror}); choose an existing, writable folder"
        ) from error
