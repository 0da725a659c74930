"""Thickness series of many tilts and apertures at once, for tables of patterns.

What :mod:`pacbed.pattern.series` does for one tilt and aperture, done for all of
them together: the sum over the disks is a matrix product that serves every tilt and
aperture (:mod:`pacbed.pattern.plan`), made once for each function of the table's
common basis in thickness. The sums are brought to the pixels, and every thickness is
a short combination of what they give there.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import sparse

from pacbed.arrays import Angles, Patterns, Singles, Tilts
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.geometry import PatternParameters, crystal_tilt
from pacbed.pattern.grid import pixel_steps, spline_weights
from pacbed.pattern.plan import SynthesisPlan, make_plan
from pacbed.pattern.synthesis import check_covered

#: Memory for the sums of the series that are made together, bytes.
_MEMORY = 400_000_000
#: Share of the norm that the functions of thickness may leave, beside the common basis.
_LEFT = 1e-3
_SPLINE_POLE = np.float32(3**0.5 - 2)


class ManySeries:
    """Thickness series for each of many tilts and apertures.

    The grid of directions is the table's own. It draws the aperture's edge finely
    enough from :data:`~pacbed.pattern.grid.SAMPLES_PER_APERTURE` steps in a
    semi-angle on; smaller apertures are for :func:`~pacbed.pattern.series.synthesise_series`.

    Parameters
    ----------
    table : LacbedTable
    thicknesses_nm : sequence of float

    Raises
    ------
    OutOfRangeError
        If a thickness lies outside the table.
    """

    def __init__(self, table: LacbedTable, thicknesses_nm: Sequence[float]) -> None:
        self.table = table
        self._mixing, self._columns = _basis(table, thicknesses_nm)

    def synthesise(
        self, parameters: Sequence[PatternParameters], shape: tuple[int, int] = (128, 128)
    ) -> Iterator[Patterns]:
        """Synthesise the series of some tilts and apertures.

        Parameters
        ----------
        parameters : sequence of PatternParameters
            Their thickness does not count.
        shape : tuple of int
            Rows and columns.

        Yields
        ------
        ndarray of float32, shape (T, rows, columns)
            For each of `parameters`: intensity per pixel as a share of the incident beam, as
            :func:`~pacbed.pattern.series.synthesise_series` gives it but for the 0.3 % of the
            table's norm that the common basis leaves.

        Raises
        ------
        OutOfRangeError
            If convergence or mistilt lie outside the table.
        """
        tilts = np.array([crystal_tilt(p) for p in parameters]).reshape(-1, 2)
        alphas = np.array([p.convergence_mrad for p in parameters])
        lengths = np.linalg.norm(tilts, axis=1)
        for alpha, length in zip(alphas, lengths, strict=True):
            check_covered(self.table, float(alpha), float(length))
        field = self.table.geometry.field
        bytes_of_one = shape[0] * shape[1] * (4 * len(self._columns) + 8 * 16)
        together = max(1, _MEMORY // bytes_of_one)
        for first in range(0, len(parameters), together):
            part = slice(first, first + together)
            # A plan for these alone: its cost goes with the fourth power of the angles.
            largest = float(alphas[part].max()), float(lengths[part].max())
            plan = make_plan(self.table, *largest, 1)
            sampling = [_sampling(plan, p, field, shape) for p in parameters[part]]
            for pixels in _pixels(self._columns, plan, tilts[part], alphas[part], sampling):
                yield (self._mixing @ pixels).reshape(-1, *shape)


def _basis(table: LacbedTable, thicknesses_nm: Sequence[float]) -> tuple[Singles, Singles]:
    """Few functions of thickness that carry the table at some thicknesses.

    Returns
    -------
    mixing : ndarray of float32, shape (T, R)
        Values of the functions.
    columns : ndarray of float32, shape (R, C + 1)
        Coefficients of the entries; the place behind the last stands for none.
    """
    mixing = table.thickness_weights(np.asarray(thicknesses_nm, float)) @ table.common_basis.T
    count = table.geometry.entry_count
    common = table.evaluate(np.arange(count), table.common_basis)
    # The columns are uncorrelated; brought to one size they leave the singular values to say
    # which functions these thicknesses need.
    size = np.sqrt((common[:: max(1, count // 100_000)] ** 2).mean(axis=0)) + 1e-12
    left, power, right = np.linalg.svd(mixing * size, full_matrices=False)
    rest = np.sqrt(np.cumsum(power[::-1] ** 2)[::-1])
    rank = int((rest > _LEFT * rest[0]).sum())
    columns = np.zeros((rank, count + 1), np.float32)
    columns[:, :-1] = (right[:rank] / size).astype(np.float32) @ common.T
    return (left[:, :rank] * power[:rank]).astype(np.float32), columns


def _pixels(
    columns: Singles,
    plan: SynthesisPlan,
    tilts: Tilts,
    alphas: Angles,
    sampling: Sequence[sparse.csr_matrix],
) -> Singles:
    """Patterns of each basis function on the pixels, shape (B, R, P)."""
    weights = plan.weights(tilts, alphas)
    places = plan.pixels.ravel()
    pixels = np.empty((len(tilts), len(columns), sampling[0].shape[0]), np.float32)
    sums = np.zeros((plan.shape[0] * plan.shape[1], len(tilts)), np.float32)
    for number, column in enumerate(columns):
        sums[:] = 0
        sums[places] = (column[plan.entries] @ weights).reshape(len(places), -1)
        _filter(sums.reshape(*plan.shape, -1))
        for at, coefficients in enumerate(np.ascontiguousarray(sums.T)):
            pixels[at, number] = sampling[at] @ coefficients
    return pixels


def _filter(samples: Singles) -> None:
    """Make cubic B-spline coefficients of images (n, m, B) that end in zeros, in place.

    The recursive filter of Unser (IEEE Signal Processing Magazine 16 (1999) 22), for all
    images at once.
    """
    for along in (samples, samples.swapaxes(0, 1)):
        for n in range(1, len(along)):
            along[n] += _SPLINE_POLE * along[n - 1]
        for n in range(len(along) - 2, -1, -1):
            along[n] += _SPLINE_POLE * along[n + 1]
    samples *= np.float32((-6 * _SPLINE_POLE) ** 2)


def _sampling(
    plan: SynthesisPlan, parameters: PatternParameters, field: float, shape: tuple[int, int]
) -> sparse.csr_matrix:
    """From spline coefficients on the plan's grid to pixels: 16 neighbours for each.

    As :func:`pacbed.pattern.synthesis.sample_pixels`, with zeros beyond the grid.
    """
    steps, inside = pixel_steps(plan.origin, plan.lattice, parameters, field, shape)
    # Pixels whose neighbours all lie on the grid.
    inside &= ((steps >= 1) & (steps < np.array(plan.shape) - 2)).all(axis=-1)
    base = np.floor(steps[inside]).astype(int)
    first, second = spline_weights(steps[inside] - base).T
    weights = first[:, :, None] * second[:, None, :] * parameters.mrad_per_pixel**2
    offsets = np.arange(-1, 3)
    places = (base[:, 0, None, None] + offsets[:, None]) * plan.shape[1]
    places = places + base[:, 1, None, None] + offsets
    return sparse.csr_matrix(
        (
            weights.astype(np.float32).ravel(),
            places.astype(np.int32).ravel(),
            np.concatenate([[0], np.cumsum(16 * inside.ravel())]),
        ),
        shape=(inside.size, plan.shape[0] * plan.shape[1]),
    )
