"""The symmetry that a structure has, whatever its file calls it."""

import warnings
from typing import Any

import numpy as np

from pacbed.arrays import Indices, Vectors
from pacbed.crystal.structure import Crystal

_LATTICES = {
    2: "triclinic", 15: "monoclinic", 74: "orthorhombic", 142: "tetragonal", 167: "trigonal",
    194: "hexagonal", 230: "cubic",
}  # fmt: skip
#: Atoms that are apart by less, Å, lie where symmetry has them.
_TOLERANCE_ANGSTROM = 5e-3


def space_group_words(crystal: Crystal) -> str:
    """Space group, its number and the crystal system, such as ``P6_3mc (186), hexagonal``.

    Parameters
    ----------
    crystal : Crystal
        Sites that differ in element, occupancy or Debye–Waller factor count as different.
    """
    import spglib

    with warnings.catch_warnings():
        # spglib announces a change of its error handling; None is checked for below.
        warnings.simplefilter("ignore", DeprecationWarning)
        found = spglib.get_spacegroup(_places(crystal), symprec=_TOLERANCE_ANGSTROM)
    if not found:
        return "not found"
    name, number = str(found).rsplit(" ", 1)
    whole = int(number.strip("()"))
    lattice = next(words for last, words in _LATTICES.items() if whole <= last)
    return f"{name} ({whole}), {lattice}"


def operations(crystal: Crystal) -> tuple[Indices, Vectors]:
    """Symmetry operations of a structure; its centring is among them.

    Parameters
    ----------
    crystal : Crystal
        Sites count as different as in :func:`space_group_words`.

    Returns
    -------
    rotations : ndarray of int, shape (n, 3, 3)
        They act on fractional coordinates, as on the indices of a direction. The identity alone
        where no symmetry was found.
    translations : ndarray, shape (n, 3)
        Fractional.
    """
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = spglib.get_symmetry(_places(crystal), symprec=_TOLERANCE_ANGSTROM)
    if found is None:
        return np.eye(3, dtype=int)[None], np.zeros((1, 3))
    return np.asarray(found["rotations"], int), np.asarray(found["translations"], float)


def _places(crystal: Crystal) -> tuple[Any, Any, Any]:
    """Cell, places and a number for what is at each, as spglib takes them."""
    kinds: dict[tuple[tuple[str, float, float], ...], int] = {}
    places: dict[tuple[float, ...], list[tuple[str, float, float]]] = {}
    for symbol, position, occupancy, factor in zip(
        crystal.symbols, crystal.positions.round(4) % 1.0, crystal.occupancies, crystal.b_iso,
        strict=True,
    ):  # fmt: skip
        content = (symbol, round(float(occupancy), 4), round(float(factor), 4))
        places.setdefault(tuple(position.tolist()), []).append(content)
    labels = [kinds.setdefault(tuple(sorted(those)), len(kinds) + 1) for those in places.values()]
    return crystal.cell.tolist(), list(places), labels
