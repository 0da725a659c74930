"""Which crystals are known: all of them, one by its name, and those that match a search."""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from pacbed.bounded import MOST_DESCRIPTION_BYTES, read_bytes
from pacbed.crystal.known.entry import KnownCrystal, parse_crystal
from pacbed.crystal.structure import ELEMENTS
from pacbed.errors import CrystalError

_FOLDER = Path(__file__).parent / "data"
_FORMULA_PART = re.compile(r"([A-Z][a-z]?)[0-9.]*")


@lru_cache(maxsize=1)
def known_crystals() -> tuple[KnownCrystal, ...]:
    """The crystals that come with the program, by name.

    Each has its cell, sites and Debye–Waller factors with their sources, and its usual zone axes;
    its ``name`` stands wherever a structure file can be given, as in ``pacbed.open_crystal("GaN",
    …)``.

    Examples
    --------
    >>> import pacbed
    >>> (nitride,) = (crystal for crystal in pacbed.known_crystals() if crystal.name == "GaN")
    >>> [axis.axis for axis in nitride.zone_axes]
    ['1 1 -2 0', '1 -1 0 0', '0 0 0 1']
    """
    files = sorted(_FOLDER.glob("*.toml"), key=lambda path: path.stem.lower())
    return tuple(parse_crystal(path, read_bytes(path, MOST_DESCRIPTION_BYTES)) for path in files)


def structure_path(given: Path | str) -> Path:
    """The file of a structure: the one of this name, else the known crystal of this name.

    Parameters
    ----------
    given : Path or str
        Path of a CIF, or a known crystal's name, in any case, such as ``GaN`` or ``sapphire``.

    Returns
    -------
    Path
        As given where it is a file, or looks like the path of one.

    Raises
    ------
    CrystalError
        If it is a bare name that no file and no known crystal has.
    """
    path, text = Path(given), str(given)
    if path.exists() or path.suffix or len(path.parts) != 1:
        return path
    found = next((one for one in known_crystals() if _plain(text) in _names(one)), None)
    if found is None:
        near = search([text])
        words = f"; near it: {', '.join(one.name for one in near[:6])}" if near else ""
        raise CrystalError(
            f'{text}: is no file, and no known crystal has this name{words}: "pacbed crystals" '
            "lists them"
        ).about("cif")
    return _FOLDER / f"{found.name}.toml"


def structure_words(path: Path) -> str:
    """What a structure is called: by its path, a known crystal by its name."""
    return f"{path.stem}, a known crystal" if path.parent == _FOLDER else str(path)


def search(words: Sequence[str]) -> list[KnownCrystal]:
    """Known crystals that every word fits: an element, a formula, or part of a name.

    Parameters
    ----------
    words : sequence of str
        ``Ga`` finds what holds gallium, ``TiO2`` both forms of it, ``nitride`` and ``zinc
        blende`` what is called so.
    """
    return [one for one in known_crystals() if all(_fits(one, word) for word in words)]


def _fits(crystal: KnownCrystal, word: str) -> bool:
    if word in ELEMENTS:
        return word in crystal.elements
    elements = _FORMULA_PART.findall(word)
    of_formula = _FORMULA_PART.sub("", word) == "" and all(e in ELEMENTS for e in elements)
    if of_formula and set(elements) == set(crystal.elements):
        return True
    # From the beginning of a word on: "gan" is not in manganite.
    beginning = re.compile(rf"(?<![^\W\d_]){re.escape(word.lower())}")
    return any(beginning.search(name.lower()) for name in _all_names(crystal))


def _all_names(crystal: KnownCrystal) -> tuple[str, ...]:
    return crystal.name, crystal.title, *crystal.also


def _names(crystal: KnownCrystal) -> set[str]:
    return {_plain(name) for name in _all_names(crystal)}


def _plain(name: str) -> str:
    """A name without what people write in different ways."""
    return re.sub(r"[^a-z0-9]", "", name.lower().replace("β", "beta"))
