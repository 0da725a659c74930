"""A crystal as a small TOML: space group, cell, sites, and where each number is from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pacbed.bounded import parse_toml
from pacbed.crystal.structure import ELEMENTS
from pacbed.errors import CrystalError

#: How a file says that a Debye–Waller factor is nobody's measurement.
ESTIMATED = "estimated"
_LONGEST_TEXT = 600
_MOST_SITES, _MOST_AXES = 200, 20
_TEXTS = ("name", "formula", "title", "space_group", "source", "b_source")
_KEYS = {*_TEXTS, "also", "cell", "zone_axes", "sites"}
_SITE_KEYS = {"element", "position", "occupancy", "b_iso"}


@dataclass(frozen=True)
class ZoneAxis:
    """A direction that the crystal is often seen along.

    Attributes
    ----------
    axis : str
        Indices as commands take them, such as ``1 1 -2 0``.
    known_as : str
        What else it is called, such as ``pseudocubic [001]``; empty where nothing else.
    """

    axis: str
    known_as: str = ""


@dataclass(frozen=True)
class Site:
    """One site of the asymmetric unit.

    Attributes
    ----------
    element : str
    position : tuple of float
        Fractional coordinates.
    b_iso : float
        Debye–Waller factor B, Å².
    occupancy : float
        Share that is filled, above 0 and at most 1.
    """

    element: str
    position: tuple[float, float, float]
    b_iso: float
    occupancy: float = 1.0


@dataclass(frozen=True)
class KnownCrystal:
    """A crystal by its asymmetric unit, with the sources of what is said.

    Attributes
    ----------
    name : str
        By which it is asked for.
    formula : str
        With the elements in the order of the sites, such as ``La0.7Sr0.3MnO3``.
    title : str
        What it is, in words.
    also : tuple of str
        Other names.
    space_group : str
        Hermann–Mauguin symbol, with the choice of origin or axes where there are several.
    cell : tuple of float
        a, b, c in Å and α, β, γ in degrees.
    sites : tuple of Site
    zone_axes : tuple of ZoneAxis
        The usual ones, the most usual first.
    source : str
        Of cell and positions.
    b_source : str
        Of the Debye–Waller factors; begins with ``estimated`` where they are no measurement.
    """

    name: str
    formula: str
    title: str
    also: tuple[str, ...]
    space_group: str
    cell: tuple[float, ...]
    sites: tuple[Site, ...]
    zone_axes: tuple[ZoneAxis, ...]
    source: str
    b_source: str

    @property
    def elements(self) -> tuple[str, ...]:
        """Its elements, in the order of the sites."""
        return tuple(dict.fromkeys(site.element for site in self.sites))

    @property
    def b_estimated(self) -> bool:
        """Whether the Debye–Waller factors are estimates."""
        return self.b_source.startswith(ESTIMATED)


def parse_crystal(path: Path, content: bytes) -> KnownCrystal:
    """Read a crystal from the bytes of its file.

    Parameters
    ----------
    path : Path
        For messages.
    content : bytes

    Raises
    ------
    CrystalError
        If something is missing, unknown or impossible.
    """
    try:
        given = parse_toml(content)
    except ValueError as error:
        raise CrystalError(f"{path}: is not valid TOML ({error})") from error
    try:
        _no_others(given, _KEYS, "the file")
        texts = {key: _text(given[key], key) for key in _TEXTS}
        cell = tuple(_number(value, "cell") for value in _list(given["cell"], "cell", 6))
        if len(cell) != 6:
            raise ValueError("cell needs six numbers: a, b, c in Å and α, β, γ in degrees")
        return KnownCrystal(
            also=tuple(_text(name, "also") for name in _list(given.get("also", []), "also", 20)),
            cell=cell,
            sites=tuple(_site(site) for site in _list(given["sites"], "sites", _MOST_SITES)),
            zone_axes=tuple(
                _axis(axis) for axis in _list(given["zone_axes"], "zone_axes", _MOST_AXES)
            ),
            **texts,
        )
    except KeyError as error:
        raise CrystalError(f"{path}: has no {error.args[0]}; add it") from error
    except (TypeError, ValueError) as error:
        raise CrystalError(f"{path}: {error}") from error


def _site(given: Any) -> Site:
    if not isinstance(given, Mapping):
        raise TypeError("each of sites is a table with element, position and b_iso")
    _no_others(given, _SITE_KEYS, "a site")
    element = _text(given["element"], "element")
    if element not in ELEMENTS:
        raise ValueError(f'"{element}" is no element')
    place = [_number(value, "position") for value in _list(given["position"], "position", 3)]
    if len(place) != 3:
        raise ValueError("a position has three numbers")
    b_iso = _number(given["b_iso"], "b_iso")
    occupancy = _number(given.get("occupancy", 1.0), "occupancy")
    if not 0 <= b_iso <= 20 or not 0 < occupancy <= 1:
        raise ValueError("b_iso lies between 0 and 20 Å², an occupancy above 0 and at most at 1")
    return Site(element, (place[0], place[1], place[2]), b_iso, occupancy)


def _axis(given: Any) -> ZoneAxis:
    if not isinstance(given, Mapping):
        raise TypeError('each of zone_axes is a table like { axis = "1 1 0" }')
    _no_others(given, {"axis", "known_as"}, "a zone axis")
    return ZoneAxis(_text(given["axis"], "axis"), _text(given.get("known_as", ""), "known_as"))


def _no_others(given: Mapping[str, Any], known: set[str], where: str) -> None:
    other = sorted(set(given) - known)
    if other:
        raise ValueError(f"{where} has an unknown entry {other[0]!r}")


def _list(given: Any, key: str, most: int) -> list[Any]:
    if not isinstance(given, list) or len(given) > most:
        raise TypeError(f"{key} is a list with at most {most} entries")
    return given


def _text(given: Any, key: str) -> str:
    if not isinstance(given, str) or len(given) > _LONGEST_TEXT or not given.isprintable():
        raise TypeError(f"{key} is one line of text, at most {_LONGEST_TEXT} characters")
    return given


def _number(given: Any, key: str) -> float:
    """A number, or a fraction written as text: a third has no end as a decimal."""
    if isinstance(given, str):
        try:
            given = float(Fraction(given[:20]))
        except (ValueError, ZeroDivisionError):
            raise ValueError(f'{key}: "{given[:20]}" is no fraction like "1/3"') from None
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise TypeError(f"{key} holds numbers, or fractions as text")
    return float(given)
