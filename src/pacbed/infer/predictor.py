"""From a measured pattern to an Estimate: the networks, and the fit behind them."""

import time

import numpy as np
from threadpoolctl import ThreadpoolController

from pacbed.infer.confidence import Calibration
from pacbed.infer.estimate import Estimate
from pacbed.infer.networks import Networks
from pacbed.infer.outcome import Context, fitted_estimate, read_estimate
from pacbed.infer.posing import read_poses
from pacbed.infer.refine import refine
from pacbed.library.bundle import READER, Bundle
from pacbed.pattern.crystal_frame import make_crystal_frame
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
        system = bundle.system
        self._frame = make_crystal_frame(
            np.array(bundle.input["operations"], float),
            system.convergence_mrad[1],
            system.mistilt_mrad[1],
        )

    def infer(
        self,
        pattern: np.ndarray,
        convergence_mrad: float,
        mrad_per_pixel: float | None = None,
        refine: bool = True,
    ) -> Estimate:
        """Infer thickness and mistilt of one pattern.

        Parameters
        ----------
        pattern : ndarray, shape (rows, columns)
            As recorded, any size from 32² to 4096² and any real dtype.
        convergence_mrad : float
            Convergence semi-angle.
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
        data = clean(pattern)
        order = int(self.bundle.input["rotation_order"])
        readings = read_poses(
            data, self._networks, self._frame, order, convergence_mrad, mrad_per_pixel
        )
        context = Context(
            system,
            self.bundle.hashes[READER],
            self._calibration,
            self._networks.bins,
            order,
            data.shape,
            convergence_mrad,
            started,
        )
        if not refine:
            return read_estimate(context, readings[0])
        # The fit's matrices are small: more threads only wait for each other.
        with self._pools.limit(limits=self._threads, user_api="blas"):
            solutions = _refine(
                data,
                readings,
                self._networks.bins,
                self.bundle.table,
                convergence_mrad,
                mrad_per_pixel is not None,
            )
        return fitted_estimate(context, readings[0], solutions)


# The parameter of `Predictor.infer` has the function's name.
_refine = refine
