"""What a predictor found in one pattern, before it is judged."""

from dataclasses import dataclass

from pacbed.infer.fit.found import Fit
from pacbed.infer.networks.posing import Reading


@dataclass(frozen=True)
class Solution:
    """One thickness that the pattern allows.

    Attributes
    ----------
    fit : Fit
    weight : float
        Likelihood relative to the best solution's, 0..1.
    turned : Fit or None
        A fit of nearly the same thickness with the crystal turned otherwise, which leaves hardly
        more; None where there is none, or where none was looked for.
    """

    fit: Fit
    weight: float
    turned: Fit | None = None


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


def weighted(fits: list[Fit]) -> list[Solution]:
    """Relative likelihoods from the residuals and the number of independent pixels."""
    best = fits[0]
    count = max(best.chi_square, 1.0)
    return [
        Solution(
            fit, float((best.ranked_residual / max(fit.ranked_residual, 1e-12)) ** (count / 2))
        )
        for fit in fits
    ]
