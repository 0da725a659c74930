"""A pattern as the bytes of a file."""

import io

import numpy as np
from numpy.typing import NDArray


def encode_pattern(image: NDArray[np.float32], ending: str, mrad_per_pixel: float) -> bytes:
    """Encode a pattern for a file.

    Parameters
    ----------
    image : ndarray of float32, shape (rows, columns)
        Intensity, not negative.
    ending : {'.npy', '.tif', '.tiff', '.png'}
        Format. A tif keeps the values and the angle per pixel, a png is scaled to
        16 bits.
    mrad_per_pixel : float
        Angle per pixel, mrad.

    Returns
    -------
    bytes
    """
    buffer = io.BytesIO()
    if ending == ".npy":
        np.save(buffer, image, allow_pickle=False)
    elif ending == ".png":
        from PIL import Image

        full = float(image.max()) or 1.0
        Image.fromarray(np.round(np.clip(image / full, 0, 1) * 65535).astype(np.uint16)).save(
            buffer, format="png"
        )
    else:
        import tifffile

        # Units, origins and scales of columns and rows as DigitalMicrograph stores them;
        # HyperSpy and this program read them too.
        calibration: list[tuple[int, str, int, str | float, bool]] = [
            (65003, "s", 0, "mrad", False),
            (65004, "s", 0, "mrad", False),
            (65006, "d", 1, 0.0, False),
            (65007, "d", 1, 0.0, False),
            (65009, "d", 1, mrad_per_pixel, False),
            (65010, "d", 1, mrad_per_pixel, False),
        ]
        tifffile.imwrite(
            buffer, image, photometric="minisblack", metadata=None, extratags=calibration
        )
    return buffer.getvalue()
