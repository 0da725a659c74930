"""The whole of the project's small network for the tilt's direction."""

import torch
from torch import nn

from pacbed.errors import OutOfRangeError
from pacbed.learn.labels.polar import Polar
from pacbed.learn.labels.saved_network import RingNetwork

#: Directions in which a frame is sampled, and columns that three strides leave of them.
_DIRECTIONS, _COLUMNS = 144, 18
_WIDTH = 128


class _Around(nn.Module):
    """A convolution that goes on, at the end of the rings, where they begin."""

    def __init__(self, before: int, after: int, stride: int = 1, size: int = 3) -> None:
        super().__init__()
        self.reach = size // 2
        self.convolution = nn.Conv2d(before, after, size, stride, (self.reach, 0), bias=False)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        closed = torch.cat([x[..., -self.reach :], x, x[..., : self.reach]], dim=3)
        return torch.relu(self.norm(self.convolution(closed)))


class DirectionNetwork(RingNetwork):
    """Logits of the tilt's direction from frame and convergence angle.

    The direction turns with the pattern. On rings a turn is a shift, and no layer tells
    one direction from another: what is found in a pattern turned by 20° is what is found
    in the pattern itself, one column further. Each column then sees all others, each at
    its distance, and says how likely the directions of its own 20° are.

    Parameters
    ----------
    size : int
        Pixels of a frame along one side.
    labels : int
        A multiple of 18, even around the circle: label *i* is 360°·i/labels from +x
        towards +y.
    """

    def __init__(self, size: int, labels: int) -> None:
        if labels % _COLUMNS:
            raise OutOfRangeError(f"{labels} directions are no multiple of {_COLUMNS}")
        super().__init__(Polar(size, _DIRECTIONS, overlap=0), _Around)
        self.mix = nn.Sequential(
            nn.Conv1d(self.features, _WIDTH, 1), nn.BatchNorm1d(_WIDTH), nn.ReLU(), nn.Dropout(0.1)
        )
        self.compare = nn.Sequential(nn.Conv1d(_WIDTH, 96, _COLUMNS), nn.BatchNorm1d(96), nn.ReLU())
        self.head = nn.Sequential(
            nn.Conv1d(96 + 1, 64, 1), nn.ReLU(), nn.Conv1d(64, labels // _COLUMNS, 1)
        )

    def forward(self, image: torch.Tensor, convergence: torch.Tensor) -> torch.Tensor:
        """Return logits (B, labels) of images (B, size, size, 1) and angles (B, 1)."""
        x = self.look(image, convergence)
        x = self.mix(x.flatten(1, 2))
        # Column j sees all columns, from j on around the circle.
        x = self.compare(torch.cat([x, x[..., :-1]], dim=2))
        angle = convergence[:, :, None].expand(-1, -1, _COLUMNS)
        logits: torch.Tensor = self.head(torch.cat([x, angle], dim=1))
        return logits.transpose(1, 2).flatten(1)
