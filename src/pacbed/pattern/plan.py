"""Where the table's entries go when many patterns are summed at once.

The sum over beams is one matrix product per class κ of directions that differ by
reciprocal lattice vectors: with k = κ + h and the recorded position p = κ + G,

    J(κ + G) = Σ_h P_{G−h}(κ + h) · A(κ + h + tilt)

so that the entries are gathered once and serve every tilt and convergence angle.
"""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Angles, Indices, Matrix, Numbers, Tilts
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.grid import aperture_weights, cell_mrad, index_pairs, points_within
from pacbed.pattern.synthesis import expand


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

    entries: Indices
    directions: Angles
    pixels: Indices
    shape: tuple[int, int]
    origin: Indices
    lattice: Matrix

    def weights(self, tilt_mrad: Tilts, convergence_mrad: Angles) -> Numbers:
        """Share of each direction in B incident beams, per mrad², shape (classes, inputs, B).

        The tilts have the shape (B, 2), in the crystal's frame, and the angles (B,).
        """
        tilts, alphas = tilt_mrad.astype(np.float32), convergence_mrad.astype(np.float32)
        # Each component by itself in memory, which is quicker.
        along = [self.directions[..., n, None].astype(np.float32) + tilts[:, n] for n in (0, 1)]
        positions = np.moveaxis(np.stack(along), 0, -1)
        weights = aperture_weights(positions, alphas, cell_mrad(self.lattice))
        weights /= (np.pi * convergence_mrad**2).astype(np.float32)
        return weights


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
    kappa = index_pairs(*map(np.arange, divisions)).reshape(-1, 2)
    # The cells that can touch a disk: a cell's corner is its lattice vector.
    corner = -geometry.lattice_mrad.sum(axis=0) / 2
    cell_radius = float(np.linalg.norm(geometry.lattice_mrad, axis=1).sum()) / 2
    margin = float(np.linalg.norm(lattice, axis=1).max())
    reach_in = convergence_mrad + mistilt_mrad + margin + cell_radius
    reach_out = geometry.field * convergence_mrad + mistilt_mrad + 2 * margin + cell_radius
    inputs = points_within(geometry.lattice_mrad, corner, reach_in)
    outputs = points_within(geometry.lattice_mrad, corner, reach_out)
    number = {tuple(beam): n for n, beam in enumerate(geometry.beams.tolist())}
    difference = (outputs[:, None] - inputs[None]).reshape(-1, 2)
    beam = np.array([number.get(tuple(d), -1) for d in difference.tolist()])
    beam = beam.reshape(len(outputs), len(inputs))
    count = geometry.entry_count
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
