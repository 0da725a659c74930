"""Least squares between a measured and the synthesised pattern, with everything free.

Thickness, tilt and geometry are found by :mod:`pacbed.infer.fit.least_squares`. Intensity scale,
offset, backgrounds, gain curve and a rest of blur enter linearly.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from pacbed.arrays import Mask, Numbers
from pacbed.infer.fit import derivatives
from pacbed.infer.fit.known import GIVEN, Known
from pacbed.infer.fit.least_squares import (
    Evaluation,
    Solved,
    State,
    Steps,
    covariance,
    minimise,
    response,
)
from pacbed.infer.fit.linear import (
    BLUR,
    BLUR_PLACE,
    CONTRAST_FLOOR,
    CONTRAST_REACH,
    DARKEST,
    backgrounds,
    make_columns,
    make_ridge,
    share,
)
from pacbed.infer.fit.model import ModelShelf
from pacbed.infer.fit.parameters import (
    CENTER_X,
    CENTER_Y,
    ELLIPSE_A,
    ELLIPSE_B,
    LOG_ALPHA,
    LOG_SCALE,
    ROTATION,
    THICKNESS,
    TILT_X,
    TILT_Y,
    FitParameters,
)
from pacbed.infer.fit.samples import Samples
from pacbed.lacbed.field import worth_mrad
from pacbed.lacbed.table import LacbedTable

#: Radius of the fitted region, semi-angles; of small apertures it is more, see `beyond_disk`.
REACH = 1.2
#: Error of the model at the disks' edges, as a share of the pattern's derivative by the
#: logarithm of the convergence angle, which is large there alone: how sharp the edges
#: are depends on the table's grid and on the aperture, and says nothing of the crystal.
_EDGE = 0.3
#: How far the convergence angle may go, relative: where it is given, and where σ is larger.
_NEAR, _FAR = 0.12, 0.25
#: Largest blur that is taken into the pattern itself, semi-angles.
_LARGEST_BLUR = 0.12
#: A step shorter than this in all parameters (in σ of `_SHORT`) ends the fit.
_SHORT = np.array([0.01, 0.004, 0.004, 0.02, 0.02, 1e-4, 1e-3, 2e-4, 2e-4, 2e-4])
#: Of χ²: a step that gains less moves nothing by more than a sixth of its error.
_LEAST_GAIN = 0.03
#: Largest steps.
_LONG = np.array([2.5, 0.6, 0.6, 4.0, 4.0, 0.02, 0.06, 0.01, 0.01, 0.02])


@dataclass(frozen=True)
class Fit:
    """The end of a fit.

    Attributes
    ----------
    parameters : FitParameters
    covariance : ndarray, shape (10, 10)
        Of the parameters' vector, from the curvature and the noise that the residual shows.
    residual : float
        Share of the variance that is left, 0..1.
    contrast_residual : float
        The same inside the disk alone, where only the crystal's contrast is.
    ranked_residual : float
        Mean square that is left in all that is looked at but its rim, in units of the disk's mean
        intensity: what fits of one pattern are ranked by. A share of the contrast is none to
        compare fits around different places by: those on an edge have more of it.
    structured_residual : float
        The same for what neighbouring pixels share: without the noise of single
        pixels. Near 0 for the right crystal at any dose.
    unexplained : float
        As `structured_residual`, but over what the fitted pattern alone varies inside the disk,
        however little that is: backgrounds explain nothing of a crystal.
    contrast : float
        Standard deviation of the fitted pattern inside the disk, over its mean.
    chi_square : float
        Sum of squares over the noise variance; differences between fits of the same
        samples are log-likelihood ratios times −2.
    blur_mrad : float
    gain : float
        Contrast of the measured pattern over the synthesised one's.
    settled : bool
        Whether it ended where it ends; else its steps had run out.
    known : Known
        What was known beforehand.
    noise_share : float
        Share of the covariance that the electrons' noise makes, 0..1; the rest is residuals that
        neighbours share, of what the model lacks.
    """

    parameters: FitParameters
    covariance: Numbers
    residual: float
    contrast_residual: float
    ranked_residual: float
    structured_residual: float
    unexplained: float
    contrast: float
    chi_square: float
    blur_mrad: float
    gain: float
    settled: bool = True
    known: Known = field(default_factory=Known)
    noise_share: float = 1.0

    @property
    def thickness_std_nm(self) -> float:
        """Standard deviation of the thickness, nm."""
        return self._std(THICKNESS)

    @property
    def convergence_std_mrad(self) -> float:
        """Standard deviation of the convergence semi-angle, mrad."""
        return self.parameters.convergence_mrad * self._std(LOG_ALPHA)

    @property
    def mrad_per_pixel_std(self) -> float:
        """Standard deviation of the angle per pixel, mrad."""
        return self.parameters.mrad_per_pixel * self._std(LOG_SCALE)

    @property
    def rotation_std(self) -> float:
        """Standard deviation of the rotation, rad."""
        return self._std(ROTATION)

    @property
    def ellipticity_std(self) -> float:
        """Standard deviation of a component of the distortion."""
        return math.hypot(self._std(ELLIPSE_A), self._std(ELLIPSE_B)) / math.sqrt(2)

    @property
    def tilt_std_mrad(self) -> float:
        """Standard deviation of one component of the tilt, mrad."""
        tilt = self.covariance[TILT_X : TILT_Y + 1, TILT_X : TILT_Y + 1]
        return math.sqrt(float(np.trace(tilt)) / 2)

    @property
    def shares_of_convergence(self) -> tuple[float, float]:
        """Shares of the variances of thickness and tilt that come with the convergence angle.

        What is left of a variance once the angle is known is its Schur complement.
        """
        angle = max(float(self.covariance[LOG_ALPHA, LOG_ALPHA]), 1e-30)
        shares = []
        for places in ([THICKNESS], [TILT_X, TILT_Y]):
            whole = float(np.trace(self.covariance[np.ix_(places, places)]))
            part = float((self.covariance[places, LOG_ALPHA] ** 2).sum()) / angle
            shares.append(float(np.clip(part / max(whole, 1e-30), 0, 1)))
        return shares[0], shares[1]

    def _std(self, place: int) -> float:
        return math.sqrt(self.covariance[place, place])


class Shelf(Protocol):
    """Models that are made as a fit's way asks for them."""

    def evaluate(
        self, parameters: Numbers, samples: Samples, blur_mrad: float
    ) -> derivatives.Evaluation:
        """Synthesise the pattern at the samples, by a model that covers the parameters (10,)."""
        ...


