"""From what several patterns show to what they say together, with its errors."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Mask, Numbers
from pacbed.microscope.record import ellipse_of
from pacbed.microscope.shown import Shown

#: What the model leaves all patterns alike: logarithms of the convergence semi-angle and of the
#: angle per pixel, components of the distortion, rotation (rad). On frozen phonons
#: (``benchmarks/sessions.py``).
_CONVERGENCE, _SCALE, _DISTORTION, _ROTATION = 0.003, 0.0012, 0.0003, 0.0003
#: A pattern so many standard errors from the others is left out, of this many patterns at least.
_FAR, _FEWEST = 4.0, 3
#: Rotations that differ by more than this many standard errors are of several grains.
_SAME_ROTATION = 4.0


@dataclass(frozen=True)
class Said:
    """A number and its standard error."""

    value: float
    std: float


@dataclass(frozen=True)
class Combined:
    """What patterns say together.

    Attributes
    ----------
    convergence_mrad, mrad_per_pixel : Said
    ellipticity, ellipticity_direction_deg : float
        Size, and direction of the long axis.
    ellipticity_std : float
        Of a component.
    rotation_deg : Said or None
        None where the patterns do not agree.
    far : tuple of str
        For each pattern why it is left out; empty where it is not.
    """

    convergence_mrad: Said
    mrad_per_pixel: Said
    ellipticity: float
    ellipticity_direction_deg: float
    ellipticity_std: float
    rotation_deg: Said | None
    far: tuple[str, ...]


@dataclass(frozen=True)
class _Values:
    """One quantity of all patterns, in units in which errors add."""

    words: str
    values: Numbers
    std: Numbers
    shared: float

    def far(self, used: Mask) -> Numbers:
        """How many standard errors each pattern is from the median of those that are used."""
        middle = float(np.median(self.values[used]))
        off = np.abs(self.values - middle)
        # Errors may be too small for all: the scatter of most is no reason to leave one out.
        usual = 1.4826 * float(np.median(off[used]))
        far: Numbers = off / np.hypot(np.maximum(self.std, usual), self.shared)
        return far

    def said(self, used: Mask) -> Said:
        """Mean of those that are used, weighted; a scatter beyond their errors widens these.

        DerSimonian and Laird, Controlled Clinical Trials 7 (1986) 177.
        """
        values, variance = self.values[used], self.std[used] ** 2
        weights = 1 / variance
        mean = float((weights * values).sum() / weights.sum())
        excess = float((weights * (values - mean) ** 2).sum()) - (len(values) - 1)
        free = weights.sum() - (weights**2).sum() / weights.sum()
        between = max(0.0, excess / free) if len(values) > 1 else 0.0
        weights = 1 / (variance + between)
        mean = float((weights * values).sum() / weights.sum())
        return Said(mean, math.hypot(1 / math.sqrt(weights.sum()), self.shared))


def combine(shown: Sequence[Shown]) -> Combined:
    """Put patterns together.

    Parameters
    ----------
    shown : sequence of Shown
        One for each pattern, at least one.
    """
    convergence = _logarithms("convergence", [(s.convergence_mrad, s.convergence_std_mrad)
                                              for s in shown], _CONVERGENCE)  # fmt: skip
    scale = _logarithms("angle per pixel", [(s.mrad_per_pixel, s.mrad_per_pixel_std)
                                            for s in shown], _SCALE)  # fmt: skip
    components = [
        _Values(
            "ellipticity",
            np.array([s.distortion[n] for s in shown]),
            np.array([s.distortion_std for s in shown]),
            _DISTORTION,
        )
        for n in range(2)
    ]
    used, far = _near([convergence, scale, *components])
    a, b = (component.said(used) for component in components)
    size, direction = ellipse_of((a.value, b.value))
    return Combined(
        _from_logarithm(convergence.said(used)),
        _from_logarithm(scale.said(used)),
        size,
        direction,
        math.hypot(a.std, b.std) / math.sqrt(2),
        _rotation([s for s, taken in zip(shown, used, strict=True) if taken]),
        far,
    )


def _near(quantities: list[_Values]) -> tuple[Mask, tuple[str, ...]]:
    """Which patterns agree with the others, and words for those that do not."""
    count = len(quantities[0].values)
    used: Mask = np.ones(count, bool)
    words = [""] * count
    while used.sum() >= _FEWEST:
        far = np.array([quantity.far(used) for quantity in quantities])
        far[:, ~used] = 0
        which, worst = np.unravel_index(int(far.argmax()), far.shape)
        if far[which, worst] <= _FAR:
            break
        used[worst] = False
        words[worst] = (
            f"its {quantities[which].words} is {far[which, worst]:.1f} standard errors from the "
            "others'"
        )
    return used, tuple(words)


def _logarithms(words: str, given: list[tuple[float, float]], shared: float) -> _Values:
    values, std = np.array(given).T
    return _Values(words, np.log(values), std / values, shared)


def _from_logarithm(said: Said) -> Said:
    value = math.exp(said.value)
    return Said(value, said.std * value)


def _rotation(shown: list[Shown]) -> Said | None:
    """The one rotation of all patterns, modulo the crystal's own; None where there is none."""
    period = shown[0].period_deg
    first = shown[0].rotation_deg
    turned = np.array([math.remainder(s.rotation_deg - first, period) for s in shown])
    shared = math.degrees(_ROTATION)
    values = _Values("rotation", turned, np.array([s.rotation_std_deg for s in shown]), shared)
    weights = 1 / values.std**2
    mean = float((weights * turned).sum() / weights.sum())
    if (np.abs(turned - mean) > _SAME_ROTATION * np.hypot(values.std, shared)).any():
        return None
    said = values.said(np.ones(len(shown), bool))
    return Said(math.remainder(first + said.value, period), said.std)
