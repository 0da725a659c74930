"""Sizes that a header declares, held against the size of its file.

Lazy readers reckon with what is declared, piece by piece: a header of a few bytes that
claims terabytes keeps them busy for minutes before the first number is read.
"""

import math
import struct
import zipfile
from pathlib import Path

import numpy as np

from pacbed.errors import FileFormatError

#: Bytes of a value, by the mode of an mrc file.
_MRC_BYTES = {0: 1, 1: 2, 2: 4, 4: 8, 6: 2, 12: 2}
_MRC_HEADER = 1024
#: Bytes before each frame of a blo file.
_BLO_FRAME = 6


def check_declared_size(path: Path) -> None:
    """Refuse a file whose header declares more than it holds; for mrc, blo and prz.

    Parameters
    ----------
    path : Path
        An existing file. Where its header makes no sense, that is left to its reader.

    Raises
    ------
    FileFormatError
        If the file is cut short, or its header wrong.
    """
    declared = {".mrc": _mrc, ".blo": _blo, ".prz": _prz}.get(path.suffix.lower())
    if declared is None:
        return
    try:
        needed = declared(path)
    except (OSError, ValueError, KeyError, struct.error, zipfile.BadZipFile):
        return
    there = path.stat().st_size
    if needed > there:
        raise FileFormatError(
            f"{path}: its header declares {needed} bytes, the file holds {there}: it is cut short, "
            "or damaged; copy or export it again."
        )


def _mrc(path: Path) -> int:
    with path.open("rb") as file:
        header = file.read(96)
    columns, rows, frames, mode = struct.unpack_from("<4I", header)
    (extended,) = struct.unpack_from("<I", header, 92)
    return int(_MRC_HEADER + extended + columns * rows * frames * _MRC_BYTES[mode])


def _blo(path: Path) -> int:
    with path.open("rb") as file:
        header = file.read(28)
    (offset,) = struct.unpack_from("<I", header, 12)
    side, _, columns, rows = struct.unpack_from("<4H", header, 20)
    return int(offset + columns * rows * (_BLO_FRAME + side * side))


def _prz(path: Path) -> int:
    with zipfile.ZipFile(path) as archive, archive.open("data.npy") as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return math.prod(shape) * dtype.itemsize
