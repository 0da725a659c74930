"""The space group that a structure has, whatever its file calls it."""

import warnings

from pacbed.crystal.structure import Crystal

_LATTICES = {
    2: "triclinic", 15: "monoclinic", 74: "orthorhombic", 142: "tetragonal", 167: "trigonal",
    194: "hexagonal", 230: "cubic",
}  # fmt: skip


def space_group_words(crystal: Crystal) -> str:
    """Space group, its number and the crystal system, such as ``P6_3mc (186), hexagonal``.

    Parameters
    ----------
    crystal : Crystal
        Sites that differ in element, occupancy or Debye–Waller factor count as different.
    """
    import spglib

    kinds: dict[tuple[tuple[str, float, float], ...], int] = {}
    places: dict[tuple[float, ...], list[tuple[str, float, float]]] = {}
    for symbol, position, occupancy, factor in zip(
        crystal.symbols, crystal.positions.round(4) % 1.0, crystal.occupancies, crystal.b_iso,
        strict=True,
    ):  # fmt: skip
        content = (symbol, round(float(occupancy), 4), round(float(factor), 4))
        places.setdefault(tuple(position.tolist()), []).append(content)
    labels = [kinds.setdefault(tuple(sorted(those)), len(kinds) + 1) for those in places.values()]
    with warnings.catch_warnings():
        # spglib announces a change of its error handling; None is checked for below.
        warnings.simplefilter("ignore", DeprecationWarning)
        found = spglib.get_spacegroup((crystal.cell.tolist(), list(places), labels), symprec=5e-3)
    if not found:
        return "not found"
    name, number = str(found).rsplit(" ", 1)
    whole = int(number.strip("()"))
    lattice = next(words for last, words in _LATTICES.items() if whole <= last)
    return f"{name} ({whole}), {lattice}"
