"""Writing files whole or not at all."""

import os
import tempfile
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
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp makes the file private; a result is as readable as any other file.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise FileFormatError(
            f"{path}: cannot be written ({error.strerror}); choose an existing, writable folder"
        ) from error
