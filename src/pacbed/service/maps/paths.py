"""Scans that a request may name: files below one folder, and no other."""

from pathlib import Path, PurePosixPath, PureWindowsPath

from pacbed.errors import FileFormatError
from pacbed.service.failures import ParametersError


def scan_below(root: Path | None, named: str) -> Path:
    """Find the file that a request names.

    Parameters
    ----------
    root : Path or None
        The folder; None allows no paths.
    named : str
        Path below it, with slashes.

    Returns
    -------
    Path
        Without symbolic links; what is opened is what was checked.

    Raises
    ------
    ParametersError
        If paths are not allowed, or this one does not lie below the folder.
    FileFormatError
        If there is no such file.
    """
    if root is None:
        raise ParametersError(
            "path: this service reads no files of its own: send the scan as file, or have "
            "PACBED_MAP_ROOT set to the folder that holds it"
        )
    parts = PurePosixPath(named).parts
    foreign = PureWindowsPath(named)
    if (
        not parts
        or ".." in parts
        or "\\" in named
        or not named.isprintable()
        or named.startswith("/")
        or foreign.drive
    ):
        raise ParametersError(
            "path: give the path of a file below the folder of scans, such as 2026/wedge.hspy"
        )
    top = root.resolve()
    # What lies outside and what is not there are told alike.
    missing = FileFormatError("path: there is no such file below the folder of scans")
    try:
        found = (top / Path(*parts)).resolve(strict=True)
    except (OSError, RuntimeError):
        raise missing from None
    if not found.is_relative_to(top) or not found.is_file():
        raise missing
    return found
