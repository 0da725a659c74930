"""From a measured pattern to an Estimate with a table alone."""

import time
from collections.abc import Sequence

import numpy as np
from threadpoolctl import ThreadpoolController

from pacbed.answer.estimate import Estimate
from pacbed.arrays import Counts, Mask
from pacbed.errors import PatternError
from pacbed.infer.fit.solved import Solution, Solved
from pacbed.infer.judge.attempts import Attempt, Question, best_of, with_or_without
from pacbed.infer.judge.causes import is_whole
from pacbed.infer.judge.confidence import Calibration
from pacbed.infer.judge.judgement import Context
from pacbed.infer.judge.outcome import fitted_estimate
from pacbed.infer.known.given import Given
from pacbed.infer.search.effort import QUICK, THOROUGH, Effort
from pacbed.infer.search.search import Asked, Searcher
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.infer.shared.solve import BatchSolver
from pacbed.lacbed.table import LacbedTable
from pacbed.library.models.kinds import Model, table_of
from pacbed.library.models.model_files import TABLE
from pacbed.microscope.record import Microscope
from pacbed.pattern.clean import clean
from pacbed.pattern.recorded import CleanPattern

#: Step of the distribution over thickness, nm.
_BIN_NM = 1.0


class TablePredictor:
    """Infers with the table of a model; may be shared by threads.

    Parameters
    ----------
    model : Model
        With a table.
    threads : int
        Threads of one inference.

    Raises
    ------
    BundleError
        If the table is missing, damaged or of another version.
    """

    def __init__(self, model: Model, threads: int = 1) -> None:
        self.bundle = model
        self._table = table_of(model)
        self._threads = threads
        self._pools = ThreadpoolController()
        self._calibration = Calibration.from_dict(model.calibration)
        self._searcher = Searcher(self._table, model.system)

    @property
    def table(self) -> LacbedTable:
        """The LACBED table."""
        return self._table

    @property
    def order(self) -> int:
        """Of the projection's rotations: patterns look the same after a turn by 360°/order."""
        return self._table.geometry.rotation_order

    def infer(
        self,
        pattern: Counts,
        convergence_mrad: float | None = None,
        mrad_per_pixel: float | None = None,
        refine: bool = True,
        mask: Mask | None = None,
        microscope: Microscope | None = None,
    ) -> Estimate:
        """Infer thickness and mistilt of one pattern.

        Parameters
        ----------
        pattern : ndarray, shape (rows, columns)
            As recorded, any size from 32² to 4096² and any real dtype.
        convergence_mrad : float, optional
            Convergence semi-angle; found from the pattern where it is not given.
        mrad_per_pixel : float, optional
            Angle per pixel; found from the pattern where it is not given.
        refine : bool
            Has no effect: without networks every answer is a fit.
        mask : ndarray of bool, shape (rows, columns), optional
            True where a pixel says nothing, beside those that are found.
        microscope : Microscope, optional
            From :func:`pacbed.read_microscope`: says what is not given, how sure that is, and
            the shape of the disks. One of another high tension is left out, with a warning.

        Returns
        -------
        Estimate

        Raises
        ------
        PatternError
            If the array cannot be a pattern, or shows no disk.
        OutOfRangeError
            If the convergence angle lies outside the table's range.
        """
        started = time.perf_counter()
        given = Given.of(self.bundle.system, convergence_mrad, mrad_per_pixel, microscope)
        return self.answer(clean(pattern, mask), given, started)

    def answer(self, data: CleanPattern, given: Given, started: float) -> Estimate:
        """As :meth:`infer`, of a cleaned pattern, since a time of :func:`time.perf_counter`."""
        system = self.bundle.system
        angle = given.convergence_mrad
        if angle is None:
            solutions = self.search(data, Asked(None, given.mrad_per_pixel, given.session))
        else:
            solutions = self._near(data, Question(angle, given.mrad_per_pixel, given.session))
        if not solutions:
            raise PatternError("too little of the bright-field disk is recorded; crop less")
        low, high = system.thickness_nm
        context = Context(
            system,
            self.bundle.hashes.get(TABLE, ""),
            self._calibration,
            np.linspace(low, high, max(2, round((high - low) / _BIN_NM) + 1)),
            self.order,
            data,
            given,
            started,
            sensitivities=self.bundle.sensitivities,
        )
        return fitted_estimate(context, None, solutions)

    def _near(self, data: CleanPattern, question: Question) -> list[Solution]:
        """The solutions at a convergence angle, or at one near it where that explains nothing."""
        tried: list[Attempt] = []
        for asked in (question, *question.others(self.bundle.system.convergence_mrad)):
            efforts = (QUICK, THOROUGH) if asked is question else (QUICK,)
            found = self.search(data, Asked.of(asked), efforts)
            attempt = Attempt(None, found, is_whole(data, found[0].fit)) if found else None
            if attempt is not None and attempt.near(question.convergence_mrad):
                tried.append(attempt)
                if attempt.good:
                    break
        return best_of(tried).solutions if tried else []

    def solve(
        self,
        pattern: Counts,
        convergence_mrad: float | None,
        mrad_per_pixel: float | None = None,
    ) -> Solved:
        """As :meth:`infer`, without a judgement of what was found."""
        return Solved([], self.search(clean(pattern), Asked(convergence_mrad, mrad_per_pixel)))

    def sharing(self, geometry: SharedGeometry) -> BatchSolver:
        """Solver for many patterns of one geometry, which makes them much quicker."""
        return BatchSolver(self.bundle, None, self._calibration, geometry)

    def search(
        self,
        data: CleanPattern,
        asked: Asked,
        efforts: Sequence[Effort] = (QUICK, THOROUGH),
    ) -> list[Solution]:
        """The solutions of a cleaned pattern, the best first; none where no disk is recorded."""
        bound = self._searched(data, asked, efforts)
        if bound is None or not bound.doubts(asked.known):
            return [] if bound is None else bound.solutions
        freed = self._searched(data, asked.freed, (QUICK,))
        angle = asked.convergence_mrad
        if freed is None or (angle is not None and not freed.near(angle)):
            return bound.solutions
        return with_or_without(bound, freed, asked.known).solutions

    def _searched(
        self, data: CleanPattern, asked: Asked, efforts: Sequence[Effort]
    ) -> Attempt | None:
        """What one search finds; None where no disk is recorded."""
        # Small matrices, but for the sweep's: more threads only wait for each other.
        with self._pools.limit(limits=self._threads, user_api="blas"):
            found = self._searcher.solve(data, asked, efforts)
        return Attempt(None, found, is_whole(data, found[0].fit)) if found else None
