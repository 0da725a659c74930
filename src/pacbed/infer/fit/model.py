"""A synthesised pattern at measured pixels, with its derivatives.

The parameters are the solver's vector, see :mod:`pacbed.infer.fit.parameters`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from pacbed.arrays import Angles, Numbers, Singles, Tilt
from pacbed.infer.fit.derivatives import Evaluation, PixelAngles, fill_pose, width_mrad
from pacbed.infer.fit.linear import DIFFUSE_WIDTH
from pacbed.infer.fit.nodes import Nodes
from pacbed.infer.fit.parameters import LOG_ALPHA, THICKNESS, TILT_X, TILT_Y
from pacbed.infer.fit.samples import Samples
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.disks import Disks, gather_disks
from pacbed.pattern.grid import spline_slopes, spline_weights


@dataclass(frozen=True)
class _Span:
    """How far parameters may move before something must be made again.

    `margin_mrad`, or a share of the convergence semi-angle where a wider margin costs little
    beside the aperture, is of tilt and convergence; `nodes` of thickness lie over `stretch_nm`,
    which are taken from the table at once.
    """

    margin_mrad: float
    margin_share: float
    stretch_nm: float
    nodes: int


#: Of models that find their way, and of those with every direction, at its end.
_FINDING, _CLOSING = _Span(0.8, 0.06, 5.0, 11), _Span(0.25, 0.0125, 2.0, 5)
#: Stretches that a model keeps.
_KEPT_STRETCHES = 3
#: Memory of the models that a shelf keeps beside the one in use, bytes: of a usual crystal all
#: that a pattern asks for, of a large cell and a wide aperture two or three.
_KEPT_BYTES = 500 * 2**20


@dataclass(frozen=True, eq=False)
class _Stretch:
    """What a pattern is made of at the nodes.

    The contributions' intensities, shape (nodes, C), and what phonons send to the points,
    shape (nodes, P).
    """

    nodes: Nodes
    values: Singles
    phonons: Singles


class FitModel:
    """Patterns near one tilt and convergence semi-angle.

    Parameters
    ----------
    table : LacbedTable
    tilt : ndarray, shape (2,)
        In the crystal's frame, mrad.
    convergence_mrad : float
    reach : float
        Radius of the samples' region, semi-angles.
    every : bool
        Whether every direction of the table is summed, or every second one where that is enough
        to come near.
    """

    def __init__(
        self,
        table: LacbedTable,
        tilt: Tilt,
        convergence_mrad: float,
        reach: float,
        every: bool = False,
    ) -> None:
        self.table = table
        self.tilt = tilt
        self.convergence_mrad = convergence_mrad
        self._span = span = _CLOSING if every else _FINDING
        self._margin_mrad = max(span.margin_mrad, span.margin_share * convergence_mrad)
        self._disks = gather_disks(
            table, tilt, convergence_mrad, reach, self._margin_mrad, every=every
        )
        self._window = _Window(self._disks)
        # The latest used last.
        self._stretches: list[_Stretch] = []

    @property
    def held_bytes(self) -> int:
        """Memory that it takes."""
        return self._disks.held_bytes + sum(stretch.values.nbytes for stretch in self._stretches)

    def covers(self, parameters: Numbers) -> bool:
        """Whether tilt and convergence are still within the margin."""
        moved = np.linalg.norm(parameters[TILT_X : TILT_Y + 1] - self.tilt)
        alpha = np.exp(parameters[LOG_ALPHA])
        return bool(moved + abs(alpha - self.convergence_mrad) <= self._margin_mrad)

    def evaluate(self, parameters: Numbers, samples: Samples, blur_mrad: float) -> Evaluation:
        """Synthesise the pattern at the samples.

        Parameters
        ----------
        parameters : ndarray, shape (10,)
        samples : Samples
        blur_mrad : float
            σ of a Gaussian blur beside the pixels' own width.
        """
        alpha = float(np.exp(parameters[LOG_ALPHA]))
        tilt = parameters[TILT_X : TILT_Y + 1]
        weights = self._disks.aperture(tilt, alpha)
        thickness_nm = float(parameters[THICKNESS])
        stretch = self._stretch(thickness_nm)
        value, slope = stretch.nodes.mixed(stretch.values, thickness_nm)
        natives = [self._disks.sums(column, weights[0]) for column in (value, slope)]
        natives += list(self._disks.edge_sums(value, weights[1:]))
        natives.append(stretch.nodes.mixed(stretch.phonons, thickness_nm)[0])
        width = width_mrad(parameters, samples, blur_mrad)
        images = self._window.smooth(np.stack(natives), width, DIFFUSE_WIDTH * alpha)
        pixels = PixelAngles.of(parameters, samples)
        at, gradient = self._window.interpolate(images, pixels.angle - tilt)
        pattern, by_thickness, by_x, by_y, by_alpha, phonons, laplacian, diffuse = at
        grad_x, grad_y = gradient.T
        jacobian = np.empty((len(pattern), 10))
        jacobian[:, THICKNESS] = by_thickness
        jacobian[:, TILT_X] = by_x - grad_x
        jacobian[:, TILT_Y] = by_y - grad_y
        fill_pose(jacobian, gradient, parameters, pixels)
        jacobian[:, LOG_ALPHA] = by_alpha * alpha
        return Evaluation(pattern, diffuse, laplacian, phonons, jacobian)

    def _stretch(self, thickness_nm: float) -> _Stretch:
        """A short stretch of the table around a thickness: enough for many steps of a fit."""
        for number, stretch in enumerate(self._stretches):
            if stretch.nodes.covers(thickness_nm):
                self._stretches.append(self._stretches.pop(number))
                return self._stretches[-1]
        nodes = Nodes.around(self.table, thickness_nm, self._span.stretch_nm, self._span.nodes)
        weights = self.table.thickness_weights(nodes.thickness_nm)
        values = np.ascontiguousarray(self.table.evaluate(self._disks.places, weights).T)
        self._stretches.append(_Stretch(nodes, values, self._phonons(weights)))
        del self._stretches[:-_KEPT_STRETCHES]
        return self._stretches[-1]

    def _phonons(self, weights: Numbers) -> Singles:
        """What phonons send to the points at some thicknesses, shape (M, P)."""
        lost, points = self.table.lost, self._disks.points
        if lost is None:
            return np.zeros((len(weights), len(points)), np.float32)
        sent = lost.sent_to(points * self._disks.stride, weights)
        return np.ascontiguousarray(sent.T)


class ModelShelf:
    """Models near the tilts that the fits of one pattern come by, the latest used last.

    Parameters
    ----------
    table : LacbedTable
    reach : float
        Radius of the samples' region, semi-angles.
    every : bool
        See :class:`FitModel`.
    """

    def __init__(self, table: LacbedTable, reach: float, every: bool = False) -> None:
        self._table = table
        self._reach = reach
        self._every = every
        self._models: list[FitModel] = []

    def evaluate(self, parameters: Numbers, samples: Samples, blur_mrad: float) -> Evaluation:
        """See :meth:`FitModel.evaluate`."""
        return self._at(parameters).evaluate(parameters, samples, blur_mrad)

    def _at(self, parameters: Numbers) -> FitModel:
        """A model that covers the tilt and convergence of a fit's parameters, shape (10,)."""
        for number in reversed(range(len(self._models))):
            if self._models[number].covers(parameters):
                self._models.append(self._models.pop(number))
                return self._models[-1]
        tilt = parameters[TILT_X : TILT_Y + 1].copy()
        alpha = float(np.exp(parameters[LOG_ALPHA]))
        self._make_room()
        self._models.append(FitModel(self._table, tilt, alpha, self._reach, self._every))
        return self._models[-1]

    def _make_room(self) -> None:
        """Drop the models that were used longest ago, beyond what may be kept."""
        held = 0
        for number in reversed(range(len(self._models))):
            held += self._models[number].held_bytes
            if held > _KEPT_BYTES:
                del self._models[: number + 1]
                break


