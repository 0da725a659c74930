"""Files that say which pixels of a pattern say nothing."""

from pathlib import Path

import numpy as np

from pacbed.arrays import Mask
from pacbed.errors import PatternError
from pacbed.readers import read_pattern


def read_mask(path: Path, *, alone: bool = False) -> Mask:
    """Read a mask from any file that a pattern can be read from.

    Parameters
    ----------
    path : Path
    alone : bool
        Refuse a file that has others read; see :func:`pacbed.readers.read_pattern`.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
        True where the file is not 0: the pixel says nothing, as in the bad-pixel maps of
        detectors.

    Raises
    ------
    FileFormatError
        If the file cannot be read.
    PatternError
        If it masks all pixels.
    """
    mask: Mask = np.asarray(read_pattern(path, alone=alone).data != 0)
    if mask.all():
        raise PatternError(
            f"{path}: masks every pixel; a mask is not 0 where a pixel says nothing, 0 elsewhere"
        )
    return mask
