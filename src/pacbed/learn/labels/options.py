"""How label models are trained on a table."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from pacbed.errors import OutOfRangeError
from pacbed.library.models.label_table import COLUMNS
from pacbed.pattern.label_frame import SIZES

#: What a label model can say, and the one of it that needs a column that tables may lack.
TARGETS, DIRECTION = tuple(COLUMNS), "Azimuth"
#: Name of the project's own small network among the backbones.
COMPACT = "compact"


@dataclass(frozen=True)
class Distortion:
    """What makes the patterns that the network sees differ from those of the table.

    Attributes
    ----------
    rotate : bool
        Turn each pattern by any angle: the detector's rotation is not known.
    zoom : float
        Thickness, mistilt and direction: largest relative error of the scale.
    shift : float
        Largest distance of the disk's centre from the frame's, in radii of the disk.
    scales : tuple of float
        Smallest and largest zoom that the scale model tells apart, and their step.
    detector : bool
        Blur, background, noise and the other effects of
        :mod:`pacbed.pattern.detector`.
    dose : tuple of float
        Fewest and most electrons in a pattern.
    """

    rotate: bool = True
    zoom: float = 0.04
    shift: float = 0.08
    scales: tuple[float, float, float] = (0.7, 1.4, 0.05)
    detector: bool = True
    dose: tuple[float, float] = (3e4, 1e8)


@dataclass(frozen=True)
class TableTraining:
    """Options of a training from a table.

    Attributes
    ----------
    targets : tuple of str
        Of :data:`TARGETS`.
    input_size : int
        Pixels of a frame along one side.
    batch_size, epochs : int
    learning_rate : float
        Largest of a warm-up and cosine schedule.
    patience : int
        Epochs without a better validation loss after which the training ends.
    validation_share : float
        Share of the rows that is held back.
    seed : int
        Of split, weights, order and distortions.
    backbone : str
        ``compact`` or the name of a network of ``keras.applications``.
    pretrained : str or None
        Keras backbone: ``imagenet``, or a file of weights.
    head_epochs : int
        Transfer: epochs in which the last layers alone are trained; 0 is a fifth.
    device : str
        Of torch.
    threads : int
        Processor threads of the training step; 0 leaves torch's choice.
    workers : int
        Threads that make frames beside it.
    checkpoint_seconds : float
    distortion : Distortion
    """

    targets: tuple[str, ...] = tuple(target for target in TARGETS if target != DIRECTION)
    input_size: int = 96
    batch_size: int = 32
    epochs: int = 40
    learning_rate: float = 2e-3
    patience: int = 10
    validation_share: float = 0.15
    seed: int = 0
    backbone: str = COMPACT
    pretrained: str | None = None
    head_epochs: int = 0
    device: str = "cpu"
    threads: int = 0
    workers: int = 1
    checkpoint_seconds: float = 60.0
    distortion: Distortion = field(default_factory=Distortion)

    def __post_init__(self) -> None:
        """Refuse values that no training can use."""
        for name in self.targets:
            if name not in TARGETS:
                raise OutOfRangeError(f"target {name!r} is unknown; give {', '.join(TARGETS)}.")
        if not self.targets or len(set(self.targets)) != len(self.targets):
            raise OutOfRangeError("give each target once, and at least one.")
        limits: dict[str, tuple[float, float]] = {
            "input_size": SIZES,
            "batch_size": (2, 4096),
            "epochs": (1, 100_000),
            "learning_rate": (1e-7, 1.0),
            "patience": (1, 100_000),
            "validation_share": (0.01, 0.5),
            "seed": (0, 2**31),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise OutOfRangeError(
                    f"--{name.replace('_', '-')} {value:g} lies outside {low:g} to {high:g}."
                )

    @property
    def channels(self) -> int:
        """Channels of a frame: Keras' networks were made for three."""
        return 1 if self.backbone == COMPACT else 3

    def plan(self) -> dict[str, Any]:
        """What must stay the same where a training goes on, for all of its targets."""
        free = {
            "targets", "epochs", "patience", "device", "threads", "workers", "checkpoint_seconds"
        }  # fmt: skip
        return {name: value for name, value in asdict(self).items() if name not in free}
