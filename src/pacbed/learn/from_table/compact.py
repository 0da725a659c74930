"""The whole of the project's small label network."""

from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from pacbed.errors import BundleError


def _convolution(before: int, after: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class CompactNetwork(nn.Module):
    """Logits of the labels from frame and convergence angle; about half a million weights.

    Three convolutions with stride 2, one around which the convergence angle modulates
    what passes, then two dense layers, before the last of which the angle joins again.

    Parameters
    ----------
    size : int
        Pixels of a frame along one side.
    labels : int
    """

    def __init__(self, size: int, labels: int) -> None:
        super().__init__()
        self._frozen = False
        self.stem = nn.Sequential(
            _convolution(1, 24, 2, 5), _convolution(24, 48, 2), _convolution(48, 96, 2)
        )
        self.refine = _convolution(96, 96)
        self.modulation = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 2 * 96))
        left = -(-size // 8)  # pixels along a side after three strides
        self.pool = nn.AvgPool2d(max(1, left // 6))
        squeezed = left // max(1, left // 6)
        self.squeeze = _convolution(96, 48, 1, 1)
        self.mix = nn.Sequential(
            nn.Linear(48 * squeezed**2, 256), nn.LayerNorm(256), nn.ReLU(), nn.Dropout(0.1)
        )
        self.head = nn.Sequential(nn.Linear(256 + 1, 128), nn.ReLU(), nn.Linear(128, labels))

    def forward(self, image: torch.Tensor, convergence: torch.Tensor) -> torch.Tensor:
        """Return logits (B, labels) of images (B, size, size, 1) and angles (B, 1)."""
        x = self.stem(image.permute(0, 3, 1, 2))
        scale, shift = self.modulation(convergence)[:, :, None, None].chunk(2, dim=1)
        x = x + self.refine(x * (1 + scale) + shift)
        x = self.mix(self.squeeze(self.pool(x)).flatten(1))
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
