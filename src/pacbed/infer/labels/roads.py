"""The roads from a pattern to the frame that a label network sees.

Networks that were trained here see :mod:`pacbed.pattern.label_frame`; other roads are handed
in. All search the scale alike, in steps.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pacbed import optional
from pacbed.arrays import Pattern, Singles
from pacbed.errors import BundleError
from pacbed.library.models.label_bundle import KIND, LabelBundle
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

    def image(self, placement: Placement, size: int, channels: int) -> Singles:
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

    data: Pattern
    start: Placement
    disk: DiskLocation
    field_mrad: float

    @classmethod
    def begin(
        cls,
        described: dict[str, Any],
        data: Pattern,
        convergence_mrad: float,
        mrad_per_pixel: float | None,
    ) -> "TableRoad":
        """Start at the disk as found, or at the angle per pixel where it is known."""
        preparation = FramePreparation.from_dict(described)
        disk = locate(data)
        start = around_disk(disk, convergence_mrad, preparation)
        # Half the frame's width in mrad.
        field = convergence_mrad / preparation.disk_share(convergence_mrad)
        if mrad_per_pixel is not None:
            start = replace(start, half_width=field / mrad_per_pixel)
        return cls(data, start, disk, field)

    def image(self, placement: Placement, size: int, channels: int) -> Singles:
        """See :class:`Road`."""
        frame = sample_frame(self.data, placement, size)
        image: Singles = finish_frames(frame[None], channels)[0]
        return image

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
class RoadKind:
    """A road, and what is said of the networks at its end.

    Attributes
    ----------
    begin : callable
        Takes a bundle's preparation, the pattern, the convergence angle (mrad) and the angle
        per pixel (mrad) or None, and begins the road.
    networks : str
        What networks they are.
    unscaled : str
        What is to be said where no network says the scale.
    takes_scale : bool
        Whether a known angle per pixel is used.
    """

    begin: Callable[[dict[str, Any], Pattern, float, float | None], Road]
    networks: str
    unscaled: str
    takes_scale: bool = True


#: The roads by the name that bundles give them.
ROADS = {
    KIND: RoadKind(TableRoad.begin, "that chooses labels", "it was taken from the size of the disk")
}


def road_of(bundle: LabelBundle) -> RoadKind:
    """The road that a bundle's networks were trained for.

    Raises
    ------
    BundleError
        If it is not known.
    """
    optional.load("answers")
    if bundle.kind not in ROADS:
        raise BundleError(
            f"{bundle.folder}: was made for patterns in the way of {bundle.kind!r}; known are "
            f"{', '.join(sorted(ROADS))}"
        )
    return ROADS[bundle.kind]
