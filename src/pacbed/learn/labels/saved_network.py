"""What the project's small label networks have in common: body, head and stored weights."""

from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from pacbed.errors import BundleError
from pacbed.learn.labels.polar import Polar


class SavedNetwork(nn.Module):
    """A network of whose parts the one named ``head`` says the labels.

    Its weights are kept as ``.safetensors``.
    """

    head: nn.Module

    def __init__(self) -> None:
        super().__init__()
        self._frozen = False

    def train(self, mode: bool = True) -> "SavedNetwork":
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


class RingNetwork(SavedNetwork):
    """A network that looks at rings; the convergence angle modulates what passes."""

    def __init__(self, polar: Polar, layer: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.polar = polar
        self.stem = nn.Sequential(layer(1, 24, 2, 5), layer(24, 48, 2))
        self.first = layer(48, 48)
        self.modulation = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 2 * 48))
        self.reduce = layer(48, 80, 2)
        self.second = layer(80, 80)
        #: Features of each direction, after three strides.
        self.features = 80 * -(-polar.rings // 8)

    def look(self, image: torch.Tensor, convergence: torch.Tensor) -> torch.Tensor:
        """From images (B, size, size, 1) and angles (B, 1) to (B, 80, rings, directions)."""
        x = self.stem(self.polar(image[..., 0]))
        scale, shift = self.modulation(convergence)[:, :, None, None].chunk(2, dim=1)
        x = x + self.first(x * (1 + scale) + shift)
        x = self.reduce(x)
        found: torch.Tensor = x + self.second(x)
        return found
