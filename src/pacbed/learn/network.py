"""The whole network: one compact, multi-task convolutional network per system."""

from dataclasses import dataclass

import torch
import torch.nn.functional as nnf
from torch import nn


@dataclass(frozen=True)
class NetworkOptions:
    """Shape of the network.

    Attributes
    ----------
    thickness_nm : tuple of float
        Range of the thickness distribution.
    thickness_bins : int
        Number of its bins, evenly spaced from the first to the last thickness.
    rotation_order : int
        The projection looks the same after a turn by 360°/order.
    convergence_mrad : tuple of float
        Range that the convergence angle is scaled over.
    """

    thickness_nm: tuple[float, float]
    thickness_bins: int
    rotation_order: int
    convergence_mrad: tuple[float, float]


def _convolution(before: int, after: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class PacbedNetwork(nn.Module):
    """From a normalised frame and the convergence angle to thickness and tilt.

    Inputs are the frames (B, 1, 96, 96) and the convergence semi-angles (B,) in
    mrad. Outputs are the logits of the thickness bins (B, bins) and the geometry
    (B, 9): tilt x, y in semi-angles; log of the tilt's error in semi-angles; log
    zoom; centre x, y in semi-angles; cos, sin of (order · rotation); log of the
    zoom's error.
    """

    def __init__(self, options: NetworkOptions) -> None:
        super().__init__()
        self.options = options
        self.stem = nn.Sequential(
            _convolution(1, 24, 2, 5), _convolution(24, 40, 2), _convolution(40, 80, 2)
        )
        self.first = _convolution(80, 80)
        self.modulation = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 2 * 80))
        self.down = _convolution(80, 128, 2)
        self.second = _convolution(128, 128)
        self.squeeze = _convolution(128, 64, 1, 1)
        self.mix = nn.Sequential(
            nn.Linear(64 * 36 + 32, 384),
            nn.LayerNorm(384),
            nn.ReLU(),
            nn.Linear(384, 256),
            nn.ReLU(),
        )
        self.embed = nn.Sequential(nn.Linear(1, 32), nn.ReLU())
        self.thickness = nn.Linear(256, options.thickness_bins)
        self.geometry = nn.Linear(256, 9)

    def forward(
        self, frames: torch.Tensor, convergence_mrad: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return thickness logits (B, bins) and geometry (B, 9)."""
        low, high = self.options.convergence_mrad
        angle = (2 * (convergence_mrad - low) / max(high - low, 1e-6) - 1)[:, None]
        x = self.stem(frames)
        scale, shift = self.modulation(angle)[:, :, None, None].chunk(2, dim=1)
        x = x + self.first(x * (1 + scale) + shift)
        x = self.down(x)
        x = x + self.second(x)
        x = torch.cat([self.squeeze(x).flatten(1), self.embed(angle)], dim=1)
        x = self.mix(x)
        return self.thickness(x), self.geometry(x)

    def bin_centers(self) -> torch.Tensor:
        """Thicknesses of the bins, nm."""
        return torch.linspace(*self.options.thickness_nm, self.options.thickness_bins)


def loss(
    network: PacbedNetwork,
    logits: torch.Tensor,
    geometry: torch.Tensor,
    thickness_nm: torch.Tensor,
    tilt: torch.Tensor,
    log_zoom: torch.Tensor,
    center: torch.Tensor,
    rotation_rad: torch.Tensor,
) -> torch.Tensor:
    """Sum of the tasks' losses, mean over the batch.

    Thickness: cross-entropy with a narrow Gaussian target, so that neighbouring
    bins are almost right. Tilt and zoom: negative log-likelihood of a Laplace
    density whose width the network gives too.
    """
    bins = network.bin_centers().to(logits)
    width = float(bins[1] - bins[0])
    target = torch.softmax(-0.5 * ((bins - thickness_nm[:, None]) / (0.6 * width)) ** 2, dim=1)
    thickness = -(target * nnf.log_softmax(logits, dim=1)).sum(1)
    distance = (geometry[:, :2] - tilt).square().sum(1).add(1e-8).sqrt()
    spread = geometry[:, 2].clamp(-7, 2)
    tilts = distance * torch.exp(-spread) + 2 * spread
    zoom_spread = geometry[:, 8].clamp(-8, 1)
    zoom = (geometry[:, 3] - log_zoom).abs() * torch.exp(-zoom_spread) + zoom_spread
    order = network.options.rotation_order
    turn = torch.stack([torch.cos(order * rotation_rad), torch.sin(order * rotation_rad)], 1)
    centers = (geometry[:, 4:6] - center).abs().sum(1)
    rotation = (geometry[:, 6:8] - turn).square().sum(1)
    return (thickness + 0.5 * tilts + 0.25 * zoom + 3 * centers + 0.3 * rotation).mean()


def estimate_thickness(logits: torch.Tensor, bins: torch.Tensor) -> torch.Tensor:
    """Mean of the distribution within three bins of its peak, nm, shape (B,)."""
    probability = torch.softmax(logits, dim=1)
    near = (torch.arange(len(bins)) - probability.argmax(1, keepdim=True)).abs() <= 3
    kept = probability * near
    return (kept * bins).sum(1) / kept.sum(1)
