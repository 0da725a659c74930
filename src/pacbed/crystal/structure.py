"""Crystal structures as plain arrays."""

import math
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Numbers, Vectors
from pacbed.errors import CrystalError

#: Debye–Waller factor B in Å² of an atom for which nobody gives one: the middle of
#: the room-temperature values of most oxides and semiconductors (0.3 to 0.8).
DEFAULT_B_ISO = 0.5

#: Sites nearer than this in fractional coordinates share a place.
_SAME_PLACE = 2e-3

_SYMBOLS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge "
    "As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm "
    "Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th "
    "Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr"
)
#: Elements that have scattering factors (Lobato & Van Dyck 2014).
ELEMENTS = frozenset(_SYMBOLS.split())


@dataclass(frozen=True)
class Crystal:
    """A crystal structure with all sites of its conventional cell.

    Attributes
    ----------
    cell : ndarray, shape (3, 3)
        Lattice vectors as rows, Å.
    symbols : tuple of str
        Chemical symbol of each site.
    positions : ndarray, shape (n, 3)
        Fractional coordinates.
    occupancies : ndarray, shape (n,)
        Share of the site that is filled, 0 < occupancy ≤ 1.
    b_iso : ndarray, shape (n,)
        Isotropic Debye–Waller factor B = 8π²⟨u²⟩ of each site, Å².

    Raises
    ------
    CrystalError
        If arrays disagree in length or hold impossible values.
    """

    cell: Numbers
    symbols: tuple[str, ...]
    positions: Vectors
    occupancies: Numbers
    b_iso: Numbers

    def __post_init__(self) -> None:
        n = len(self.symbols)
        if n == 0:
            raise CrystalError("the crystal has no atoms; give at least one site")
        unknown = sorted(set(self.symbols) - ELEMENTS)
        if unknown:
            raise CrystalError(f"unknown element {unknown[0]!r}; give chemical symbols such as Ti")
        if self.positions.shape != (n, 3) or self.occupancies.shape != (n,):
            raise CrystalError("each site needs one symbol, position and occupancy")
        if self.cell.shape != (3, 3) or abs(np.linalg.det(self.cell)) < 1e-3:
            raise CrystalError("the cell needs three independent lattice vectors")
        if np.any(self.occupancies <= 0) or np.any(self.occupancies > 1.0 + 1e-6):
            raise CrystalError("occupancies must lie above 0 and at most at 1")
        if np.any(self.b_iso < 0) or np.any(self.b_iso > 20):
            raise CrystalError("Debye-Waller factors B must lie between 0 and 20 Å²")

    @property
    def volume(self) -> float:
        """Volume of the cell, Å³."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def formula(self) -> str:
        """Content of the cell as a reduced formula, elements in the order of the sites.

        It is reduced by the numbers of equal places, not of atoms, so that partly filled
        ones stay what they are: ``In0.2Ga0.8As``.
        """
        places: dict[tuple[int, ...], dict[str, float]] = {}
        grid = np.round(np.mod(self.positions, 1.0) / _SAME_PLACE).astype(int)
        for symbol, place, occupancy in zip(
            self.symbols, grid % round(1 / _SAME_PLACE), self.occupancies, strict=True
        ):
            content = places.setdefault(tuple(place), {})
            content[symbol] = content.get(symbol, 0.0) + float(occupancy)
        equal: dict[tuple[tuple[str, float], ...], int] = {}
        for content in places.values():
            kind = tuple(sorted((s, round(share, 3)) for s, share in content.items()))
            equal[kind] = equal.get(kind, 0) + 1
        units = math.gcd(*equal.values())
        counts: dict[str, float] = dict.fromkeys(self.symbols, 0.0)
        for symbol, occupancy in zip(self.symbols, self.occupancies, strict=True):
            counts[symbol] += float(occupancy) / units
        return "".join(
            f"{symbol}{'' if abs(count - 1) < 0.005 else f'{count:.3g}'}"
            for symbol, count in counts.items()
        )


def lattice_from_parameters(parameters: tuple[float, ...]) -> Numbers:
    """Lattice vectors (rows, Å) from a, b, c in Å and α, β, γ in degrees."""
    a, b, c = parameters[:3]
    alpha, beta, gamma = np.deg2rad(parameters[3:6])
    if min(a, b, c) <= 0:
        raise CrystalError("the cell lengths a, b, c must be positive (Å)")
    cos_a, cos_b, cos_g, sin_g = np.cos(alpha), np.cos(beta), np.cos(gamma), np.sin(gamma)
    c_y = (cos_a - cos_b * cos_g) / sin_g
    squared = 1 - cos_b**2 - c_y**2
    if not squared > 0:
        raise CrystalError("the cell angles alpha, beta, gamma do not close a cell")
    return np.array(
        [[a, 0, 0], [b * cos_g, b * sin_g, 0], [c * cos_b, c * c_y, c * np.sqrt(squared)]]
    )
