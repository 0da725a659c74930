"""The intensities of many plane waves put together: sharp disks and what lies between.

The waves k stand on a square lattice whose point is the centre of the aperture, so that
k + g is a shift of the beam g by whole steps. Reflections of the crystal are kept as
disks D_g(k), to be cut by an aperture of any sharpness later; everything else falls on
a grid of the same pitch, shared between the four nearest points.
"""

import numpy as np

#: Reflections weaker than this in the mean join the grid.
FAINTEST = 2e-5


def aperture(steps: int):
    """Points (K, 2) of the lattice and the share of each one's square in the aperture.

    The radius of the aperture is `steps` points; those just outside come along with
    the share 0, for interpolation up to the rim.
    """
    axis = np.arange(-steps - 1, steps + 2)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    fine = (np.arange(20) + 0.5) / 20 - 0.5
    x = points[:, 0, None, None] + fine[:, None]
    y = points[:, 1, None, None] + fine
    shares = (x**2 + y**2 < steps**2).mean(axis=(1, 2))
    kept = (shares > 0) | (np.hypot(*points.T) < steps + 0.7)
    return points[kept], shares[kept]


class Collector:
    """Adds up |ψ_g(k)|² of one thickness.

    Parameters
    ----------
    g : ndarray, shape (N, 2)
        Beams inside the band, 1/Å.
    coherent : ndarray of bool, shape (N,)
    pitch : float
        Of the lattice of k, 1/Å.
    points : ndarray of int, shape (K, 2)
    shares : ndarray, shape (K,)
    """

    def __init__(self, g, coherent, pitch, points, shares):
        self.g, self.coherent, self.pitch = g, coherent, pitch
        self.points, self.shares = points, shares
        self.disks = np.zeros((len(points), int(coherent.sum())), np.float32)
        whole = np.floor(g / pitch).astype(int)
        part = g / pitch - whole
        self.half = int(np.abs(whole).max() + np.abs(points).max() + 2)
        self.side = 2 * self.half + 1
        corners = [(0, 0), (0, 1), (1, 0), (1, 1)]
        self.index = np.stack(
            [(whole[:, 0] + a + self.half) * self.side + whole[:, 1] + b + self.half
             for a, b in corners]
        )  # fmt: skip
        self.weight = np.stack(
            [np.abs(1 - a - part[:, 0]) * np.abs(1 - b - part[:, 1]) for a, b in corners]
        )
        self.grid = np.zeros(self.side**2)

    def add(self, number: int, beams) -> None:
        """Add the intensities (N,) of the wave `number`, once per arrangement of atoms."""
        self.disks[number] += beams[self.coherent]
        if self.shares[number] > 0:
            self._deposit(number, beams, ~self.coherent)

    def _deposit(self, number, beams, chosen) -> None:
        shift = self.points[number] @ np.array([self.side, 1])
        index = (self.index[:, chosen] + shift).ravel()
        weight = (self.weight[:, chosen] * beams[chosen]).ravel() * self.shares[number]
        self.grid += np.bincount(index, weight, minlength=self.side**2)

    def result(self, strong):
        """Disks (G, K) of the `strong` reflections and the grid [y, x], per Å⁻².

        Integrated over the aperture's area and the plane they make the whole pattern.
        """
        faint = self.coherent.copy()
        faint[self.coherent] = ~strong
        beams = np.zeros(len(self.g))
        for number in np.flatnonzero(self.shares > 0):
            beams[faint] = self.disks[number][~strong]
            self._deposit(number, beams, faint)
        area = self.pitch**2
        grid = self.grid.reshape(self.side, self.side).T / (self.shares.sum() * area)
        disks = self.disks[:, strong].T / (self.shares.sum() * area)
        return disks.astype(np.float32), grid.astype(np.float32)

    @property
    def strong(self) -> np.ndarray:
        """Which of the coherent beams are worth a disk."""
        return self.disks.mean(axis=0) > FAINTEST
