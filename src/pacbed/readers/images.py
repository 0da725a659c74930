"""Ordinary picture files (png, jpg, bmp) through Pillow."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pacbed.errors import FileFormatError, PatternError
from pacbed.readers.checks import Frame, check_pixels, choose_frame, grey_from_channels, take_frame
from pacbed.readers.measurement import Measurement

_CHANNELS = ("RGB", "RGBA")
#: What a picture may be, whatever its name: Pillow would hand others on to further programs
#: (PostScript to Ghostscript, which reads files).
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF")


def read_image(path: Path, frame: Frame) -> Measurement:
    """Read a picture; a grey one may be stored as RGB, RGBA or with a palette.

    Parameters
    ----------
    path : Path
        An existing file.
    frame : int, "sum" or None
        Number of the picture in a file with several.

    Returns
    -------
    Measurement
        The pattern in the grey values of the file (0 to 255, or to 65535 where
        the file has 16 bits); the metadata are empty.

    Raises
    ------
    FileFormatError
        If the file is damaged or no picture.
    PatternError
        If the picture is coloured, empty or too large.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns at half of its limit and raises above it: both are refusals here.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                check_pixels(image.height, image.width, path)
                frames = int(getattr(image, "n_frames", 1))
                if frame == "sum":
                    data = _sum(image, frames, path)
                else:
                    _seek(image, path, frames, frame)
                    data = _grey(image, path)
    except PatternError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PatternError(
            f"{path}: the picture has more than the 8192 x 8192 pixels that can be read: "
            "bin or crop the pattern."
        ) from None
    except Exception as error:  # Pillow raises many classes on damaged files
        raise FileFormatError(
            f"{path}: not a readable picture, or cut short ({error}): copy or export it again."
        ) from error
    return Measurement(data=data, path=path, frames=frames)


def _seek(image: Image.Image, path: Path, frames: int, frame: int | None) -> None:
    """Go to one picture of a file."""
    holds = f"the file holds {frames} pictures"
    number = choose_frame(path, frame, frames, holds, f"a file with {frames}")
    if frames > 1:
        image.seek(number)


def _sum(image: Image.Image, frames: int, path: Path) -> NDArray[np.float32]:
    """All pictures of a file, added up."""
    total: NDArray[np.float64] | None = None
    for number in range(frames):
        if frames > 1:
            image.seek(number)
            check_pixels(image.height, image.width, path)
        grey = _grey(image, path).astype(np.float64)
        if total is not None and total.shape != grey.shape:
            raise PatternError(
                f"{path}: its pictures have different sizes: choose one with --frame N."
            )
        total = grey if total is None else total + grey
    return np.asarray(total, dtype=np.float32)


def _grey(image: Image.Image, path: Path) -> NDArray[np.float32]:
    if image.mode in ("L", "1", "I", "F") or image.mode.startswith("I;16"):
        return take_frame(np.asarray(image), path, None)
    if image.mode == "LA":
        return take_frame(np.asarray(image.getchannel("L")), path, None)
    # Palettes, CMYK and the like are told from grey by their RGB values.
    channels: NDArray[Any] = np.asarray(image if image.mode in _CHANNELS else image.convert("RGB"))
    return grey_from_channels(channels, path)
