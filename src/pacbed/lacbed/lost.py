"""What phonons take from the waves of each direction, and where they send it.

Of a wave from direction k phonons have taken

    A(k; t) = 1 − Σ_g P_g(k; t)

behind the thickness t. An electron that an atom sends towards a place leaves the crystal as well
as a wave that comes from there the other way reaches the atom (reciprocity), and the other way
through a projected crystal is the way of the wave from −p. As far as the probe lights the atoms
of all depths alike, electrons that a phonon sends to p are therefore as many as A(−p; t), but for
a factor: fringes, and the Kikuchi bands in the disk.
"""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Indices, Numbers, Singles
from pacbed.lacbed.geometry import TableGeometry


@dataclass(frozen=True, eq=False)
class LostShares:
    """A(k; t) of a table's directions, compressed as its beams are.

    Attributes
    ----------
    geometry : TableGeometry
    basis : ndarray, shape (rank, T)
        Functions of thickness.
    coefficients : ndarray of float32, shape (K, rank)
        Of each direction of the wedge.
    """

    geometry: TableGeometry
    basis: Numbers
    coefficients: Singles

    def of(self, directions: Indices, weights: Numbers) -> Singles:
        """A(k; t) of some directions at some thicknesses.

        Parameters
        ----------
        directions : ndarray of int, shape (N, 2)
            In steps of the table's grid; beyond its edge, the edge towards the zone axis.
        weights : ndarray, shape (M, T)
            From :meth:`.table.LacbedTable.thickness_weights`.

        Returns
        -------
        ndarray of float32, shape (N, M)
        """
        grid, lattice = self.geometry.grid, self.geometry.fine_lattice_mrad
        length = np.linalg.norm(directions @ lattice, axis=1)
        # Rounding moves a direction by no more than a cell's diagonal.
        edge = self.geometry.direction_max_mrad - float(np.abs(lattice).sum())
        nearer = np.minimum(1, edge / np.maximum(length, 1e-9))
        row, column = np.rint(directions * nearer[:, None]).astype(int).T + grid.reach
        mixing = (self.basis @ weights.T).astype(np.float32)
        shares: Singles = self.coefficients[grid.wedge_index[row, column]] @ mixing
        return shares

    def sent_to(self, positions: Indices, weights: Numbers) -> Singles:
        """Electrons that phonons send to positions p from the zone axis, but for a factor.

        Parameters
        ----------
        positions : ndarray of int, shape (N, 2)
            In steps of the table's grid.
        weights : ndarray, shape (M, T)
            As for :meth:`of`.

        Returns
        -------
        ndarray of float32, shape (N, M)
        """
        return self.of(-positions, weights)
