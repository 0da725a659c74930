"""Patterns that abTEM holds in memory, as measured ones; abTEM itself is not needed for it."""

from pathlib import Path
from typing import Any

import numpy as np

from pacbed.errors import OutOfRangeError, PatternError
from pacbed.readers.measurement import Measurement, Metadata

#: A pattern with more pixels is none.
_MOST_PIXELS = 2**26
#: Axes whose average is what a PACBED pattern is: probe positions and arrangements of atoms.
_AVERAGED = ("ScanAxis", "PositionsAxis", "FrozenPhononsAxis", "AverageAxis")


def from_abtem(measurement: Any) -> Measurement:
    """A pattern of abTEM as :func:`read_pattern` gives one.

    Probe positions and frozen phonons are averaged, which makes the pattern a position-averaged
    one: the scan must cover a whole number of projected cells.

    Parameters
    ----------
    measurement : abtem.measurements.DiffractionPatterns
        With all positions of the scan, of one thickness; lazy ones are computed.

    Returns
    -------
    Measurement
        Rows are abTEM's y, columns its x: a zone axis that abTEM's beam tilt (tx, ty) moves lies
        at (−tx, −ty) here. Voltage, aperture and angle per pixel are taken from `measurement`.

    Raises
    ------
    PatternError
        If it is no diffraction pattern, or has an axis that is neither averaged nor of one entry.

    Examples
    --------
    ::

        measured = pacbed.from_abtem(probe.scan(potential, detectors=abtem.PixelatedDetector()))
        estimate = predictor.infer(measured.data, measured.metadata.convergence_mrad)
    """
    try:
        if measurement.is_lazy:
            measurement = measurement.compute()
        array = np.asarray(measurement.array)
        axes = [type(axis).__name__ for axis in measurement.ensemble_axes_metadata]
        steps = [float(step) for step in measurement.angular_sampling]
        shifted, said = bool(measurement.fftshift), dict(measurement.metadata)
    except (AttributeError, TypeError, ValueError) as error:
        raise PatternError(
            f"{type(measurement).__name__}: is no diffraction pattern of abTEM ({error}): give "
            "what a PixelatedDetector measured"
        ) from error
    if array.ndim != len(axes) + 2 or array.size == 0 or array.dtype.kind not in "fiu":
        raise PatternError(f"an abTEM array of shape {array.shape} is no diffraction pattern")
    if array.shape[-1] * array.shape[-2] > _MOST_PIXELS:
        raise OutOfRangeError(f"a pattern of {array.shape[-2:]} pixels is too large")
    for place, (name, count) in enumerate(zip(axes, array.shape, strict=False)):
        if name not in _AVERAGED and count != 1:
            raise PatternError(
                f"axis {place} ({name}) has {count} entries: choose one, such as measurement[..., "
                "-1] of a series of thicknesses"
            )
    pattern = array.mean(axis=tuple(range(len(axes))), dtype=np.float64)
    if not shifted:
        pattern = np.fft.fftshift(pattern)
    return Measurement(
        np.ascontiguousarray(pattern.T, np.float32),
        Path("abTEM"),
        _metadata(said, (steps[1], steps[0])),
    )


def _metadata(said: dict[str, Any], axes: tuple[float, float]) -> Metadata:
    rows, columns = axes
    energy, cutoff = said.get("energy"), said.get("semiangle_cutoff")
    return Metadata(
        high_tension_kV=float(energy) / 1e3 if isinstance(energy, int | float) else None,
        convergence_mrad=float(cutoff) if isinstance(cutoff, int | float) else None,
        mrad_per_pixel=(rows + columns) / 2 if abs(rows / columns - 1) < 0.01 else None,
        mrad_per_pixel_axes=axes,
    )
