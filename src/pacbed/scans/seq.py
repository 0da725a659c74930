"""Scans in Norpix SEQ files, which LiberTEM reads."""

from pathlib import Path
from typing import Any

import numpy as np

from pacbed.errors import MissingExtraError
from pacbed.readers.checks import not_readable, reason
from pacbed.scans.scan import Scan, as_four, damaged


class SeqRows:
    """Reads rows of a SEQ file, corrected where dark or gain images lie beside it.

    May be sent to other processes.

    Parameters
    ----------
    path : Path
    shape : tuple of int
        Scan rows, scan columns, detector rows, detector columns.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int, int]) -> None:
        self._path, self._shape = path, shape
        self._opened: tuple[Any, Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_opened": None}

    def __call__(self, first: int, last: int) -> np.ndarray:
        """Scan rows from `first` to before `last`."""
        from libertem.udf.raw import PickUDF

        context, data = self.opened()
        chosen = np.zeros(self._shape[:2], bool)
        chosen[first:last] = True
        try:
            frames = context.run_udf(data, PickUDF(), roi=chosen)["intensity"].data
        except Exception as error:  # whatever LiberTEM meets in a damaged file
            raise damaged(self._path, first, error) from error
        return np.asarray(frames).reshape(last - first, *self._shape[1:])

    def opened(self) -> tuple[Any, Any]:
        """LiberTEM's context and data set."""
        if self._opened is None:
            from libertem.api import Context
            from libertem.executor.inline import InlineJobExecutor

            context = Context(executor=InlineJobExecutor())
            data = context.load("seq", path=str(self._path), nav_shape=self._shape[:2])
            self._opened = context, data
        return self._opened

    @property
    def dtype(self) -> np.dtype:
        """Of what is read: real numbers where it is corrected."""
        data = self.opened()[1]
        corrected = data.get_correction_data().have_corrections()
        return np.dtype(np.float32) if corrected else np.dtype(data.dtype)


def open_seq(path: Path, scan_shape: tuple[int, int] | None) -> Scan:
    """Open a SEQ file.

    Raises
    ------
    MissingExtraError
        If LiberTEM is not installed.
    FileFormatError
        If the file is damaged or of another kind.
    PatternError
        If the scan's shape is not given or does not fit.
    """
    try:
        from libertem.executor.inline import InlineJobExecutor
        from libertem.io.dataset.seq import SEQDataSet
    except ImportError as error:
        raise MissingExtraError(
            f"{path}: reading .seq needs LiberTEM: pip install 'pacbed-cnn[libertem]'."
        ) from error
    try:
        found = SEQDataSet.detect_params(str(path), InlineJobExecutor())
    except Exception as error:  # LiberTEM raises whatever its parser meets
        raise not_readable(path, reason(error)) from error
    if not found:
        raise not_readable(path, "its header is not that of a SEQ file")
    count, detector = found["info"]["image_count"], found["info"]["native_sig_shape"]
    shape = as_four((int(count), *(int(n) for n in detector)), scan_shape, str(path))
    rows = SeqRows(path, shape)
    try:
        dtype = rows.dtype
    except Exception as error:
        raise not_readable(path, reason(error)) from error
    return Scan(shape, dtype, rows, str(path))
