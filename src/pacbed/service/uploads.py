"""From the bytes of a request to a pattern."""

import math
import re
import threading
from pathlib import Path, PurePosixPath

import numpy as np

from pacbed.arrays import Mask
from pacbed.errors import FileFormatError, OutOfRangeError, PatternError
from pacbed.files import telling_full
from pacbed.held_folder import HeldFolder
from pacbed.readers import EXTENSIONS, Measurement
from pacbed.readers.checks import MAX_PIXELS, Frame
from pacbed.readers.turned import turned
from pacbed.service.reader_pool import ReaderPool
from pacbed.service.schemas import FileParameters

_DTYPE = re.compile(r"[<>=|]?[a-z]{1,8}[0-9]{0,2}")
#: First bytes of files, for names without a known ending.
_MAGIC = (
    (b"\x93NUMPY", ".npy"),
    (b"\x89PNG\r\n", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"BM", ".bmp"),
    (b"II*\x00", ".tif"),
    (b"MM\x00*", ".tif"),
    (b"II+\x00", ".tif"),
    (b"\x89HDF\r\n", ".hspy"),
    (b"\x00\x00\x00\x03", ".dm3"),
    (b"\x00\x00\x00\x04", ".dm4"),
)


class Upload:
    """A file as it was sent; written to a private folder only where a reader needs it.

    Parameters
    ----------
    content : bytes
    name : str or None
        As the client calls it; shown in messages after :func:`clean_name`, and never
        used as a path.
    """

    def __init__(self, content: bytes, name: str | None) -> None:
        self.content = content
        self.name = clean_name(name)
        self._lock = threading.Lock()
        self._folder: HeldFolder | None = None
        self._closed = False

    def __enter__(self) -> "Upload":
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closed = True
            if self._folder is not None:
                self._folder.close()

    def stored(self, ending: str) -> Path:
        """Write the file, at the first call, and return where it stands until the exit.

        Parameters
        ----------
        ending : str
            Extension that tells the format.

        Raises
        ------
        DiskFullError
            If there is no space for it.
        FileFormatError
            If the request is over already.
        """
        with self._lock:
            if self._closed:
                raise FileFormatError(f"{self.name}: its request is over")
            if self._folder is None:
                with telling_full("the service's temporary folder"):
                    self._folder = _stored(self.content, f"upload{ending}")
            return self._folder.path / f"upload{ending}"


def _stored(content: bytes, name: str) -> HeldFolder:
    """Write a file to a new private folder; nothing is left of a failure."""
    folder = HeldFolder("upload")
    try:
        (folder.path / name).write_bytes(content)
    except BaseException:
        folder.close()
        raise
    return folder


def clean_name(name: str | None) -> str:
    """Make a file name fit to be shown: the last part of a path, printable, short."""
    last = re.split(r"[/\\]", name or "")[-1]
    printable = "".join(character for character in last if character.isprintable())
    return printable[-80:] or "file"


def read_upload(
    upload: Upload, parameters: FileParameters, readers: ReaderPool, frame: Frame
) -> Measurement:
    """Read one frame of an uploaded file.

    Parameters
    ----------
    upload : Upload
    parameters : FileParameters
        Says what the file is, and how it is turned.
    readers : ReaderPool
        Reads everything but raw pixels.
    frame : int, "sum" or None
        Which frame, or all of them added; None where there must be only one.

    Returns
    -------
    Measurement

    Raises
    ------
    FileFormatError
        If the file is not what it should be.
    PatternError
        If its content cannot be a pattern.
    OutOfRangeError
        If the raw format is not described, or there is no such frame.
    """
    if not upload.content:
        raise FileFormatError(f"{upload.name}: the file is empty")
    if parameters.typ == "raw":
        measurement = _read_raw(upload, parameters, frame or 0)
    else:
        ending = file_ending(upload, parameters.typ)
        stored = upload.stored(ending)
        measurement = readers.read(stored, upload.name, frame or 0, parameters.dataset)
    if frame is None and measurement.frames > 1:
        raise PatternError(
            f"{upload.name}: holds {measurement.frames} frames: choose one with the parameter "
            f"frame (0 to {measurement.frames - 1}, or sum), or send them to /inference/batch/."
        )
    return turned(measurement, parameters.turn_deg, parameters.mirrored)


