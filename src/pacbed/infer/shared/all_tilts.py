"""Which tilts a pattern may have, of all that a system allows, where the geometry is known.

Every tilt of one sector of the projection's symmetry, with every thickness, is compared with all
images of the pattern in one product of matrices.
"""

import math
from collections import OrderedDict
from functools import cached_property

import numpy as np

from pacbed.arrays import Mask, Numbers, Pixels, Singles, Tilt
from pacbed.infer.search.parts import Part
from pacbed.infer.search.patterns import SMOOTHING, CoarsePatterns
from pacbed.infer.search.samples import Pose, SmoothPattern, places_of
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.pattern.recorded import CleanPattern

#: Share of the points that must be recorded.
_ENOUGH = 0.25
#: Ways in which a pattern is cut whose norms are kept.
_KEPT = 8
#: Tilts nearer than this many steps of the comparison are one.
_SAME_STEPS = 1.6


class AllTilts:
    """Compares patterns of one geometry with all tilts.

    Parameters
    ----------
    coarse : CoarsePatterns
        For the geometry's convergence angle.
    geometry : SharedGeometry
    """

    def __init__(self, coarse: CoarsePatterns, geometry: SharedGeometry) -> None:
        self._coarse = coarse
        self._geometry = geometry
        self._step_px = coarse.step_mrad / geometry.mrad_per_pixel
        operations = coarse.operations
        #: In the crystal's frame, mrad, of each image of the pattern with each tilt.
        self._tilts = np.einsum("mij,sj->msi", operations, coarse.tilts @ coarse.lattice)
        self._powers: OrderedDict[bytes, Singles] = OrderedDict()
        widest = float(np.linalg.norm(coarse.lattice, axis=1).max())
        self._same_mrad = _SAME_STEPS * max(widest, coarse.fineness.tilt_mrad)

    def likely(self, pattern: CleanPattern, center: Pixels, count: int) -> list[Tilt]:
        """The tilts at which some thickness explains most.

        Parameters
        ----------
        pattern : CleanPattern
        center : ndarray, shape (2,)
            Column and row of the disk's centre, pixels.
        count : int
            How many at most; those that differ by little are one.

        Returns
        -------
        list of ndarray
            In the crystal's frame, mrad, the best first; none where too little is recorded.
        """
        geometry, coarse = self._geometry, self._coarse
        scale = math.log(geometry.mrad_per_pixel)
        pose = Pose(center, scale, geometry.rotation, geometry.ellipticity)
        smooth = SmoothPattern(pattern, self._step_px, SMOOTHING * self._step_px)
        places = places_of(coarse.angles[coarse.inner], pose)
        recorded = smooth.recorded(places)
        if recorded.mean() < _ENOUGH:
            return []
        values = smooth.at(places)[coarse.inner_images]
        explained = self._explained(values, recorded[coarse.inner_images])
        return self._best(explained, count)

    def _explained(self, values: Singles, recorded: Mask) -> Singles:
        """What the best thickness explains, shape (images, tilts)."""
        coarse = self._coarse
        if recorded.all():
            # The patterns have no backgrounds: those of the values add nothing to the products.
            power = self._power
        else:
            part = Part(recorded, coarse)
            values = part.without_backgrounds(values)
            power = self._power_of_part(part)
        products = (values @ self._patterns).reshape(*self._tilts.shape[:2], -1)
        along = products @ coarse.mixing.T
        best: Singles = (np.maximum(along, 0) ** 2 / power).max(axis=2)
        return best

    @cached_property
    def _patterns(self) -> Singles:
        """Patterns of all tilts beside each other, shape (n, tilts · functions)."""
        found = [self._coarse.projected(step).patterns for step in self._coarse.tilt_steps]
        return np.concatenate(found, axis=1)

    @cached_property
    def _power(self) -> Singles:
        """Their squared norms, shape (tilts, thicknesses)."""
        return np.stack([self._coarse.projected(step).power for step in self._coarse.tilt_steps])

    def _power_of_part(self, part: Part) -> Singles:
        """The same on some of the points of each image, shape (images, tilts, thicknesses)."""
        # The windows of a scan are cut alike: few of them ask for something new.
        key = part.recorded.tobytes()
        found = self._powers.get(key)
        if found is None:
            parts = [part.power(step) for step in self._coarse.tilt_steps]
            found = self._powers[key] = np.stack(parts, axis=1)
            if len(self._powers) > _KEPT:
                self._powers.popitem(last=False)
        return found

    def _best(self, explained: Numbers, count: int) -> list[Tilt]:
        tilts = self._tilts.reshape(-1, 2)
        left = explained.ravel().copy()
        kept: list[Tilt] = []
        while len(kept) < count and left.max() > 0:
            best = tilts[int(left.argmax())]
            kept.append(best)
            left[np.linalg.norm(tilts - best, axis=1) <= self._same_mrad] = 0.0
        return kept
