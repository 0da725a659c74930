"""What a predictor found in one pattern, before it is judged."""

from dataclasses import dataclass

from pacbed.infer.fit.hypotheses import Solution
from pacbed.infer.networks.posing import Reading


@dataclass(frozen=True)
class Solved:
    """What was found in one pattern.

    Attributes
    ----------
    readings : list of Reading
        The networks' answers, the surest first; empty where none were asked.
    solutions : list of Solution
        The fit's, the best first; empty where nothing was fitted.
    """

    readings: list[Reading]
    solutions: list[Solution]
