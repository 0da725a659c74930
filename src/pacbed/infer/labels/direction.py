"""From the probabilities of directions to the tilt in the pattern, or why it is not known."""

import math
from dataclasses import dataclass

import numpy as np

from pacbed.answer.peaks import angle_between, on_a_circle, peaks
from pacbed.arrays import Numbers, Probabilities
from pacbed.infer.judge.confidence import CLEAR
from pacbed.infer.labels.summary import LabelSummary

#: Directions so near to one another are one, degrees.
_NEAR_DEG = 15.0
#: Another direction counts from this probability on; at most so many are told.
_OTHER, _MOST_OTHERS = 0.1, 3


@dataclass(frozen=True)
class DirectionSummary:
    """What a network says of the direction of the tilt; degrees from +x towards +y.

    Attributes
    ----------
    azimuth_deg : float
        Mean over the likeliest directions, −180 to 180.
    std_deg : float
        Standard deviation of the whole distribution around it.
    share : float
        Probability of directions near it.
    others : tuple of (float, float)
        Other directions with their probabilities, the likelier first.
    """

    azimuth_deg: float
    std_deg: float
    share: float
    others: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Tilt:
    """The tilt that mistilt and direction make together.

    Attributes
    ----------
    x_mrad, y_mrad, azimuth_deg : float or None
        None where the direction is not known.
    std_mrad : float or None
        Of a component, or of the mistilt where that is all there is.
    words : str or None
        What is to be said of the direction.
    """

    x_mrad: float | None
    y_mrad: float | None
    azimuth_deg: float | None
    std_mrad: float | None
    words: str | None


def summarise_directions(values_deg: Numbers, probability: Probabilities) -> DirectionSummary:
    """Sum up the answer of a network that chooses among directions.

    Parameters
    ----------
    values_deg : ndarray, shape (labels,)
        In the order of the network's outputs.
    probability : ndarray, shape (labels,)

    Returns
    -------
    DirectionSummary
    """
    values = np.asarray(values_deg, float)
    probability = np.clip(np.asarray(probability, float), 0, None)
    probability = probability / probability.sum()
    find = on_a_circle(values, _NEAR_DEG)
    first, *others = peaks(probability, find, 1 + _MOST_OTHERS, _OTHER)
    width = 360.0 / len(values)
    variance = probability @ angle_between(values, first.value) ** 2 + width**2 / 12
    return DirectionSummary(
        first.value,
        float(np.sqrt(variance)),
        first.share,
        tuple((other.value, other.share) for other in others),
    )


def tilt_of(mistilt: LabelSummary | None, direction: DirectionSummary | None) -> Tilt:
    """Put mistilt and direction together, or say what is not known.

    Parameters
    ----------
    mistilt : LabelSummary or None
        mrad; None where no network says it.
    direction : DirectionSummary or None
        None where no network says it.

    Returns
    -------
    Tilt
    """
    if mistilt is None:
        untrained = "the mistilt is not known: the model was not trained for it"
        return Tilt(None, None, None, None, untrained)
    words = _why_unknown(mistilt, direction)
    if direction is None or words is not None:
        return Tilt(None, None, None, mistilt.std, words)
    angle, length = math.radians(direction.azimuth_deg), mistilt.value
    across = length * math.radians(direction.std_deg)
    # Along and across the tilt; the mean over both is that of a component.
    std = math.sqrt((mistilt.std**2 + across**2) / 2)
    if direction.others:
        words = f"the mistilt may also point towards {_listed(direction.others)}"
    return Tilt(
        length * math.cos(angle), length * math.sin(angle), direction.azimuth_deg, std, words
    )


def _why_unknown(mistilt: LabelSummary, direction: DirectionSummary | None) -> str | None:
    if direction is None:
        return "the direction of the mistilt is not known: the model does not give it"
    tilted = mistilt.values[mistilt.values > 0]
    if mistilt.value < 0.5 * float(tilted.min()):
        return "the direction of the mistilt is not known: the mistilt is near 0"
    if direction.share >= CLEAR:
        return None
    if not direction.others:
        return "the direction of the mistilt is not known: none stands out"
    likely = ((direction.azimuth_deg, direction.share), *direction.others)
    return f"the direction of the mistilt is ambiguous: {_listed(likely)}"


def _listed(directions: tuple[tuple[float, float], ...]) -> str:
    return " or ".join(f"{azimuth:.0f}° ({share:.0%})" for azimuth, share in directions)
