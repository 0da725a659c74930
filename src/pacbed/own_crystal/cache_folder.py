"""Where the tables of crystals are kept for the next time, and how many bytes of them."""

import os
import sys
from pathlib import Path

from pacbed.errors import FileFormatError, OutOfRangeError

#: Names another folder than the platform's.
FOLDER_VARIABLE = "PACBED_CACHE"
#: Largest size of all tables together, MB.
LIMIT_VARIABLE = "PACBED_CACHE_MB"
_DEFAULT_LIMIT_MB = 2000.0


def cache_folder() -> Path:
    r"""The folder of the tables: ``PACBED_CACHE``, else the platform's place for a cache.

    That is ``$XDG_CACHE_HOME/pacbed`` or ``~/.cache/pacbed``, on macOS
    ``~/Library/Caches/pacbed``, on Windows ``%LOCALAPPDATA%\pacbed\Cache``.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "pacbed" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pacbed"
    base = os.environ.get("XDG_CACHE_HOME", "")
    # A relative one has no meaning, says the standard.
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "pacbed"


def cache_limit_bytes() -> int:
    """Largest size of all tables together: ``PACBED_CACHE_MB``, else 2 GB.

    Raises
    ------
    OutOfRangeError
        If the variable holds no number.
    """
    text = os.environ.get(LIMIT_VARIABLE, "")
    try:
        limit = float(text) if text else _DEFAULT_LIMIT_MB
    except ValueError:
        limit = -1.0
    if not 0 <= limit <= 1e9:
        raise OutOfRangeError(f'{LIMIT_VARIABLE} is "{text}": give a number of MB from 0 on')
    return int(limit * 1e6)


def make_private(folder: Path) -> None:
    """Make the folder where it is missing, for this user alone.

    Raises
    ------
    FileFormatError
        If it cannot be made, is no folder, or belongs to somebody else, who could put tables
        there.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise FileFormatError(
            f"{folder}: cannot be made ({error.strerror}); name another folder in {FOLDER_VARIABLE}"
        ) from error
    foreign = hasattr(os, "getuid") and status.st_uid != os.getuid()
    if foreign or not os.access(folder, os.W_OK | os.X_OK):
        raise FileFormatError(
            f"{folder}: belongs to somebody else, or cannot be written; name another folder in "
            f"{FOLDER_VARIABLE}"
        )
