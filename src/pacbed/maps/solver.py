"""One row of windows: from summed patterns to raw answers."""

from itertools import compress
from pathlib import Path

import numpy as np

from pacbed.arrays import Indices, Numbers
from pacbed.errors import PatternError
from pacbed.infer.judge.confidence import CLEAR, TILT_SLACK, leaves_open
from pacbed.infer.open_predictor import FittingPredictor
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.infer.shared.reading import BatchReading, read_thickness
from pacbed.infer.shared.solve import KEPT, WindowSolution, cleaned
from pacbed.maps.layers import (
    AMBIGUOUS,
    MISMATCH,
    OK,
    OUT_OF_RANGE,
    Layers,
    empty_layers,
)
from pacbed.pattern.preprocess import is_on_array
from pacbed.scans.windows import WindowSums

#: A window of which fewer frames count than this share has no answer.
_ENOUGH_FRAMES = 0.5
#: Patterns that the networks see at once.
_BATCH = 64


class WindowSolver:
    """Infers the windows of a scan; makes what it needs when it is first needed.

    Parameters
    ----------
    predictor : FittingPredictor
    geometry : SharedGeometry
    refine : bool
        Fit; without it the answers are the networks' alone, where there are networks.
    shared : Path, optional
        Folder with the patterns of the scan's tilts, see :class:`pacbed.infer.shared.shelf.Shelf`.
    """

    def __init__(
        self,
        predictor: FittingPredictor,
        geometry: SharedGeometry,
        refine: bool = True,
        shared: Path | None = None,
    ) -> None:
        self._solver = predictor.sharing(geometry)
        self._errors = self._solver.calibration.with_known_geometry()
        self._system = predictor.bundle.system
        self._geometry = geometry
        self._refine = refine
        if shared is not None and refine:
            self._solver.share(shared)

    def solve(self, sums: WindowSums, place: Numbers, positions: int) -> Layers:
        """Answers of one row of windows.

        Parameters
        ----------
        sums : WindowSums
        place : ndarray, shape (columns, 2)
            Places of the windows in the scan, see :func:`pacbed.maps.geometry.places`.
        positions : int
            Scan positions in a whole window.

        Returns
        -------
        dict of ndarray
            See :mod:`pacbed.maps.layers`, with the shape (1, columns, …).
        """
        layers = empty_layers((len(place),))
        layers["frames"][:], layers["bad_frames"][:] = sums.frames, sums.bad
        enough = np.flatnonzero(sums.frames >= max(1, _ENOUGH_FRAMES * positions))
        for first in range(0, len(enough), _BATCH):
            self._solve_batch(sums, place, enough[first : first + _BATCH], layers)
        return {name: values[None] for name, values in layers.items()}

    def _solve_batch(
        self, sums: WindowSums, place: Numbers, chosen: Indices, layers: Layers
    ) -> None:
        patterns, usable = cleaned(sums.patterns[chosen])
        chosen = chosen[usable]
        centers = self._geometry.center(place[chosen])
        # The disk of a few windows may have drifted off the detector: they alone have no answer.
        there = [
            is_on_array(pattern.shape, self._geometry.disk(center))
            for pattern, center in zip(patterns, centers, strict=True)
        ]
        patterns = list(compress(patterns, there))
        chosen, centers = chosen[there], centers[there]
        if not len(chosen):
            return
        try:
            reading = self._solver.read(patterns, centers)
        except PatternError:
            return
        if reading is not None:
            self._keep_reading(reading, chosen, layers)
            if not self._refine:
                return
        solved = self._solver.solve(patterns, centers, reading, neighbours=True)
        for column, solutions in zip(chosen, solved, strict=True):
            if solutions:
                self._keep(solutions, int(column), layers)

    def _keep_reading(
        self,
        reading: BatchReading,
        chosen: Indices,
        layers: Layers,
    ) -> None:
        """Keep what the networks read: beside the fit, or as the answer where there is none."""
        thickness, spread, share = read_thickness(reading.probability, reading.bins)
        layers["network_thickness_nm"][chosen] = thickness
        layers["network_tilt_mrad"][chosen] = self._geometry.tilt_in_pattern(reading.tilt)
        if self._refine:
            return
        layers["thickness_nm"][chosen, 0] = thickness
        layers["thickness_std_nm"][chosen, 0] = spread
        layers["tilt_mrad"][chosen, 0] = self._geometry.tilt_in_pattern(reading.tilt)
        layers["tilt_std_mrad"][chosen, 0] = reading.tilt_error_mrad * 3**0.5
        layers["probability"][chosen, 0] = share
        beyond = np.linalg.norm(reading.tilt, axis=1) > self._system.mistilt_mrad[1] * TILT_SLACK
        layers["solution_status"][chosen, 0] = np.where(beyond, OUT_OF_RANGE, OK)
        layers["status"][chosen] = np.where(
            beyond, OUT_OF_RANGE, np.where(share < CLEAR, AMBIGUOUS, OK)
        )

    def _keep(
        self,
        solutions: list[WindowSolution],
        column: int,
        layers: Layers,
    ) -> None:
        calibration = self._errors
        for number, solution in enumerate(solutions[:KEPT]):
            fit = solution.fit
            layers["thickness_nm"][column, number] = fit.thickness_nm
            layers["thickness_std_nm"][column, number] = calibration.thickness_std(
                fit.thickness_std_nm, fit.thickness_nm
            )
            layers["tilt_mrad"][column, number] = self._geometry.tilt_in_pattern(fit.tilt)
            layers["tilt_std_mrad"][column, number] = calibration.tilt_std(
                fit.tilt_std_mrad, fit.thickness_nm
            )
            layers["residual"][column, number] = fit.residual
            layers["structured_residual"][column, number] = fit.structured_residual
            layers["structured_share"][column, number] = fit.structured_share
            layers["probability"][column, number] = solution.probability
            layers["solution_status"][column, number] = self._status(solution)
        shift = self._geometry.tilt_in_pattern(solutions[0].fit.shift)
        layers["shift_px"][column] = shift / self._geometry.mrad_per_pixel
        status = int(layers["solution_status"][column, 0])
        deviation = float(layers["thickness_std_nm"][column, 0])
        wide = leaves_open(deviation, solutions[0].fit.thickness_nm)
        if status == OK and (wide or solutions[0].probability < CLEAR):
            status = AMBIGUOUS
        layers["status"][column] = status

    def _status(self, solution: WindowSolution) -> int:
        fit = solution.fit
        if self._solver.doubt(fit) > self._solver.calibration.mismatch:
            return MISMATCH
        low, high = self._system.thickness_nm
        mistilt = float(np.linalg.norm(fit.tilt))
        beyond = mistilt > self._system.mistilt_mrad[1] * TILT_SLACK
        if beyond or not low - 0.5 <= fit.thickness_nm <= high + 0.5:
            return OUT_OF_RANGE
        return OK