def beyond_disk(table: LacbedTable, convergence_mrad: float) -> float:
    """How far beyond `REACH` a pattern is looked at, semi-angles: 0 but for small apertures.

    As far as it is worth it and the table holds it.
    """
    geometry = table.geometry
    held = geometry.field * geometry.convergence_max_mrad
    far = min(held, worth_mrad(geometry.lattice_mrad, convergence_mrad))
    return max(0.0, far / convergence_mrad - REACH)


def fit_pattern(
    samples: Samples,
    table: LacbedTable,
    start: FitParameters,
    known: Known,
    steps: int,
    blur_mrad: float,
    shelf: Shelf | None = None,
    at: FitParameters | None = None,
) -> Fit:
    """Fit a pattern from one start.

    Parameters
    ----------
    samples : Samples
        Within `REACH` of the disk's centre, or more.
    table : LacbedTable
    start : FitParameters
        What is known is centred on it; see :meth:`Known.centred`.
    known : Known
    steps : int
        Steps at most.
    blur_mrad : float
        First guess of the blur.
    shelf : Shelf, optional
        Models that other fits of the same pattern use too; made for the samples' reach.
    at : FitParameters, optional
        Where to begin; at the start by default.

    Returns
    -------
    Fit
    """
    shelf = shelf or ModelShelf(table, samples.reach)
    first = start.to_vector()
    model = _Model(samples, shelf, _bounds(table, first, known), _prior(known), blur_mrad)
    begin = None if at is None else at.to_vector()
    state = minimise(model, first, Steps(steps, _SHORT, _LONG, 1e3, _LEAST_GAIN), begin)
    return _finish(model, state, known)


