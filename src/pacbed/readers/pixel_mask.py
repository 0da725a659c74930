"""A detector's own map of pixels that say nothing, where its file holds one."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pacbed.links import check_hdf5
from pacbed.readers.checks import not_readable, reason
from pacbed.readers.formats import HDF5

#: Names of the map, by which of NeXus and Dectris they are.
_NAMES = ("pixel_mask", "bad_pixel_mask", "bad_pixels")
_MOST_OBJECTS = 100_000
_DEEPEST = 40


def read_pixel_mask(
    path: Path, shape: tuple[int, int], *, alone: bool = False
) -> NDArray[np.bool_] | None:
    """Read which pixels of a detector say nothing.

    Parameters
    ----------
    path : Path
        The file of a pattern or scan.
    shape : tuple of int
        Rows and columns of a frame, as it was read.
    alone : bool
        Refuse a file that has others read; see :mod:`pacbed.links`.

    Returns
    -------
    ndarray of bool or None
        True where a pixel is a gap, dead, or not to be trusted (any bit of NeXus's
        ``pixel_mask``), shape `shape`; None where the file holds no map of this shape.

    Raises
    ------
    FileFormatError
        If an HDF5 file is damaged, or leads to files that it may not lead to.
    """
    if path.suffix.lower() not in HDF5:
        return None
    import h5py

    check_hdf5(path, alone, beside=True)
    try:
        with h5py.File(path, "r") as file:
            found = _search(file, shape)
    except Exception as error:  # h5py raises many classes on damaged files
        raise not_readable(path, reason(error)) from error
    return found


def _search(file: Any, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    """The first map of this shape, nearest to the top."""
    import h5py

    from pacbed.readers.hdf5_array import load_filters

    load_filters()
    waiting = [(file, 0)]
    seen = set()
    left = _MOST_OBJECTS
    while waiting:
        group, depth = waiting.pop(0)
        info = h5py.h5o.get_info(group.id)
        if (info.fileno, info.addr) in seen or depth > _DEEPEST:
            continue
        seen.add((info.fileno, info.addr))
        for key in group:
            left -= 1
            if left < 0:
                return None
            item = group.get(key)
            if isinstance(item, h5py.Group):
                waiting.append((item, depth + 1))
            elif isinstance(item, h5py.Dataset) and key in _NAMES:
                if item.dtype.kind in "biu" and item.shape == shape:
                    return np.asarray(item[...], dtype=bool)
                if item.dtype.kind in "biu" and item.shape == (1, *shape):
                    return np.asarray(item[0], dtype=bool)
    return None