def read_mask(mask: Upload | None, pattern: FileParameters, readers: ReaderPool) -> Mask | None:
    """Read which pixels of a pattern say nothing.

    Parameters
    ----------
    mask : Upload or None
        A file that is not 0 there, in the axes of the pattern as recorded.
    pattern : FileParameters
        Of the pattern; the mask is turned as it is.
    readers : ReaderPool

    Returns
    -------
    ndarray of bool or None
        In the axes of the turned pattern; None without a mask.

    Raises
    ------
    PacbedError
        As :func:`read_upload` does.
    """
    if mask is None:
        return None
    described = FileParameters(turn_deg=pattern.turn_deg, mirrored=pattern.mirrored)
    return np.asarray(read_upload(mask, described, readers, None).data != 0)


def file_ending(upload: Upload, typ: str = "auto") -> str:
    """Ending that tells the format of an upload: as it is said, named, or seen in its content.

    Raises
    ------
    FileFormatError
        If that cannot be told.
    """
    if typ != "auto":
        return f".{typ}"
    ending = PurePosixPath(upload.name).suffix.lower()
    if ending in EXTENSIONS:
        return ending
    for magic, guessed in _MAGIC:
        if upload.content.startswith(magic):
            return guessed
    raise FileFormatError(
        f"{upload.name}: unknown format: give file_params.typ, one of raw, "
        f"{', '.join(known[1:] for known in EXTENSIONS if known != '.raw')}."
    )


def _read_raw(upload: Upload, parameters: FileParameters, frame: int | str) -> Measurement:
    dtype = _dtype(parameters.dtype)
    rows, columns, frames = parameters.height, parameters.width, parameters.frames
    if rows is None or columns is None:
        raise OutOfRangeError("typ raw needs file_params.width and file_params.height in pixels")
    if rows * columns > MAX_PIXELS:
        raise PatternError(
            f"{rows} x {columns} pixels are more than the {math.isqrt(MAX_PIXELS)}² that can be "
            "read: bin or crop the pattern."
        )
    size = rows * columns * dtype.itemsize
    if frames * size != len(upload.content):
        raise PatternError(
            f"{upload.name}: {frames} x {rows} x {columns} pixels of {dtype.name} are "
            f"{frames * size} bytes, but {len(upload.content)} were sent: check dtype, width, "
            "height and frames."
        )
    first, count = (0, frames) if isinstance(frame, str) else (frame, 1)
    if first >= frames:
        raise PatternError(f"{upload.name}: there is no frame {frame} among {frames}")
    pixels = np.frombuffer(upload.content, dtype, count * rows * columns, first * size)
    pixels = pixels.reshape(count, rows, columns)
    with np.errstate(over="ignore", invalid="ignore"):
        # One frame is not computed with: what it holds stays as it is.
        added = pixels[0] if count == 1 else pixels.sum(axis=0, dtype=np.float64)
        data = added.astype(np.float32)
    return Measurement(data, path=Path(upload.name), frames=frames)


def _dtype(text: str | None) -> np.dtype[np.generic]:
    """The type of raw pixels; only plain real numbers are let through to NumPy."""
    if text is None:
        raise OutOfRangeError("typ raw needs file_params.dtype, such as uint16 or float32")
    try:
        if not _DTYPE.fullmatch(text):
            raise ValueError(text)
        dtype = np.dtype(text)
    except (TypeError, ValueError):
        raise OutOfRangeError(
            "file_params.dtype is no type of numbers: give one such as uint16, >i4 or float32"
        ) from None
    if dtype.kind not in "buif":
        raise OutOfRangeError(
            f"file_params.dtype {dtype.name} is no type of real numbers: give one such as uint16"
        )
    return dtype
