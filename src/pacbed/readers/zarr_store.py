"""One pattern of a zarr store, as abTEM writes its measurements."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.errors import MissingExtraError, PacbedError, PatternError
from pacbed.readers.checks import Frame, count_frames, not_readable, reason, take_frame
from pacbed.readers.measurement import Measurement
from pacbed.readers.metadata import read_metadata
from pacbed.readers.names_inside import check_names_inside


def read_zarr(path: Path, frame: Frame, dataset: str | None = None) -> Measurement:
    """Read one frame, or the sum of all, of an array in a zarr store.

    Parameters
    ----------
    path : Path
        A folder, or an archive of one.
    frame : int, "sum" or None
        Number of the frame along the leading axes.
    dataset : str or None
        Name of the array; by default the only one.

    Returns
    -------
    Measurement

    Raises
    ------
    FileFormatError
        If the store is damaged, or leads out of its folder.
    PatternError
        If it holds no pattern, or several and none is chosen.
    MissingExtraError
        If zarr is not installed.
    """
    array, axes, tags = open_zarr(path, dataset)
    try:
        data = take_frame(array, path, frame)
    except PacbedError:
        raise
    except Exception as error:  # zarr raises many classes on damaged stores
        raise not_readable(path, reason(error)) from error
    signal = {"axes": axes, "metadata": {}, "original_metadata": {"abtem": tags}}
    return Measurement(data, path, read_metadata(signal), count_frames(array.shape))


def open_zarr(
    path: Path, dataset: str | None
) -> tuple["ZarrFrames", list[dict[str, Any]], dict[str, Any]]:
    """Open an array of a zarr store: its frames, its axes in our order, and its tags."""
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError(
            f"{path}: reading .zarr needs zarr ({error}): pip install 'pacbed-cnn[zspy]'."
        ) from error
    check_names_inside(path, alone=False)
    try:
        store: Any = str(path)
        if zipfile.is_zipfile(path):
            store = zarr.storage.ZipStore(str(path), mode="r")
        root = zarr.open_group(store, mode="r")
        arrays = dict(root.arrays())
        attributes = dict(root.attrs)
    except Exception as error:  # zarr raises many classes on damaged stores
        raise not_readable(path, reason(error)) from error
    images = {name: array for name, array in arrays.items() if array.ndim >= 2}
    names = ", ".join(sorted(images)[:12]) or "none"
    if dataset is not None and dataset not in images:
        raise PatternError(f"{path}: there is no array {dataset}: it has {names}.")
    if dataset is None and len(images) != 1:
        raise PatternError(
            f"{path}: holds {len(images)} arrays ({names}): choose one with --dataset NAME."
        )
    name = dataset or next(iter(images))
    tags = attributes.get(f"metadata{name.removeprefix('array')}") or {}
    tags = tags if isinstance(tags, Mapping) else {}
    array = images[name]
    axes = _axes(tags, array.ndim)
    turned = bool(axes) and [axis["name"] for axis in axes[-2:]] == ["kx", "ky"]
    shifted = _given(tags, "fftshift") is not False
    frames = ZarrFrames(array, turned, shifted)
    return frames, frames.ordered(axes), {k: v for k, v in tags.items() if k != "axes"}


class ZarrFrames:
    """Frames of a zarr array; abTEM stores x before y, and may leave the centre in a corner.

    Parameters
    ----------
    array : zarr.Array
    turned : bool
        The columns' axis comes before the rows'.
    shifted : bool
        The centre lies in the middle.
    """

    def __init__(self, array: Any, turned: bool, shifted: bool) -> None:
        self._array, self._turned, self._shifted = array, turned, shifted
        self._order = list(range(array.ndim))
        if turned:
            self._order[-2:] = self._order[:-3:-1]
            if array.ndim == 4:
                self._order[:2] = [1, 0]
        self.shape = tuple(int(array.shape[n]) for n in self._order)
        self.dtype = np.dtype(array.dtype)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def ordered(self, axes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The axes of the store, in the order of the frames."""
        return [axes[n] for n in self._order] if axes else []

    def __getitem__(self, index: tuple[int, ...] | slice) -> np.ndarray:
        """One frame by its place along the leading axes, or a slice of the first axis."""
        places: list[Any] = [slice(None)] * self.ndim
        given = (index,) if isinstance(index, slice) else tuple(slice(n, n + 1) for n in index)
        for axis, place in zip(self._order, given, strict=False):
            places[axis] = place
        frames = np.asarray(self._array[tuple(places)]).transpose(self._order)
        if not self._shifted:
            frames = np.fft.fftshift(frames, axes=(-2, -1))
        return frames if isinstance(index, slice) else frames.reshape(self.shape[-2:])


def _axes(tags: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """Name, step and unit of each axis, as abTEM describes them."""
    described = tags.get("axes")
    if not isinstance(described, Mapping):
        return []
    found = [described.get(f"axis_{n}") for n in range(count)]
    return [
        {
            "name": str(axis.get("label") or ""),
            "scale": axis.get("sampling"),
            "units": axis.get("units"),
            "navigate": number < count - 2,
        }
        if isinstance(axis, Mapping)
        else {}
        for number, axis in enumerate(found)
    ]


def _given(tags: Mapping[str, Any], name: str) -> Any:
    arguments = tags.get("kwargs")
    return arguments.get(name) if isinstance(arguments, Mapping) else None
