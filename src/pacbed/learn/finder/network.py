"""The finder's network: one frame in, several disks with their errors out."""

import torch
from torch import Tensor, nn

from pacbed.pattern.finder_frame import COMPONENTS, VALUES

#: Smallest error that is claimed: frame radii, and of the logarithm.
_LEAST_LOG = -5.5


class Finder(nn.Module):
    """A few convolutions, and two dense layers that keep where things are."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        widths = [width, 2 * width, 3 * width, 4 * width]
        layers: list[nn.Module] = []
        before = 3
        for number, after in enumerate(widths):
            kernel = 5 if number == 0 else 3
            layers += [_Step(before, after, kernel, 2), _Step(after, after, 3, 1)]
            before = after
        self.convolutions = nn.Sequential(*layers, nn.Conv2d(before, 32, 1), nn.ReLU())
        self.dense = nn.Sequential(
            nn.Flatten(),
            nn.Linear(32 * 16, 256),
            nn.ReLU(),
            nn.Linear(256, COMPONENTS * VALUES + 3),
        )

    def forward(self, frames: Tensor) -> Tensor:
        """Look at frames.

        Parameters
        ----------
        frames : Tensor, shape (B, 1, n, n)

        Returns
        -------
        Tensor, shape (B, COMPONENTS · VALUES + 3)
            The disks, then ellipticity a, b and the logarithm of its error.
        """
        axis = torch.linspace(-1, 1, frames.shape[-1])
        x = axis.expand_as(frames)
        places = torch.cat([frames, x, x.transpose(-1, -2)], dim=1)
        found: Tensor = self.dense(self.convolutions(places))
        return found


class _Step(nn.Sequential):
    def __init__(self, before: int, after: int, kernel: int, stride: int) -> None:
        super().__init__(
            nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        )


def loss(found: Tensor, truth: Tensor) -> Tensor:
    """Negative logarithm of the probability that the disks give to the right one.

    Parameters
    ----------
    found : Tensor
        See :meth:`Finder.forward`.
    truth : Tensor, shape (B, 5)
        See :class:`pacbed.learn.finder.frames.Frames`.
    """
    disks = found[:, : COMPONENTS * VALUES].reshape(-1, COMPONENTS, VALUES)
    weight = torch.log_softmax(disks[..., 0], dim=1)
    log_center = disks[..., 4].clamp(_LEAST_LOG, 1.0)
    log_size = disks[..., 5].clamp(_LEAST_LOG, 1.0)
    center = ((disks[..., 1:3] - truth[:, None, :2]) ** 2).sum(-1) / torch.exp(2 * log_center)
    size = (disks[..., 3] - truth[:, None, 2]) ** 2 / torch.exp(2 * log_size)
    each = weight - _heavy(center) - _heavy(size) - 2 * log_center - log_size
    log_ellipse = found[:, -1].clamp(_LEAST_LOG, 0.0)
    ellipse = ((found[:, -3:-1] - truth[:, 3:]) ** 2).sum(-1) / torch.exp(2 * log_ellipse)
    return -torch.logsumexp(each, dim=1).mean() + 0.2 * (ellipse / 2 + 2 * log_ellipse).mean()


def _heavy(square: Tensor) -> Tensor:
    """Of a squared distance in errors: Gaussian near, with tails that outliers do not tear."""
    return 2.5 * torch.log1p(square / 5)
