"""A microscope as a small text file in TOML."""

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

from pacbed.errors import FileFormatError, OutOfRangeError
from pacbed.microscope.record import Microscope, Pattern
from pacbed.small_toml import parse_small, quoted, read_small
from pacbed.version import __version__

#: Version of the file's form.
FORM = 1
_OPTIONAL = ("rotation_deg", "rotation_std_deg")
_WORDS = ("system", "date")
_NUMBERS = tuple(
    f.name for f in fields(Microscope) if f.name not in (*_OPTIONAL, *_WORDS, "patterns")
)


def read_microscope(path: str | Path) -> Microscope:
    """Read what ``pacbed calibrate-microscope`` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Microscope

    Raises
    ------
    FileFormatError
        If it is no such file, of another version, or has an entry that is missing or wrong.
    """
    path = Path(path)
    return parse_microscope(read_small(path), str(path))


def parse_microscope(content: bytes, name: str) -> Microscope:
    """The same of a file's content; `name` is for messages.

    Raises
    ------
    FileFormatError
    """
    given = parse_small(content, name)
    if given.get("version") != FORM:
        raise FileFormatError(
            f"{name}: is no calibration of version {FORM}: make it with pacbed "
            "calibrate-microscope."
        )
    section = given.get("microscope")
    if not isinstance(section, dict):
        raise FileFormatError(f"{name}: has no [microscope]: make it with pacbed "
                              "calibrate-microscope.")  # fmt: skip
    values: dict[str, Any] = {key: _number(name, section, key) for key in _NUMBERS}
    values |= {key: _number(name, section, key) for key in _OPTIONAL if key in section}
    values |= {key: str(section.get(key, "")) for key in _WORDS}
    try:
        return Microscope(**values, patterns=_patterns(given.get("pattern", [])))
    except OutOfRangeError as error:
        raise FileFormatError(f"{name}: [microscope] {error}.") from error


def microscope_text(microscope: Microscope) -> str:
    """Write a microscope as TOML, with a comment beside what is not plain from its name."""
    m = microscope
    lines = [
        "# How one session recorded its patterns, found from patterns of a known crystal.",
        "# Later calls take it: pacbed infer PATTERN --system S --microscope THIS_FILE",
        f"version = {FORM}",
        f"program = {quoted(f'pacbed {__version__}')}",
        "",
        "[microscope]",
        f"date = {quoted(m.date)}",
        f"system = {quoted(m.system)}",
        f"high_tension_kV = {_rounded(m.high_tension_kV, 6)}",
        "# Convergence semi-angle; every std is a standard error.",
        f"convergence_mrad = {_rounded(m.convergence_mrad, 6)}",
        f"convergence_std_mrad = {_rounded(m.convergence_std_mrad, 3)}",
        "# Of the patterns as recorded: with another binning or camera length it is another one.",
        f"mrad_per_pixel = {_rounded(m.mrad_per_pixel, 6)}",
        f"mrad_per_pixel_std = {_rounded(m.mrad_per_pixel_std, 3)}",
        "# The long axis of a disk is (1 + e) / (1 - e) times the short one. Its direction is from",
        "# +x (columns) towards +y (rows, downwards); the error is that of a component.",
        f"ellipticity = {_rounded(m.ellipticity, 4)}",
        f"ellipticity_direction_deg = {_rounded(m.ellipticity_direction_deg, 4)}",
        f"ellipticity_std = {_rounded(m.ellipticity_std, 3)}",
    ]
    if m.rotation_deg is not None and m.rotation_std_deg is not None:
        lines += [
            "# Of the crystal, the same in all patterns; answers do not use it.",
            f"rotation_deg = {_rounded(m.rotation_deg, 6)}",
            f"rotation_std_deg = {_rounded(m.rotation_std_deg, 3)}",
        ]
    for pattern in m.patterns:
        lines += ["", "[[pattern]]", f"file = {quoted(pattern.file)}"]
        if pattern.left_out:
            lines.append(f"left_out = {quoted(pattern.left_out)}")
    return "\n".join(lines) + "\n"


def _patterns(given: Any) -> tuple[Pattern, ...]:
    entries = given if isinstance(given, list) else []
    return tuple(
        Pattern(str(entry.get("file", "")), str(entry.get("left_out", "")))
        for entry in entries
        if isinstance(entry, dict)
    )


def _number(name: str, section: dict[str, Any], key: str) -> float:
    value = section.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        found = "is missing" if value is None else f"is {str(value)[:40]!r}, which is no number"
        raise FileFormatError(f"{name}: [microscope] {key} {found}.")
    return float(value)


def _rounded(value: float, digits: int) -> str:
    return repr(float(f"{value:.{digits}g}"))
