"""A fit's pattern with more linear parts: what spreads of thickness and tilt add to it.

The mean over normally distributed thicknesses is by Gauss and Hermite

    ⟨P⟩ = P(t) + [P(t + √3 σ) − 2 P(t) + P(t − √3 σ)] / 6,

right to the fifth power of σ, and over tilts the same along both axes. The brackets are the
parts: their coefficients are 1 where σ is the right one, and σ² times them is to first order what
a fit with another σ asks for.
"""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Numbers
from pacbed.infer.fit.least_squares import Evaluation, Solved, State
from pacbed.infer.fit.parameters import THICKNESS, TILT_X, TILT_Y
from pacbed.infer.fit.pattern_model import PatternModel, Shelf

#: Parameters of each.
AXES = ((THICKNESS,), (TILT_X, TILT_Y))
_AWAY = np.sqrt(3.0)


@dataclass(frozen=True)
class SpreadModel:
    """What the solver asks of a fit with spreads.

    Attributes
    ----------
    plain : PatternModel
        Without them.
    beside : dict of (int, int) to Shelf
        Models for the patterns beside: by parameter and sign, as each may be of a tilt of its own.
    widths : tuple of float
        σ of thickness, nm, and of a tilt's component, mrad, that the parts are made for.
    free : tuple of bool
        Which of them are free; the others are left out.
    """

    plain: PatternModel
    beside: dict[tuple[int, int], Shelf]
    widths: tuple[float, float]
    free: tuple[bool, bool]

    @property
    def values(self) -> Numbers:
        """See :class:`.least_squares.Model`, as for the methods below."""
        return self.plain.values

    @property
    def precision(self) -> Numbers:
        """Of the parameters."""
        return self.plain.precision

    @property
    def ridge(self) -> Numbers:
        """The parts are held by nothing."""
        return np.append(self.plain.ridge, np.zeros(sum(self.free)))

    def clip(self, parameters: Numbers) -> Numbers:
        """Keep parameters inside their bounds."""
        return self.plain.clip(parameters)

    def noise(self, at: Evaluation, solved: Solved) -> float:
        """Noise variance of a sample of weight 1."""
        return self.plain.noise(at, solved)

    def evaluate(self, parameters: Numbers, before: State | None) -> Evaluation:
        """With the parts behind the other linear ones."""
        at = self.plain.evaluate(parameters, before)
        parts = []
        for axes, width, free in zip(AXES, self.widths, self.free, strict=True):
            if free:
                parts.append(sum(self._second(parameters, axis, width, at) for axis in axes))
        columns = np.column_stack([at.columns, *parts])
        return Evaluation(columns, at.jacobian, at.weights, at.blur_mrad)

    def _second(self, parameters: Numbers, axis: int, width: float, at: Evaluation) -> Numbers:
        """A sixth of the second difference along one parameter."""
        total = -2 * at.columns[:, 0]
        for sign in (-1, 1):
            moved = parameters.copy()
            moved[axis] += sign * _AWAY * width
            if axis == THICKNESS:
                moved = self.plain.clip(moved)
            shelf = self.beside[axis, sign]
            total = total + shelf.evaluate(moved, self.plain.samples, at.blur_mrad).pattern
        return total / 6
