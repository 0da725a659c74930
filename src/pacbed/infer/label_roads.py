"""The two roads from a pattern to the frame that a label network sees.

Networks that were trained here see :mod:`pacbed.pattern.label_frame`, those of the earlier
system :mod:`pacbed.pattern.earlier_frame`. Both search the scale alike, in steps.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from pacbed.library.earlier_folder import EARLIER
from pacbed.library.label_bundle import LabelBundle
from pacbed.pattern.earlier_frame import earlier_frame, prepare_pattern
from pacbed.pattern.label_frame import (
    FramePreparation,
    Placement,
    around_disk,
    finish_frames,
    sample_frame,
)
from pacbed.pattern.preprocess import DiskLocation, locate


class Road(Protocol):
    """One pattern on its way to the networks."""

    @property
    def start(self) -> Placement:
        """Where the search for the scale begins."""
        ...

    @property
    def disk(self) -> DiskLocation:
        """Bright-field disk as found in the pattern."""
        ...

    def image(self, placement: Placement, size: int, channels: int) -> np.ndarray:
        """Image of the frame at a placement, float32, shape (size, size, channels)."""
        ...

    def corrected(self, placement: Placement, label: float) -> Placement:
        """Placement that mends the scale that the scale network saw."""
        ...

    def scale(self, placement: Placement) -> float:
        """Zoom that brings the pattern as recorded to the simulated field of view."""
        ...

    def mrad_per_pixel(self, placement: Placement) -> float:
        """Angle per pixel that follows from a placement."""
        ...


@dataclass(frozen=True)
class TableRoad:
    """For networks that were trained here from a table of patterns."""

    data: np.ndarray
    start: Placement
    disk: DiskLocation
    field_mrad: float

    @classmethod
    def begin(
        cls,
        data: np.ndarray,
        preparation: FramePreparation,
        convergence_mrad: float,
        mrad_per_pixel: float | None,
    ) -> "TableRoad":
        """Start at the disk as found, or at the angle per pixel where it is known."""
        disk = locate(data)
        start = around_disk(disk, convergence_mrad, preparation)
        # Half the frame's width in mrad.
        field = convergence_mrad / preparation.disk_share(convergence_mrad)
        if mrad_per_pixel is not None:
            start = replace(start, half_width=field / mrad_per_pixel)
        return cls(data, start, disk, field)

    def image(self, placement: Placement, size: int, channels: int) -> np.ndarray:
        """See :class:`Road`."""
        frame = sample_frame(self.data, placement, size)
        return np.asarray(finish_frames(frame[None], channels)[0])

    def corrected(self, placement: Placement, label: float) -> Placement:
        """See :class:`Road`: the label is the size of what is seen over the right one."""
        return placement.corrected(label)

    def scale(self, placement: Placement) -> float:
        """See :class:`Road`."""
        return float(min(self.data.shape) / (2 * placement.half_width))

    def mrad_per_pixel(self, placement: Placement) -> float:
        """See :class:`Road`."""
        return self.field_mrad / placement.half_width


@dataclass(frozen=True)
class EarlierRoad:
    """For networks of the earlier system, whose simulated field of view is not known."""

    pattern: np.ndarray
    start: Placement
    disk: DiskLocation
    convergence_mrad: float

    @classmethod
    def begin(cls, data: np.ndarray, convergence_mrad: float) -> "EarlierRoad":
        """Start with the largest square around the disk."""
        pattern, square = prepare_pattern(data)
        return cls(pattern, square, locate(pattern), convergence_mrad)

    def image(self, placement: Placement, size: int, channels: int) -> np.ndarray:
        """See :class:`Road`."""
        frame = earlier_frame(self.pattern, placement, size)
        return np.repeat(frame[..., None], channels, axis=-1)

    def corrected(self, placement: Placement, label: float) -> Placement:
        """See :class:`Road`: the label is the enlargement that is still needed."""
        return replace(placement, half_width=placement.half_width / label)

    def scale(self, placement: Placement) -> float:
        """See :class:`Road`."""
        return self.start.half_width / placement.half_width

    def mrad_per_pixel(self, placement: Placement) -> float:
        """See :class:`Road`: from the disk's size alone."""
        return self.convergence_mrad / self.disk.radius


def begin_road(
    bundle: LabelBundle, data: np.ndarray, convergence_mrad: float, mrad_per_pixel: float | None
) -> Road:
    """Prepare a pattern in the way that a bundle's networks expect.

    Raises
    ------
    BundleError
        If the bundle's preparation is not understood.
    PatternError
        If the pattern has no bright-field disk.
    """
    if bundle.preparation.get("road") == EARLIER:
        return EarlierRoad.begin(data, convergence_mrad)
    preparation = FramePreparation.from_dict(bundle.preparation)
    return TableRoad.begin(data, preparation, convergence_mrad, mrad_per_pixel)
