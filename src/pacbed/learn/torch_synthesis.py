"""The torch twin of :mod:`pacbed.pattern.synthesis`, for many patterns at once.

All patterns of a call share the thickness. The sum over beams then is one
matrix product per class κ of directions that differ by reciprocal lattice
vectors: with k = κ + h and the recorded position p = κ + G,

    J(κ + G) = Σ_h P_{G−h}(κ + h) · A(κ + h + tilt)

so that the table's entries are gathered once and serve every tilt and
convergence angle of the call.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as nnf

from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.synthesis import expand

_SPLINE_POLE = 3**0.5 - 2
#: Patterns that are sampled together: few enough that the positions of their pixels
#: stay in the processor's cache.
_SAMPLED_TOGETHER = 4


@dataclass(frozen=True)
class SynthesisPlan:
    """Where the entries of one band of convergence angles go.

    Attributes
    ----------
    entries : ndarray of int32, shape (classes, outputs, inputs)
        Places of P_{G−h}(κ + h) among the table's entries.
    directions : ndarray, shape (classes, inputs, 2)
        κ + h, mrad.
    pixels : ndarray of int64, shape (classes, outputs)
        Place of κ + G in the native grid, row after row.
    shape : tuple of int
        Native grid.
    origin : ndarray of int, shape (2,)
        Grid indices of its first element.
    lattice : ndarray, shape (2, 2)
        Its steps as rows, mrad.
    """

    entries: np.ndarray
    directions: np.ndarray
    pixels: np.ndarray
    shape: tuple[int, int]
    origin: np.ndarray
    lattice: np.ndarray


def make_plan(
    table: LacbedTable, convergence_mrad: float, mistilt_mrad: float, stride: int
) -> SynthesisPlan:
    """Plan for all tilts up to `mistilt_mrad` and apertures up to `convergence_mrad`.

    Parameters
    ----------
    table : LacbedTable
    convergence_mrad, mistilt_mrad : float
        Largest values that the plan covers.
    stride : {1, 2}
        Take every direction, or every second one along each axis.
    """
    geometry = table.geometry
    divisions = np.array(geometry.grid.divisions) // stride
    lattice = geometry.fine_lattice_mrad * stride
    kappa = np.stack(
        np.meshgrid(*(np.arange(n) for n in divisions), indexing="ij"), axis=-1
    ).reshape(-1, 2)
    cell_radius = np.linalg.norm(geometry.lattice_mrad, axis=1).sum() / 2
    margin = float(np.linalg.norm(lattice, axis=1).max())
    inputs = _lattice_points(
        geometry.lattice_mrad, convergence_mrad + mistilt_mrad + margin, cell_radius
    )
    outputs = _lattice_points(
        geometry.lattice_mrad,
        geometry.field * convergence_mrad + mistilt_mrad + 2 * margin,
        cell_radius,
    )
    number = {tuple(beam): n for n, beam in enumerate(geometry.beams.tolist())}
    difference = (outputs[:, None] - inputs[None]).reshape(-1, 2)
    beam = np.array([number.get(tuple(d), -1) for d in difference.tolist()])
    beam = beam.reshape(len(outputs), len(inputs))
    count = int(geometry.entry_of.max())
    entries = np.full((len(kappa), len(outputs), len(inputs)), count, np.int32)
    k = (kappa[:, None] + inputs[None] * divisions) * stride
    for n in range(len(inputs)):
        known = np.flatnonzero(beam[:, n] >= 0)
        place = expand(geometry, k[None, :, n, 0], k[None, :, n, 1], beam[known, n])
        entries[:, known, n] = place[:, 0].T
    position = kappa[:, None] + outputs[None] * divisions
    origin = position.min(axis=(0, 1))
    shape = tuple(int(v) for v in position.max(axis=(0, 1)) - origin + 1)
    pixels = (position[..., 0] - origin[0]) * shape[1] + position[..., 1] - origin[1]
    return SynthesisPlan(
        entries, k @ geometry.fine_lattice_mrad, pixels, (shape[0], shape[1]), origin, lattice
    )


def _lattice_points(lattice: np.ndarray, radius: float, slack: float) -> np.ndarray:
    """Lattice vectors whose cell (corner at the vector) can touch a disk."""
    heights = abs(np.linalg.det(lattice)) / np.linalg.norm(lattice, axis=1)[::-1]
    n = int(np.ceil((radius + slack) / heights.min())) + 1
    points = np.stack(
        np.meshgrid(np.arange(-n, n + 1), np.arange(-n, n + 1), indexing="ij"), axis=-1
    ).reshape(-1, 2)
    middle = (points + 0.5) @ lattice
    return np.asarray(points[np.linalg.norm(middle, axis=1) <= radius + slack])


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
