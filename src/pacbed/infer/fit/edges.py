"""A pattern at measured pixels with the edges of its disks drawn as they are.

:class:`~pacbed.infer.fit.model.FitModel` sums disks on the table's grid of directions, and draws
their edges two steps wide. Where the steps are coarse beside the aperture, such edges leave ripples
in a fit's cost as they cross grid points, with the period of a step, and the contrast of a thin
crystal is no larger than they are. Here nothing but the disks' contents is interpolated, which are
smooth, and the aperture is the function that it is:

    I(q) = Σ_g P_g(q − g − τ; t) A_α(|q − g|),   A_α(d) = ½ erfc((d − α) / (√2 w))

with w the blur of pixels and detector, which the contents have as well.
"""

import numpy as np
from scipy.special import erfc

from pacbed.arrays import Numbers
from pacbed.infer.fit.contents import Contents
from pacbed.infer.fit.derivatives import Evaluation, PixelAngles, fill_pose, width_mrad
from pacbed.infer.fit.model import ModelShelf
from pacbed.infer.fit.parameters import LOG_ALPHA, THICKNESS, TILT_X, TILT_Y
from pacbed.infer.fit.samples import Samples
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.pairs import close_pairs

#: An aperture's edge ends so many of its widths away.
_EDGE_WIDTHS = 4.0
#: How far tilt and convergence may go before contents are gathered again, mrad.
_MARGIN_MRAD = 0.5


class EdgeModel:
    """Patterns near one fit's parameters.

    Parameters
    ----------
    table : LacbedTable
    parameters : ndarray, shape (10,)
        Of a fit that has come near.
    samples : Samples
    blur_mrad : float
        σ of a Gaussian blur beside the pixels' own width.
    shelf : ModelShelf
        Models on the table's grid, for what is scattered, to which edges do not matter.
    """

    def __init__(
        self,
        table: LacbedTable,
        parameters: Numbers,
        samples: Samples,
        blur_mrad: float,
        shelf: ModelShelf,
    ) -> None:
        self._tilt = parameters[TILT_X : TILT_Y + 1].copy()
        self._width = width_mrad(parameters, samples, blur_mrad)
        alpha = float(np.exp(parameters[LOG_ALPHA]))
        self._aperture = alpha + 1.1 * _EDGE_WIDTHS * self._width + _MARGIN_MRAD
        region = samples.reach * alpha + _MARGIN_MRAD
        self._contents = Contents(table, self._tilt, self._aperture, region, self._width)
        self._scattered = shelf.evaluate(parameters, samples, blur_mrad)

    def covers(self, parameters: Numbers, samples: Samples, blur_mrad: float) -> bool:
        """Whether what :meth:`evaluate` needs was gathered."""
        moved = np.linalg.norm(parameters[TILT_X : TILT_Y + 1] - self._tilt)
        edge = _EDGE_WIDTHS * width_mrad(parameters, samples, blur_mrad)
        return bool(moved + np.exp(parameters[LOG_ALPHA]) + edge <= self._aperture)

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
        width = width_mrad(parameters, samples, blur_mrad)
        pixels = PixelAngles.of(parameters, samples)
        beam, pixel = close_pairs(-self._contents.beams, pixels.angle, alpha + _EDGE_WIDTHS * width)
        from_beam = pixels.angle.take(pixel, axis=0) - self._contents.beams.take(beam, axis=0)
        distance = np.maximum(np.hypot(*from_beam.T), 1e-9)
        outward = from_beam / distance[:, None]
        inside = from_beam - tilt
        content = self._contents.at(beam, inside, float(parameters[THICKNESS]))
        beyond = (distance - alpha) / width
        aperture = erfc(beyond / np.sqrt(2)) / 2
        # How fast the aperture closes outward, 1/mrad.
        closing = np.exp(-(beyond**2) / 2) / (np.sqrt(2 * np.pi) * width)
        along = np.einsum("ci,ci->c", content.gradient, outward)
        # What blurring a product has beside the product of what is blurred: contents that change
        # across an edge, and the edge's curvature; times the squared width.
        across = along + content.value / (2 * distance)
        curved = aperture * content.laplacian
        curved += closing * (content.value * beyond / width - (1 + beyond**2) * across)
        moving = aperture[:, None] * content.gradient
        edge = closing * (content.value - beyond * width * across)

        def total(values: Numbers) -> Numbers:
            return np.bincount(pixel, values, len(pixels.angle)).astype(float, copy=False)

        by_tilt = np.stack([total(moving[:, 0]), total(moving[:, 1])], axis=1)
        gradient = by_tilt - np.stack(
            [total(edge * outward[:, 0]), total(edge * outward[:, 1])], axis=1
        )
        jacobian = np.empty((len(pixels.angle), 10))
        jacobian[:, THICKNESS] = total(aperture * content.by_thickness)
        jacobian[:, TILT_X : TILT_Y + 1] = -by_tilt
        jacobian[:, LOG_ALPHA] = total(edge) * alpha
        fill_pose(jacobian, gradient, parameters, pixels)
        # What the contents' blur lacks of the present one, to first order.
        lacking = (width**2 - self._width**2) / 2
        pattern = aperture * (content.value + lacking * content.laplacian)
        pattern -= closing * width**2 * across
        scattered = self._scattered
        return Evaluation(
            total(pattern), scattered.diffuse, total(curved), scattered.phonons, jacobian
        )


class EdgeShelf:
    """The model that the end of a fit goes by, made anew where the fit leaves it.

    Parameters
    ----------
    table : LacbedTable
    shelf : ModelShelf
        Of the fit that came near.
    """

    def __init__(self, table: LacbedTable, shelf: ModelShelf) -> None:
        self._table = table
        self._shelf = shelf
        self._model: EdgeModel | None = None

    def evaluate(self, parameters: Numbers, samples: Samples, blur_mrad: float) -> Evaluation:
        """See :meth:`EdgeModel.evaluate`."""
        model = self._model
        if model is None or not model.covers(parameters, samples, blur_mrad):
            model = EdgeModel(self._table, parameters, samples, blur_mrad, self._shelf)
            self._model = model
        return model.evaluate(parameters, samples, blur_mrad)
