"""Synthesis for training: many thicknesses of many tilts and apertures at once.

A batch must mix thicknesses, or the network learns the few that it holds instead
of thickness. In the table's common basis the sum over the disks is made once for
each tilt and aperture, and every thickness is then a short combination of the
results.
"""

import numpy as np
import torch
import torch.nn.functional as nnf

from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.plan import SynthesisPlan


class SeriesSynthesiser:
    """Thickness series of batches of patterns.

    Parameters
    ----------
    table : LacbedTable
    plan : SynthesisPlan
    """

    def __init__(self, table: LacbedTable, plan: SynthesisPlan) -> None:
        self.table = table
        self.plan = plan
        count = table.geometry.entry_count
        coefficients = table.evaluate(np.arange(count), table.common_basis)
        flat = plan.entries.ravel()
        self._matrices = []
        for column in coefficients.T:
            values = np.append(column, np.float32(0))
            self._matrices.append(torch.from_numpy(values[flat]).view(plan.entries.shape))
        self._pixels = torch.from_numpy(plan.pixels.ravel())
        self._buffer = torch.zeros(0)

    def native(
        self, thickness_nm: np.ndarray, tilt_mrad: torch.Tensor, convergence_mrad: torch.Tensor
    ) -> torch.Tensor:
        """Patterns on the direction grid, in the crystal's frame.

        Parameters
        ----------
        thickness_nm : ndarray, shape (B, S)
            Thicknesses of each tilt and aperture.
        tilt_mrad : Tensor, shape (B, 2)
            In the crystal's frame.
        convergence_mrad : Tensor, shape (B,)

        Returns
        -------
        Tensor, shape (B · S, n, m)
            Intensities per mrad² as a share of the incident beam.
        """
        shape = self.plan.shape
        size = (len(tilt_mrad), len(self._matrices), shape[0] * shape[1])
        if self._buffer.shape != size:
            # Pixels that no beam reaches stay zero, so the buffer is filled only once.
            self._buffer = torch.zeros(size)
        weights = torch.from_numpy(self.plan.weights(tilt_mrad.numpy(), convergence_mrad.numpy()))
        for number, matrix in enumerate(self._matrices):
            summed = torch.bmm(matrix, weights).view(-1, len(tilt_mrad))
            self._buffer[:, number, self._pixels] = summed.T
        basis = self.table.common_basis
        mixing = self.table.thickness_weights(thickness_nm) @ basis.T
        patterns = torch.bmm(torch.from_numpy(mixing.astype(np.float32)), self._buffer)
        return patterns.view(-1, *shape)

    def sample(
        self,
        native: torch.Tensor,
        transform: torch.Tensor,
        center_px: torch.Tensor,
        tilt_mrad: torch.Tensor,
        size: int,
    ) -> torch.Tensor:
        """Interpolate native patterns on pixels, bicubically.

        Parameters
        ----------
        native : Tensor, shape (B, n, m)
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
        # grid_sample counts from −1 to 1 between the first and the last sample.
        unit = torch.tensor([2 / (n - 1) for n in self.plan.shape])
        matrix = transform.transpose(1, 2) @ to_steps
        shift = -(center_px[:, None] @ matrix)[:, 0] - tilt_mrad @ to_steps
        shift = (shift - torch.from_numpy(self.plan.origin.astype(np.float32))) * unit - 1
        matrix = matrix * unit
        grid = axis[None, :, None, None] * matrix[:, None, None, 1]
        grid = grid + axis[None, None, :, None] * matrix[:, None, None, 0] + shift[:, None, None]
        return nnf.grid_sample(native[:, None], grid.flip(-1), mode="bicubic", align_corners=True)[
            :, 0
        ]
