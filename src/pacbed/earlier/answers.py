"""How patterns come to networks of the earlier system, and what runs these."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pacbed.earlier.folder import EARLIER
from pacbed.earlier.formats import check_extra
from pacbed.earlier.frame import earlier_frame, prepare_pattern
from pacbed.infer.labels.networks import RUNTIMES, LabelNetwork
from pacbed.infer.labels.roads import ROADS, RoadKind
from pacbed.pattern.label_frame import Placement
from pacbed.pattern.preprocess import DiskLocation, locate


@dataclass(frozen=True)
class EarlierRoad:
    """For networks of the earlier system, whose simulated field of view is not known."""

    pattern: np.ndarray
    start: Placement
    disk: DiskLocation
    convergence_mrad: float

    @classmethod
    def begin(
        cls,
        described: dict[str, Any],
        data: np.ndarray,
        convergence_mrad: float,
        mrad_per_pixel: float | None,
    ) -> "EarlierRoad":
        """Start with the largest square around the disk; nothing else is known beforehand."""
        pattern, square = prepare_pattern(data)
        return cls(pattern, square, locate(pattern), convergence_mrad)

    def image(self, placement: Placement, size: int, channels: int) -> np.ndarray:
        """See :class:`~pacbed.infer.labels.roads.Road`."""
        frame = earlier_frame(self.pattern, placement, size)
        return np.repeat(frame[..., None], channels, axis=-1)

    def corrected(self, placement: Placement, label: float) -> Placement:
        """See :class:`~pacbed.infer.labels.roads.Road`: the label is what is still to enlarge."""
        return replace(placement, half_width=placement.half_width / label)

    def scale(self, placement: Placement) -> float:
        """See :class:`~pacbed.infer.labels.roads.Road`."""
        return self.start.half_width / placement.half_width

    def mrad_per_pixel(self, placement: Placement) -> float:
        """See :class:`~pacbed.infer.labels.roads.Road`: from the disk's size alone."""
        return self.convergence_mrad / self.disk.radius


def _run_tflite(content: bytes, threads: int) -> LabelNetwork:
    check_extra(".tflite")
    from pacbed.earlier.litert import LiteRtLabelNetwork

    return LiteRtLabelNetwork(content, threads)


def _run_h5(content: bytes, threads: int) -> LabelNetwork:
    check_extra(".h5")
    from pacbed.earlier.keras_network import KerasLabelNetwork

    return KerasLabelNetwork(content)


ROADS[EARLIER] = RoadKind(
    EarlierRoad.begin,
    "of the earlier system",
    "the pattern must show what the simulated ones do",
    takes_scale=False,
)
RUNTIMES.update({".tflite": _run_tflite, ".h5": _run_h5})
