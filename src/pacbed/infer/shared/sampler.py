"""From detector pixels to fixed directions: the samples that all patterns of a scan share.

Every pixel's counts are shared out among the lattice points around it, with bilinear
weights; each point then takes the weighted mean of what it was given. So no electron is
left out or counted twice, and the blur of it is known.
"""

import math

import numpy as np

from pacbed.arrays import Mask, Matrix, Numbers, Pattern, Pixels
from pacbed.errors import PatternError
from pacbed.infer.shared.dictionary import REACH, PatternDictionary
from pacbed.infer.shared.geometry import SharedGeometry

#: Coarser pixels than this, in lattice steps, are divided before they are shared out.
_FINE = 0.6
#: A point counts from this share of what pixels all around it would give. One at the array's
#: edge has pixels on one side alone: its value is that of another place.
_WHOLE = 0.9
#: Share of the disk that must be recorded.
_ENOUGH = 0.25


def sampling_width(geometry: SharedGeometry, lattice: Matrix) -> float:
    """σ of the blur that pixels, their division and the sharing out make, mrad."""
    pitch = geometry.mrad_per_pixel
    step = abs(float(np.linalg.det(lattice))) ** 0.5
    boxes = 1 if _divisions(pitch, step) == 1 else 2
    return math.sqrt(boxes * pitch**2 / 12 + step**2 / 6)


class LatticeSampler:
    """Brings patterns to the points of a dictionary.

    Parameters
    ----------
    dictionary : PatternDictionary
    geometry : SharedGeometry
    """

    def __init__(self, dictionary: PatternDictionary, geometry: SharedGeometry) -> None:
        lattice = dictionary.lattice
        points = dictionary.points
        self._inverse = np.linalg.inv(lattice)
        self._to_lattice = self._inverse.T @ geometry.to_crystal
        self._low = points.min(axis=0) - 1
        self._shape = tuple(int(n) for n in points.max(axis=0) - self._low + 3)
        local = points - self._low
        self._flat = local[:, 0] * self._shape[1] + local[:, 1]
        self._inside = dictionary.radius < 0.9
        step = abs(float(np.linalg.det(lattice))) ** 0.5
        self._divisions = _divisions(geometry.mrad_per_pixel, step)
        # What a point is given by pixels all around it.
        pixel = abs(float(np.linalg.det(geometry.to_crystal)))
        self._full = self._divisions**2 * step**2 / pixel
        # The box around the ellipse that the region is on the detector.
        back = np.linalg.inv(geometry.to_crystal)
        reach = REACH * dictionary.convergence_mrad + 2 * step
        self._half = reach * np.linalg.norm(back, axis=1) + 1

    def sample(
        self, pattern: Pattern, center: Pixels, known: Mask | None = None
    ) -> tuple[Numbers, Mask]:
        """Values of a pattern at the points.

        Parameters
        ----------
        pattern : ndarray, shape (rows, columns)
        center : ndarray, shape (2,)
            Column and row of the disk's centre, pixels.
        known : ndarray of bool, shape (rows, columns), optional
            Which pixels say something; by default all. The others are given to no point.

        Returns
        -------
        values : ndarray, shape (N,)
            With a mean of 1 inside the disk; 0 where nothing was recorded.
        recorded : ndarray of bool, shape (N,)

        Raises
        ------
        PatternError
            If the disk is not recorded or not brighter than nothing.
        """
        left, top = (max(0, math.ceil(c - h)) for c, h in zip(center, self._half, strict=True))
        right, bottom = (math.floor(c + h) + 1 for c, h in zip(center, self._half, strict=True))
        window = np.asarray(pattern[top:bottom, left:right], np.float64)
        if min(window.shape) < 4:
            raise PatternError("the bright-field disk lies outside the array; crop less")
        x = np.arange(left, left + window.shape[1]) - center[0]
        y = np.arange(top, top + window.shape[0]) - center[1]
        said = None if known is None else known[top:bottom, left:right].ravel()
        total, share = self._share_out(window, x, y, said)
        share, total = share[self._flat], total[self._flat]
        recorded = share > _WHOLE * self._full
        values = np.where(recorded, total / np.maximum(share, 1e-9), 0.0)
        inside = self._inside & recorded
        if inside.sum() < _ENOUGH * self._inside.sum():
            raise PatternError("too little of the bright-field disk is recorded; crop less")
        level = float(values[inside].mean())
        if not level > 0:
            raise PatternError("pattern has no bright-field disk; give a recorded pattern")
        return values / level, recorded

    def _share_out(
        self, window: Numbers, x: Numbers, y: Numbers, said: Mask | None
    ) -> tuple[Numbers, Numbers]:
        """Weighted sums and weights on the whole lattice box, flat."""
        size = self._shape[0] * self._shape[1]
        total, share = np.zeros(size), np.zeros(size)
        offsets = (np.arange(self._divisions) + 0.5) / self._divisions - 0.5
        matrix = self._to_lattice
        values = window.ravel()
        for dy in offsets:
            for dx in offsets:
                u = matrix[0, 0] * (x + dx)[None] + matrix[0, 1] * (y + dy)[:, None] - self._low[0]
                v = matrix[1, 0] * (x + dx)[None] + matrix[1, 1] * (y + dy)[:, None] - self._low[1]
                i, j = np.floor(u), np.floor(v)
                kept = (i >= 0) & (j >= 0) & (i < self._shape[0] - 1) & (j < self._shape[1] - 1)
                kept = kept.ravel() if said is None else kept.ravel() & said
                fu, fv = (u - i).ravel()[kept], (v - j).ravel()[kept]
                place = (i * self._shape[1] + j).ravel()[kept].astype(np.intp)
                counts = values[kept]
                for step, weight in (
                    (0, (1 - fu) * (1 - fv)),
                    (1, (1 - fu) * fv),
                    (self._shape[1], fu * (1 - fv)),
                    (self._shape[1] + 1, fu * fv),
                ):
                    share += np.bincount(place + step, weight, size)
                    total += np.bincount(place + step, weight * counts, size)
        return total, share


def _divisions(pitch_mrad: float, step_mrad: float) -> int:
    return max(1, math.ceil(pitch_mrad / (_FINE * step_mrad)))
