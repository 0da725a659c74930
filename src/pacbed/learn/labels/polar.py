"""Frames sampled on rings, where a turn of the pattern is a shift."""

import math

import torch
from torch import nn


class Polar(nn.Module):
    """Samples frames on rings: what is turned in the frame is shifted along the last axis.

    Parameters
    ----------
    size : int
        Pixels of a frame along one side.
    directions : int
        Directions in which a frame is sampled, from +x towards +y.
    overlap : int
        How many more repeat the first ones, so that what lies where the ring closes is
        seen whole.
    """

    places: torch.Tensor
    weights: torch.Tensor

    def __init__(self, size: int, directions: int = 128, overlap: int = 16) -> None:
        super().__init__()
        self.rings, self.columns = size // 2, directions + overlap
        radius = torch.arange(self.rings, dtype=torch.float64) + 0.5
        angle = 2 * math.pi * torch.arange(self.columns, dtype=torch.float64) / directions
        middle = (size - 1) / 2
        row = (middle + radius[:, None] * torch.sin(angle)).clamp(0, size - 1.001)
        column = (middle + radius[:, None] * torch.cos(angle)).clamp(0, size - 1.001)
        places, weights = [], []
        for down in (0, 1):
            for right in (0, 1):
                i, j = row.floor() + down, column.floor() + right
                places.append((i * size + j).long().flatten())
                weights.append(((1 - (row - i).abs()) * (1 - (column - j).abs())).flatten())
        self.register_buffer("places", torch.stack(places), persistent=False)
        self.register_buffer("weights", torch.stack(weights).float(), persistent=False)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """From frames (B, size, size) to rings (B, 1, size / 2, columns)."""
        around = frames.flatten(1)[:, self.places]
        return (around * self.weights).sum(1).view(-1, 1, self.rings, self.columns)
