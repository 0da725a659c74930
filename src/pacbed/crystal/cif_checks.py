"""Whether what a structure file says can be: distances between atoms, and its own formula."""

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.crystal.structure import Crystal
from pacbed.errors import CrystalError

#: Two atoms nearer than this share of their covalent radii cannot both be there.
_CLOSEST = 0.65
#: How far the ratios of the elements may be from the CIF's own formula.
_FORMULA_TOLERANCE = 0.03


def cif_value(block: Any, tag: str) -> str | None:
    """What a block of a CIF has under a tag; None where it has nothing."""
    import gemmi

    raw = block.find_value(tag)
    text = gemmi.cif.as_string(raw).strip() if raw else ""
    return text if text not in ("", "?", ".") else None


def check_distances(path: Path, crystal: Crystal) -> None:
    """Refuse atoms that fall on each other, as a wrong choice of origin makes them."""
    import gemmi

    radii = np.array([gemmi.Element(symbol).covalent_r for symbol in crystal.symbols])
    for i in range(len(radii) - 1):
        away = (crystal.positions[i + 1 :] - crystal.positions[i] + 0.5) % 1.0 - 0.5
        distance = np.linalg.norm(away @ crystal.cell, axis=1)
        together = crystal.occupancies[i + 1 :] + crystal.occupancies[i] > 1.05
        close = together & (distance < _CLOSEST * (radii[i + 1 :] + radii[i]))
        if close.any():
            j = int(np.flatnonzero(close)[0])
            raise CrystalError(
                f"{path}: atoms of {crystal.symbols[i]} and {crystal.symbols[i + 1 + j]} lie "
                f"{distance[j]:.2f} Å apart; check positions, occupancies and the space group's "
                "choice of origin (:1 or :2), or list the symmetry operations in the CIF"
            )


def check_formula(path: Path, block: Any, crystal: Crystal) -> None:
    """Warn where the cell's content is not the formula that the CIF gives."""
    stated = cif_value(block, "_chemical_formula_sum")
    if stated is None:
        return
    parts = re.findall(r"([A-Z][a-z]?)\s*([0-9.]*)", stated)
    wanted: dict[str, float] = {}
    try:
        for symbol, count in parts:
            wanted[symbol] = wanted.get(symbol, 0.0) + float(count or 1)
    except ValueError:
        return
    found: dict[str, float] = {}
    for symbol, occupancy in zip(crystal.symbols, crystal.occupancies, strict=True):
        found[symbol] = found.get(symbol, 0.0) + float(occupancy)
    if not wanted or not sum(wanted.values()):
        return
    total, all_ = sum(wanted.values()), sum(found.values())
    off = any(
        abs(wanted.get(s, 0.0) / total - found.get(s, 0.0) / all_) > _FORMULA_TOLERANCE
        for s in {*wanted, *found}
    )
    units = cif_value(block, "_cell_formula_units_Z") or ""
    stated += f" x {units}" if units.isdigit() else ""
    off |= units.isdigit() and abs(total * int(units) / all_ - 1) > _FORMULA_TOLERANCE
    if off:
        content = " ".join(f"{symbol}{count:g}" for symbol, count in found.items())
        warnings.warn(
            f"{path}: the cell holds {content}, which is not the CIF's formula {stated}; check "
            "sites, occupancies, symmetry and the choice of origin.",
            stacklevel=3,
        )
