"""Microscope formats (dm4, emd, mib, tif and others) through RosettaSciIO."""

import gc
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from pacbed.errors import PacbedError, PatternError
from pacbed.readers.checks import (
    Frame,
    check_pixels,
    count_frames,
    grey_from_channels,
    not_readable,
    reason,
    take_frame,
)
from pacbed.readers.formats import ROSETTASCIIO_MODULES
from pacbed.readers.images import read_image
from pacbed.readers.measurement import Measurement
from pacbed.readers.metadata import read_metadata
from pacbed.readers.names_inside import check_tiff_names
from pacbed.readers.signals import choose_signal, open_signals

#: DigitalMicrograph files up to this size are read whole, larger ones lazily.
_WHOLE_BYTES = 2**30
#: Largest number of values in a stack of a tif file; it is read whole.
_MAX_TIFF_VALUES = 2**29

_TIFF_WHITE_IS_ZERO = 0
_TIFF_PALETTE = 3

# The warning filters and the log level are global: one reader at a time sets them.
_lock = threading.Lock()


def read_microscope_file(
    path: Path, frame: Frame, dataset: str | None = None, alone: bool = False
) -> Measurement:
    """Read one frame, or the sum of all, of a file in a format of RosettaSciIO.

    Parameters
    ----------
    path : Path
        An existing file whose extension is in ``ROSETTASCIIO_MODULES``.
    frame : int, "sum" or None
        Number of the frame along the scan or series axes.
    dataset : str or None
        Which of several signals.
    alone : bool
        Refuse a file that has others read; see :mod:`pacbed.links`.

    Returns
    -------
    Measurement
        The pattern with the conditions that the file gives.

    Raises
    ------
    FileFormatError
        If the file is damaged, of another format, holds several images, or leads to files
        that it may not lead to.
    PatternError
        If the array cannot be a pattern.
    MissingExtraError
        If the format needs a package that is not installed.
    """
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = _attempt(path, frame, dataset, alone)
        if isinstance(outcome, PacbedError):
            # RosettaSciIO leaves files open where it fails: close them while nobody listens.
            gc.collect()
    if isinstance(outcome, PacbedError):
        raise outcome
    return outcome


def _attempt(
    path: Path, frame: Frame, dataset: str | None, alone: bool
) -> Measurement | PacbedError:
    """Read the file, or return the error with nothing that holds the file open."""
    is_tiff = path.suffix.lower() in (".tif", ".tiff")
    try:
        if is_tiff:
            _check_tiff(path, alone)
        signals = open_signals(path, alone, lazy=_lazily(path), dataset=dataset)
        signal = choose_signal(signals, path, 2, dataset)
        data = _load(signal, path, frame)
        return Measurement(data, path, read_metadata(signal), _count(signal))
    except PacbedError as error:
        return error.with_traceback(None)
    except Exception as error:  # RosettaSciIO raises whatever its parsers meet
        # Without the error itself, which would hold what the parser has open.
        refusal = not_readable(path, reason(error))
    if is_tiff:
        # Pillow reads some variants that RosettaSciIO does not (LZW, planar colours), and
        # has left open.
        gc.collect()
        try:
            return read_image(path, frame)
        except PacbedError as error:
            return error.with_traceback(None)
    return refusal


def _check_tiff(path: Path, alone: bool) -> None:
    """Refuse names of other files, and sizes before anything is unpacked: it may be a bomb."""
    with tifffile.TiffFile(path) as file:
        # First: the series of several files are opened when they are asked for.
        check_tiff_names(file, path, alone)
        for series in file.series:
            page = series.keyframe
            check_pixels(page.imagelength, page.imagewidth, path)
            if series.size > _MAX_TIFF_VALUES:
                raise PatternError(
                    f"{path}: a stack of {series.shape} is too large: export one pattern."
                )


def _lazily(path: Path) -> bool:
    """Whether RosettaSciIO shall leave the numbers in the file.

    Then no more than one frame is loaded, and a false size in a header costs nothing. But lazy
    reading has no RGB pictures in dm3 and dm4, leaves tif files open, and app5 files have none.
    """
    module = ROSETTASCIIO_MODULES[path.suffix.lower()]
    if module == "digitalmicrograph":
        return path.stat().st_size > _WHOLE_BYTES
    return module != "tiff"


def _load(signal: dict[str, Any], path: Path, frame: Frame) -> NDArray[np.float32]:
    array = signal["data"]
    photometric = _tiff_tag(signal, "PhotometricInterpretation")
    if photometric == _TIFF_PALETTE:
        # The values are numbers of colours; Pillow looks them up.
        return read_image(path, frame).data
    if array.dtype.names:
        return grey_from_channels(_channels(array, path), path)
    pattern = take_frame(array, path, frame)
    if photometric == _TIFF_WHITE_IS_ZERO and array.dtype.kind == "u":
        pattern = np.float32(np.iinfo(array.dtype).max) - pattern
    return pattern


def _count(signal: dict[str, Any]) -> int:
    """Frames of a signal; the channels of a colour picture are none."""
    shape = tuple(int(size) for size in signal["data"].shape)
    return 1 if signal["data"].dtype.names else count_frames(shape)


def _channels(array: Any, path: Path) -> NDArray[Any]:
    """RGB(A) records of RosettaSciIO as (rows, columns, channels)."""
    if array.ndim != 2:
        raise PatternError(
            f"{path}: a stack of colour pictures (shape {tuple(array.shape)}): "
            "export one pattern in greys."
        )
    check_pixels(array.shape[0], array.shape[1], path)
    records = np.asarray(array)
    names = [name for name in ("R", "G", "B") if name in (records.dtype.names or ())]
    if len(names) < 3:
        raise PatternError(
            f"{path}: the pixels hold {records.dtype}, not numbers: save integers or real numbers."
        )
    return np.stack([records[name] for name in names], axis=-1)


def _tiff_tag(signal: dict[str, Any], name: str) -> int | None:
    value = (signal.get("original_metadata") or {}).get(name)
    return int(value) if isinstance(value, int) else None
