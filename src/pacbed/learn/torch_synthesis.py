"""The torch twin of :mod:`pacbed.pattern.synthesis`, for many patterns at once.

All patterns of a call share the thickness; how they are summed stands in
:mod:`pacbed.pattern.plan`.
"""

import numpy as np
import torch
import torch.nn.functional as nnf

from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.plan import SynthesisPlan

_SPLINE_POLE = 3**0.5 - 2
#: Patterns that are sampled together: few enough that the positions of their pixels
#: stay in the processor's cache.
_SAMPLED_TOGETHER = 4


class TorchSynthesiser:
    """Synthesises batches of patterns of one thickness.

    Parameters
    ----------
    table : LacbedTable
    plan : SynthesisPlan
    """

    def __init__(self, table: LacbedTable, plan: SynthesisPlan) -> None:
        self.table = table
        self.plan = plan
        self._entries = torch.from_numpy(plan.entries.ravel())
        self._directions = torch.from_numpy(plan.directions.astype(np.float32))
        self._pixels = torch.from_numpy(plan.pixels.ravel())
        self._cell = float(abs(np.linalg.det(plan.lattice)) ** 0.5)

    def native(
        self, thickness_nm: float, tilt_mrad: torch.Tensor, convergence_mrad: torch.Tensor
    ) -> torch.Tensor:
        """Cubic spline coefficients of the patterns on the direction grid.

        Parameters
        ----------
        thickness_nm : float
        tilt_mrad : Tensor, shape (B, 2)
            In the crystal's frame.
        convergence_mrad : Tensor, shape (B,)

        Returns
        -------
        Tensor, shape (B, n, m)
            For intensities per mrad² as a share of the incident beam.
        """
        plan = self.plan
        values = torch.from_numpy(self.table.entries(thickness_nm))
        matrix = values.index_select(0, self._entries).view(plan.entries.shape)
        x = self._directions[..., 0, None] + tilt_mrad[:, 0]
        y = self._directions[..., 1, None] + tilt_mrad[:, 1]
        distance = torch.sqrt(x.square() + y.square())
        weights = (0.5 + (convergence_mrad - distance) / self._cell).clamp_(0, 1)
        weights /= torch.pi * convergence_mrad**2
        summed = torch.bmm(matrix, weights).view(-1, len(tilt_mrad))
        native = torch.zeros(plan.shape[0] * plan.shape[1], len(tilt_mrad))
        native[self._pixels] = summed
        coefficients = _spline_coefficients(native.view(*plan.shape, -1))
        return coefficients.permute(2, 0, 1).contiguous()

    def sample(
        self,
        coefficients: torch.Tensor,
        transform: torch.Tensor,
        center_px: torch.Tensor,
        tilt_mrad: torch.Tensor,
        size: int,
    ) -> torch.Tensor:
        """Evaluate the cubic spline of native patterns on pixels.

        Parameters
        ----------
        coefficients : Tensor, shape (B, n, m)
            From :meth:`native`.
        transform : Tensor, shape (B, 2, 2)
            From pixel offsets (x, y) to angles in the crystal's frame, mrad.
        center_px : Tensor, shape (B, 2)
            Centre of the bright-field disk (x, y), pixels from the grid's middle.
        tilt_mrad : Tensor, shape (B, 2)
            In the crystal's frame.
        size : int
            Pixels along a side.

        Returns
        -------
        Tensor, shape (B, size, size)
            Intensity per mrad².
        """
        axis = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
        to_steps = torch.from_numpy(np.linalg.inv(self.plan.lattice).astype(np.float32))
        matrix = transform.transpose(1, 2) @ to_steps
        shift = -(center_px[:, None] @ matrix)[:, 0] - tilt_mrad @ to_steps
        shift = shift - torch.from_numpy(self.plan.origin.astype(np.float32))
        parts = zip(
            torch.split(coefficients, _SAMPLED_TOGETHER),
            torch.split(matrix, _SAMPLED_TOGETHER),
            torch.split(shift, _SAMPLED_TOGETHER),
            strict=True,
        )
        return torch.cat([_sample_cubic(part, *_steps(axis, m, at)) for part, m, at in parts])


def _spline_coefficients(samples: torch.Tensor) -> torch.Tensor:
    """Samples (n, m, B) into cubic B-spline coefficients, in place.

    The recursive filter of Unser (IEEE Signal Processing Magazine 16 (1999) 22),
    forwards and backwards along both axes, on samples that end in zeros.
    """
    for axis in (0, 1):
        size = samples.shape[axis]
        for n in range(1, size):
            samples.select(axis, n).add_(samples.select(axis, n - 1), alpha=_SPLINE_POLE)
        for n in range(size - 2, -1, -1):
            samples.select(axis, n).add_(samples.select(axis, n + 1), alpha=_SPLINE_POLE)
    # Along one axis: 6 from the B-spline's own normalisation, times minus the pole.
    return samples.mul_((-6 * _SPLINE_POLE) ** 2)


def _steps(
    axis: torch.Tensor, matrix: torch.Tensor, shift: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions of pixels in steps: offset (x, y) @ matrix + shift, as two outer sums."""
    i = axis[None, :, None] * matrix[:, 1, 0, None, None]
    i = i + axis[None, None, :] * matrix[:, 0, 0, None, None] + shift[:, 0, None, None]
    j = axis[None, :, None] * matrix[:, 1, 1, None, None]
    j = j + axis[None, None, :] * matrix[:, 0, 1, None, None] + shift[:, 1, None, None]
    return i, j


def _sample_cubic(coefficients: torch.Tensor, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
    """Cubic B-spline at (i, j) as four bilinear look-ups (Sigg & Hadwiger 2005)."""
    n, m = coefficients.shape[1:]
    image = coefficients[:, None]
    first_i, weight_i, second_i = _pair(i)
    first_j, weight_j, second_j = _pair(j)

    def look_up(row: torch.Tensor, column: torch.Tensor) -> torch.Tensor:
        grid = torch.stack([column * (2 / (m - 1)) - 1, row * (2 / (n - 1)) - 1], dim=-1)
        return nnf.grid_sample(image, grid, mode="bilinear", align_corners=True)[:, 0]

    upper = weight_j * look_up(first_i, first_j) + (1 - weight_j) * look_up(first_i, second_j)
    lower = weight_j * look_up(second_i, first_j) + (1 - weight_j) * look_up(second_i, second_j)
    return weight_i * upper + (1 - weight_i) * lower


def _pair(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Positions and weight of the two linear look-ups that make a cubic one."""
    base = torch.floor(x)
    f = x - base
    w0, w3 = (1 - f) ** 3 / 6, f**3 / 6
    w1 = (3 * f**3 - 6 * f**2 + 4) / 6
    w2 = 1 - w0 - w1 - w3
    return base - 1 + w1 / (w0 + w1), w0 + w1, base + 1 + w3 / (w2 + w3)
