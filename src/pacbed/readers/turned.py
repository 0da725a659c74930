"""Patterns as their user turns them: mirrored, and turned by quarters."""

from dataclasses import replace
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from pacbed.readers.measurement import Measurement

_T = TypeVar("_T", bound=np.generic)

#: Degrees, clockwise as the pattern is seen: x to the right, y downwards.
Turn = Literal[0, 90, 180, 270]


def turned(measurement: Measurement, turn_deg: Turn, mirrored: bool) -> Measurement:
    """Mirror a pattern left to right, and then turn it.

    Parameters
    ----------
    measurement : Measurement
    turn_deg : {0, 90, 180, 270}
        Clockwise, degrees.
    mirrored : bool
        Whether it is mirrored first.

    Returns
    -------
    Measurement
        What is found in it is in the axes of the turned pattern.
    """
    if not turn_deg and not mirrored:
        return measurement
    mask, axes = measurement.pixel_mask, measurement.metadata.mrad_per_pixel_axes
    if axes is not None and turn_deg in (90, 270):
        axes = (axes[1], axes[0])
    return replace(
        measurement,
        data=_turned(measurement.data, turn_deg, mirrored),
        pixel_mask=None if mask is None else _turned(mask, turn_deg, mirrored),
        metadata=replace(measurement.metadata, mrad_per_pixel_axes=axes),
    )


def turned_words(turn_deg: Turn, mirrored: bool) -> str:
    """Say in which axes the answer for a turned pattern is; empty where it was not turned."""
    done = ["mirrored left to right"] if mirrored else []
    done += [f"turned by {turn_deg}° clockwise"] if turn_deg else []
    if not done:
        return ""
    return (
        f"the pattern was {' and then '.join(done)}: tilt, azimuth, rotation and centre are in the "
        "axes of that pattern, not of the recorded one"
    )


def _turned(values: NDArray[_T], turn_deg: Turn, mirrored: bool) -> NDArray[_T]:
    seen = values[:, ::-1] if mirrored else values
    return np.ascontiguousarray(np.rot90(seen, -(turn_deg // 90)))
