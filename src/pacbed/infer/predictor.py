"""From a measured pattern to an Estimate: the networks, and the fit behind them."""

import time
from functools import cached_property

import numpy as np
from threadpoolctl import ThreadpoolController

from pacbed.answer.estimate import Estimate
from pacbed.arrays import Counts
from pacbed.infer.confidence import Calibration
from pacbed.infer.fit.hypotheses import Solution, refine
from pacbed.infer.fit.solved import Solved
from pacbed.infer.networks import Networks
from pacbed.infer.outcome import Context, fitted_estimate, read_estimate
from pacbed.infer.posing import read_poses
from pacbed.infer.search.effort import QUICK
from pacbed.infer.search.predictor import TablePredictor
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.infer.shared.solve import BatchSolver
from pacbed.library.models.bundle import READER, Bundle
from pacbed.pattern.preprocess import clean


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

        Returns
        -------
        Estimate

        Raises
        ------
        PatternError
            If the array cannot be a pattern.
        OutOfRangeError
            If the convergence angle lies outside the bundle's range.
        """
        started = time.perf_counter()
        system = self.bundle.system
        system.check(convergence_mrad, mrad_per_pixel)
        if convergence_mrad is None:
            return self._alone.infer(pattern, None, mrad_per_pixel)
        found = self.solve(pattern, convergence_mrad, mrad_per_pixel, refine)
        context = Context(
            system,
            self.bundle.hashes[READER],
            self._calibration,
            self._networks.bins,
            self._networks.order,
            np.shape(pattern),
            convergence_mrad,
            started,
        )
        if not refine:
            return read_estimate(context, found.readings[0], convergence_mrad)
        estimate = fitted_estimate(context, found.readings[0], found.solutions)
        if estimate.status != "mismatch":
            return estimate
        # The networks may never have come near.
        searched = self._alone.search(
            clean(pattern), convergence_mrad, mrad_per_pixel, efforts=(QUICK,)
        )
        if not searched or not _better(searched[0], found.solutions[0]):
            return estimate
        return fitted_estimate(context, None, searched)

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
        data = clean(pattern)
        readings = read_poses(data, self._networks, convergence_mrad, mrad_per_pixel)
        if not refine:
            return Solved(readings, [])
        known = mrad_per_pixel is not None
        # The fit's matrices are small: more threads only wait for each other.
        with self._pools.limit(limits=self._threads, user_api="blas"):
            solutions = _refine(
                data, readings, self._networks.bins, self.bundle.table, convergence_mrad, known
            )
        return Solved(readings, solutions)

    @property
    def order(self) -> int:
        """Of the projection's rotations: patterns look the same after a turn by 360°/order."""
        return self._networks.order

    def sharing(self, geometry: SharedGeometry) -> BatchSolver:
        """Solver for many patterns of one geometry, which makes them much quicker."""
        return BatchSolver(self.bundle, self._networks, self._calibration, geometry)


def _better(one: Solution, other: Solution) -> bool:
    return one.fit.contrast_residual < other.fit.contrast_residual


# The parameter of `Predictor.infer` has the function's name.
_refine = refine