class _Window:
    """The grid points as an image: smoothing by Fourier transform, cubic interpolation."""

    def __init__(self, disks: Disks) -> None:
        self._lattice = disks.lattice
        self._inverse = np.linalg.inv(disks.lattice)
        self._low = disks.points.min(axis=0) - 3
        size = disks.points.max(axis=0) - self._low + 4
        self._shape = tuple(fft.next_fast_len(int(n), real=True) for n in size)
        local = disks.points - self._low
        self._flat = local[:, 0] * self._shape[1] + local[:, 1]
        i = np.fft.fftfreq(self._shape[0])[:, None]
        j = np.fft.rfftfreq(self._shape[1])[None]
        # Frequencies in 1/mrad along x and y: the dual of the grid's lattice.
        along = [i * self._inverse[n, 0] + j * self._inverse[n, 1] for n in range(2)]
        self._square = (along[0] ** 2 + along[1] ** 2).astype(np.float32)
        spline = (2 + np.cos(2 * np.pi * i)) * (2 + np.cos(2 * np.pi * j)) / 9
        self._prefilter = (1 / spline).astype(np.float32)

    def smooth(self, natives: Singles, width: float, diffuse_width: float) -> Singles:
        """Spline coefficients of the smoothed images and more.

        Parameters
        ----------
        natives : ndarray, shape (6, P)
            Pattern, its derivatives by thickness, tilt and convergence, what phonons send.
        width, diffuse_width : float
            σ of the blur and of the scattered copy, mrad.

        Returns
        -------
        ndarray, shape (8, n, m)
            The six, the pattern's Laplacian and its scattered copy.
        """
        images = np.zeros((len(natives), self._shape[0] * self._shape[1]), np.float32)
        images[:, self._flat] = natives
        spectrum = fft.rfft2(images.reshape(-1, *self._shape))
        blur = np.exp(-2 * np.pi**2 * width**2 * self._square).astype(np.float32)
        spectrum *= blur * self._prefilter
        first = spectrum[0]
        scattered = np.exp(-2 * np.pi**2 * diffuse_width**2 * self._square)
        more = [
            np.float32(-4 * np.pi**2) * self._square * first,
            scattered.astype(np.float32) * first,
        ]
        images = fft.irfft2(np.concatenate([spectrum, np.stack(more)]), s=self._shape)
        return images

    def interpolate(self, images: Singles, position: Angles) -> tuple[Numbers, Numbers]:
        """Evaluate the cubic splines at positions from the zone axis, mrad.

        Parameters
        ----------
        images : ndarray, shape (k, n, m)
        position : ndarray, shape (N, 2)

        Returns
        -------
        values : ndarray, shape (k, N)
        gradient : ndarray, shape (N, 2)
            Of the first image, along x and y in 1/mrad.
        """
        step = position @ self._inverse - self._low
        limit = np.array(self._shape) - 3.001
        step = np.clip(step, 1.0, limit)
        base = step.astype(np.int32)
        fraction = (step - base).astype(np.float32).T
        row, column = (spline_weights(f) for f in fraction)
        row_slope, column_slope = (spline_slopes(f) for f in fraction)
        start = (base[:, 0] - 1) * self._shape[1] + base[:, 1] - 1
        # What belongs to one place stands together.
        flat = np.ascontiguousarray(images.reshape(len(images), -1).T)
        out = np.zeros((len(position), len(images)), np.float32)
        slope = np.zeros((2, len(position)), np.float32)
        for i in range(4):
            for j in range(4):
                taken = flat.take(start + (i * self._shape[1] + j), axis=0)
                slope[0] += taken[:, 0] * (row_slope[i] * column[j])
                slope[1] += taken[:, 0] * (row[i] * column_slope[j])
                taken *= (row[i] * column[j])[:, None]
                out += taken
        gradient: Numbers = (self._inverse @ slope).T
        return np.ascontiguousarray(out.T, np.float64), gradient
