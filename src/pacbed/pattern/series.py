"""A thickness series of patterns at one tilt and aperture.

The same sum as :mod:`pacbed.pattern.synthesis`, which starts anew for every pattern:
which entries of the table go where does not depend on the thickness, so it is found
once, and the sum over the disks is one sparse product for many thicknesses.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from pacbed.arrays import Indices, Patterns, Singles
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.geometry import PatternParameters, crystal_tilt
from pacbed.pattern.grid import SAMPLES_PER_APERTURE, refine_axis, refinement_factor
from pacbed.pattern.synthesis import Window, check_covered, make_window, sample_pixels

#: Thicknesses summed at once; more need more memory.
_TOGETHER = 32


def synthesise_series(
    table: LacbedTable,
    parameters: PatternParameters,
    thicknesses_nm: Sequence[float],
    shape: tuple[int, int] = (128, 128),
    samples: int = SAMPLES_PER_APERTURE,
) -> Patterns:
    """Synthesise patterns that differ in thickness alone.

    Parameters
    ----------
    table : LacbedTable
    parameters : PatternParameters
        Its thickness does not count.
    thicknesses_nm : sequence of float
    shape : tuple of int
        Rows and columns.
    samples : int
        Steps of the grid in one convergence semi-angle, at least.

    Returns
    -------
    ndarray of float32, shape (T, rows, columns)
        As :func:`~pacbed.pattern.synthesis.synthesise` gives them one by one.

    Raises
    ------
    OutOfRangeError
        If thickness, convergence or mistilt lie outside the table.
    """
    tilt = crystal_tilt(parameters)
    alpha = parameters.convergence_mrad
    check_covered(table, alpha, float(np.linalg.norm(tilt)))
    factor = refinement_factor(table.geometry, alpha, samples)
    window = make_window(table, tilt, alpha, factor)
    weights = table.thickness_weights(np.asarray(thicknesses_nm, float))
    # Entries of the window in ascending order, without the zero behind the last one.
    places = np.unique(window.places)
    places = places[places < table.geometry.entry_count]
    matrix = _sum_matrix(window, places) if factor == 1 else None
    compact = np.searchsorted(places, window.places)
    images = []
    for first in range(0, len(weights), _TOGETHER):
        values = table.evaluate(places, weights[first : first + _TOGETHER])
        if matrix is not None:
            natives = np.asarray(matrix @ values).T.reshape(-1, *window.shape)
        else:
            natives = np.stack([_refined_sum(window, compact, v, factor) for v in values.T])
        images += [
            sample_pixels(
                native, window.origin, window.lattice, parameters, table.geometry.field, shape
            )
            for native in natives
        ]
    return np.stack(images)


def _sum_matrix(window: Window, places: Indices) -> sparse.csr_matrix:
    """From entries to the native pattern, where the grid is not refined."""
    inner = window.places[:, 1:-2, 1:-2]
    beam, i, j = np.nonzero((inner <= places[-1]) & (window.weights > 0))
    row = (i + window.shifts[beam, 0]) * window.shape[1] + j + window.shifts[beam, 1]
    return sparse.csr_matrix(
        (window.weights[i, j], (row, np.searchsorted(places, inner[beam, i, j]))),
        shape=(window.shape[0] * window.shape[1], len(places)),
    )


def _refined_sum(window: Window, compact: Indices, values: Singles, factor: int) -> Singles:
    """Native pattern of one thickness on a refined grid."""
    disks = np.append(values, np.float32(0))[compact]
    disks = refine_axis(refine_axis(disks, factor, 1), factor, 2)
    disks *= window.weights
    n, m = disks.shape[1:]
    native = np.zeros(window.shape, np.float32)
    for disk, (a, b) in zip(disks, window.shifts, strict=True):
        native[a : a + n, b : b + m] += disk
    return native
