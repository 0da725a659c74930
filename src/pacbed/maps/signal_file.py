"""Signals in HyperSpy's scheme as files, written whole or not at all."""

import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from pacbed.errors import FileFormatError

#: What RosettaSciIO's writers ask for beside data, axes and metadata.
EMPTY_SIGNAL: dict[str, Any] = {
    "original_metadata": {},
    "attributes": {"_lazy": False},
    "package_info": {},
    "learning_results": {},
    "models": {},
    "tmp_parameters": {},
}


def write_signal(path: Path, signal: dict[str, Any]) -> None:
    """Write a signal beside its place, then put it there: hspy is a file, zspy a folder.

    Parameters
    ----------
    path : Path
        Ending in ``.hspy`` or ``.zspy``.
    signal : dict
        For a ``file_writer`` of RosettaSciIO.

    Raises
    ------
    FileFormatError
        If it cannot be written, for example because the disk is full.
    """
    suffix = path.suffix.lower()
    beside = path.with_name(f".{path.stem}.{secrets.token_hex(6)}{suffix}")
    try:
        if suffix == ".hspy":
            from rsciio.hspy import file_writer
        else:
            from rsciio.zspy import file_writer
        file_writer(str(beside), signal, show_progressbar=False)
        if path.is_dir():
            shutil.rmtree(path)
        os.replace(beside, path)
    except (OSError, RuntimeError) as error:
        # h5py reports a full disk as either.
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:160]
        raise FileFormatError(
            f"{path}: cannot be written ({reason}); choose an existing, writable folder with room"
        ) from error
    finally:
        if beside.is_dir():
            shutil.rmtree(beside, ignore_errors=True)
        else:
            beside.unlink(missing_ok=True)
