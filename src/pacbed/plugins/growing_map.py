"""What can be said of a map while its scan is still being recorded."""

from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from pacbed.errors import PatternError
from pacbed.library.models.kinds import Model
from pacbed.maps.blocks import shared_predictor
from pacbed.maps.geometry import estimate_geometry, places
from pacbed.maps.layers import Layers, empty_layers
from pacbed.maps.mapping import read_sample
from pacbed.maps.options import MapOptions
from pacbed.maps.solver import WindowSolver
from pacbed.plugins.scattered_sums import SummedScan
from pacbed.scans.windows import WindowGrid

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
        # LiberTEM lets libraries have all cores; small products would wait for each other.
        with threadpool_limits(limits=1, user_api="blas"):
            if len(ready) >= self._next:
                self._find_geometry(scan, ready)
                self._next = 2 * len(ready)
            if self._solver is not None:
                self._read_new(self._solver, scan, complete & ~self._read)
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
        patterns, place = read_sample(scan, self._grid, sorted(set(chosen)))
        if not len(patterns):
            return
        predictor = shared_predictor(self._bundle)
        try:
            geometry = estimate_geometry(
                patterns,
                place,
                predictor,
                self._options.convergence_mrad,
                self._options.mrad_per_pixel,
                samples=len(patterns),
            )
        except PatternError:
            # Vacuum or a hole so far: the next windows may be of the crystal.
            return
        self._solver = WindowSolver(predictor, geometry, refine=False)
