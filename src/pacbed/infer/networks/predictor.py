"""From a measured pattern to an Estimate: the networks, and the fit behind them."""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from threadpoolctl import ThreadpoolController

from pacbed.answer.estimate import Estimate
from pacbed.arrays import Counts, Mask
from pacbed.infer.fit.hypotheses import refine
from pacbed.infer.fit.solved import Solved
from pacbed.infer.judge.attempts import Attempt, Question, best_of, with_or_without
from pacbed.infer.judge.causes import is_whole, not_square
from pacbed.infer.judge.confidence import Calibration
from pacbed.infer.judge.judgement import Context
from pacbed.infer.judge.outcome import fitted_estimate, read_estimate
from pacbed.infer.known.given import Given
from pacbed.infer.networks.networks import Networks
from pacbed.infer.networks.posing import Reading, read_poses
from pacbed.infer.search.effort import QUICK, THOROUGH
from pacbed.infer.search.predictor import TablePredictor
from pacbed.infer.search.search import Asked
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.infer.shared.solve import BatchSolver
from pacbed.library.models.bundle import READER, Bundle
from pacbed.microscope.record import Microscope
from pacbed.pattern.clean import clean
from pacbed.pattern.disk_form import disk_aspect
from pacbed.pattern.recorded import CleanPattern

#: Pixels along the longest side of a pattern that is stretched.
_LONGEST = 4096


