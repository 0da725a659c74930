"""Conditions of a recording, found in a file's tree of tags by how tags are named.

Microscopes, cameras and programs name the same thing alike (``Accelerating Voltage``,
``AccelerationVoltage``, ``High tension_kV``), nest it differently and give it in V or kV, rad
or mrad. So a tag is known by the end of its name, its unit by what stands beside it, and a
number is taken only where it makes sense.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pacbed.readers.axis_units import angle_mrad

#: A tree is searched so far, and no further.
_MOST_TAGS = 50_000
_DEEPEST = 40
#: Groups of other things that have a voltage: a detector's bias, an energy filter.
_OTHERS = re.compile(r"detector|camera|sensor|bias|chip|filter|spectrometer|eds|eels$")
#: Groups in which "voltage" alone, or "energy", is that of the beam.
_BEAM = re.compile(r"^(microscope(info)?|electrongun|(electron)?source|beam|gun|abtem)$")
#: Unit at the end of a name: "_kV", " (mrad)", "[V]".
_UNIT = re.compile(
    r"[_\s(\[](kV|V|keV|eV|mrad|rad|urad|deg|mm|cm|m|meters|centimeters|millimeters)[)\]]?$",
    re.IGNORECASE,
)
_VOLTAGE = (
    "acceleratingvoltage",
    "accelerationvoltage",
    "hightension",
    "beamenergy",
    "beamvoltage",
    "gunvoltage",
    "incidentenergy",
)
_CONVERGENCE = (
    "convergencesemiangle",
    "semiconvergenceangle",
    "beamconvergence",
    "convergenceangle",
    "semianglecutoff",
)
_CAMERA_LENGTH = ("cameralength",)
_LENGTHS_MM = {
    "mm": 1.0, "millimeters": 1.0, "cm": 10.0, "centimeters": 10.0, "m": 1e3, "meters": 1e3,
}  # fmt: skip
#: What a microscope may have.
_KV = (10.0, 3500.0)
_MRAD = (0.01, 300.0)
_MM = (1.0, 1e5)
#: A convergence angle below this, without a unit, is in rad.
_RAD = 0.25
#: A camera length below this, without a unit, is in m.
_METRES = 20.0


@dataclass(frozen=True)
class Tag:
    """A tag with its number.

    Attributes
    ----------
    name : str
        Without its unit, small letters and digits alone.
    value : float
    unit : str or None
    groups : tuple of str
        The names of the groups around it, likewise.
    """

    name: str
    value: float
    unit: str | None
    groups: tuple[str, ...]


def find_high_tension(tags: list[Tag]) -> float | None:
    """High tension in kV, or None."""
    named = [*_named(tags, _VOLTAGE), *(tag for tag in tags if _is_of_beam(tag))]
    found = (as_high_tension(tag.value, tag.unit) for tag in named)
    return next((value for value in found if value is not None), None)


def _is_of_beam(tag: Tag) -> bool:
    """Whether a tag with a name that others have too is the beam's, by its group."""
    if tag.name.endswith("highvoltage"):
        return not any(_OTHERS.search(group) for group in tag.groups)
    return tag.name in ("voltage", "energy") and any(_BEAM.match(g) for g in tag.groups[-1:])


def find_convergence(tags: list[Tag]) -> float | None:
    """Convergence semi-angle in mrad, or None."""
    found = (as_convergence(tag.value, tag.unit) for tag in _named(tags, _CONVERGENCE))
    return next((value for value in found if value is not None), None)


def find_camera_length(tags: list[Tag]) -> float | None:
    """Camera length in mm, or None."""
    for tag in _named(tags, _CAMERA_LENGTH):
        unit = tag.unit or ("m" if tag.value < _METRES else "mm")
        value = tag.value * _LENGTHS_MM.get(unit.casefold(), math.nan)
        if _MM[0] <= value <= _MM[1]:
            return value
    return None


