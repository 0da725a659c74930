"""The whole of the project's small label network."""

import torch
from torch import nn

from pacbed.learn.labels.polar import Polar
from pacbed.learn.labels.saved_network import RingNetwork


def _convolution(before: int, after: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class CompactNetwork(RingNetwork):
    """Logits of the labels from frame and convergence angle; about half a million weights.

    Thickness, size of the mistilt and scale do not change when the pattern is turned.
    The frame is therefore sampled on rings, where a turn is a shift, and what the
    convolutions find is pooled over all directions. The convergence angle modulates
    what passes, and joins again before the last layers.

    Parameters
    ----------
    size : int
        Pixels of a frame along one side.
    labels : int
    """

    def __init__(self, size: int, labels: int) -> None:
        super().__init__(Polar(size), _convolution)
        self.mix = nn.Sequential(
            nn.Linear(2 * self.features, 256), nn.LayerNorm(256), nn.ReLU(), nn.Dropout(0.1)
        )
        self.head = nn.Sequential(nn.Linear(256 + 1, 128), nn.ReLU(), nn.Linear(128, labels))

    def forward(self, image: torch.Tensor, convergence: torch.Tensor) -> torch.Tensor:
        """Return logits (B, labels) of images (B, size, size, 1) and angles (B, 1)."""
        x = self.look(image, convergence)
        pooled = torch.cat([x.mean(3), x.amax(3)], dim=1)
        x = self.mix(pooled.flatten(1))
        logits: torch.Tensor = self.head(torch.cat([x, convergence], dim=1))
        return logits
