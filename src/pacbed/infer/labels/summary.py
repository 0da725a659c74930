"""From the probabilities of labels to a value, its error and the other values that are likely."""

from dataclasses import dataclass

import numpy as np

from pacbed.answer.peaks import on_a_line, peaks
from pacbed.arrays import Numbers, Probabilities

#: Another peak counts from this probability on; at most so many are told.
_OTHER, _MOST_OTHERS = 0.1, 3
_NEAR = 1


@dataclass(frozen=True)
class LabelSummary:
    """What a network says of one quantity, in the unit of its labels.

    Attributes
    ----------
    values : ndarray, shape (labels,)
        Labels, rising.
    probability : ndarray, shape (labels,)
        Of each of them.
    value : float
        Mean over the likeliest label and its neighbours.
    std : float
        Standard deviation of the whole distribution around it, the width of a label included.
    interval95 : tuple of float
        Between the 2.5 % and 97.5 % points, a label taken to hold all values nearest to it.
    share : float
        Probability of the likeliest label and its neighbours.
    at_lower_edge, at_upper_edge : bool
        Whether the likeliest label is the first or the last.
    others : tuple of (float, float)
        Other peaks with their probabilities, the likelier first.
    """

    values: Numbers
    probability: Probabilities
    value: float
    std: float
    interval95: tuple[float, float]
    share: float
    at_lower_edge: bool
    at_upper_edge: bool
    others: tuple[tuple[float, float], ...]


def summarise_labels(values: Numbers, probability: Probabilities) -> LabelSummary:
    """Sum up the answer of a network that chooses among labels.

    Parameters
    ----------
    values : ndarray, shape (labels,)
        Labels in the order of the network's outputs, all different, two or more.
    probability : ndarray, shape (labels,)

    Returns
    -------
    LabelSummary
    """
    order = np.argsort(values)
    values = np.asarray(values, float)[order]
    probability = np.clip(np.asarray(probability, float)[order], 0, None)
    probability = probability / probability.sum()
    peak = int(probability.argmax())
    first, *others = peaks(probability, on_a_line(values, _NEAR), 1 + _MOST_OTHERS, _OTHER)
    middles = (values[1:] + values[:-1]) / 2
    edges = np.concatenate([[2 * values[0] - middles[0]], middles, [2 * values[-1] - middles[-1]]])
    widths = np.diff(edges)
    # A label stands for a range of values: as much is open at best.
    variance = probability @ ((values - first.value) ** 2) + widths[peak] ** 2 / 12
    low, high = np.interp([0.025, 0.975], np.r_[0, np.cumsum(probability)], edges)
    return LabelSummary(
        values,
        probability,
        first.value,
        float(np.sqrt(variance)),
        (max(0.0, float(low)), float(high)),
        first.share,
        peak == 0,
        peak == len(values) - 1,
        tuple((other.value, other.share) for other in others),
    )
