"""Signals in HyperSpy's scheme as files, written whole or not at all."""

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pacbed.errors import FileFormatError
from pacbed.files import write_atomically
from pacbed.held_folder import HeldFolder

#: Room that a file needs beside its data.
_ROOM_BYTES = 4 << 20
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
    """Write a signal: hspy is a file, zspy a folder.

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
    if path.suffix.lower() == ".zspy":
        with made_beside(path) as beside:
            _fill_folder(beside, signal)
        return
    from rsciio.hspy import file_writer

    # HDF5 does not survive a full disk: its file is made where temporary ones are, which
    # are small here, and put in its place as a whole.
    with HeldFolder("signal") as folder:
        if shutil.disk_usage(folder).free < signal["data"].nbytes + _ROOM_BYTES:
            raise FileFormatError(
                f"{path}: no room for it in {tempfile.gettempdir()}, where it is made first: free "
                "some, or give another folder in TMPDIR."
            )
        made = folder / "signal.hspy"
        file_writer(str(made), signal, show_progressbar=False)
        write_atomically(path, made.read_bytes())


@contextmanager
def made_beside(path: Path) -> Iterator[Path]:
    """Where a file or folder is made before it is put in its place.

    Raises
    ------
    FileFormatError
        If it cannot be written.
    """
    beside = path.with_name(f".{path.stem}.{secrets.token_hex(6)}{path.suffix}")
    try:
        yield beside
        if beside.is_dir() and path.is_dir():
            shutil.rmtree(path)
        os.replace(beside, path)
    except OSError as error:
        raise FileFormatError(
            f"{path}: cannot be written ({error.strerror}); choose an existing, writable folder "
            "with room"
        ) from error
    finally:
        if beside.is_dir():
            shutil.rmtree(beside, ignore_errors=True)
        else:
            beside.unlink(missing_ok=True)


def _fill_folder(path: Path, signal: dict[str, Any]) -> None:
    """Write a zspy folder with whichever zarr there is.

    RosettaSciIO makes the store by zarr 2. With zarr 3, which abTEM needs, the groups are
    made here, in the form of zarr 2 that HyperSpy reads, and RosettaSciIO fills them.
    """
    import zarr
    from rsciio.zspy import _api as zspy

    if hasattr(zarr.storage, "NestedDirectoryStore"):
        zspy.file_writer(str(path), signal, show_progressbar=False)
        return
    import numcodecs

    root = zarr.open_group(str(path), mode="w", zarr_format=2)
    root.attrs.update({"file_format": "ZSpy", "file_format_version": zspy.version})
    title = signal["metadata"]["General"]["title"].replace("/", "-") or "__unnamed__"
    group = root.require_group("Experiments").require_group(title)
    compressor = numcodecs.Blosc(cname="zstd", clevel=1, shuffle=numcodecs.Blosc.SHUFFLE)
    with warnings.catch_warnings():
        # It uses names that zarr 3 calls outdated.
        warnings.simplefilter("ignore", DeprecationWarning)
        zspy.ZspyWriter(root, signal, group, compressor=compressor, show_progressbar=False).write()
