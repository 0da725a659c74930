"""From a hypothesis to the best one near it, on the coarse points: thickness, tilt and pose.

A few Gauss–Newton steps. What the pattern's place and size on the detector change is taken from the
measured pattern's own slopes, so that a step costs a fraction of a millisecond.
"""

from dataclasses import dataclass, replace

import numpy as np

from pacbed.arrays import Numbers, Singles, Tilt
from pacbed.infer.fit.known import Known
from pacbed.infer.search.patterns import CoarsePatterns
from pacbed.infer.search.samples import Pose, SmoothPattern, places_of
from pacbed.infer.search.sweep import Hypothesis

#: Largest steps: thickness (nm), tilt (semi-angles, two), centre (radii, two), logarithm of
#: the scale, rotation (rad).
_LONG = np.array([2.0, 0.06, 0.06, 0.08, 0.08, 0.03, 0.06])
#: σ of the whole way from the hypothesis, in the same units: thickness and tilt are free.
_FAR = np.array([np.inf, np.inf, np.inf, 0.12, 0.12, 0.05, np.inf])
#: Noise of a point, as a share of the contrast, that the σ are weighed against.
_NOISE = 0.25
#: Weight of the points at the disk's edge, which say where it is and how large: the others say
#: how well thickness and tilt explain the pattern.
_EDGE_WEIGHT = 0.8


def settle(
    hypothesis: Hypothesis,
    pattern: SmoothPattern,
    coarse: CoarsePatterns,
    known: Known,
    steps: int,
) -> Hypothesis:
    """Go a few steps from a hypothesis.

    Parameters
    ----------
    hypothesis : Hypothesis
    pattern : SmoothPattern
    coarse : CoarsePatterns
    known : Known
    steps : int

    Returns
    -------
    Hypothesis
        At worst the first.
    """
    units = _units(hypothesis, coarse)
    precision = _NOISE**2 / _far(known) ** 2
    moved, damping = np.zeros(7), 1e-2
    at, linear = hypothesis, _linearised(hypothesis, pattern, coarse, units)
    if linear is None:
        return hypothesis
    cost = linear.cost
    for _ in range(steps):
        step = linear.step(precision, moved, damping)
        tried = _moved(hypothesis, (moved + step) * units)
        there = _linearised(tried, pattern, coarse, units)
        if there is None:
            break
        dearer = there.cost + float(precision @ (moved + step) ** 2)
        if dearer < cost:
            at, linear, cost, moved, damping = tried, there, dearer, moved + step, damping / 5
        else:
            damping *= 20
    return replace(at, explained=linear.explained)


def _far(known: Known) -> Numbers:
    far: Numbers = _FAR.copy()
    if known.scale is not None:
        far[5] = known.scale
    return far


def _units(hypothesis: Hypothesis, coarse: CoarsePatterns) -> Numbers:
    alpha = coarse.convergence_mrad
    radius = alpha * np.exp(-hypothesis.pose.log_scale)
    return np.array([1.0, alpha, alpha, radius, radius, 1.0, 1.0])


def _moved(hypothesis: Hypothesis, by: Numbers) -> Hypothesis:
    pose = hypothesis.pose
    return Hypothesis(
        Pose(pose.center + by[3:5], pose.log_scale + by[5], pose.rotation + by[6], pose.ellipse),
        hypothesis.tilt + by[1:3],
        max(0.5, hypothesis.thickness_nm + float(by[0])),
        hypothesis.explained,
    )


@dataclass(frozen=True)
class _Linear:
    """Where a hypothesis stands: what is left of the contrast, and how it changes.

    `left` is in units of the contrast, shape (N,); `slopes` its derivatives, shape (N, 7).
    """

    explained: float
    left: Numbers
    slopes: Numbers

    @property
    def cost(self) -> float:
        return float(self.left @ self.left)

    def step(self, precision: Numbers, moved: Numbers, damping: float) -> Numbers:
        normal = self.slopes.T @ self.slopes
        damped = normal + np.diag(precision + damping * np.diag(normal) + 1e-12)
        step = -np.linalg.solve(damped, self.slopes.T @ self.left + precision * moved)
        longest: float = max(1.0, float(np.abs(step / _LONG).max()))
        return step / longest


def _linearised(
    at: Hypothesis, pattern: SmoothPattern, coarse: CoarsePatterns, units: Numbers
) -> _Linear | None:
    places = places_of(coarse.angles, at.pose)
    inside = pattern.recorded(places)
    if inside.mean() < 0.4:
        return None
    values = pattern.at(places).astype(float)
    offset = places - at.pose.center
    slope = pattern.gradient(places)
    across = np.stack([-offset[:, 1], offset[:, 0]], axis=1)
    measured = np.column_stack(
        [values, slope, -(slope * offset).sum(axis=1), (slope * across).sum(axis=1)]
    )
    model = _model(at, coarse)
    both = np.column_stack([measured, model])
    weights = np.full(len(places), _EDGE_WEIGHT)
    weights[coarse.inner] = 1.0
    weights *= inside
    basis = np.linalg.qr(coarse.background * weights[:, None])[0]
    both *= weights[:, None]
    both -= basis @ (basis.T @ both)
    measured, model = both[:, :5], both[:, 5:]
    inner = coarse.inner
    measured = measured / (float(np.linalg.norm(measured[inner, 0])) + 1e-20)
    pure = model[:, 0]
    power = float(pure @ pure) + 1e-20
    gain = float(measured[:, 0] @ pure) / power
    if not gain > 0:
        return _Linear(0.0, measured[:, 0], np.zeros((len(pure), 7)))
    left = measured[:, 0] - gain * pure
    slopes = np.column_stack([-gain * model[:, 1:], measured[:, 1:]]) * units
    # The gain follows every step: what it can do is no one else's.
    slopes -= np.outer(pure, pure @ slopes) / power
    explained = 1.0 - float(left @ left) / (float(measured[:, 0] @ measured[:, 0]) + 1e-20)
    return _Linear(explained, left, slopes)


def _model(at: Hypothesis, coarse: CoarsePatterns) -> Numbers:
    """The pattern and its derivatives by thickness and tilt, shape (N, 4)."""
    i, j = coarse.near(at.tilt)
    mixing = np.stack([coarse.mixing_at(at.thickness_nm, order) for order in (0, 1)], axis=1)
    middle = coarse.node((i, j)) @ mixing
    beside = np.stack(
        [
            coarse.node(step) @ mixing[:, 0]
            for step in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1))
        ]
    )
    return _interpolated(middle, beside, at.tilt @ coarse.inverse - (i, j), coarse)


def _interpolated(
    middle: Singles, beside: Singles, fraction: Tilt, coarse: CoarsePatterns
) -> Numbers:
    """Quadratic along both axes of the lattice of tilts."""
    first = np.stack([beside[0] - beside[1], beside[2] - beside[3]]) / 2
    second = np.stack([beside[0] + beside[1], beside[2] + beside[3]]) - 2 * middle[:, 0]
    pattern = middle[:, 0] + fraction @ first + (fraction**2 / 2) @ second
    by_step = first + fraction[:, None] * second
    by_tilt = coarse.inverse @ by_step
    return np.column_stack([pattern, middle[:, 1], by_tilt.T]).astype(float)
