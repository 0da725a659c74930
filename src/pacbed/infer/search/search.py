"""From a pattern to the solutions that a table allows, without any network."""

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pacbed.infer.fit.found import Fit
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.rivals import SAME_ROTATION, of_each_thickness, turned_by
from pacbed.infer.fit.solved import Solution, weighted
from pacbed.infer.judge.attempts import Question
from pacbed.infer.judge.causes import is_whole
from pacbed.infer.judge.confidence import FAINT
from pacbed.infer.known.given import Session
from pacbed.infer.search.ask import Asker
from pacbed.infer.search.effort import QUICK, THOROUGH, Effort
from pacbed.infer.search.finder import shipped_finder
from pacbed.infer.search.patterns import GLANCE, CoarsePatterns, Fineness
from pacbed.infer.search.places import Posed, posed_disk, posed_lattice
from pacbed.infer.search.polish import polish
from pacbed.infer.search.rims import RimPlace, bright_middle, rim_places, sizes_to_try
from pacbed.lacbed.geometry import TableGeometry
from pacbed.lacbed.table import LacbedTable
from pacbed.library.system import System
from pacbed.pattern.preprocess import DiskLocation, locate
from pacbed.pattern.recorded import CleanPattern

#: A fit that leaves less than this share of the structure is not doubted; nor is one that leaves
#: somewhat more, and others so many times as much.
_GOOD, _FAIR, _ALONE = 0.08, 0.14, 2.0
#: A fit that leaves less than this share explains most of what there is.
_MOST = 0.5
#: Fits of a crystal that is turned otherwise are told where the thickness differs by no more (nm),
#: and what is left by no more than this factor.
_ABOUT_NM, _HARDLY_WORSE = 1.0, 1.02
#: What is this factor beyond a range is of it, and what lies beyond has to leave so much less.
_NEARLY, _CLEARLY = 1.05, 1.1
#: Memory of the coarse patterns that are kept from one answer to the next, bytes.
_KEPT_BYTES = 300 * 2**20
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
    session : Session or None
        How sure a calibrated microscope is of both.
    """

    convergence_mrad: float | None
    mrad_per_pixel: float | None
    session: Session | None = None

    @classmethod
    def of(cls, question: Question) -> "Asked":
        """The same of what names its convergence semi-angle."""
        return cls(question.convergence_mrad, question.mrad_per_pixel, question.session)

    @property
    def freed(self) -> "Asked":
        """The same without the angle per pixel, and without what was calibrated."""
        return Asked(self.convergence_mrad, None)

    @property
    def radius_px(self) -> float | None:
        """Radius of the disk, where both are known."""
        if self.convergence_mrad is None or self.mrad_per_pixel is None:
            return None
        return self.convergence_mrad / self.mrad_per_pixel

    @property
    def known(self) -> Known:
        """The same for the fit."""
        known = Known.given(self.mrad_per_pixel)
        if known.scale is not None:
            known = replace(known, scale=_SCALE)
        if self.convergence_mrad is None:
            known = replace(known, convergence=_NO_ANGLE)
        if self.session is None:
            return known
        return self.session.known(known, self.convergence_mrad, self.mrad_per_pixel)


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

    def solve(
        self, data: CleanPattern, asked: Asked, efforts: Sequence[Effort] = (QUICK, THOROUGH)
    ) -> list[Solution]:
        """Find the solutions of a pattern.

        Parameters
        ----------
        data : CleanPattern
        asked : Asked
        efforts : sequence of Effort
            One after the other, until something fits.

        Returns
        -------
        list of Solution
            The best first.

        Raises
        ------
        PatternError
            If the pattern shows no disk.
        """
        locate(data.values, data.known)  # Nothing to look for where nothing stands out.
        asker = Asker(data, asked.known)
        disks = self._disks(data, asked)
        places = self._places(data, asked, disks)
        lattices = _posed_lattices(data, places, self._table.geometry)
        ends: list[Fit] = []
        fits: list[Fit] = []
        for effort in efforts:
            angles = self._angles(asked, places[: effort.places])
            posed = lattices[: effort.places] + self._turned(disks[: effort.disks], angles)
            ends += self._fits(data, asker, posed, effort)
            fits = of_each_thickness(ends)
            # A part of a disk is explained by more.
            if fits and _enough(fits) and is_whole(data, fits[0]):
                break
        self._forget()
        fits = self._inside(fits)
        if not fits:
            return []
        first, *others = weighted(fits)
        turned = _turned_otherwise(ends, first.fit, self._table.geometry.rotation_order)
        return [replace(first, turned=turned), *others]

    def _inside(self, fits: list[Fit]) -> list[Fit]:
        """Without those beyond what is asked for, unless they explain clearly more.

        Far out patterns are faint, and what is hardly there contradicts little.
        """
        inside = [fit for fit in fits if self._asked_for(fit)]
        if not inside or inside[0].ranked_residual > _CLEARLY * fits[0].ranked_residual:
            return fits
        return inside

    def _asked_for(self, fit: Fit) -> bool:
        """Whether thickness and mistilt are of the system's ranges, or nearly."""
        low, high = self._system.thickness_nm
        largest = self._system.mistilt_mrad[1]
        thickness, mistilt = fit.parameters.thickness_nm, math.hypot(*fit.parameters.tilt)
        return low / _NEARLY <= thickness <= high * _NEARLY and mistilt <= largest * _NEARLY

    def _fits(
        self, data: CleanPattern, asker: Asker, posed: list[Posed], effort: Effort
    ) -> list[Fit]:
        """Fits from the best hypotheses at some poses."""
        closer = [
            asker.glance(one, self._coarse(one.convergence_mrad, GLANCE), effort.poses)
            for one in posed
        ]
        candidates = asker.candidates(
            [(one, self._coarse(one.convergence_mrad, Fineness())) for one in closer if one.poses],
            effort,
        )
        return polish(data, self._table, candidates, asker.known, effort.finished)

    def _disks(self, data: CleanPattern, asked: Asked) -> list[DiskLocation]:
        """Where the finder says that the first disk lies, the likeliest first."""
        finder, radius = shipped_finder(), asked.radius_px
        disks = [one.disk for one in finder.find(data.values, None, THOROUGH.disks)]
        if radius is None:
            return disks
        # What is known of the size is not exact: the finder's own is taken where they agree.
        agreed = [disk for disk in disks if abs(math.log(disk.radius / radius)) < 2 * _SCALE]
        return agreed or [one.disk for one in finder.find(data.values, radius, THOROUGH.disks)]

    def _places(
        self, data: CleanPattern, asked: Asked, disks: list[DiskLocation]
    ) -> list[RimPlace]:
        """Where the rims of all disks together say that the lattice lies, the likeliest first."""
        sizes = sizes_to_try(
            data.shape,
            asked.convergence_mrad,
            self._system.convergence_mrad,
            asked.mrad_per_pixel,
            [disk.radius for disk in disks],
        )
        return rim_places(data, self._table.geometry.lattice_mrad, sizes, THOROUGH.places)

    def _angles(self, asked: Asked, places: list[RimPlace]) -> list[float]:
        """Convergence angles that are asked of the finder's disks."""
        if asked.convergence_mrad is not None:
            return [asked.convergence_mrad]
        return list(dict.fromkeys(place.convergence_mrad for place in places))

    def _turned(self, disks: list[DiskLocation], angles: list[float]) -> list[Posed]:
        order = self._table.geometry.rotation_order
        return [posed_disk(disk, angle, order) for disk in disks for angle in angles]

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
        return found

    def _forget(self) -> None:
        """Drop the coarse patterns that were asked for longest ago, beyond what may be kept."""
        with self._lock:
            held = 0
            for key, made in reversed(list(self._made.items())):
                held += made.held_bytes
                if held > _KEPT_BYTES:
                    del self._made[key]


