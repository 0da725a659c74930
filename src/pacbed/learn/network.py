"""The whole network of a system: a locator, and a reader in the crystal's frame.

The locator is a small convolutional network that sees the pattern as recorded and
says where the crystal is in it: tilt, size, centre, rotation. The reader sees the
pattern in the frame in which the crystal always looks the same
(:mod:`pacbed.pattern.crystal_frame`), where each pixel has a meaning of its own; it
is therefore fully connected. It says the thickness, and how far the locator was off.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as nnf
from torch import nn

from pacbed.pattern.crystal_frame import FRAME_SIZE
from pacbed.pattern.preprocess import APERTURE_PX


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
    mistilt_mrad : float
        Largest tilt, which tilts are scaled by.
    """

    thickness_nm: tuple[float, float]
    thickness_bins: int
    rotation_order: int
    convergence_mrad: tuple[float, float]
    mistilt_mrad: float

    def scaled_angle(self, convergence_mrad: torch.Tensor) -> torch.Tensor:
        """Convergence angle scaled to −1 … 1, shape (B, 1)."""
        low, high = self.convergence_mrad
        return (2 * (convergence_mrad - low) / max(high - low, 1e-6) - 1)[:, None]


def _convolution(before: int, after: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class Locator(nn.Module):
    """Where the crystal is in a frame.

    Inputs are normalised frames (B, 1, 96, 96) and convergence semi-angles (B,) in
    mrad. The output (B, 8) holds tilt x, y in the pattern, in semi-angles; log of the
    tilt's error in semi-angles; log zoom; centre x, y in semi-angles; cos, sin of
    (order · rotation).
    """

    def __init__(self, options: NetworkOptions) -> None:
        super().__init__()
        self.options = options
        self.stem = nn.Sequential(
            _convolution(1, 24, 2, 5), _convolution(24, 48, 2), _convolution(48, 96, 2)
        )
        self.refine = _convolution(96, 96)
        self.modulation = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 2 * 96))
        self.squeeze = _convolution(96, 48, 1, 1)
        self.embed = nn.Sequential(nn.Linear(1, 32), nn.ReLU())
        self.mix = nn.Sequential(
            nn.Linear(48 * 36 + 32, 320),
            nn.LayerNorm(320),
            nn.ReLU(),
            nn.Linear(320, 192),
            nn.ReLU(),
            nn.Linear(192, 8),
        )

    def forward(self, frames: torch.Tensor, convergence_mrad: torch.Tensor) -> torch.Tensor:
        """Return the geometry (B, 8)."""
        angle = self.options.scaled_angle(convergence_mrad)
        x = self.stem(nnf.avg_pool2d(frames, 2))
        scale, shift = self.modulation(angle)[:, :, None, None].chunk(2, dim=1)
        x = x + self.refine(x * (1 + scale) + shift)
        out: torch.Tensor = self.mix(torch.cat([self.squeeze(x).flatten(1), self.embed(angle)], 1))
        return out


