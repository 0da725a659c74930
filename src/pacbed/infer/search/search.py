"""From a pattern to the solutions that a table allows, without any network."""

import itertools
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass

from pacbed.infer.fit.hypotheses import Solution
from pacbed.infer.fit.pattern_fit import Known
from pacbed.infer.search.ask import Asker
from pacbed.infer.search.convergence import asked_angles
from pacbed.infer.search.disks import likely_disks
from pacbed.infer.search.finder import shipped_finder
from pacbed.infer.search.patterns import GLANCE, CoarsePatterns, Fineness
from pacbed.infer.search.polish import polish
from pacbed.lacbed.table import LacbedTable
from pacbed.library.system import System
from pacbed.pattern.preprocess import DiskLocation
from pacbed.pattern.recorded import CleanPattern

#: Pairs of a disk and a convergence angle that are looked at closely; where there are more, a
#: glance chooses them.
_CLOSELY = 16
#: Coarse patterns that are kept, of different convergence angles.
_KEPT = 40
#: Convergence angles closer than this share have the same patterns.
_SAME_ANGLE = 2e-3
#: σ of what is known: the angle per pixel where it is given, the convergence angle where it
#: is not.
_SCALE, _NO_ANGLE = 0.03, 0.15


@dataclass(frozen=True)
class Asked:
    """What is known of a pattern beforehand.

    Attributes
    ----------
    convergence_mrad : float or None
    mrad_per_pixel : float or None
    """

    convergence_mrad: float | None
    mrad_per_pixel: float | None

    @property
    def radius_px(self) -> float | None:
        """Radius of the disk, where both are known."""
        if self.convergence_mrad is None or self.mrad_per_pixel is None:
            return None
        return self.convergence_mrad / self.mrad_per_pixel

    @property
    def known(self) -> Known:
        """The same for the fit."""
        scale = None if self.mrad_per_pixel is None else _SCALE
        return Known(scale, _NO_ANGLE) if self.convergence_mrad is None else Known(scale)


class Searcher:
    """Searches with one table; may be shared by threads.

    Parameters
    ----------
    table : LacbedTable
    system : System
        Its ranges say which convergence angles and tilts are asked.
    """

    def __init__(self, table: LacbedTable, system: System) -> None:
        self._table = table
        self._system = system
        self._made: OrderedDict[tuple[int, Fineness], CoarsePatterns] = OrderedDict()
        self._lock = threading.Lock()

    def solve(self, data: CleanPattern, asked: Asked) -> list[Solution]:
        """Find the solutions of a pattern.

        Parameters
        ----------
        data : CleanPattern
        asked : Asked

        Returns
        -------
        list of Solution
            The best first.

        Raises
        ------
        PatternError
            If the pattern shows no disk.
        """
        disks = likely_disks(data, asked.radius_px, shipped_finder())
        pairs = [(angle, disk) for disk in disks for angle in self._angles(asked, disk)]
        asker = Asker(data, asked.known)
        if len(pairs) > _CLOSELY:
            pairs = asker.glance(
                [(self._coarse(angle, GLANCE), disk) for angle, disk in pairs], _CLOSELY
            )
        candidates = asker.candidates(
            [(self._coarse(angle, Fineness()), disk) for angle, disk in pairs]
        )
        return polish(data, self._table, candidates, asked.known)

    def _angles(self, asked: Asked, disk: DiskLocation) -> list[float]:
        scale = asked.mrad_per_pixel
        from_size = None if scale is None else scale * disk.radius
        return asked_angles(asked.convergence_mrad, self._system.convergence_mrad, from_size)

    def _coarse(self, angle: float, fineness: Fineness) -> CoarsePatterns:
        """The patterns for an angle and those so near that nothing is seen of the difference."""
        key = (round(math.log(angle) / _SAME_ANGLE), fineness)
        with self._lock:
            found = self._made.get(key)
            if found is None:
                largest = self._system.mistilt_mrad[1]
                found = CoarsePatterns(self._table, angle, largest, fineness)
                self._made[key] = found
            self._made.move_to_end(key)
            for old in list(itertools.islice(self._made, max(0, len(self._made) - _KEPT))):
                del self._made[old]
        return found