def shifts(
    samples: Samples,
    table: LacbedTable,
    at: FitParameters,
    known: Known,
    changes: Numbers,
    noise: float,
    shelf: Shelf,
) -> tuple[Numbers, Numbers]:
    """How far a fit that ends at some parameters moves where its samples change.

    Parameters
    ----------
    samples : Samples
        With the pattern that the table gives at the parameters.
    table : LacbedTable
    at : FitParameters
    known : Known
    changes : ndarray, shape (N, k)
        Small changes of the samples, one in each column.
    noise : float
        Noise variance of a sample in the middle of the disk, that what is known is weighed against.
    shelf : Shelf
        Models of the table, made for the samples' reach.

    Returns
    -------
    thickness_nm : ndarray, shape (k,)
    tilt_mrad : ndarray, shape (2, k)
    """
    vector = at.to_vector()
    model = _Model(samples, shelf, _bounds(table, vector, known), _prior(known), 0.0)
    state = minimise(model, vector, Steps(0, _SHORT, _LONG, 1e3))
    moved = response(model, state, changes, noise)
    return moved[THICKNESS], moved[TILT_X : TILT_Y + 1]


@dataclass(frozen=True)
class _Model:
    """The pattern's samples and what the solver needs beside them."""

    samples: Samples
    shelf: Shelf
    bounds: tuple[Numbers, Numbers]
    precision: Numbers
    first_blur_mrad: float

    @property
    def values(self) -> Numbers:
        return self.samples.values

    @cached_property
    def ridge(self) -> Numbers:
        return make_ridge(len(self.values))

    def clip(self, parameters: Numbers) -> Numbers:
        return np.clip(parameters, *self.bounds)

    def evaluate(self, parameters: Numbers, before: State | None) -> Evaluation:
        alpha = float(np.exp(parameters[LOG_ALPHA]))
        blur = self.first_blur_mrad if before is None else _next_blur(before, alpha)
        at = self.shelf.evaluate(parameters, self.samples, blur)
        broad = backgrounds(_distance(parameters, self.samples))
        curvature = at.laplacian * alpha**2
        columns = make_columns(at.pattern, broad, at.diffuse, curvature, at.phonons)
        spread = _shot(at.pattern) + (_EDGE * at.jacobian[:, LOG_ALPHA]) ** 2
        return Evaluation(columns, at.jacobian, 1 / spread, blur)

    def noise(self, at: Evaluation, solved: Solved) -> float:
        # It shows where edges do not matter; on them the residuals are small beside theirs.
        shown = self.shown(at)
        noise = float(np.average(solved.weights * solved.residuals**2, weights=shown))
        # Neighbouring residuals are alike where the model is wrong: fewer of them count.
        return noise / _independent_share(solved.scaled, self.samples) + 1e-12

    def shown(self, at: Evaluation) -> Numbers:
        """How far the samples lie from edges, 0..1."""
        weight: Numbers = _shot(at.columns[:, 0]) * at.weights
        return weight


def _shot(pattern: Numbers) -> Numbers:
    """Variance of counting, but for a factor."""
    return np.maximum(pattern, DARKEST)


def _bounds(table: LacbedTable, start: Numbers, known: Known) -> tuple[Numbers, Numbers]:
    low, high = np.full(10, -np.inf), np.full(10, np.inf)
    low[THICKNESS], high[THICKNESS] = 0.2, table.geometry.thicknesses_nm[-1]
    far = _NEAR if known.convergence <= GIVEN else _FAR
    low[LOG_ALPHA] = start[LOG_ALPHA] - far
    high[LOG_ALPHA] = min(start[LOG_ALPHA] + far, np.log(table.geometry.convergence_max_mrad))
    low[ELLIPSE_A : ELLIPSE_B + 1], high[ELLIPSE_A : ELLIPSE_B + 1] = -0.05, 0.05
    return low, high


