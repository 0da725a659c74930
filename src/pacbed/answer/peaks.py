"""The peaks of a distribution over values, on a line or around a circle."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Mask, Numbers, Probabilities


@dataclass(frozen=True)
class Peak:
    """A part of a distribution that stands out.

    Attributes
    ----------
    value : float
        Mean over the peak, in the unit of the values.
    share : float
        Probability of the peak.
    covered : ndarray of bool, shape (values,)
        The peak with its flanks, in which no other one is looked for.
    """

    value: float
    share: float
    covered: Mask


#: Finds the highest peak of what is left of a distribution.
Find = Callable[[Probabilities], Peak]


def peaks(probability: Probabilities, find: Find, most: int, least: float) -> list[Peak]:
    """Find the peaks of a distribution, one after the other.

    Parameters
    ----------
    probability : ndarray, shape (values,)
    find : callable
        :func:`on_a_line` or :func:`on_a_circle` of the values.
    most : int
        Peaks at most.
    least : float
        Probability from which on a peak counts; the first does whatever it has.

    Returns
    -------
    list of Peak
        The highest first.
    """
    found = [find(probability)]
    left = probability
    while len(found) < most:
        left = np.where(found[-1].covered, 0, left)
        peak = find(left)
        if peak.share < least:
            break
        found.append(peak)
    return found


def on_a_line(values: Numbers, half_width: int) -> Find:
    """Peaks are the likeliest of the rising values and so many to each side."""

    def find(probability: Probabilities) -> Peak:
        middle = int(probability.argmax())
        near = np.abs(np.arange(len(values)) - middle) <= half_width
        share = float(probability[near].sum())
        value = float((probability[near] * values[near]).sum()) / max(share, 1e-12)
        return Peak(value, share, near)

    return find


def on_a_circle(values_deg: Numbers, half_width_deg: float) -> Find:
    """Peaks are the neighbourhoods that hold most; beside one lie flanks as wide as its halves."""
    near = angle_between(values_deg[:, None], values_deg) <= half_width_deg
    along = np.deg2rad(values_deg)

    def find(probability: Probabilities) -> Peak:
        shares = near @ probability
        # Of several neighbourhoods with the same content, the one around its likeliest value.
        middle = int(np.lexsort((probability, shares.round(9)))[-1])
        weights = probability * near[middle]
        x, y = (float(weights @ part) for part in (np.cos(along), np.sin(along)))
        value = math.degrees(math.atan2(y, x))
        covered = angle_between(values_deg, value) <= 2 * half_width_deg
        return Peak(value, float(weights.sum()), covered)

    return find


def angle_between(values_deg: Numbers, others_deg: Numbers | float) -> Numbers:
    """Angle between directions, 0 to 180 degrees."""
    between: Numbers = np.abs((values_deg - others_deg + 180) % 360 - 180)
    return between
