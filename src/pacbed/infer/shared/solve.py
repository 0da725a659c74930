"""From summed patterns of one geometry to thicknesses, tilts and their alternatives.

For each pattern: the networks read tilt and thickness, or without networks all tilts of the
system are compared coarsely; every thickness is compared at the lattice tilts near those and
near the neighbour's answer; the likeliest hypotheses are fitted. Where none fits, more of the
tilts are searched that the coarse comparison allows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from pacbed.arrays import (
    Counts,
    Indices,
    Mask,
    Matrices,
    Numbers,
    Pixels,
    Tilt,
)
from pacbed.errors import PatternError
from pacbed.infer.fit.scan import valleys
from pacbed.infer.judge.confidence import Calibration, Evidence
from pacbed.infer.networks.networks import Networks
from pacbed.infer.search.patterns import CoarsePatterns
from pacbed.infer.shared.all_tilts import AllTilts
from pacbed.infer.shared.dictionary import PatternDictionary, shared_dictionary
from pacbed.infer.shared.fit import LocalFit, fit_locally
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.infer.shared.reading import BatchReading, read_batch
from pacbed.infer.shared.sampler import LatticeSampler, sampling_width
from pacbed.library.models.kinds import Model, table_of
from pacbed.pattern.clean import cleaned_window
from pacbed.pattern.recorded import CleanPattern

#: Solutions that are kept of each pattern, the best first.
KEPT = 3
#: How far around the reading and the neighbour tilts are compared, mrad.
_AROUND_MRAD = 1.6
#: Tilts of the coarse comparison from which to begin without networks, and where nothing fits.
_BEGUN, _SEARCHED = 2, 6
#: Two thicknesses closer than this are one hypothesis, nm.
_DISTINCT_NM = 2.0
#: Hypotheses that are worse than the best by more than this χ² in the comparison are not
#: fitted, and solutions by more than this are not kept.
_WORSE, _UNLIKELY = 40.0, 25.0
#: A fit that leaves more of the contrast than this is not believed: search everywhere.
_BAD = 0.35
_STEPS = 8
#: Probability that the networks give at least to every thickness: they may be wrong.
_FLOOR = 0.02
#: What the networks think of a thickness: their probability within this distance, nm.
_SUPPORT_NM = 3.0


@dataclass(frozen=True)
class WindowSolution:
    """One thickness and tilt that a pattern allows.

    Attributes
    ----------
    fit : LocalFit
        In the crystal's frame.
    probability : float
        Of the solutions kept, from the fits and the networks together; from the fits alone
        without networks.
    """

    fit: LocalFit
    probability: float


class BatchSolver:
    """Infers patterns that share a geometry; see :meth:`.predictor.Predictor.sharing`.

    Parameters
    ----------
    model : Model
        With a table.
    networks : Networks or None
        None where there are none: the table alone answers.
    calibration : Calibration
    geometry : SharedGeometry
    """

    def __init__(
        self,
        model: Model,
        networks: Networks | None,
        calibration: Calibration,
        geometry: SharedGeometry,
    ) -> None:
        self.calibration = calibration
        self.geometry = geometry
        self._model = model
        self._table = table_of(model)
        self._networks = networks
        self._made: tuple[PatternDictionary, LatticeSampler] | None = None

    def read(self, patterns: list[CleanPattern], centers: Pixels) -> BatchReading | None:
        """The networks' answers alone; None where there are no networks.

        Parameters
        ----------
        patterns : list of CleanPattern
            B patterns, from :func:`cleaned`.
        centers : ndarray, shape (B, 2)
            Column and row of the disks' centres, pixels.

        Raises
        ------
        PatternError
            If the disk of this geometry is not on the detector at all.
        """
        if self._networks is None:
            return None
        return read_batch(patterns, centers, self.geometry, self._networks)

    def solve(
        self,
        patterns: list[CleanPattern],
        centers: Pixels,
        reading: BatchReading | None,
        neighbours: bool = False,
    ) -> Iterator[list[WindowSolution]]:
        """Fit patterns, one after the other.

        Parameters
        ----------
        patterns, centers
            As for :meth:`read`.
        reading : BatchReading or None
            Where to begin; without one at all tilts that the pattern may have.
        neighbours : bool
            The patterns lie in a row: begin at the tilt of the last one as well.

        Yields
        ------
        list of WindowSolution
            Of the next pattern, the likeliest first; empty where it is not of a disk.
        """
        dictionary, sampler = self._tools()
        beside: list[Tilt] = []
        for number, (pattern, center) in enumerate(zip(patterns, centers, strict=True)):
            try:
                values, recorded = sampler.sample(pattern.values, center, pattern.known)
            except PatternError:
                yield []
                continue
            search = _Search(dictionary, values, recorded, self._shift_std())
            likely = self._likely(pattern, center)
            read = None if reading is None else reading.tilt[number]
            fits = _fits(search, read, beside, likely)
            solutions = self._weighted(fits, self._support(fits, reading, number))
            beside = [solutions[0].fit.tilt] if neighbours else []
            yield solutions

    def _likely(self, pattern: CleanPattern, center: Pixels) -> Callable[[], list[Tilt]]:
        """Asks for the tilts that a pattern may have."""
        return lambda: self._all_tilts.likely(pattern, center, _SEARCHED) or [np.zeros(2)]

    def doubt(self, fit: LocalFit) -> float:
        """See :mod:`pacbed.infer.judge.confidence`.

        A window has few electrons: what noise alone makes large (the errors of networks and
        fit, the residual) says nothing about the crystal. Only what the fit leaves beyond
        the noise counts, and the convergence angle that the scan asks for.
        """
        shift = self.geometry.convergence_shift
        return self.calibration.doubt(
            Evidence(fit.structured_residual, fit.structured_share, None, None, shift)
        )

    def _tools(self) -> tuple[PatternDictionary, LatticeSampler]:
        if self._made is None:
            alpha = self.geometry.convergence_mrad
            bare = PatternDictionary(self._table, alpha, 0.0)
            width = np.hypot(sampling_width(self.geometry, bare.lattice), self.geometry.blur_mrad)
            dictionary = shared_dictionary(self._table, alpha, float(width))
            self._made = dictionary, LatticeSampler(dictionary, self.geometry)
        return self._made

    @cached_property
    def _all_tilts(self) -> AllTilts:
        largest = self._model.system.mistilt_mrad[1]
        coarse = CoarsePatterns(self._table, self.geometry.convergence_mrad, largest)
        return AllTilts(coarse, self.geometry)

    def share(self, folder: Path) -> None:
        """Make no patterns that lie in a folder; see :meth:`.PatternDictionary.share`."""
        self._tools()[0].share(folder)

    def _shift_std(self) -> float:
        return max(self.geometry.center_std_px, 0.02) * self.geometry.mrad_per_pixel

    def _weighted(self, fits: list[LocalFit], support: Numbers) -> list[WindowSolution]:
        best = fits[0]
        kept = [n for n, fit in enumerate(fits) if _worse(fit, best) < _UNLIKELY][:KEPT]
        weights = np.array([np.exp(-_worse(fits[n], best) / 2) * support[n] for n in kept])
        weights /= weights.sum()
        order = np.argsort(-weights, kind="stable")
        return [WindowSolution(fits[kept[n]], float(weights[n])) for n in order]

    def _support(self, fits: list[LocalFit], reading: BatchReading | None, number: int) -> Numbers:
        """What the networks think of the thicknesses of fits; without them all are alike."""
        if reading is None:
            return np.ones(len(fits))
        near = [np.abs(reading.bins - fit.thickness_nm) <= _SUPPORT_NM for fit in fits]
        shares = [float(reading.probability[number][around].sum()) for around in near]
        return _FLOOR + np.array(shares)


@dataclass(frozen=True)
class _Search:
    """Hypotheses for one pattern, and their fits."""

    dictionary: PatternDictionary
    values: Numbers
    recorded: Mask
    shift_std_mrad: float

    def near(self, *groups: list[Tilt]) -> list[LocalFit]:
        """Compare near groups of tilts, each brought into a sector by its first one's symmetry."""
        d = self.dictionary
        operations, places = d.foldings
        hypotheses = []
        for tilts in groups:
            number = _folding(operations, tilts[0])
            folded = [operations[number].T @ tilt for tilt in tilts]
            steps = {step for tilt in folded for step in d.steps_near(tilt, _AROUND_MRAD)}
            hypotheses += [(number, places[number], step) for step in sorted(steps)]
        return self._fits(hypotheses)

    def _fits(self, hypotheses: list[tuple[int, Indices, tuple[int, int]]]) -> list[LocalFit]:
        d = self.dictionary
        d.prepare(step for _, _, step in hypotheses)
        measured = {}
        for number, place, _ in hypotheses:
            if number not in measured:
                measured[number] = d.measured(self.values[place], self.recorded[place])
        total = float((measured[hypotheses[0][0]].values ** 2).sum())
        explained = np.stack([d.explained(measured[n], step) for n, _, step in hypotheses])
        left = total - explained.max(axis=0)
        noise = float(left.min()) / int(self.recorded.sum())
        fits: list[LocalFit] = []
        for thickness in valleys(left, d.thickness_nm, 2 * KEPT):
            at = int(np.argmin(np.abs(d.thickness_nm - thickness)))
            if (left[at] - left.min()) / noise > _WORSE or len(fits) >= KEPT:
                break
            if any(abs(thickness - fit.thickness_nm) < _DISTINCT_NM for fit in fits):
                continue
            number, place, step = hypotheses[int(explained[:, at].argmax())]
            fits.append(self._fit(number, place, thickness, np.array(step) @ d.lattice))
        return _distinct(_sorted(fits))

    def _fit(self, number: int, place: Indices, thickness: float, tilt: Tilt) -> LocalFit:
        fit = fit_locally(
            self.dictionary,
            self.values[place],
            self.recorded[place],
            (thickness, float(tilt[0]), float(tilt[1])),
            self.shift_std_mrad,
            _STEPS,
        )
        return fit.turned(self.dictionary.foldings[0][number])


