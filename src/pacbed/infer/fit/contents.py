"""What fills the disks of a pattern: intensities of all beams as splines of the direction."""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from pacbed.arrays import Angles, Indices, Numbers, Singles, Thicknesses, Tilt
from pacbed.infer.fit.nodes import Nodes
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.grid import (
    cell_mrad,
    index_pairs,
    spline_curvatures,
    spline_slopes,
    spline_weights,
)
from pacbed.pattern.synthesis import expand

#: Thicknesses whose contents are made at once, and the stretch that they lie on, nm.
_NODES, _STRETCH_NM = 4, 1.5
#: Steps beside the outermost direction: points of the grid, and those that intensities are taken
#: for: what a cubic spline takes, and what rings.
_BESIDE, _TAKEN = 3, 3


@dataclass(frozen=True)
class Content:
    """Intensities P_g(k) at some pairs of beam and direction, and their derivatives.

    Attributes
    ----------
    value, by_thickness : ndarray, shape (C,)
        Of a unit incident intensity; by nm.
    gradient : ndarray, shape (C, 2)
        By the direction, 1/mrad.
    laplacian : ndarray, shape (C,)
        1/mrad².
    """

    value: Numbers
    by_thickness: Numbers
    gradient: Numbers
    laplacian: Numbers


class Contents:
    """Intensities of the beams that reach a region of a pattern.

    Parameters
    ----------
    table : LacbedTable
    tilt : ndarray, shape (2,)
        In the crystal's frame, mrad.
    aperture_mrad : float
        Directions up to this far from the beam's axis are asked for.
    region_mrad : float
        Radius of the region around the bright-field disk's centre.
    width_mrad : float
        σ of a Gaussian that the intensities are smoothed with.
    """

    def __init__(
        self,
        table: LacbedTable,
        tilt: Tilt,
        aperture_mrad: float,
        region_mrad: float,
        width_mrad: float,
    ) -> None:
        geometry = table.geometry
        self._table = table
        self._width = width_mrad
        self._inverse = np.linalg.inv(geometry.fine_lattice_mrad)
        half = aperture_mrad * np.linalg.norm(self._inverse, axis=0) + _BESIDE
        middle = -tilt @ self._inverse
        self._low = np.floor(middle - half).astype(int)
        pairs = index_pairs(*map(np.arange, self._low, np.ceil(middle + half).astype(int) + 1))
        angles = geometry.beams @ geometry.lattice_mrad
        beams = np.flatnonzero(np.linalg.norm(angles, axis=1) <= region_mrad + aperture_mrad)
        self.beams: Angles = angles[beams]
        places = expand(geometry, pairs[..., 0], pairs[..., 1], beams)
        self._shape = places.shape
        # No more is taken from the table than what is asked for and what its splines need beside.
        beside = _TAKEN * cell_mrad(geometry.fine_lattice_mrad)
        incident = pairs @ geometry.fine_lattice_mrad + tilt
        taken = np.linalg.norm(incident, axis=2) <= aperture_mrad + beside
        leaving = incident.reshape(1, -1, 2) + self.beams[:, None]
        close = (leaving**2).sum(axis=2) <= (region_mrad + beside) ** 2
        taken = taken & close.reshape(places.shape)
        taken &= places < geometry.entry_count
        chosen = np.flatnonzero(taken)
        order = np.argsort(places.ravel()[chosen], kind="stable")
        self._order = chosen[order]
        self._places = places.ravel()[self._order]
        self._nodes: Nodes | None = None
        self._splines: Singles = np.zeros((0, 0), np.float32)

    def at(self, beam: Indices, direction: Angles, thickness_nm: float) -> Content:
        """Intensities of some pairs.

        Parameters
        ----------
        beam : ndarray of int, shape (C,)
            Rows of `beams`.
        direction : ndarray, shape (C, 2)
            Incident directions k, mrad from the zone axis.
        thickness_nm : float
        """
        values = self._at_thickness(thickness_nm)
        step = direction @ self._inverse - self._low
        base = step.astype(np.int32)
        fraction = (step - base).T.astype(np.float32)
        row, column = (spline_weights(f) for f in fraction)
        row_1, column_1 = (spline_slopes(f) for f in fraction)
        row_2, column_2 = (spline_curvatures(f) for f in fraction)
        metric = (self._inverse.T @ self._inverse).astype(np.float32)
        _, n, m = self._padded
        start = (beam * n + base[:, 0] - 1) * m + base[:, 1] - 1
        out = np.zeros((5, len(start)), np.float32)
        for a in range(4):
            # Along the columns first: four sums that the rows' weights are put to.
            along = np.zeros((4, len(start)), np.float32)
            for b in range(4):
                place = start + (a * m + b)
                value = values[0][place]
                along[0] += value * column[b]
                along[1] += value * column_1[b]
                along[2] += value * column_2[b]
                along[3] += values[1][place] * column[b]
            out[0] += along[0] * row[a]
            out[1] += along[3] * row[a]
            out[2] += along[0] * row_1[a]
            out[3] += along[1] * row[a]
            out[4] += along[0] * (metric[0, 0] * row_2[a])
            out[4] += along[1] * (2 * metric[0, 1] * row_1[a])
            out[4] += along[2] * (metric[1, 1] * row[a])
        gradient: Numbers = (self._inverse @ out[2:4]).T
        return Content(out[0], out[1], gradient, out[4])

    @property
    def _padded(self) -> tuple[int, int, int]:
        beams, n, m = self._shape
        return beams, fft.next_fast_len(n, real=True), fft.next_fast_len(m, real=True)

    def _at_thickness(self, thickness_nm: float) -> Singles:
        """Spline coefficients and their derivatives by thickness, shape (2, beams · n · m)."""
        if self._nodes is None or not self._nodes.covers(thickness_nm):
            self._nodes = Nodes.around(self._table, thickness_nm, _STRETCH_NM, _NODES)
            self._make(self._nodes.thickness_nm)
        return self._nodes.mixed(self._splines, thickness_nm)

    def _make(self, thickness_nm: Thicknesses) -> None:
        """Spline coefficients, smoothed, at the nodes' thicknesses."""
        entries = self._table.evaluate(self._places, self._table.thickness_weights(thickness_nm))
        values = np.zeros((_NODES, int(np.prod(self._shape))), np.float32)
        values[:, self._order] = entries.T
        shape = self._padded[1:]
        transfer = self._transfer(shape)
        self._splines = np.empty((_NODES, int(np.prod(self._padded))), np.float32)
        for node, of_node in zip(self._splines, values.reshape(_NODES, *self._shape), strict=True):
            spectrum = fft.rfft2(of_node, s=shape)
            spectrum *= transfer
            node[:] = fft.irfft2(spectrum, s=shape).ravel()

    def _transfer(self, shape: tuple[int, int]) -> Singles:
        """The Gaussian, over the response of the spline."""
        i = np.fft.fftfreq(shape[0])[:, None]
        j = np.fft.rfftfreq(shape[1])[None]
        # Frequencies in 1/mrad along x and y: the dual of the grid's lattice.
        x, y = (i * self._inverse[n, 0] + j * self._inverse[n, 1] for n in range(2))
        response = (2 + np.cos(2 * np.pi * i)) * (2 + np.cos(2 * np.pi * j)) / 9
        gaussian = np.exp(-2 * np.pi**2 * self._width**2 * (x**2 + y**2))
        transfer: Singles = (gaussian / response).astype(np.float32)
        return transfer
