"""NumPy's .npy files, without pickles."""

from pathlib import Path
from typing import Any

import numpy as np

from pacbed.errors import FileFormatError
from pacbed.readers.checks import Frame, check_pixels, count_frames, grey_from_channels, take_frame
from pacbed.readers.measurement import Measurement


def read_npy(path: Path, frame: Frame) -> Measurement:
    """Read one frame of a .npy file, or the sum of all.

    Parameters
    ----------
    path : Path
        An existing file.
    frame : int, "sum" or None
        Number of the frame along the leading axes.

    Returns
    -------
    Measurement
        The pattern; the metadata are empty.

    Raises
    ------
    FileFormatError
        If the file is damaged, no .npy, or holds Python objects.
    PatternError
        If the array cannot be a pattern.
    """
    if _holds_objects(path):
        raise FileFormatError(
            f"{path}: the file holds pickled Python objects, which may run code when read: "
            "save a plain numeric array with numpy.save(..., allow_pickle=False)."
        )
    try:
        array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # ValueError, OSError, EOFError, SyntaxError of a bad header
        raise _damaged(path, error) from error
    if array.ndim == 3 and array.shape[-1] in (3, 4) and array.dtype.kind in "uif":
        # No pattern is three pixels wide: these are the channels of a picture.
        check_pixels(array.shape[0], array.shape[1], path)
        return Measurement(data=grey_from_channels(np.asarray(array), path), path=path)
    data = take_frame(array, path, frame)
    return Measurement(data=data, path=path, frames=count_frames(array.shape))


def _holds_objects(path: Path) -> bool:
    """Whether the header declares Python objects; the data are not touched."""
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            if version == (1, 0):
                dtype = np.lib.format.read_array_header_1_0(file)[2]
            else:
                dtype = np.lib.format.read_array_header_2_0(file)[2]
    except Exception as error:  # any damage of the header
        raise _damaged(path, error) from error
    return bool(dtype.hasobject)


def _damaged(path: Path, error: Exception) -> FileFormatError:
    return FileFormatError(
        f"{path}: not a NumPy .npy file, or cut short ({error}): save it again with numpy.save."
    )
