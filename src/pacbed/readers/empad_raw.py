"""An EMPAD's raw file without its xml: frames of 130 rows, of which two are no pixels."""

import re
from pathlib import Path

import numpy as np

from pacbed.errors import FileFormatError
from pacbed.readers.checks import EMPAD_ROWS, EMPAD_STORED, Frame, count_frames, take_frame
from pacbed.readers.measurement import Measurement

_TYPE = np.dtype("<f4")
_FRAME_BYTES = EMPAD_STORED[0] * EMPAD_STORED[1] * _TYPE.itemsize
#: The scan's columns and rows in the name, as the detector's program gives it.
_NAMED = re.compile(r"_x(\d+)_y(\d+)$")


def empad_shape(path: Path) -> tuple[int, ...] | None:
    """The shape of an EMPAD's raw file, told by its size and name; None of another file.

    Returns
    -------
    tuple of int or None
        Scan rows and columns, or frames where the name does not say them; then the detector.
    """
    size = path.stat().st_size
    frames, rest = divmod(size, _FRAME_BYTES)
    if rest or not frames:
        return None
    named = _NAMED.search(path.stem)
    if named is None:
        return (frames, *EMPAD_STORED)
    columns, rows = int(named[1]), int(named[2])
    return (rows, columns, *EMPAD_STORED) if rows * columns == frames else None


def read_empad_raw(path: Path, frame: Frame) -> Measurement:
    """Read one frame, or the sum of all, of an EMPAD's raw file.

    Raises
    ------
    FileFormatError
        If its size is not that of such frames.
    """
    shape = empad_shape(path)
    if shape is None:
        raise FileFormatError(
            f"{path}: a file without a header, and not of an EMPAD's size (frames of 130 x 128 "
            "float32): save the pattern as npy or tif."
        )
    stored = np.memmap(path, _TYPE, mode="r", shape=shape)
    data = take_frame(stored[..., :EMPAD_ROWS, :], path, frame)
    return Measurement(data=data, path=path, frames=count_frames(shape))
