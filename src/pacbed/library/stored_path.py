"""Paths that a table of the data folder holds, made into paths that stay inside it."""

import re
from pathlib import Path

from pacbed.errors import BundleError

#: A longer path no system takes.
LONGEST_PATH = 4000
_DRIVE = re.compile(r"^[A-Za-z]:")


def resolve_stored(data: Path, stored: str) -> Path:
    r"""Find what a stored path means.

    Tables hold what the program that wrote them was given: ``data\0`` (seen from the
    folder above), ``0``, or a full path of another computer such as
    ``C:\work\data\0``. Backslashes mean slashes. What comes after the data folder's
    name counts; `data` itself may have another name today.

    Parameters
    ----------
    data : Path
        Data folder.
    stored : str
        Text from a table.

    Returns
    -------
    Path
        Inside `data`; it need not exist.

    Raises
    ------
    BundleError
        If the path leads outside the data folder.
    """
    if len(stored) > LONGEST_PATH:
        raise _outside(data, stored[:60] + "…")
    text = _DRIVE.sub("/", stored.strip().replace("\\", "/"))
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or "\0" in text:
        raise _outside(data, stored)
    names = {"data", data.name or data.resolve().name}
    after = [parts[i + 1 :] for i in reversed(range(len(parts))) if parts[i] in names]
    # Of a full path only what follows the data folder means something here.
    candidates = [tail for tail in after if tail] + ([] if text.startswith("/") else [parts])
    paths = [data.joinpath(*tail) for tail in candidates]
    try:
        found = next((path for path in paths if path.exists()), paths[0] if paths else None)
        # Links are followed here, so that none leads out.
        if found is None or not found.resolve().is_relative_to(data.resolve()):
            raise _outside(data, stored)
    except (OSError, RuntimeError) as error:  # a name too long for the system, links in a circle
        raise _outside(data, stored) from error
    return found


def _outside(data: Path, stored: str) -> BundleError:
    return BundleError(
        f'the path "{stored}" does not lead into the data folder {data}: '
        "give it relative to that folder, without .."
    )
