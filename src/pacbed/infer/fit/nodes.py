"""Thicknesses near one another, between which a fit's intensities are splines."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pacbed.arrays import Numbers, Singles, Thicknesses
from pacbed.lacbed.table import LacbedTable
from pacbed.spline import CubicSpline


@dataclass(frozen=True, eq=False)
class Nodes:
    """Thicknesses of a short stretch of a table.

    Attributes
    ----------
    thickness_nm : ndarray, shape (nodes,)
        Evenly spaced, nm.
    """

    thickness_nm: Thicknesses

    @classmethod
    def around(
        cls, table: LacbedTable, thickness_nm: float, stretch_nm: float, count: int
    ) -> "Nodes":
        """Nodes of a stretch around a thickness, kept inside the table."""
        largest = float(table.geometry.thicknesses_nm[-1])
        first = float(np.clip(thickness_nm - stretch_nm / 2, 0, largest - stretch_nm))
        return cls(first + np.linspace(0, stretch_nm, count))

    def covers(self, thickness_nm: float) -> bool:
        """Whether a thickness lies on the stretch."""
        return bool(self.thickness_nm[0] <= thickness_nm <= self.thickness_nm[-1])

    @cached_property
    def _spline(self) -> CubicSpline:
        return CubicSpline(self.thickness_nm, np.eye(len(self.thickness_nm)), axis=0)

    def mixing(self, thickness_nm: float) -> Numbers:
        """Weights of values at the nodes in the value and its derivative by nm, (2, nodes)."""
        return np.stack([self._spline(thickness_nm), self._spline(thickness_nm, 1)])

    def mixed(self, values: Singles, thickness_nm: float) -> Singles:
        """Values at a thickness and their derivatives by nm, shape (2, N).

        Parameters
        ----------
        values : ndarray of float32, shape (nodes, N)
        thickness_nm : float
        """
        mixed: Singles = np.stack(
            [w @ values for w in self.mixing(thickness_nm).astype(np.float32)]
        )
        return mixed