def _fits(
    search: _Search, read: Tilt | None, beside: list[Tilt], likely: Callable[[], list[Tilt]]
) -> list[LocalFit]:
    """Fits of one pattern, the best first.

    Parameters
    ----------
    search : _Search
    read : ndarray or None
        The tilt that the networks read.
    beside : list of ndarray
        Tilts of the neighbours.
    likely : callable
        Gives the tilts to begin from where nothing was read, or where nothing fits.
    """
    begun = likely() if read is None else [read]
    first, more = begun[:_BEGUN], begun[_BEGUN:]
    fits = search.near([first[0], *beside], *([tilt] for tilt in first[1:]))
    if fits[0].structured_residual > _BAD:
        more = more if read is None else likely()
        if more:
            fits = _sorted([*fits, *search.near(*([tilt] for tilt in more))])
    return fits


def _worse(fit: LocalFit, best: LocalFit) -> float:
    """Difference of χ² in units of the best fit's noise."""
    return fit.square_sum / best.noise - best.square_sum / best.noise


def _folding(operations: Matrices, tilt: Tilt) -> int:
    """Number of the operation A with tilt = A · folded tilt; always the same of equal ones."""
    images = np.einsum("mji,j->mi", operations, tilt)
    # Any direction off the mirror lines chooses one of the images.
    along = images @ np.array([np.cos(0.39), np.sin(0.39)])
    return int((along > along.max() - 1e-6).argmax())


def _sorted(fits: list[LocalFit]) -> list[LocalFit]:
    return sorted(fits, key=lambda fit: fit.square_sum)


def _distinct(fits: list[LocalFit]) -> list[LocalFit]:
    kept: list[LocalFit] = []
    for fit in fits:
        if all(abs(fit.thickness_nm - other.thickness_nm) > 0.5 for other in kept):
            kept.append(fit)
    return kept


def cleaned(patterns: Counts) -> tuple[list[CleanPattern], Mask]:
    """Check and mend patterns.

    Parameters
    ----------
    patterns : ndarray, shape (B, rows, columns)
        NaN where a pixel says nothing.

    Returns
    -------
    patterns : list of CleanPattern
        Those that can be used.
    usable : ndarray of bool, shape (B,)
        Which they are.
    """
    usable = np.ones(len(patterns), bool)
    found = []
    for number, pattern in enumerate(patterns):
        try:
            found.append(cleaned_window(pattern))
        except PatternError:
            usable[number] = False
    return found, usable