class Predictor:
    """Infers with one bundle; may be shared by threads.

    Parameters
    ----------
    bundle : Bundle
    threads : int
        Threads of one inference.

    Raises
    ------
    BundleError
        If a part of the bundle is missing, damaged or of another version.
    """

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self.bundle = bundle
        self._networks = Networks(bundle, threads)
        self._threads = threads
        self._pools = ThreadpoolController()
        self._calibration = Calibration.from_dict(bundle.calibration)

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
            Convergence semi-angle. Where it is not given, the table alone answers, and finds
            it: the networks need to be told.
        mrad_per_pixel : float, optional
            Angle per pixel; found from the pattern where it is not given.
        refine : bool
            Fit the synthesised pattern to the measured one. Without it the answer is
            the networks' alone, and a pattern of another crystal is not refused.
        mask : ndarray of bool, shape (rows, columns), optional
            True where a pixel says nothing, beside those that are found: dead lines and gaps
            of any value, saturation, a beam stop, and what is no number.
        microscope : Microscope, optional
            From :func:`pacbed.read_microscope`: says what is not given, how sure that is, and
            the shape of the disks. One of another high tension is left out, with a warning.

        Returns
        -------
        Estimate

        Raises
        ------
        PatternError
            If the array cannot be a pattern.
        OutOfRangeError
            If the convergence angle lies outside the bundle's range.

        Examples
        --------
        >>> import numpy as np, pacbed
        >>> predictor = pacbed.open_predictor(pacbed.load_bundle("sto-001-300kV"))
        >>> pattern = np.load("examples/sto-001-300kV_42nm.npy")
        >>> estimate = predictor.infer(pattern, convergence_mrad=20.0)
        >>> print(f"{estimate.status}: {estimate.thickness_nm:.0f} nm")
        ok: 42 nm
        """
        started = time.perf_counter()
        system = self.bundle.system
        given = Given.of(system, convergence_mrad, mrad_per_pixel, microscope)
        data = clean(pattern, mask)
        angle = given.convergence_mrad
        if angle is None:
            return self._alone.answer(data, given, started)
        context = Context(
            system,
            self.bundle.hashes[READER],
            self._calibration,
            self._networks.bins,
            self._networks.order,
            data,
            given,
            started,
            sensitivities=self.bundle.sensitivities,
        )
        question = Question(angle, given.mrad_per_pixel, given.session)
        if not refine:
            return read_estimate(context, self._read(data, question)[0], angle)
        tried = self._find(data, question)
        found = best_of(tried)
        sure = min(a.reading.tilt_error_mrad for a in tried if a.reading is not None)
        context = replace(context, tilt_error_mrad=sure)
        if not found.good and disk_aspect(data) is None:
            context = replace(context, pattern=self._with_form(data, question))
        return fitted_estimate(context, found.reading, found.solutions)

    def _with_form(self, data: CleanPattern, question: Question) -> CleanPattern:
        """Add a remark where binning along one axis explains what else nothing does.

        It is tried where the disk is not seen as a whole, so that its form cannot be measured.
        """
        for axis, aspect in ((0, 2.0), (1, 0.5)):
            stretched = data.repeated(axis)
            if max(stretched.shape) <= _LONGEST:
                attempt = self._by_networks(stretched, Question(question.convergence_mrad, None))
                if attempt.good:
                    return replace(data, remarks=(*data.remarks, not_square(aspect)))
        return data

    def _find(self, data: CleanPattern, question: Question) -> list[Attempt]:
        """All attempts, of which no more are made than it takes for a good one."""
        first = self._believed(data, question)
        settled = first.good and first.whole
        if settled and not first.far(question.convergence_mrad):
            return [first]
        tried = [first]
        if settled:
            # The networks were told of another aperture than the pattern shows.
            again = self._by_networks(data, self._as_found(first))
            best = best_of([first, again])
            return [replace(best, reading=again.reading)]
        for attempt in self._others(data, question, first.whole):
            if attempt.near(question.convergence_mrad):
                tried.append(attempt)
                if attempt.good:
                    break
        return tried

    def _as_found(self, attempt: Attempt) -> Question:
        """The question with the convergence angle that an attempt found."""
        low, high = self.bundle.system.convergence_mrad
        found = attempt.best.parameters
        return Question(min(max(found.convergence_mrad, low), high), None)

    def _others(self, data: CleanPattern, question: Question, whole: bool) -> Iterator[Attempt]:
        """Attempts where the networks' answer to a question leads nowhere."""
        # Networks see whole disks. From a part they lead to thicknesses that explain it by chance.
        if whole:
            for other in question.others(self.bundle.system.convergence_mrad):
                yield self._by_networks(data, other)
        # The networks may never have come near.
        efforts = (QUICK,) if whole else (QUICK, THOROUGH)
        for other in dict.fromkeys((question, question.freed)):
            solutions = self._alone.search(data, Asked.of(other), efforts)
            if solutions:
                yield Attempt(None, solutions, is_whole(data, solutions[0].fit))

    def _read(self, data: CleanPattern, question: Question) -> list[Reading]:
        return read_poses(data, self._networks, question.convergence_mrad, question.mrad_per_pixel)

    def _believed(self, data: CleanPattern, question: Question) -> Attempt:
        """Fits from where the networks lead, with what is known of the scale, or without it."""
        bound = self._by_networks(data, question)
        if not bound.doubts(question.known):
            return bound
        return with_or_without(bound, self._by_networks(data, question.freed), question.known)

    def _by_networks(self, data: CleanPattern, question: Question) -> Attempt:
        """Fits from where the networks lead."""
        readings = self._read(data, question)
        # The fit's matrices are small: more threads only wait for each other.
        with self._pools.limit(limits=self._threads, user_api="blas"):
            solutions = _refine(
                data,
                readings,
                self._networks.bins,
                self.bundle.table,
                question.convergence_mrad,
                question.known,
            )
        return Attempt(readings[0], solutions, is_whole(data, solutions[0].fit))

    @cached_property
    def _alone(self) -> TablePredictor:
        """What answers with the table alone."""
        return TablePredictor(self.bundle, self._threads)

    def solve(
        self,
        pattern: Counts,
        convergence_mrad: float | None,
        mrad_per_pixel: float | None = None,
        refine: bool = True,
    ) -> Solved:
        """As :meth:`infer`, without a judgement of what was found."""
        if convergence_mrad is None:
            return self._alone.solve(pattern, None, mrad_per_pixel)
        data, question = clean(pattern), Question(convergence_mrad, mrad_per_pixel)
        if not refine:
            return Solved(self._read(data, question), [])
        found = self._believed(data, question)
        return Solved([] if found.reading is None else [found.reading], found.solutions)

    @property
    def order(self) -> int:
        """Of the projection's rotations: patterns look the same after a turn by 360°/order."""
        return self._networks.order

    def sharing(self, geometry: SharedGeometry) -> BatchSolver:
        """Solver for many patterns of one geometry, which makes them much quicker."""
        return BatchSolver(self.bundle, self._networks, self._calibration, geometry)


# The parameter of `Predictor.infer` has the function's name.
_refine = refine
