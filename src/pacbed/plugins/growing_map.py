"""What can be said of a map while its scan is still being recorded."""

import logging
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from pacbed.arrays import Mask
from pacbed.errors import PatternError
from pacbed.library.models.kinds import Model
from pacbed.maps.geometry import estimate_geometry, places
from pacbed.maps.layers import Layers, empty_layers
from pacbed.maps.options import MapOptions
from pacbed.maps.sample import on_square_pixels, take_sample, without_silent
from pacbed.maps.solver import WindowSolver
from pacbed.maps.spread import shared_predictor
from pacbed.plugins.scattered_sums import SummedScan
from pacbed.scans.windows import WindowGrid

log = logging.getLogger("pacbed.plugins")

#: Complete windows from which on there are answers, and windows behind the geometry.
_FEWEST, _SAMPLES = 4, 6


class GrowingMap:
    """Reads windows with the networks as they become complete; fits them where there are none.

    Scale, rotation and centre come from the windows that are there, and again when there are
    twice as many. Networks answer without a fit, and neighbours are not asked: that needs the
    whole scan.

    Parameters
    ----------
    bundle : Model
    grid : WindowGrid
    options : MapOptions
    """

    def __init__(self, bundle: Model, grid: WindowGrid, options: MapOptions) -> None:
        self._bundle = bundle
        self._grid = grid
        self._options = options
        self._solver: WindowSolver | None = None
        self._next = _FEWEST
        self._read = np.zeros(grid.shape, bool)
        self._silent: Mask | None = None
        #: Answers so far, see :mod:`pacbed.maps.layers`.
        self.layers: Layers = empty_layers(grid.shape)

    def take(self, scan: SummedScan, complete: np.ndarray) -> None:
        """Read the windows that are new.

        Parameters
        ----------
        scan : SummedScan
            What has come of the scan.
        complete : ndarray of bool
            Windows of which no frame is missing.
        """
        ready = [
            (int(row), int(column))
            for row, column in np.argwhere(complete)
            if (row, column) in scan.windows
        ]
        if len(ready) < _FEWEST:
            return
        scan = scan.without_pixels(self._options.detector_mask, "detector_mask")
        # LiberTEM lets libraries have all cores; small products would wait for each other.
        with threadpool_limits(limits=1, user_api="blas"):
            if len(ready) >= self._next:
                self._find_geometry(scan, ready)
                self._next = 2 * len(ready)
            if self._solver is not None:
                quiet = scan.without_pixels(self._silent, "what was found")
                # What the disk shows of the pixels is looked for when the scan is whole.
                quiet = replace(quiet, pixel_aspect=self._options.pixel_aspect or 1.0)
                self._read_new(self._solver, quiet, complete & ~self._read)
                self._read |= complete

    def _read_new(self, solver: WindowSolver, scan: SummedScan, new: np.ndarray) -> None:
        where = places(self._grid)
        positions = self._grid.window[0] * self._grid.window[1]
        for row in np.flatnonzero(new.any(axis=1)):
            sums = next(scan.sums(self._grid, int(row), int(row) + 1))
            # The solver passes over windows without frames.
            asked = replace(sums, frames=np.where(new[row], sums.frames, 0))
            answers = solver.solve(asked, where[row], positions)
            for name, values in answers.items():
                self.layers[name][row, new[row]] = values[0, new[row]]

    def _find_geometry(self, scan: SummedScan, ready: list[tuple[int, int]]) -> None:
        chosen = [ready[n] for n in np.linspace(0, len(ready) - 1, _SAMPLES).astype(int)]
        sample = take_sample(scan, self._grid, sorted(set(chosen)))
        if not len(sample.patterns):
            return
        quiet, sample = without_silent(scan, sample)
        _, sample = on_square_pixels(scan, sample, self._options.pixel_aspect or 1.0)
        predictor = shared_predictor(self._bundle)
        try:
            geometry = estimate_geometry(
                sample.patterns,
                sample.place,
                predictor,
                self._options.convergence_mrad,
                self._options.mrad_per_pixel,
                samples=len(sample.patterns),
            )
        except PatternError as error:
            # Vacuum or a hole so far: the next windows may be of the crystal. Where they are not,
            # the whole map ends with this error; until then it says why nothing is shown.
            if self._solver is None:
                log.warning("%d windows are complete and none is shown: %s", len(ready), error)
            return
        self._silent = quiet.pixel_mask
        self._solver = WindowSolver(predictor, geometry, refine=False)
