"""Units of axes as files spell them: angles, spatial frequencies and lengths.

One spelling of each unit is known by name; every other one is brought to it. Files write
``nm⁻¹``, ``nm^-1``, ``1 / nm``, ``$k_A^{-1}$`` (pyxem), ``[n_m^-1]`` (Berkeley), ``1/Angstrom``.
"""

import re
import unicodedata
from typing import Any

from pacbed.units import electron_wavelength, inverse_angstrom_to_mrad

#: Angles, in mrad.
_ANGLES = {
    "mrad": 1.0,
    "milliradian": 1.0,
    "rad": 1e3,
    "radian": 1e3,
    "urad": 1e-3,
    "microradian": 1e-3,
    "nrad": 1e-6,
    "deg": 17.453292519943295,
    "degree": 17.453292519943295,
    "°": 17.453292519943295,
    "mdeg": 17.453292519943295e-3,
}
#: Lengths, in Å.
_LENGTHS = {
    "å": 1.0,
    "a": 1.0,
    "ang": 1.0,
    "angstrom": 1.0,
    "ångström": 1.0,
    "ångstrom": 1.0,
    "nm": 10.0,
    "nanometer": 10.0,
    "nanometre": 10.0,
    "pm": 1e-2,
    "picometer": 1e-2,
    "picometre": 1e-2,
    "um": 1e4,
    "micron": 1e4,
    "micrometer": 1e4,
    "micrometre": 1e4,
    "mm": 1e7,
    "millimeter": 1e7,
    "millimetre": 1e7,
    "cm": 1e8,
    "centimeter": 1e8,
    "centimetre": 1e8,
    "m": 1e10,
    "meter": 1e10,
    "metre": 1e10,
}
_ENERGIES = ("ev", "kev", "electronvolt", "kiloelectronvolt")


def angle_mrad(value: float, unit: Any, high_tension_kV: float | None) -> float | None:
    """Turn a number with a unit into an angle.

    Parameters
    ----------
    value : float
    unit : str or None
        Of an angle, or of a spatial frequency, for which the high tension must be known.
    high_tension_kV : float or None

    Returns
    -------
    float or None
        In mrad; None where the unit is of another kind or unknown.
    """
    name, reciprocal = _plain(unit)
    if name in _ANGLES and not reciprocal:
        return value * _ANGLES[name]
    if name in _LENGTHS and reciprocal and high_tension_kV is not None:
        wavelength = electron_wavelength(high_tension_kV)
        return inverse_angstrom_to_mrad(value / _LENGTHS[name], wavelength)
    return None


def length_nm(value: float, unit: Any) -> float | None:
    """Turn a number with a unit of length into nm; None where it is of another kind."""
    name, reciprocal = _plain(unit)
    return None if reciprocal or name not in _LENGTHS else value * _LENGTHS[name] / 10


def is_energy(unit: Any) -> bool:
    """Whether a unit is one of energy loss or of X-rays, as axes of spectra have."""
    return _plain(unit)[0] in _ENERGIES


def _plain(unit: Any) -> tuple[str, bool]:
    """The unit's known name, and whether it is its reciprocal."""
    if isinstance(unit, bytes):
        unit = unit.decode(errors="replace")
    # NFKC makes a plain digit of a raised one, and one letter of the two Å and µ.
    text = unicodedata.normalize("NFKC", str(unit or "")).replace("\u2212", "-")
    text = text.replace("\\AA", "å").replace("\\mu", "u")
    text = re.sub(r"\\(mathrm|text|rm|mathregular|,|;)", "", text)
    # The micro sign is the Greek letter by now.
    text = text.casefold().replace("\u03bc", "u")
    text = re.sub(r"[\s$\\{}()\[\]_^*·]", "", text)
    found = re.fullmatch(r"(1/)?(.+?)(-1)?", text)
    if found is None:
        return "", False
    name = found[2]
    reciprocal = (found[1] is not None) != (found[3] is not None)
    if reciprocal and name[0] == "k" and name[1:] in _LENGTHS:
        # pyxem names the axis in its unit.
        name = name[1:]
    known = _ANGLES.keys() | _LENGTHS.keys()
    if name not in known and name.removesuffix("s") in known:
        name = name.removesuffix("s")
    return name, reciprocal
