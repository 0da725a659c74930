"""What can be said of a map while its scan is still being recorded."""

import numpy as np
from threadpoolctl import threadpool_limits

from pacbed.errors import PatternError
from pacbed.library.bundle import Bundle
from pacbed.maps.geometry import places
from pacbed.maps.infer_sums import geometry_of_sums
from pacbed.maps.layers import Layers, empty_layers
from pacbed.maps.options import MapOptions
from pacbed.maps.scattered_sums import OpenWindows, rows_of_sums
from pacbed.maps.solver import WindowSolver
from pacbed.maps.windows import WindowGrid, WindowSums

#: Complete windows from which on there are answers, and windows behind the geometry.
_FEWEST, _SAMPLES = 4, 6


class GrowingMap:
    """Reads windows with the networks as they become complete.

    Scale, rotation and centre come from the windows that are there, and again when there are
    twice as many. Nothing is fitted, and neighbours are not asked: that needs the whole scan.

    Parameters
    ----------
    bundle : Bundle
    grid : WindowGrid
    options : MapOptions
    """

    def __init__(self, bundle: Bundle, grid: WindowGrid, options: MapOptions) -> None:
        self._bundle = bundle
        self._grid = grid
        self._options = options
        self._solver: WindowSolver | None = None
        self._next = _FEWEST
        self._read = np.zeros(grid.shape, bool)
        #: Answers so far, see :mod:`pacbed.maps.layers`.
        self.layers: Layers = empty_layers(grid.shape)

    def take(self, windows: OpenWindows, complete: np.ndarray, shape: tuple[int, int]) -> None:
        """Read the windows that are new.

        Parameters
        ----------
        windows : dict
        complete : ndarray of bool
            Windows of which no frame is missing.
        shape : tuple of int
            Detector rows and columns.
        """
        ready = [place for place in map(tuple, np.argwhere(complete)) if place in windows]
        if len(ready) < _FEWEST:
            return
        with threadpool_limits(limits=1, user_api="blas"):
            self._read_new(list(rows_of_sums(windows, self._grid, shape)), ready, complete)

    def _read_new(
        self, rows: list[WindowSums], ready: list[tuple[int, int]], complete: np.ndarray
    ) -> None:
        if len(ready) >= self._next:
            self._find_geometry(rows, ready)
            self._next = 2 * len(ready)
        if self._solver is None:
            return
        where = places(self._grid)
        positions = self._grid.window[0] * self._grid.window[1]
        new = complete & ~self._read
        for row in np.flatnonzero(new.any(axis=1)):
            sums = rows[row]
            # The solver passes over windows without frames.
            asked = WindowSums(
                int(row), sums.patterns, np.where(new[row], sums.frames, 0), sums.bad
            )
            answers = self._solver.solve(asked, where[row], positions)
            for name, values in answers.items():
                self.layers[name][row, new[row]] = values[0, new[row]]
        self._read |= new

    def _find_geometry(self, rows: list[WindowSums], ready: list[tuple[int, int]]) -> None:
        chosen = [ready[n] for n in np.linspace(0, len(ready) - 1, _SAMPLES).astype(int)]
        try:
            geometry = geometry_of_sums(
                rows, self._grid, sorted(set(chosen)), self._bundle, self._options
            )
        except PatternError:
            # Vacuum or a hole so far: the next windows may be of the crystal.
            return
        self._solver = WindowSolver(self._bundle, geometry, refine=False)
