"""Least squares of thickness and tilt alone, where a scan shares its geometry.

As :mod:`pacbed.infer.fit.pattern_fit`, with the same solver and the same linear parts (scale,
backgrounds, scattered copy, rest of blur, gain curve), but on the samples and patterns of a
:class:`~pacbed.infer.shared.dictionary.PatternDictionary`. Between the lattice's tilts the
patterns are interpolated with cubic polynomials. The disk's centre may move by what is left
of the scan's drift.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from pacbed.arrays import Mask, Matrix, Numbers, Tilt
from pacbed.infer.fit.least_squares import (
    Evaluation,
    Solved,
    State,
    Steps,
    covariance,
    minimise,
)
from pacbed.infer.fit.linear import (
    CONTRAST_FLOOR,
    CONTRAST_REACH,
    make_columns,
    make_ridge,
    share,
)
from pacbed.infer.shared.dictionary import PatternDictionary

#: Largest steps, and those that end the fit: thickness (nm), tilt (mrad).
_LONG, _SHORT = np.array([2.5, 0.6, 0.6, 0.3, 0.3]), np.array([0.02, 0.01, 0.01, 0.05, 0.05])
#: The Taylor series in thickness is made anew beyond this, nm.
_STRETCH_NM = 1.0


@dataclass(frozen=True)
class LocalFit:
    """The end of a fit.

    Attributes
    ----------
    thickness_nm : float
    tilt : ndarray, shape (2,)
        In the crystal's frame, mrad.
    shift : ndarray, shape (2,)
        Of the disk's centre, mrad in the crystal's frame.
    shift_std_mrad : float
        Its error, without what was known of it beforehand.
    covariance : ndarray, shape (3, 3)
        Of thickness and tilt.
    square_sum : float
        Weighted sum of squares. Over the noise, differences between fits of the same
        samples are log-likelihood ratios times −2.
    residual, contrast_residual, structured_residual : float
        See :class:`pacbed.infer.fit.found.Fit`.
    structured_share : float
        As `structured_residual`, of the whole pattern: the residual without the noise.
    noise : float
        Noise variance of a sample of weight 1, with what neighbours share.
    """

    thickness_nm: float
    tilt: Tilt
    shift: Tilt
    shift_std_mrad: float
    covariance: Numbers
    square_sum: float
    residual: float
    contrast_residual: float
    structured_residual: float
    structured_share: float
    noise: float

    @property
    def thickness_std_nm(self) -> float:
        """Standard deviation of the thickness, nm."""
        return math.sqrt(self.covariance[0, 0])

    @property
    def tilt_std_mrad(self) -> float:
        """Standard deviation of one component of the tilt, mrad."""
        return math.sqrt(float(np.trace(self.covariance[1:3, 1:3])) / 2)

    def turned(self, operation: Matrix) -> "LocalFit":
        """The same fit with tilts brought to A · tilt, A of shape (2, 2)."""
        both = np.eye(3)
        both[1:, 1:] = operation
        return replace(
            self,
            tilt=operation @ self.tilt,
            shift=operation @ self.shift,
            covariance=both @ self.covariance @ both.T,
        )


class _Expansion:
    """Patterns near one thickness and within one cell of the tilts' lattice."""

    def __init__(self, dictionary: PatternDictionary, thickness: float, tilt: Tilt) -> None:
        self._dictionary = dictionary
        self._inverse = dictionary.inverse
        largest = float(dictionary.table.geometry.thicknesses_nm[-1])
        self.thickness = float(np.clip(thickness, 0.2, largest))
        self.base = np.floor(tilt @ self._inverse).astype(int)
        mixing = np.stack([dictionary.mixing(self.thickness, order) for order in range(3)], axis=1)
        row, column = (int(n) for n in self.base)
        steps = [(row + i, column + j) for i in range(-1, 3) for j in range(-1, 3)]
        dictionary.prepare(steps)
        nodes = [dictionary.node(step) for step in steps]
        self._series = np.stack([node.values @ mixing for node in nodes])
        nearest = np.rint(tilt @ self._inverse).astype(int) - self.base
        middle = nodes[int(4 * (nearest[0] + 1) + nearest[1] + 1)]
        self.diffuse = (middle.diffuse @ mixing[:, 0]).astype(float)
        self.phonons = dictionary.phonons(
            (row + int(nearest[0]), column + int(nearest[1])), self.thickness
        )

    def holds(self, parameters: Numbers) -> bool:
        """Whether thickness and tilt are still near."""
        base = np.floor(parameters[1:3] @ self._inverse).astype(int)
        near = abs(parameters[0] - self.thickness) <= _STRETCH_NM
        return bool(near and (base == self.base).all())

    def patterns(self, parameters: Numbers) -> Numbers:
        """Pattern and its derivatives by thickness and tilt at the extended points, (4, E)."""
        fraction = parameters[1:3] @ self._inverse - self.base
        (row, row_slope), (column, column_slope) = (_cubic(float(f)) for f in fraction)
        weights = np.stack(
            [np.outer(row, column), np.outer(row_slope, column), np.outer(row, column_slope)]
        ).reshape(3, 16)
        step = parameters[0] - self.thickness
        series = np.tensordot(weights.astype(np.float32), self._series, 1).astype(float)
        values = series @ np.array([1.0, step, step**2 / 2])
        by_thickness = series[0] @ np.array([0.0, 1.0, step])
        by_tilt = self._inverse @ values[1:]
        return np.stack([values[0], by_thickness, *by_tilt])


