"""The finder: where the bright-field disk is, of any crystal, by one small network.

It looks at the whole pattern first, then again around every disk that it found, in frames in
which a disk has always the same size. Each look gives several disks with weights and errors,
since neighbours that overlap the disk can be mistaken for it.
"""

import math
import threading
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from pacbed.arrays import Numbers, Pattern
from pacbed.errors import BundleError
from pacbed.onnx_session import Session, open_session
from pacbed.pattern.finder_frame import (
    COMPONENTS,
    FRAME_APERTURE_PX,
    FRAME_SIZE,
    HALF_FIELD,
    VALUES,
    normalised,
)
from pacbed.pattern.preprocess import BinnedPattern, DiskLocation

_FILE = "finder.onnx"
#: Looks around each disk that the first look found.
_LOOKS = 2
#: A disk of less weight than this is not followed.
_LEAST_WEIGHT = 0.04
#: Disks nearer than this are one: centre in radii, logarithm of the radius.
_SAME_CENTER, _SAME_SIZE = 0.08, 0.06
#: Smaller disks are not looked for, pixels.
_SMALLEST_PX = 4.0


@dataclass(frozen=True)
class FoundDisk:
    """A disk that the finder takes for the bright-field disk.

    Attributes
    ----------
    disk : DiskLocation
    ellipse : tuple of float
        a, b of the distortion 1 + [[a, b], [b, −a]].
    center_error : float
        Of each coordinate of the centre, radii.
    radius_error : float
        Of the radius, relative.
    weight : float
        How likely it is the right one, among those of its last look.
    """

    disk: DiskLocation
    ellipse: tuple[float, float]
    center_error: float
    radius_error: float
    weight: float


class Finder:
    """The network of one file; may be shared by threads.

    Parameters
    ----------
    network : bytes
        ONNX.
    threads : int
    """

    def __init__(self, network: bytes, threads: int = 1) -> None:
        self._session: Session = open_session(network, threads)

    def find(self, data: Pattern, radius_px: float | None, count: int) -> list[FoundDisk]:
        """Find disks in a pattern.

        Parameters
        ----------
        data : ndarray of float32, shape (rows, columns)
            From :func:`pacbed.pattern.clean.clean`.
        radius_px : float or None
            Radius of the disk where it is known.
        count : int
            How many to give at most.

        Returns
        -------
        list of FoundDisk
            The likeliest first.
        """
        binned = BinnedPattern(data)
        found = self._look(binned, self._whole(data), radius_px)
        for _ in range(_LOOKS):
            found = _distinct(found)[:count]
            inside = [one for one in found if _on(one.disk, data.shape)]
            looked = [self._look(binned, one.disk, radius_px, one.weight)[:2] for one in inside]
            # Of a second look the likeliest disk is a better place of the same; another one is
            # another possibility.
            found = [disk for disks in looked for disk in disks]
        return _distinct(found)[:count]

    def _whole(self, data: Pattern) -> DiskLocation:
        rows, columns = data.shape
        half = max(rows, columns) / 2
        return DiskLocation((rows - 1) / 2, (columns - 1) / 2, half / HALF_FIELD)

    def _look(
        self,
        binned: BinnedPattern,
        around: DiskLocation,
        radius_px: float | None,
        weight: float = 1.0,
    ) -> list[FoundDisk]:
        frames = binned.input_frame(around, FRAME_SIZE, FRAME_APERTURE_PX)[None]
        (answer,) = self._session.run(None, {"frames": normalised(frames)[:, None]})[0]
        disks = _read(answer.astype(float), around, radius_px, weight)
        return sorted(disks, key=lambda disk: -disk.weight)


def _on(disk: DiskLocation, shape: tuple[int, ...]) -> bool:
    """Whether the centre of a disk lies on the detector, where it can be looked at again."""
    return -0.5 <= disk.row <= shape[0] - 0.5 and -0.5 <= disk.column <= shape[1] - 0.5


def _read(
    answer: Numbers, frame: DiskLocation, radius_px: float | None, before: float
) -> list[FoundDisk]:
    """As :mod:`pacbed.learn.finder.network` puts an answer together."""
    disks = answer[: COMPONENTS * VALUES].reshape(COMPONENTS, VALUES)
    weights = np.exp(disks[:, 0] - disks[:, 0].max())
    weights /= weights.sum()
    ellipse = float(np.clip(answer[-3], -0.05, 0.05)), float(np.clip(answer[-2], -0.05, 0.05))
    found = []
    for weight, (_, x, y, size, log_center, log_size) in zip(weights, disks, strict=True):
        radius = radius_px or frame.radius * math.exp(float(np.clip(size, -3.0, 1.0)))
        place = DiskLocation(frame.row + y * frame.radius, frame.column + x * frame.radius, radius)
        error = math.exp(float(np.clip(log_center, -6, 1))) * frame.radius / radius
        spread = math.exp(float(np.clip(log_size, -6, 1)))
        if weight * before >= _LEAST_WEIGHT and radius >= _SMALLEST_PX:
            found.append(FoundDisk(place, ellipse, error, spread, float(weight * before)))
    return found


def _distinct(found: list[FoundDisk]) -> list[FoundDisk]:
    """Disks that are not nearly the same, with the weights of those that are, likeliest first."""
    kept: list[FoundDisk] = []
    for one in sorted(found, key=lambda disk: -disk.weight):
        if not any(_same(one.disk, other.disk) for other in kept):
            kept.append(one)
    return kept


def _same(one: DiskLocation, other: DiskLocation) -> bool:
    apart = math.hypot(one.row - other.row, one.column - other.column) / other.radius
    return apart < _SAME_CENTER and abs(math.log(one.radius / other.radius)) < _SAME_SIZE


_LOCK = threading.Lock()


def shipped_finder() -> Finder:
    """The finder that comes with the program, opened once.

    Raises
    ------
    BundleError
        If its file is missing or broken.
    """
    with _LOCK:
        return _opened()


@cache
def _opened() -> Finder:
    try:
        return Finder(resources.files("pacbed").joinpath(_FILE).read_bytes())
    except Exception as error:  # ONNX Runtime's own errors have no common base
        raise BundleError(
            f"{_FILE}: the finder cannot be loaded ({type(error).__name__}); install pacbed again"
        ) from error
