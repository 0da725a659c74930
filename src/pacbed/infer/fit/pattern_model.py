"""What the solver asks of a pattern's fit: samples, their weights, and the linear parts."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from pacbed.arrays import Mask, Numbers
from pacbed.infer.fit import derivatives
from pacbed.infer.fit.known import GIVEN, Known
from pacbed.infer.fit.least_squares import Evaluation, Solved, State
from pacbed.infer.fit.linear import (
    BLUR,
    BLUR_PLACE,
    DARKEST,
    backgrounds,
    make_columns,
    make_ridge,
)
from pacbed.infer.fit.parameters import (
    CENTER_X,
    CENTER_Y,
    ELLIPSE_A,
    ELLIPSE_B,
    LOG_ALPHA,
    LOG_SCALE,
    THICKNESS,
)
from pacbed.infer.fit.samples import Samples
from pacbed.lacbed.table import LacbedTable

#: Error of the model at the disks' edges, as a share of the pattern's derivative by the
#: logarithm of the convergence angle, which is large there alone: how sharp the edges
#: are depends on the table's grid and on the aperture, and says nothing of the crystal.
_EDGE = 0.3
#: How far the convergence angle may go, relative: where it is given, and where σ is larger.
_NEAR, _FAR = 0.12, 0.25
#: Largest blur that is taken into the pattern itself, semi-angles.
_LARGEST_BLUR = 0.12


class Shelf(Protocol):
    """Models that are made as a fit's way asks for them."""

    def evaluate(
        self, parameters: Numbers, samples: Samples, blur_mrad: float
    ) -> derivatives.Evaluation:
        """Synthesise the pattern at the samples, by a model that covers the parameters (10,)."""
        ...


@dataclass(frozen=True)
class PatternModel:
    """The pattern's samples and what the solver needs beside them."""

    samples: Samples
    shelf: Shelf
    bounds: tuple[Numbers, Numbers]
    precision: Numbers
    first_blur_mrad: float

    @classmethod
    def of(
        cls,
        samples: Samples,
        table: LacbedTable,
        shelf: Shelf,
        start: Numbers,
        known: Known,
        first_blur_mrad: float,
    ) -> "PatternModel":
        """For a fit that starts at some parameters, shape (10,)."""
        bounds, precision = _bounds(table, start, known), _prior(known)
        return cls(samples, shelf, bounds, precision, first_blur_mrad)

    @property
    def values(self) -> Numbers:
        """See :class:`.least_squares.Model`, as for the methods below."""
        return self.samples.values

    @cached_property
    def ridge(self) -> Numbers:
        """What holds the linear parts near 0."""
        return make_ridge(len(self.values), sample_noise(self.samples))

    def clip(self, parameters: Numbers) -> Numbers:
        """Keep parameters inside their bounds."""
        return np.clip(parameters, *self.bounds)

    def evaluate(self, parameters: Numbers, before: State | None) -> Evaluation:
        """The pattern, its linear parts and derivatives, with the blur that a state shows."""
        alpha = float(np.exp(parameters[LOG_ALPHA]))
        blur = self.first_blur_mrad if before is None else _next_blur(before, alpha)
        at = self.shelf.evaluate(parameters, self.samples, blur)
        broad = backgrounds(distance(parameters, self.samples))
        curvature = at.laplacian * alpha**2
        columns = make_columns(at.pattern, broad, at.diffuse, curvature, at.phonons)
        spread = _shot(at.pattern) + (_EDGE * at.jacobian[:, LOG_ALPHA]) ** 2
        return Evaluation(columns, at.jacobian, 1 / spread, blur)

    def noise(self, at: Evaluation, solved: Solved) -> float:
        """Noise variance of a sample of weight 1, with what neighbours share."""
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


def distance(parameters: Numbers, samples: Samples) -> Numbers:
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


def sample_noise(samples: Samples) -> float:
    """Noise variance of samples at an intensity of 1, from second differences along x."""
    followed = neighbours(samples)
    both = followed[1:] & followed[:-1]
    values = samples.values
    second = (values[2:] - 2 * values[1:-1] + values[:-2])[both]
    if not len(second):
        return 0.0
    # Half of the squares of a normal deviate are below 0.455 of its variance: edges are above.
    return float(np.median(second**2 / _shot(values[1:-1][both]))) / (0.455 * 6)


def neighbours(samples: Samples) -> Mask:
    """Which samples are followed by their neighbour along x."""
    beside = np.diff(samples.x) <= samples.pitch_px * 1.01
    followed: Mask = (np.diff(samples.y) == 0) & beside
    return followed


def shared(values: Numbers, samples: Samples) -> float:
    """Sum of the products of neighbours."""
    return float((values[1:] * values[:-1])[neighbours(samples)].sum())


def _independent_share(scaled: Numbers, samples: Samples) -> float:
    """Share of the residuals that are independent, from neighbours along x."""
    power = float((scaled**2).mean()) + 1e-20
    correlation = shared(scaled, samples) / max(int(neighbours(samples).sum()), 1) / power
    correlation = float(np.clip(correlation, 0, 0.95))
    # Of a two-dimensional exponential correlation.
    return ((1 - correlation) / (1 + correlation)) ** 2
