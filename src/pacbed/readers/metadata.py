"""What RosettaSciIO found in a file, as the few numbers that matter here."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pacbed.readers.measurement import Metadata
from pacbed.units import electron_wavelength, inverse_angstrom_to_mrad

#: Axis units that are angles, in mrad.
_ANGLES = {"mrad": 1.0, "rad": 1e3, "µrad": 1e-3}
#: Axis units that are spatial frequencies, in 1/Å.
_FREQUENCIES = {"1/nm": 0.1, "nm^-1": 0.1, "1/å": 1.0, "å^-1": 1.0, "1/a": 1.0, "a^-1": 1.0}
#: Largest relative difference of the calibrations of rows and columns.
_SQUARE_PIXELS = 0.01


def read_metadata(signal: Mapping[str, Any]) -> Metadata:
    """Collect the conditions of a recording from a RosettaSciIO signal.

    Parameters
    ----------
    signal : mapping
        One dictionary of a ``file_reader``: ``axes``, ``metadata`` (HyperSpy's
        scheme) and ``original_metadata`` (the tags of the file).

    Returns
    -------
    Metadata
        Entries that the file has not, or that make no sense, are None.
    """
    hyperspy = signal.get("metadata") or {}
    original = signal.get("original_metadata") or {}
    tem = _descend(hyperspy, "Acquisition_instrument", "TEM")
    microscope = _find(original, "Microscope Info")
    optics = _find(original, "Optics")
    high_tension = _first(
        _positive(tem.get("beam_energy")),
        _positive(microscope.get("Voltage"), 1e-3),
        _positive(optics.get("AccelerationVoltage"), 1e-3),
    )
    return Metadata(
        high_tension_kV=high_tension,
        convergence_mrad=_positive(tem.get("convergence_angle")),
        mrad_per_pixel=_mrad_per_pixel(signal.get("axes") or [], high_tension),
        camera_length_mm=_first(
            _positive(tem.get("camera_length")),
            _positive(microscope.get("STEM Camera Length")),
            _positive(optics.get("CameraLength"), 1e3),
        ),
        extra=_extra(hyperspy, tem, microscope),
    )


def _mrad_per_pixel(axes: list[Any], high_tension_kV: float | None) -> float | None:
    """Angle per pixel in mrad, where both detector axes give the same one."""
    detector = [axis for axis in axes if not axis.get("navigate", False)]
    angles = [_axis_angle(axis, high_tension_kV) for axis in detector]
    if len(angles) != 2 or angles[0] is None or angles[1] is None:
        return None
    if abs(angles[0] - angles[1]) > _SQUARE_PIXELS * max(angles[0], angles[1]):
        return None
    return (angles[0] + angles[1]) / 2


def _axis_angle(axis: Mapping[str, Any], high_tension_kV: float | None) -> float | None:
    scale = _positive(axis.get("scale"))
    unit = str(axis.get("units") or "").translate(str.maketrans("", "", "${} ")).casefold()
    unit = unit.replace("\u03bc", "\u00b5")  # the Greek letter for the micro sign
    if scale is None:
        return None
    if unit in _ANGLES:
        return scale * _ANGLES[unit]
    if unit in _FREQUENCIES and high_tension_kV is not None:
        wavelength = electron_wavelength(high_tension_kV)
        return inverse_angstrom_to_mrad(scale * _FREQUENCIES[unit], wavelength)
    return None


def _extra(
    hyperspy: Mapping[str, Any], tem: Mapping[str, Any], microscope: Mapping[str, Any]
) -> dict[str, Any]:
    general = _descend(hyperspy, "General")
    entries = {
        "title": general.get("title"),
        "date": general.get("date"),
        "time": general.get("time"),
        "microscope": tem.get("microscope") or microscope.get("Name"),
    }
    return {name: str(value) for name, value in entries.items() if value}


def _descend(tree: Any, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree if isinstance(tree, Mapping) else {}


def _find(tree: Any, name: str) -> Mapping[str, Any]:
    """Find the first group called ``name`` at any depth, or an empty one."""
    return next(groups(tree, name), {})


def groups(tree: Any, name: str) -> Iterator[Mapping[str, Any]]:
    """All groups of a name in a tree of tags, at any depth."""
    if not isinstance(tree, Mapping):
        return
    for key, value in tree.items():
        if key == name and isinstance(value, Mapping):
            yield value
        else:
            yield from groups(value, name)


def _positive(value: Any, factor: float = 1.0) -> float | None:
    """Read a positive finite number, whether stored as number or text; else None."""
    try:
        number = float(value) * factor
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