def _prior(known: Known) -> Numbers:
    """Inverse variances of what is known of each parameter beforehand."""
    precision = np.zeros(10)
    precision[ELLIPSE_A : ELLIPSE_B + 1] = known.ellipticity**-2
    precision[LOG_ALPHA] = known.convergence**-2
    if known.scale is not None:
        precision[LOG_SCALE] = known.scale**-2
    return precision


def _distance(parameters: Numbers, samples: Samples) -> Numbers:
    """Distance of the samples from the disk's centre, semi-angles."""
    radius = np.exp(parameters[LOG_ALPHA] - parameters[LOG_SCALE])
    distance = np.hypot(samples.x - parameters[CENTER_X], samples.y - parameters[CENTER_Y])
    relative: Numbers = distance / radius
    return relative


def _next_blur(state: State, alpha: float) -> float:
    """Take the linear rest of the blur into the pattern's own."""
    coefficients = state.solved.coefficients
    rest = 2 * BLUR * alpha**2 * coefficients[BLUR_PLACE] / max(coefficients[0], 1e-6)
    square = state.at.blur_mrad**2 + float(
        np.clip(rest, -((0.03 * alpha) ** 2), (0.05 * alpha) ** 2)
    )
    return float(np.sqrt(np.clip(square, 0, (_LARGEST_BLUR * alpha) ** 2)))


def _finish(model: _Model, state: State, known: Known) -> Fit:
    samples, solved = model.samples, state.solved
    values = samples.values
    centred = values - values.mean()
    distance = _distance(state.parameters, samples)
    inside = distance < CONTRAST_REACH
    ranked = distance < CONTRAST_REACH + (samples.reach - REACH)
    contrast = np.where(inside, values - values[inside].mean(), 0)
    residuals = np.where(inside, solved.residuals, 0)
    floor = CONTRAST_FLOOR**2 * int(inside.sum())
    left = _shared(residuals, samples)
    fitted = (solved.coefficients[0] * state.at.columns[:, 0])[inside]
    return Fit(
        FitParameters.from_vector(state.parameters),
        covariance(model, state, state.noise)[0],
        share((solved.residuals**2).sum(), (centred**2).sum()),
        share((residuals**2).sum(), (contrast**2).sum()),
        float((solved.residuals[ranked] ** 2).mean()),
        share(left, _shared(contrast, samples) + floor),
        share(left, ((fitted - fitted.mean()) ** 2).sum()),
        float(fitted.std() / max(abs(fitted.mean()), 1e-12)),
        float((solved.scaled**2).sum()) / state.noise,
        state.at.blur_mrad,
        float(solved.coefficients[0]),
        state.settled,
        known,
        share(_single_noise(solved.scaled, model.shown(state.at), samples), state.noise),
    )


def _neighbours(samples: Samples) -> Mask:
    """Which samples are followed by their neighbour along x."""
    beside = np.diff(samples.x) <= samples.pitch_px * 1.01
    followed: Mask = (np.diff(samples.y) == 0) & beside
    return followed


def _single_noise(scaled: Numbers, shown: Numbers, samples: Samples) -> float:
    """Noise variance of single samples of weight 1.

    From second differences along x, which what neighbours share has hardly any of.
    """
    followed = _neighbours(samples)
    both = followed[1:] & followed[:-1]
    second = (scaled[2:] - 2 * scaled[1:-1] + scaled[:-2])[both]
    weight = shown[1:-1][both]
    # Of white noise a second difference has six times the variance.
    return float((weight * second**2).sum() / max(float(weight.sum()), 1e-12)) / 6


def _shared(values: Numbers, samples: Samples) -> float:
    """Sum of the products of neighbours."""
    return float((values[1:] * values[:-1])[_neighbours(samples)].sum())


def _independent_share(scaled: Numbers, samples: Samples) -> float:
    """Share of the residuals that are independent, from neighbours along x."""
    power = float((scaled**2).mean()) + 1e-20
    correlation = _shared(scaled, samples) / max(int(_neighbours(samples).sum()), 1) / power
    correlation = float(np.clip(correlation, 0, 0.95))
    # Of a two-dimensional exponential correlation.
    return ((1 - correlation) / (1 + correlation)) ** 2