def fit_locally(
    dictionary: PatternDictionary,
    values: Numbers,
    recorded: Mask,
    start: tuple[float, float, float],
    shift_std_mrad: float,
    steps: int,
) -> LocalFit:
    """Fit thickness and tilt from one start.

    Parameters
    ----------
    dictionary : PatternDictionary
    values : ndarray, shape (N,)
        Samples with a mean of 1 inside the disk.
    recorded : ndarray of bool, shape (N,)
    start : tuple of float
        Thickness (nm) and tilt (mrad, in the crystal's frame).
    shift_std_mrad : float
        How far the disk's centre may be from where it was taken to be.
    steps : int
        Steps at most.

    Returns
    -------
    LocalFit
    """
    precision = np.array([0, 0, 0, shift_std_mrad**-2, shift_std_mrad**-2])
    model = _Model(dictionary, values, recorded, precision)
    state = minimise(model, np.array([*start, 0.0, 0.0]), Steps(steps, _SHORT, _LONG, 1e2))
    return model.finish(state)


class _Model:
    """One pattern's samples and what the solver needs beside them."""

    def __init__(
        self,
        dictionary: PatternDictionary,
        values: Numbers,
        recorded: Mask,
        precision: Numbers,
    ) -> None:
        self.dictionary = dictionary
        self.values = values
        self.recorded = recorded
        self.precision = precision
        self._weights = dictionary.weights * recorded
        self.ridge = make_ridge(int(recorded.sum()), self._sample_noise())
        self._expansion: _Expansion | None = None

    def _sample_noise(self) -> float:
        """Noise variance of samples at an intensity of 1, from neighbours two steps apart."""
        first, second = self.dictionary.second_neighbour
        both = self.recorded[first] & self.recorded[second]
        difference = (self.values[first] - self.values[second])[both]
        if not len(difference):
            return 0.0
        weights = self.dictionary.weights[first][both]
        return float(np.median(weights * difference**2)) / (0.455 * 2)

    def clip(self, parameters: Numbers) -> Numbers:
        """Keep thickness and tilt inside the table."""
        geometry = self.dictionary.table.geometry
        parameters = parameters.copy()
        parameters[0] = np.clip(parameters[0], 0.3, geometry.thicknesses_nm[-1] - 0.3)
        largest = (
            geometry.convergence_max_mrad
            + geometry.mistilt_max_mrad
            - self.dictionary.convergence_mrad
        )
        length = float(np.linalg.norm(parameters[1:3]))
        if length > largest:
            parameters[1:3] *= largest / length
        return parameters

    def evaluate(self, parameters: Numbers, before: State | None) -> Evaluation:
        """Pattern, linear parts and derivatives; `before` has nothing to tell."""
        d, expansion = self.dictionary, self._expansion
        if expansion is None or not expansion.holds(parameters):
            expansion = self._expansion = _Expansion(d, parameters[0], parameters[1:3])
        patterns = expansion.patterns(parameters)
        pattern, by_thickness, by_u, by_v = patterns[:, d.inner]
        up, down, right, left = patterns[0][d.neighbours]
        gradient = d.inverse @ np.stack([(up - down) / 2, (right - left) / 2])
        shift = parameters[3:]
        # The disk lies elsewhere: the pattern moves, and the crystal with it.
        moved = pattern - shift @ gradient
        curvature = (up + down + right + left - 4 * pattern) * (d.convergence_mrad**2 / d.cell)
        columns = make_columns(
            moved, d.backgrounds, expansion.diffuse, curvature, expansion.phonons
        )
        jacobian = np.stack([by_thickness, by_u, by_v, -gradient[0], -gradient[1]], axis=1)
        return Evaluation(columns, jacobian, self._weights)

    def noise(self, at: Evaluation, solved: Solved) -> float:
        """That of the residuals in the middle of their distribution."""
        return solved.sigma**2

    def finish(self, state: State) -> LocalFit:
        """Errors and residuals of the last state."""
        d = self.dictionary
        scaled, residuals = state.solved.scaled, state.solved.residuals
        noise = float((scaled**2).sum() / max(int(self.recorded.sum()), 1))
        noise = noise / _independent_share(scaled, self.recorded, d) + 1e-12
        known, free = covariance(self, state, noise)
        inside = (d.radius < CONTRAST_REACH) & self.recorded
        values = self.values
        centred = (values - values[self.recorded].mean()) * self.recorded
        contrast = np.where(inside, values - values[inside].mean(), 0)
        left = np.where(inside, residuals, 0)
        first, second = d.second_neighbour
        structured = float((left[first] * left[second]).sum())
        whole = float((contrast[first] * contrast[second]).sum())
        floor = CONTRAST_FLOOR**2 * int(inside.sum())
        rest = residuals * self.recorded
        return LocalFit(
            float(state.parameters[0]),
            state.parameters[1:3].copy(),
            state.parameters[3:].copy(),
            float(np.sqrt(np.trace(free[3:, 3:]) / 2)),
            known[:3, :3],
            float((scaled**2).sum()),
            share(float((residuals**2 * self.recorded).sum()), float((centred**2).sum())),
            share(float((left**2).sum()), float((contrast**2).sum())),
            share(structured, whole + floor),
            share(float((rest[first] * rest[second]).sum()), float((centred**2).sum())),
            noise,
        )


