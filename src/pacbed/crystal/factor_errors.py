"""How well the Debye–Waller factors of a crystal are known."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: Relative error of a factor whose source says none: refinements of one crystal, and of one
#: crystal at temperatures that a room can have, differ by so much.
ASSUMED = 0.2
#: The same of a factor that nobody gave: the default is the middle of 0.3 to 0.8 Å².
DEFAULTED = 0.5
#: A number with its standard uncertainty in units of the last digit, as CIFs write it.
_WITH_UNCERTAINTY = re.compile(r"[+-]?(\d*)\.?(\d*)\((\d+)\)")
_COLUMNS = ("_atom_site_B_iso_or_equiv", "_atom_site_U_iso_or_equiv")


@dataclass(frozen=True)
class FactorErrors:
    """Relative standard errors of Debye–Waller factors by element.

    Attributes
    ----------
    stated : mapping of str to float
        Those that a source states.
    defaulted : frozenset of str
        Elements for which nobody gave a factor.
    """

    stated: Mapping[str, float] = field(default_factory=dict)
    defaulted: frozenset[str] = frozenset()

    def of(self, symbol: str) -> float:
        """Relative standard error of an element's factor."""
        if symbol in self.stated:
            return self.stated[symbol]
        return DEFAULTED if symbol in self.defaulted else ASSUMED


def factor_errors_of_cif(path: Path, given: Mapping[str, float]) -> FactorErrors:
    """What a structure file says of its factors' errors.

    Parameters
    ----------
    path : Path
    given : mapping of str to float
        Factors B by element that went before those of the file; nothing is known of their errors.

    Raises
    ------
    CrystalError
        If the file cannot be read.
    """
    from pacbed.crystal.cif import read_atoms, read_cif_notes

    block, sites = read_atoms(path)
    defaulted = read_cif_notes(path).without_b - set(given)
    found: dict[str, list[float | None]] = {}
    columns = [list(block.find_values(tag)) for tag in _COLUMNS]
    for number, site in enumerate(sites):
        words = [column[number] for column in columns if len(column) == len(sites)]
        shares = [_share(text) for text in words]
        found.setdefault(site.element.name, []).append(
            next((share for share in shares if share is not None), None)
        )
    stated = {
        symbol: max(share for share in shares if share is not None)
        for symbol, shares in found.items()
        if symbol not in given and symbol not in defaulted and None not in shares
    }
    return FactorErrors(stated, frozenset(defaulted))


def _share(text: str) -> float | None:
    """Uncertainty over value of a number like ``0.0062(3)``; None where it has none."""
    match = _WITH_UNCERTAINTY.fullmatch(text)
    digits = "" if match is None else match[1] + match[2]
    if match is None or not digits or int(digits) == 0:
        return None
    # Both count in units of the last digit.
    return int(match[3]) / int(digits)