class Reader(nn.Module):
    """Thickness, and corrections of the pose, in the crystal's frame.

    Inputs are the normalised frame (B, 72²), the folded tilt (B, 2) and the
    convergence semi-angle (B,), both in mrad. Outputs are the logits of the thickness
    bins (B, bins) and the errors of the pose it was given (B, 7): tilt x, y in mrad;
    log of the remaining tilt error in mrad; log zoom; centre x, y in mrad; rotation in
    rad; all in the folded frame.
    """

    def __init__(self, options: NetworkOptions, width: int = 768, depth: int = 512) -> None:
        super().__init__()
        self.options = options
        self.project = nn.Linear(FRAME_SIZE**2, width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.modulation = nn.Sequential(
            nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2 * width)
        )
        self.first = nn.Sequential(nn.Linear(width, depth), nn.LayerNorm(depth), nn.ReLU())
        self.second = nn.Sequential(nn.Linear(depth, depth), nn.LayerNorm(depth), nn.ReLU())
        self.third = nn.Sequential(nn.Linear(depth, depth), nn.ReLU())
        self.thickness = nn.Linear(depth, options.thickness_bins)
        self.errors = nn.Linear(depth, 7)

    def forward(
        self, values: torch.Tensor, folded_mrad: torch.Tensor, convergence_mrad: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return thickness logits (B, bins) and errors of the pose (B, 7)."""
        tilt = folded_mrad / self.options.mistilt_mrad
        lit = torch.cat([tilt, self.options.scaled_angle(convergence_mrad)], dim=1)
        scale, shift = self.modulation(lit).chunk(2, dim=1)
        x = torch.relu(self.norm(self.project(values)) * (1 + scale) + shift)
        x = self.first(x)
        x = x + self.second(x)
        x = self.third(x)
        return self.thickness(x), self.errors(x)

    def bin_centers(self) -> torch.Tensor:
        """Thicknesses of the bins, nm."""
        return torch.linspace(*self.options.thickness_nm, self.options.thickness_bins)


@dataclass(frozen=True)
class PoseErrors:
    """What the reader shall find: errors of the pose it is given, in the folded frame.

    Attributes
    ----------
    tilt, center : Tensor, shape (B, 2)
        mrad.
    log_zoom, rotation : Tensor, shape (B,)
        Rotation in rad.
    """

    tilt: torch.Tensor
    log_zoom: torch.Tensor
    center: torch.Tensor
    rotation: torch.Tensor


def locator_loss(
    geometry: torch.Tensor,
    tilt: torch.Tensor,
    log_zoom: torch.Tensor,
    center: torch.Tensor,
    rotation_rad: torch.Tensor,
    order: int,
) -> torch.Tensor:
    """Loss of the locator, mean over the batch.

    The tilt's is the negative log-likelihood of a Laplace density whose width the
    network gives too.

    Parameters
    ----------
    geometry : Tensor, shape (B, 8)
    tilt : Tensor, shape (B, 2)
        In the pattern, convergence semi-angles.
    log_zoom : Tensor, shape (B,)
    center : Tensor, shape (B, 2)
        Pixels of the input frame.
    rotation_rad : Tensor, shape (B,)
    order : int
    """
    distance = (geometry[:, :2] - tilt).square().sum(1).add(1e-8).sqrt()
    spread = geometry[:, 2].clamp(-7, 2)
    tilts = distance * torch.exp(-spread) + 2 * spread
    zoom = (geometry[:, 3] - log_zoom).abs()
    centers = (geometry[:, 4:6] - center / APERTURE_PX).abs().sum(1)
    turn = torch.stack([torch.cos(order * rotation_rad), torch.sin(order * rotation_rad)], 1)
    rotation = (geometry[:, 6:8] - turn).square().sum(1)
    return (0.5 * tilts + 3 * zoom + 3 * centers + 0.3 * rotation).mean()


def reader_loss(
    logits: torch.Tensor,
    found: torch.Tensor,
    bins: torch.Tensor,
    thickness_nm: torch.Tensor,
    errors: PoseErrors,
) -> torch.Tensor:
    """Loss of the reader, mean over the batch.

    Thickness: cross-entropy with a narrow Gaussian target, so that neighbouring
    bins are almost right.

    Parameters
    ----------
    logits : Tensor, shape (B, bins)
    found : Tensor, shape (B, 7)
    bins : Tensor, shape (bins,)
        nm.
    thickness_nm : Tensor, shape (B,)
    errors : PoseErrors
    """
    width = float(bins[1] - bins[0])
    target = torch.softmax(-0.5 * ((bins - thickness_nm[:, None]) / (0.6 * width)) ** 2, dim=1)
    thickness = -(target * nnf.log_softmax(logits, dim=1)).sum(1)
    distance = (found[:, :2] - errors.tilt).square().sum(1).add(1e-6).sqrt()
    spread = found[:, 2].clamp(-5, 3)
    tilts = distance * torch.exp(-spread) + 2 * spread
    zoom = (found[:, 3] - errors.log_zoom).abs()
    centers = (found[:, 4:6] - errors.center).abs().sum(1)
    rotation = (found[:, 6] - errors.rotation).abs()
    return (thickness + 0.5 * tilts + 20 * zoom + 0.5 * centers + 5 * rotation).mean()


def estimate_thickness(logits: torch.Tensor, bins: torch.Tensor) -> torch.Tensor:
    """Mean of the distribution within three bins of its peak, nm, shape (B,)."""
    probability = torch.softmax(logits, dim=1)
    near = (torch.arange(len(bins)) - probability.argmax(1, keepdim=True)).abs() <= 3
    kept = probability * near
    return (kept * bins).sum(1) / kept.sum(1)