def _independent_share(scaled: Numbers, recorded: Mask, dictionary: PatternDictionary) -> float:
    """Share of the residuals that are independent, from neighbours two steps apart.

    Resampling correlates nearest neighbours alone: their part is known, the rest is what the
    model leaves.
    """
    first, second = dictionary.second_neighbour
    power = float((scaled[recorded] ** 2).mean()) + 1e-20
    pairs = max(int((recorded[first] & recorded[second]).sum()), 1)
    correlation = float((scaled[first] * scaled[second]).sum()) / pairs / power
    correlation = math.sqrt(float(np.clip(correlation, 0, 0.9)))
    # Of a two-dimensional exponential correlation; bilinear sharing adds a quarter on
    # each side along both axes.
    return ((1 - correlation) / (1 + correlation)) ** 2 / (1.5**2)


def _cubic(f: float) -> tuple[Numbers, Numbers]:
    """Lagrange weights of the four nodes −1, 0, 1, 2 at 0 ≤ f ≤ 1, and their derivatives."""
    weights = np.array(
        [
            -f * (f - 1) * (f - 2) / 6,
            (f + 1) * (f - 1) * (f - 2) / 2,
            -(f + 1) * f * (f - 2) / 2,
            (f + 1) * f * (f - 1) / 6,
        ]
    )
    slopes = np.array(
        [
            -(3 * f**2 - 6 * f + 2) / 6,
            (3 * f**2 - 4 * f - 1) / 2,
            -(3 * f**2 - 2 * f - 2) / 2,
            (3 * f**2 - 1) / 6,
        ]
    )
    return weights, slopes