def find_angle_per_pixel(
    tags: list[Tag], high_tension_kV: float | None
) -> tuple[float, float] | None:
    """Angle per pixel of rows and of columns in mrad, from tags; None where there is none."""
    for names, unit in (
        # An EMPAD's, in rad; its size in 1/Å is not reliable beside it.
        (("calibrateddiffractionangle",) * 2, "rad"),
        # py4DSTEM.
        (("qpixelsize",) * 2, None),
        # NXem.
        (("reciprocalpixelsizey", "reciprocalpixelsizex"), None),
        # Direct Electron.
        (("diffractionpixelsizey", "diffractionpixelsizex"), "1/nm"),
    ):
        found = [next((tag for tag in tags if tag.name == name), None) for name in names]
        angles = [
            None if tag is None else angle_mrad(tag.value, tag.unit or unit, high_tension_kV)
            for tag in found
        ]
        rows, columns = angles
        if rows is not None and columns is not None and min(rows, columns) > 0:
            return rows, columns
    return None


def as_high_tension(value: Any, unit: str | None = None) -> float | None:
    """High tension in kV of a number in V or kV, whatever it is called.

    Parameters
    ----------
    value : float or str
    unit : str or None
        As the file says. Volts are called kilovolts in some, so the number decides: no
        microscope has 60,000 kV, and none that images 200 V.

    Returns
    -------
    float or None
    """
    number = as_number(value)
    if number is None:
        return None
    in_volts = unit is not None and unit.casefold() in ("v", "ev")
    factors = (1e-3, 1.0) if in_volts else (1.0, 1e-3, 1e3)
    found = (number * factor for factor in factors)
    return next((value for value in found if _KV[0] <= value <= _KV[1]), None)


def as_convergence(value: Any, unit: str | None = None) -> float | None:
    """Convergence semi-angle in mrad of a number; without a unit a small one is in rad."""
    number = as_number(value)
    if number is None:
        return None
    angle = angle_mrad(number, unit or ("rad" if number < _RAD else "mrad"), None)
    return angle if angle is not None and _MRAD[0] <= angle <= _MRAD[1] else None


def as_number(value: Any) -> float | None:
    """A positive finite number, however it is stored; else None."""
    number = as_signed(value)
    return number if number is not None and number > 0 else None


def as_signed(value: Any) -> float | None:
    """A finite number of either sign, however it is stored; else None."""
    if isinstance(value, np.ndarray):
        if value.size != 1:
            return None
        value = value.reshape(-1)[0]
    if isinstance(value, bool):
        return None
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def read_tags(tree: Any) -> list[Tag]:
    """All tags of a tree that hold a positive number."""
    return list(_walk(tree))


def _walk(tree: Any) -> Iterator[Tag]:
    waiting: list[tuple[tuple[str, ...], Any]] = [((), tree)]
    left = _MOST_TAGS
    while waiting:
        groups, group = waiting.pop()
        if not isinstance(group, Mapping) or len(groups) > _DEEPEST:
            continue
        # A name with a value and a unit of its own.
        if "value" in group and groups:
            tag = _tag(groups[-1], group["value"], group.get("unit"), groups[:-1])
            if tag is not None:
                yield tag
        below = []
        for key, value in group.items():
            left -= 1
            if left < 0:
                return
            if isinstance(value, Mapping):
                below.append(((*groups, str(key)), value))
                continue
            unit = next((group[n] for n in _unit_names(str(key)) if n in group), None)
            tag = _tag(str(key), value, unit, groups)
            if tag is not None:
                yield tag
        waiting += reversed(below)


def _unit_names(key: str) -> tuple[str, ...]:
    """Where the unit of a tag may stand beside it."""
    return (
        f"{key}@units",
        f"{key}_units",
        f"{key}_unit",
        # py4DSTEM: Q_pixel_size and Q_pixel_units.
        f"{key.removesuffix('_size')}_units",
    )


def _tag(key: str, value: Any, unit: Any, groups: tuple[str, ...]) -> Tag | None:
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):
        # "300 kV"
        found = re.fullmatch(r"\s*([-+.\deE]+)\s*([^\d\s.]\S*)?\s*", value)
        if found is None:
            return None
        value, unit = found[1], unit or found[2]
    number = as_number(value)
    if number is None:
        return None
    if isinstance(unit, bytes):
        unit = unit.decode(errors="replace")
    ending = _UNIT.search(key)
    if ending is not None:
        unit, key = unit or ending[1], key[: ending.start()]
    return Tag(_plain(key), number, None if unit is None else str(unit).strip() or None,
               tuple(_plain(group) for group in groups))  # fmt: skip


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _named(tags: list[Tag], endings: tuple[str, ...]) -> Iterator[Tag]:
    for ending in endings:
        yield from (tag for tag in tags if tag.name.endswith(ending))