def _turned_otherwise(fits: list[Fit], best: Fit, rotation_order: int) -> Fit | None:
    """A fit of the crystal turned otherwise, about as thick, that leaves hardly more."""
    thickness = best.parameters.thickness_nm
    rivals = [
        fit
        for fit in fits
        if abs(fit.parameters.thickness_nm - thickness) < _ABOUT_NM
        and turned_by(fit, best, rotation_order) > SAME_ROTATION
        and fit.ranked_residual < _HARDLY_WORSE * best.ranked_residual
    ]
    return min(rivals, key=lambda fit: fit.ranked_residual, default=None)


def _enough(fits: list[Fit]) -> bool:
    """Whether the best fit need not be doubted."""
    best = fits[0]
    if best.structured_residual < _GOOD:
        return True
    if best.contrast < FAINT and best.structured_residual < _MOST:
        # The pattern has hardly more to show: whatever is found, it cannot be told from others.
        return True
    # What the fitted pattern alone varies: backgrounds may explain much of a wrong one.
    left = max(best.structured_residual, best.unexplained)
    return left < _FAIR and all(fit.structured_residual > _ALONE * left for fit in fits[1:])


def _posed_lattices(
    data: CleanPattern, places: list[RimPlace], geometry: TableGeometry
) -> list[Posed]:
    middle = bright_middle(data.values)
    return [posed_lattice(place, middle, geometry) for place in places]
