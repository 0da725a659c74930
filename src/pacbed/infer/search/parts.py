"""Patterns of which only a part was recorded, as a detector's edge cuts them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pacbed.arrays import Mask, Singles
from pacbed.infer.search.patterns import CoarsePatterns


@dataclass(frozen=True)
class Part:
    """The recorded points of several rows of samples.

    Attributes
    ----------
    recorded : ndarray of bool, shape (rows, n)
        At the inner points.
    coarse : CoarsePatterns
    """

    recorded: Mask
    coarse: CoarsePatterns

    @cached_property
    def _weight(self) -> Singles:
        return self.recorded.astype(np.float32)

    @cached_property
    def _moment(self) -> Singles:
        """Products of the backgrounds on the recorded points of each row, shape (rows, b, b)."""
        basis = self.coarse.inner_basis
        moment: Singles = np.einsum("rn,nb,nc->rbc", self._weight, basis, basis)
        return moment

    def without_backgrounds(self, values: Singles) -> Singles:
        """Measured patterns of norm 1, without backgrounds on the points that are recorded.

        Parameters
        ----------
        values : ndarray of float32, shape (rows, n)
            At the inner points.
        """
        weight, basis = self._weight, self.coarse.inner_basis
        values = values * weight
        onto = np.linalg.solve(self._moment, (values @ basis)[..., None])[..., 0]
        values -= (onto @ basis.T) * weight
        values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-20)
        return values

    def power(self, step: tuple[int, int]) -> Singles:
        """Squared norms of the patterns at a tilt, without backgrounds, on the recorded points.

        Parameters
        ----------
        step : tuple of int
            The tilt in steps of the lattice.

        Returns
        -------
        ndarray of float32, shape (rows, T)
        """
        weight, basis = self._weight, self.coarse.inner_basis
        patterns = self.coarse.projected(step).patterns @ self.coarse.mixing.T
        shared = np.stack([(weight * column) @ patterns for column in basis.T], axis=1)
        onto = np.linalg.solve(self._moment, shared)
        power: Singles = np.maximum(weight @ patterns**2 - (shared * onto).sum(axis=1), 1e-20)
        return power
