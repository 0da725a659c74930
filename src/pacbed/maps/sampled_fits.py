"""Fits of the sampled windows of a scan, from which follows what all windows share.

Each is a piece of the map's work of its own: the answers are the same wherever they are made.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from threadpoolctl import ThreadpoolController

from pacbed.arrays import Counts, Numbers, Patterns
from pacbed.errors import PatternError
from pacbed.infer.fit.found import Fit
from pacbed.infer.open_predictor import FittingPredictor
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.infer.shared.solve import BatchSolver, cleaned

#: A sampled window counts where the fit leaves less of the contrast than this.
_GOOD = 0.35
#: Windows whose centres are found one after the other: so many are worth being sent.
TOGETHER = 4


class Tools(Protocol):
    """What sampled windows are fitted with."""

    @property
    def predictor(self) -> FittingPredictor:
        """The model's."""

    @property
    def shared(self) -> Path | None:
        """Folder in which processes share patterns of tilts."""


@dataclass(frozen=True)
class FreeFit:
    """Fits a window with everything free.

    Attributes
    ----------
    number : int
        Of the window.
    pattern : ndarray, shape (rows, columns)
    convergence_mrad, mrad_per_pixel : float or None
        None where it shall be found.
    """

    number: int
    pattern: Counts
    convergence_mrad: float | None
    mrad_per_pixel: float | None

    def __call__(self, tools: Tools) -> Iterator[tuple[int, Fit | None]]:
        """The window's number and its best fit; None where that is not good."""
        # The matrices are small, and the order of their sums must not depend on threads.
        with ThreadpoolController().limit(limits=1, user_api="blas"):
            yield self.number, self._fit(tools.predictor)

    def _fit(self, predictor: FittingPredictor) -> Fit | None:
        try:
            solved = predictor.solve(self.pattern, self.convergence_mrad, self.mrad_per_pixel)
        except PatternError:
            return None
        if not solved.solutions:
            return None
        fit = solved.solutions[0].fit
        return fit if fit.structured_residual < _GOOD and fit.gain > 0 else None


@dataclass(frozen=True)
class Center:
    """Where a window's disk was found.

    Attributes
    ----------
    place : ndarray, shape (2,)
        Of the window in the scan.
    center : ndarray, shape (2,)
        Column and row, pixels.
    error_px : float
    """

    place: Numbers
    center: Numbers
    error_px: float


@dataclass(frozen=True)
class CenterFits:
    """Finds the centres of some windows' disks, where all else is known.

    Attributes
    ----------
    number : int
        Of the first window.
    patterns : ndarray, shape (B, rows, columns)
    place : ndarray, shape (B, 2)
    geometry : SharedGeometry
        With centres that may be wrong by some pixels.
    """

    number: int
    patterns: Patterns
    place: Numbers
    geometry: SharedGeometry

    def __call__(self, tools: Tools) -> Iterator[tuple[int, Center | None]]:
        """Each window's number and centre; None where the pattern is not of the system."""
        found: list[Center | None] = [None] * len(self.patterns)
        with ThreadpoolController().limit(limits=1, user_api="blas"):
            usable, kept = cleaned(self.patterns)
            if usable:
                numbers = kept.nonzero()[0].tolist()
                solver = _solver(tools.predictor, self.geometry, tools.shared)
                centers = self.geometry.center(self.place[kept])
                solved = solver.solve(usable, centers, solver.read(usable, centers))
                for number, center, solutions in zip(numbers, centers, solved, strict=True):
                    if solutions and solutions[0].fit.structured_residual < _GOOD:
                        fit, scale = solutions[0].fit, self.geometry.mrad_per_pixel
                        shift = self.geometry.tilt_in_pattern(fit.shift) / scale
                        error = fit.shift_std_mrad / scale
                        found[number] = Center(self.place[number], center + shift, error)
        yield from enumerate(found, self.number)


@lru_cache(maxsize=2)
def _solver(
    predictor: FittingPredictor, geometry: SharedGeometry, shared: Path | None
) -> BatchSolver:
    """The solver of the sampled windows, kept for the next of them."""
    solver = predictor.sharing(geometry)
    if shared is not None:
        solver.share(shared)
    return solver
