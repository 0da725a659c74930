"""Writing a scan row by row: the whole is never in memory."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pacbed.errors import FileFormatError


def write_npy_rows(
    path: Path, shape: tuple[int, int, int, int], dtype: np.dtype, rows: Iterable[np.ndarray]
) -> None:
    """Write scan rows into a ``.npy`` file, whole or not at all.

    Parameters
    ----------
    path : Path
    shape : tuple of int
        Scan rows, scan columns, detector rows, detector columns.
    dtype : dtype
    rows : iterable of ndarray
        One for each scan row.

    Raises
    ------
    FileFormatError
        If the file cannot be written, for example because the disk is full.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    try:
        with beside.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for row in rows:
                file.write(np.ascontiguousarray(row, dtype).data)
        os.replace(beside, path)
    except OSError as error:
        raise FileFormatError(
            f"{path}: cannot be written ({error.strerror}); choose an existing, writable folder "
            "with room"
        ) from error
    finally:
        beside.unlink(missing_ok=True)
