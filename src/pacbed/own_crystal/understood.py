"""What was understood of a structure, to be looked at before anything is computed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pacbed.crystal.cif import read_cif, read_cif_notes
from pacbed.crystal.known.entry import ESTIMATED
from pacbed.crystal.projection import ProjectedCell, project
from pacbed.crystal.space_group import space_group_words
from pacbed.crystal.structure import Crystal
from pacbed.crystal.zone_axes import axis_name
from pacbed.errors import CrystalError
from pacbed.library.system import System
from pacbed.library.zone_axis import format_zone_axis
from pacbed.own_crystal.conditions import CrystalConditions
from pacbed.own_crystal.directions import PatternDirections, pattern_directions

#: A longer lattice vector, Å, is no cell whose patterns show single disks.
_LONGEST_ANGSTROM = 200.0
#: A larger projected cell, Å², has thousands of beams.
_LARGEST_AREA = 400.0


FactorSource = Literal["given", "CIF", "default"]


@dataclass(frozen=True)
class FactorOfElement:
    """Debye–Waller factor B of an element: smallest and largest of its sites, Å², and source.

    ``stated`` is what the structure says of where it is from; known crystals say it.
    """

    symbol: str
    lowest: float
    highest: float
    source: FactorSource
    stated: str | None = None

    @property
    def origin(self) -> str:
        """Where it is from, in words."""
        if self.source == "default":
            return f"a default, not in the CIF: look it up and give --b {self.symbol}=VALUE"
        if self.source == "given":
            return "given"
        if self.stated is None:
            return "from the CIF"
        return "an estimate" if self.stated.startswith(ESTIMATED) else "as its source says"

    def words(self) -> str:
        """Value, unit and origin, for a line."""
        span = f"{self.lowest:.3g}"
        if self.highest > self.lowest + 5e-4:
            span += f" to {self.highest:.3g}"
        return f"{self.symbol} {span} Å² ({self.origin})"


@dataclass(frozen=True)
class Understood:
    """A crystal as it will be simulated.

    Attributes
    ----------
    conditions : CrystalConditions
    crystal : Crystal
    cell : ProjectedCell
    factors : tuple of FactorOfElement
    directions : PatternDirections
    sources : tuple of tuple of str
        Label and words of where the structure is from, as far as it says that.
    """

    conditions: CrystalConditions
    crystal: Crystal
    cell: ProjectedCell
    factors: tuple[FactorOfElement, ...]
    directions: PatternDirections
    sources: tuple[tuple[str, str], ...] = ()

    def system(self, name: str | None = None, number: int = 0) -> System:
        """The system that it makes; a crystal that is registered nowhere has number 0.

        Parameters
        ----------
        name : str, optional
            By default formula, zone axis and voltage.
        number : int
        """
        asked = self.conditions
        formula = self.crystal.formula
        return System(
            id=number,
            name=name if name is not None else self.default_name,
            material=formula,
            composition=formula,
            zone_axis=asked.zone_axis,
            high_tension_kV=asked.high_tension_kV,
            convergence_mrad=asked.convergence_mrad,
            thickness_nm=(1.0, asked.thickness_max_nm),
            mistilt_mrad=(0.0, asked.mistilt_max_mrad),
        )

    @property
    def default_name(self) -> str:
        """Formula, zone axis and voltage, such as ``gan-110-200kV``; m stands for minus."""
        formula = re.sub(r"[^a-z0-9]+", "", self.crystal.formula.lower().replace(".", "p"))
        axis = "".join(str(index) for index in self.conditions.zone_axis).replace("-", "m")
        voltage = f"{self.conditions.high_tension_kV:g}".replace(".", "p")
        return f"{formula[:60]}-{axis}-{voltage}kV"

    def _axis_words(self) -> str:
        """The zone axis, of a hexagonal crystal with its four indices as well."""
        axis = self.conditions.zone_axis
        name = axis_name(axis, self.crystal.cell)
        words = format_zone_axis(axis)
        return words if len(name.split()) == 3 else f"{words} = [{name}]"

    def rows(self) -> list[tuple[str, str]]:
        """Lines of label and value."""
        crystal, cell = self.crystal, self.cell
        lengths = np.linalg.norm(cell.cell, axis=1)
        cosine = float(cell.cell[0] @ cell.cell[1] / (lengths[0] * lengths[1]))
        operations = len(cell.point_group)
        return [
            ("Crystal", f"{crystal.formula}, {space_group_words(crystal)}"),
            ("Cell", cell_words(crystal)),
            ("Content", sites_words(crystal)),
            *(
                ("B" if number == 0 else "", factor.words())
                for number, factor in enumerate(self.factors)
            ),
            ("Beam", f"along {self._axis_words()}, {self.conditions.high_tension_kV:g} kV"),
            (
                "Projection",
                f"{lengths[0]:.3f} x {lengths[1]:.3f} Å, "
                f"{np.degrees(np.arccos(np.clip(cosine, -1, 1))):.1f}°, {cell.area:.1f} Å², "
                f"{operations} symmetry operation{'s' if operations > 1 else ''}",
            ),
            ("Directions", self.directions.at_zero()),
            *self.sources,
        ]


def understand(conditions: CrystalConditions) -> Understood:
    """Read a structure, and refuse what cannot be simulated; nothing is simulated.

    Parameters
    ----------
    conditions : CrystalConditions

    Raises
    ------
    CrystalError
        If the file is no structure, its atoms fall on each other, its space group is not
        known, or its cell is far too large.

    Warns
    -----
    UserWarning
        Where a Debye–Waller factor is a default, and where the file contradicts itself.
    """
    cif = conditions.cif
    said = read_cif_notes(cif)
    unknown = sorted(set(conditions.b_iso) - set(said.elements))
    if unknown:
        raise CrystalError(
            f"{cif}: has no {unknown[0]}: B can be given for {', '.join(said.elements)}"
        ).about("b_iso")
    crystal = read_cif(cif, conditions.b_iso)
    check_lengths(cif, crystal)
    try:
        cell = project(crystal, conditions.zone_axis)
    except CrystalError as error:
        raise CrystalError(f"{cif}: {error}").about("zone_axis") from error
    if cell.area > _LARGEST_AREA:
        raise CrystalError(
            f"{cif}: along {format_zone_axis(conditions.zone_axis)} the projected cell has "
            f"{cell.area:.0f} Å², too many beams to simulate (at most {_LARGEST_AREA:g} Å²): give "
            "an axis of lower indices, or a smaller cell of the structure"
        ).about("zone_axis")
    return Understood(
        conditions,
        crystal,
        cell,
        factors_of_elements(crystal, conditions.b_iso, said.without_b, said.b_source),
        pattern_directions(crystal, cell),
        tuple(
            (label, words)
            for label, words in (("Source", said.source), ("B source", said.b_source))
            if words is not None
        ),
    )


def factors_of_elements(
    crystal: Crystal,
    given: Mapping[str, float],
    without: frozenset[str],
    stated: str | None = None,
) -> tuple[FactorOfElement, ...]:
    """The Debye–Waller factors of a crystal from a CIF, and where each is from.

    Parameters
    ----------
    crystal : Crystal
    given : mapping of str to float
        Those that went before the CIF's.
    without : frozenset of str
        Elements that have a site for which the CIF gives none.
    stated : str, optional
        What the structure says of where its factors are from.
    """
    factors = []
    source: FactorSource
    for symbol in dict.fromkeys(crystal.symbols):
        values = [
            float(factor)
            for other, factor in zip(crystal.symbols, crystal.b_iso, strict=True)
            if other == symbol
        ]
        source = "given" if symbol in given else "default" if symbol in without else "CIF"
        factors.append(FactorOfElement(symbol, min(values), max(values), source, stated))
    return tuple(factors)


def sites_words(crystal: Crystal) -> str:
    """How many sites, and how far which are filled."""
    shares = {
        f"{symbol} {occupancy:.3g}"
        for symbol, occupancy in zip(crystal.symbols, crystal.occupancies, strict=True)
        if occupancy < 0.9995
    }
    words = f"{len(crystal.symbols)} sites in {crystal.volume:.1f} Å³"
    return f"{words}; partly filled: {', '.join(sorted(shares))}" if shares else words


def cell_words(crystal: Crystal) -> str:
    """Lengths and angles of the cell."""
    lengths = np.linalg.norm(crystal.cell, axis=1)
    unit = crystal.cell / lengths[:, None]
    angles = [
        float(np.degrees(np.arccos(np.clip(unit[i] @ unit[j], -1, 1))))
        for i, j in ((1, 2), (0, 2), (0, 1))
    ]
    return (
        f"a {lengths[0]:.4g}, b {lengths[1]:.4g}, c {lengths[2]:.4g} Å; "
        f"α {angles[0]:.4g}, β {angles[1]:.4g}, γ {angles[2]:.4g}°"
    )


def check_lengths(cif: Path, crystal: Crystal) -> None:
    """Refuse a cell that is far too large, or has no size at all.

    Raises
    ------
    CrystalError
        With the length that is wrong.
    """
    lengths = np.linalg.norm(crystal.cell, axis=1)
    if not np.isfinite(lengths).all():
        raise CrystalError(f"{cif}: the cell has no length: check _cell_length_a, _b and _c")
    if lengths.max() > _LONGEST_ANGSTROM:
        axis = "abc"[int(lengths.argmax())]
        raise CrystalError(
            f"{cif}: the cell is {lengths.max():g} Å long along {axis}, too large to simulate (at "
            f"most {_LONGEST_ANGSTROM:g} Å): check _cell_length_{axis}, or give the primitive cell"
        )
