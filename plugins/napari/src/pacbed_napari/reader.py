"""Files of microscopes as image layers: the position-averaged pattern, and what the file says."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pacbed import read_pattern, square_pixels
from pacbed.readers.formats import EXTENSIONS

#: Data, how it is shown, and the kind of layer.
Layer = tuple[Any, dict[str, Any], str]
#: In a layer's metadata.
KEY = "pacbed"
#: Angles per row and per column that differ by less are one.
_SQUARE = 0.01


def get_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], list[Layer]] | None:
    """What opens a file, or several; None where it is of no format that is known here."""
    return read if all(Path(p).suffix.lower() in EXTENSIONS for p in _paths(path)) else None


def read(path: str | Sequence[str]) -> list[Layer]:
    """The pattern of each file: of a stack or a scan the sum of all frames.

    Parameters
    ----------
    path : str or sequence of str

    Returns
    -------
    list of tuple
        Pixels that are not square are stretched to square ones.

    Raises
    ------
    PacbedError
        If a file holds no pattern.
    """
    return [_layer(Path(p)) for p in _paths(path)]


def _layer(path: Path) -> Layer:
    measured = read_pattern(path, "sum")
    said = measured.metadata
    pattern, scale = measured.data, said.mrad_per_pixel
    aspect = said.pixel_aspect
    if aspect is not None and said.mrad_per_pixel_axes is not None and abs(aspect - 1) > _SQUARE:
        pattern, scale = square_pixels(pattern, aspect), min(said.mrad_per_pixel_axes)
    conditions = {
        "convergence_mrad": said.convergence_mrad,
        "high_tension_kV": said.high_tension_kV,
        "mrad_per_pixel": scale,
        "frames": measured.frames,
    }
    return pattern, {"name": path.stem, "metadata": {KEY: conditions}}, "image"


def _paths(path: str | Sequence[str]) -> Sequence[str]:
    return [path] if isinstance(path, str) else path
