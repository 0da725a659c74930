"""The whole of the project's small label network."""

import math
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from pacbed.errors import BundleError

#: Directions in which a frame is sampled, and how many more repeat the first ones, so that
#: what lies where the ring closes is seen whole.
_DIRECTIONS, _OVERLAP = 128, 16
_COLUMNS = _DIRECTIONS + _OVERLAP


class Polar(nn.Module):
    """Samples frames on rings: what is turned in the frame is shifted along the last axis.

    Parameters
    ----------
    size : int
        Pixels of a frame along one side.
    """

    places: torch.Tensor
    weights: torch.Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.rings = size // 2
        radius = torch.arange(self.rings, dtype=torch.float64) + 0.5
        angle = 2 * math.pi * torch.arange(_COLUMNS, dtype=torch.float64) / _DIRECTIONS
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
        """From frames (B, size, size) to rings (B, 1, size / 2, directions)."""
        around = frames.flatten(1)[:, self.places]
        return (around * self.weights).sum(1).view(-1, 1, self.rings, _COLUMNS)


def _convolution(before: int, after: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class CompactNetwork(nn.Module):
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
        super().__init__()
        self._frozen = False
        self.polar = Polar(size)
        self.stem = nn.Sequential(_convolution(1, 24, 2, 5), _convolution(24, 48, 2))
        self.first = _convolution(48, 48)
        self.modulation = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 2 * 48))
        self.reduce = _convolution(48, 80, 2)
        self.second = _convolution(80, 80)
        rings = -(-(size // 2) // 8)  # after three strides
        self.mix = nn.Sequential(
            nn.Linear(2 * 80 * rings, 256), nn.LayerNorm(256), nn.ReLU(), nn.Dropout(0.1)
        )
        self.head = nn.Sequential(nn.Linear(256 + 1, 128), nn.ReLU(), nn.Linear(128, labels))

    def forward(self, image: torch.Tensor, convergence: torch.Tensor) -> torch.Tensor:
        """Return logits (B, labels) of images (B, size, size, 1) and angles (B, 1)."""
        x = self.stem(self.polar(image[..., 0]))
        scale, shift = self.modulation(convergence)[:, :, None, None].chunk(2, dim=1)
        x = x + self.first(x * (1 + scale) + shift)
        x = self.reduce(x)
        x = x + self.second(x)
        pooled = torch.cat([x.mean(3), x.amax(3)], dim=1)
        x = self.mix(pooled.flatten(1))
        logits: torch.Tensor = self.head(torch.cat([x, convergence], dim=1))
        return logits

    def train(self, mode: bool = True) -> "CompactNetwork":
        """Set the mode; what is frozen keeps its statistics."""
        super().train(mode)
        for part in self._body() if self._frozen else []:
            part.eval()
        return self

    def freeze_body(self, frozen: bool) -> None:
        """Train the last layers alone, or all."""
        self._frozen = frozen
        for part in self._body():
            part.requires_grad_(not frozen)

    def _body(self) -> list[nn.Module]:
        return [part for part in self.children() if part is not self.head]

    def save(self, path: Path) -> None:
        """Write the weights as ``.safetensors``."""
        tensors = {name: value.contiguous() for name, value in self.state_dict().items()}
        path.write_bytes(safetensors.torch.save(tensors))

    def start_from(self, path: Path) -> None:
        """Take the weights of another network; where the labels differ, all but the last ones.

        Raises
        ------
        BundleError
            If the file holds another kind of network.
        """
        try:
            given = safetensors.torch.load_file(path)
        except (OSError, SafetensorError) as error:
            raise BundleError(f"{path}: cannot be read as weights ({error}).") from error
        own = self.state_dict()
        fitting = {n: v for n, v in given.items() if n in own and own[n].shape == v.shape}
        if any(not name.startswith("head.") for name in own.keys() - fitting.keys()):
            raise BundleError(
                f"{path}: is not of the compact network with this input size: give a model "
                "with the same --backbone and --input-size."
            )
        self.load_state_dict(own | fitting)
