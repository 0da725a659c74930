"""How well each thickness explains a pattern, at a given pose: all at once.

The pattern is compared at points of the direction grid, where the synthesis needs no
interpolation. In the table's common basis the sum over the disks is made once and
every thickness is a short combination of the results.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from pacbed.arrays import Mask, Matrix, Numbers, Pattern, Pixels, Thicknesses, Tilt
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.disks import Disks, gather_disks, grid_stride
from pacbed.pattern.filling import smoothed
from pacbed.pattern.preprocess import DiskLocation
from pacbed.pattern.recorded import CleanPattern

#: Radius of the compared region, semi-angles: inside the disk, whose edge says nothing.
_REACH = 0.92
#: Points to compare, about.
_POINTS = 500
#: Radius that is cut out of a pattern, and its smoothing, semi-angles.
_CUT, _SMOOTHING = 1.1, 0.03


@dataclass(frozen=True)
class ScannedImage:
    """The disk cut out of a pattern, smoothed.

    Attributes
    ----------
    values : ndarray of float32, shape (rows, columns)
    known : ndarray of bool, shape (rows, columns), or None
        Which pixels say something; None where all do.
    center : ndarray, shape (2,)
        Column and row of the disk's centre in it, pixels.
    """

    values: Pattern
    known: Mask | None
    center: Pixels


def scanned_image(data: CleanPattern, disk: DiskLocation) -> ScannedImage:
    """Cut the disk out of a pattern, smoothed, for :meth:`ThicknessScan.explained`.

    Parameters
    ----------
    data : CleanPattern
    disk : DiskLocation

    Returns
    -------
    ScannedImage
    """
    reach = _CUT * disk.radius
    top, left = (max(0, int(c - reach)) for c in (disk.row, disk.column))
    part = slice(top, int(disk.row + reach) + 2), slice(left, int(disk.column + reach) + 2)
    known = None if data.known is None else data.known[part]
    width = _SMOOTHING * disk.radius
    # Far from an edge it makes no difference; at the array's own the pattern is mirrored.
    image = gaussian_filter(data.values[part], width)
    if known is not None:
        image = smoothed(data.values[part], known, width)
    return ScannedImage(image, known, np.array([disk.column - left, disk.row - top]))


class ThicknessScan:
    """Compares patterns with all thicknesses near one tilt and convergence.

    Parameters
    ----------
    table : LacbedTable
    tilt : ndarray, shape (2,)
        In the crystal's frame, mrad.
    convergence_mrad : float
    margin_mrad : float
        How far other tilts may be.
    """

    def __init__(
        self, table: LacbedTable, tilt: Tilt, convergence_mrad: float, margin_mrad: float
    ) -> None:
        self._convergence = convergence_mrad
        stride = _point_stride(table, convergence_mrad)
        self._disks: Disks = gather_disks(
            table, tilt, convergence_mrad, _REACH, margin_mrad, stride
        )
        self._coefficients = table.evaluate(self._disks.places, table.common_basis)
        self._angles = self._disks.points @ self._disks.lattice
        geometry = table.geometry
        self.thickness_nm = np.arange(1.0, geometry.thicknesses_nm[-1] - 0.5, 0.5)
        weights = table.thickness_weights(self.thickness_nm)
        self._mixing = (weights @ table.common_basis.T).astype(np.float32)

    def explained(self, image: ScannedImage, matrix: Matrix, tilt: Tilt) -> Numbers:
        """Share of the contrast inside the disk that each thickness leaves.

        Points off the image, where the disk is cut, and those that say nothing are not compared.

        Parameters
        ----------
        image : ScannedImage
        matrix : ndarray, shape (2, 2)
            From angles (x, y) in the crystal's frame, mrad, to pixel offsets.
        tilt : ndarray, shape (2,)
            In the crystal's frame, mrad.

        Returns
        -------
        ndarray, shape (T,)
            0 (all explained) to 1, for ``thickness_nm``.
        """
        angle = self._angles + tilt
        x, y = (angle @ matrix.T + image.center).T
        height, width = image.values.shape
        inside = np.linalg.norm(angle, axis=1) < _REACH * self._convergence
        # What lies off the array was not recorded, and says nothing.
        inside &= (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        if image.known is not None:
            inside &= map_coordinates(image.known.astype(np.float32), [y, x], order=1) > 0.999
        measured: Numbers = map_coordinates(image.values, [y[inside], x[inside]], order=1)
        weights = self._disks.aperture(tilt, self._convergence)[0]
        series = self._disks.series(self._coefficients, weights)[inside]
        # Offset and a broad background are taken off both sides.
        square = (angle[inside] ** 2).sum(axis=1) / self._convergence**2
        basis, _ = np.linalg.qr(np.stack([np.ones_like(square), square], axis=1))
        measured = measured - basis @ (basis.T @ measured)
        series = series - basis @ (basis.T @ series)
        projections = self._mixing @ (series.T @ measured)
        moment = series.T @ series
        power = np.einsum("tr,rs,ts->t", self._mixing, moment, self._mixing)
        total = float(measured @ measured) + 1e-30
        share = np.maximum(projections, 0) ** 2 / np.maximum(power, 1e-30) / total
        left: Numbers = np.clip(1 - share, 0, 1)
        return left


def _point_stride(table: LacbedTable, convergence_mrad: float) -> int:
    step = table.geometry.fine_lattice_mrad * grid_stride(table, convergence_mrad)
    points = np.pi * (_REACH * convergence_mrad) ** 2 / abs(np.linalg.det(step))
    return max(1, round(float(np.sqrt(points / _POINTS))))


def valleys(left: Numbers, thickness_nm: Thicknesses, count: int) -> list[float]:
    """Thicknesses of the deepest minima, the deepest first.

    Parameters
    ----------
    left : ndarray, shape (T,)
    thickness_nm : ndarray, shape (T,)
    count : int

    Returns
    -------
    list of float
    """
    inner = np.r_[True, left[1:] < left[:-1]] & np.r_[left[:-1] <= left[1:], True]
    places = np.flatnonzero(inner)
    places = places[np.argsort(left[places])][:count]
    return [float(thickness_nm[place]) for place in places]
