"""From summed patterns of one geometry to thicknesses, tilts and their alternatives.

For each pattern: the networks read tilt and thickness; every thickness is compared at the
lattice tilts near that reading and near the neighbour's answer; the likeliest hypotheses are
fitted. Where none fits, all tilts of the system are searched.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import (
    Counts,
    Indices,
    Mask,
    Matrices,
    Numbers,
    Patterns,
    Pixels,
    Probabilities,
    Tilt,
)
from pacbed.errors import PatternError
from pacbed.infer.confidence import Calibration, Evidence
from pacbed.infer.fit.scan import valleys
from pacbed.infer.networks import Networks
from pacbed.infer.shared.dictionary import PatternDictionary
from pacbed.infer.shared.fit import LocalFit, fit_locally
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.infer.shared.reading import BatchReading, read_batch
from pacbed.infer.shared.sampler import LatticeSampler, sampling_width
from pacbed.library.models.bundle import Bundle
from pacbed.pattern.preprocess import clean

#: Solutions that are kept of each pattern, the best first.
KEPT = 3
#: How far around the reading and the neighbour tilts are compared, mrad.
_AROUND_MRAD = 1.6
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
        Of the solutions kept, from the fits and the networks together.
    """

    fit: LocalFit
    probability: float


class BatchSolver:
    """Infers patterns that share a geometry; see :meth:`.predictor.Predictor.sharing`.

    Parameters
    ----------
    bundle : Bundle
    networks : Networks
    calibration : Calibration
    geometry : SharedGeometry
    """

    def __init__(
        self,
        bundle: Bundle,
        networks: Networks,
        calibration: Calibration,
        geometry: SharedGeometry,
    ) -> None:
        self.bundle = bundle
        self.calibration = calibration
        self.geometry = geometry
        self.bins = networks.bins
        self._networks = networks
        self._made: tuple[PatternDictionary, LatticeSampler] | None = None

    def read(self, patterns: Patterns, centers: Pixels) -> BatchReading:
        """The networks' answers alone.

        Parameters
        ----------
        patterns : ndarray of float32, shape (B, rows, columns)
            From :func:`cleaned`.
        centers : ndarray, shape (B, 2)
            Column and row of the disks' centres, pixels.

        Raises
        ------
        PatternError
            If the disk of this geometry is not on the detector at all.
        """
        return read_batch(patterns, centers, self.geometry, self._networks)

    def solve(
        self,
        patterns: Patterns,
        centers: Pixels,
        reading: BatchReading,
        neighbours: bool = False,
    ) -> Iterator[list[WindowSolution]]:
        """Fit patterns, one after the other.

        Parameters
        ----------
        patterns, centers : ndarray
            As for :meth:`read`.
        reading : BatchReading
            Where to begin.
        neighbours : bool
            The patterns lie in a row: begin at the tilt of the last one as well.

        Yields
        ------
        list of WindowSolution
            Of the next pattern, the likeliest first; empty where it is not of a disk.
        """
        dictionary, sampler = self._tools()
        tilts: list[Tilt] = []
        for pattern, center, tilt, probability in zip(
            patterns, centers, reading.tilt, reading.probability, strict=True
        ):
            try:
                values, recorded = sampler.sample(pattern, center)
            except PatternError:
                yield []
                continue
            search = _Search(dictionary, values, recorded, self._shift_std())
            fits = search.near([tilt, *tilts])
            if fits[0].structured_residual > _BAD:
                fits = _sorted([*fits, *search.everywhere(self.bundle.system.mistilt_mrad[1])])
            solutions = self._weighted(fits, probability)
            tilts = [solutions[0].fit.tilt] if neighbours else []
            yield solutions

    def doubt(self, fit: LocalFit) -> float:
        """See :mod:`pacbed.infer.confidence`.

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
            table = self.bundle.table
            bare = PatternDictionary(table, alpha, 0.0)
            width = np.hypot(sampling_width(self.geometry, bare.lattice), self.geometry.blur_mrad)
            dictionary = PatternDictionary(table, alpha, float(width))
            self._made = dictionary, LatticeSampler(dictionary, self.geometry)
        return self._made

    def _shift_std(self) -> float:
        return max(self.geometry.center_std_px, 0.02) * self.geometry.mrad_per_pixel

    def _weighted(self, fits: list[LocalFit], probability: Probabilities) -> list[WindowSolution]:
        best = fits[0]
        kept = [f for f in fits if self._worse(f, best) < _UNLIKELY][:KEPT]
        weights = np.array(
            [
                np.exp(-self._worse(fit, best) / 2)
                * (_FLOOR + self._support(probability, fit.thickness_nm))
                for fit in kept
            ]
        )
        weights /= weights.sum()
        order = np.argsort(-weights, kind="stable")
        return [WindowSolution(kept[n], float(weights[n])) for n in order]

    def _worse(self, fit: LocalFit, best: LocalFit) -> float:
        """Difference of χ² in units of the best fit's noise."""
        return fit.square_sum / best.noise - best.square_sum / best.noise

    def _support(self, probability: Probabilities, thickness_nm: float) -> float:
        near = np.abs(self.bins - thickness_nm) <= _SUPPORT_NM
        return float(probability[near].sum())


@dataclass(frozen=True)
class _Search:
    """Hypotheses for one pattern, and their fits."""

    dictionary: PatternDictionary
    values: Numbers
    recorded: Mask
    shift_std_mrad: float

    def near(self, tilts: list[Tilt]) -> list[LocalFit]:
        """Compare near some tilts, all brought into one sector by the first one's symmetry."""
        d = self.dictionary
        operations, places = d.foldings
        number = _folding(operations, tilts[0])
        steps = sorted(
            {s for tilt in tilts for s in d.steps_near(operations[number].T @ tilt, _AROUND_MRAD)}
        )
        return self._fits([(number, places[number], step) for step in steps])

    def everywhere(self, mistilt_max_mrad: float) -> list[LocalFit]:
        """Compare at all tilts of the system."""
        d = self.dictionary
        operations, places = d.foldings
        steps = [
            step
            for step in d.steps_near(np.zeros(2), mistilt_max_mrad)
            if _folding(operations, np.array(step) @ d.lattice) == 0
        ]
        return self._fits(
            [(number, place, step) for number, place in enumerate(places) for step in steps]
        )

    def _fits(self, hypotheses: list[tuple[int, Indices, tuple[int, int]]]) -> list[LocalFit]:
        d = self.dictionary
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


def cleaned(patterns: Counts) -> tuple[Patterns, Mask]:
    """Check and mend patterns; those that cannot be used are zero.

    Parameters
    ----------
    patterns : ndarray, shape (B, rows, columns)

    Returns
    -------
    patterns : ndarray of float32
    usable : ndarray of bool, shape (B,)
    """
    usable = np.ones(len(patterns), bool)
    result = np.zeros(patterns.shape, np.float32)
    for number, pattern in enumerate(patterns):
        try:
            result[number] = clean(pattern)
        except PatternError:
            usable[number] = False
    return result, usable
