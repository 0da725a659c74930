"""A stage with axes, signs and errors of its own, and a crystal on it."""

import math

import numpy as np

from pacbed.stage import StagePattern, calibrate_stage, guide

MRAD = 1000 * math.radians(1)


def turned(axis, degrees):
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = math.radians(degrees)
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


class Stage:
    """Double tilt: β's axis is carried along by α; the axes may be some degrees from a right angle.

    Parameters
    ----------
    rng : numpy.random.Generator
    answer_mrad : float
        Error of a component of the tilt that answers give.
    shown_deg : float
        Error of each angle that the stage shows.
    kept_deg : float
        Error of each angle that a move ends at.
    backlash_deg : float
        What is lost where an axis turns round.
    """

    def __init__(self, rng, answer_mrad, shown_deg, kept_deg, backlash_deg, start_deg=15):
        self.rng = rng
        self.errors = answer_mrad, shown_deg, kept_deg, backlash_deg
        self.turn = rng.uniform(0, 2 * math.pi)
        self.mirror = rng.choice([-1, 1])
        self.signs = rng.choice([-1, 1], 2)
        self.skew_deg = rng.normal(0, 1)
        self.angles = rng.uniform(-start_deg, start_deg, 2)
        self.set_back = np.zeros(2)
        self.last = np.zeros(2)
        # The zone axis is so far from the beam where everything begins, mrad.
        away = rng.uniform(3, 12), rng.uniform(0, 2 * math.pi)
        beam = np.array([away[0] * math.cos(away[1]) / 1000, away[0] * math.sin(away[1]) / 1000, 1])
        self.crystal = np.linalg.solve(self.rotation(), beam)

    def rotation(self):
        alpha, beta = self.signs * (self.angles + self.set_back)
        second = turned([0, 0, 1], self.skew_deg) @ [0, 1, 0]
        return turned([1, 0, 0], alpha) @ turned(second, beta)

    def tilt(self):
        """Where the zone axis truly is in the pattern, mrad."""
        seen = self.rotation() @ self.crystal
        x, y = 1000 * seen[:2] / seen[2]
        y *= self.mirror
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        return np.array([cos * x - sin * y, sin * x + cos * y])

    def move(self, by):
        by = np.asarray(by, float)
        _, _, kept, backlash = self.errors
        turned_round = np.sign(by) * np.sign(self.last) < 0
        self.set_back -= np.where(turned_round, np.sign(by) * backlash, 0)
        self.last = np.where(by == 0, self.last, by)
        self.angles = self.angles + by + np.where(by == 0, 0, self.rng.normal(0, kept, 2))

    def pattern(self):
        answer, shown, _, _ = self.errors
        alpha, beta = self.angles + self.rng.normal(0, shown, 2)
        x, y = self.tilt() + self.rng.normal(0, answer, 2)
        return StagePattern(alpha, beta, x, y, answer)

    @property
    def mirrored(self):
        return bool(self.mirror * np.prod(self.signs) < 0)


def trial(stage, first, most, hand_known):
    """A pattern and one after each of the first moves, then tilts as guided.

    How far from the zone axis the stage is after each, mrad.
    """
    patterns = [stage.pattern()]
    for move in first:
        stage.move(move)
        patterns.append(stage.pattern())
    distances = []
    for _ in range(most):
        here = patterns[-1]
        known = stage.mirrored if hand_known else None
        said = guide(calibrate_stage(patterns, mirrored=known), here.tilt_x_mrad,
                     here.tilt_y_mrad, here.tilt_std_mrad, here.alpha_deg)  # fmt: skip
        stage.move((said.alpha_deg, said.beta_deg))
        patterns.append(stage.pattern())
        distances.append(math.hypot(*stage.tilt()))
    return distances


def reached(errors, first, most=2, hand_known=False, count=200, seed=20, within=0.2):
    """Share of trials that come to within some mrad in at most some moves."""
    rng = np.random.default_rng(seed)
    runs = [trial(Stage(rng, **errors), first, most, hand_known) for _ in range(count)]
    return float(np.mean([min(run) < within for run in runs]))
