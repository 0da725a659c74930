"""Random crystals, axes and voltages: structure types with random elements, and others.

None is a real material on purpose: what the finder learns must not depend on the crystal.
"""

from dataclasses import dataclass

import numpy as np

from pacbed.crystal.structure import Crystal, lattice_from_parameters
from pacbed.errors import CrystalError

_ELEMENTS = (
    *("B", "C", "N", "O", "F", "Na", "Mg", "Al", "P", "S", "Cl", "K", "Ca", "Sc", "V", "Cr"),
    *("Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ge", "Se", "Br", "Rb", "Y", "Zr", "Nb", "Mo", "Rh"),
    *("Ag", "Cd", "Sn", "Sb", "Te", "I", "Cs", "Ba", "Ce", "Nd", "Gd", "Er", "Hf", "Ta", "Ir"),
    *("Pt", "Tl", "Pb", "Bi"),
)
_VOLTAGES_KV = (60.0, 80.0, 100.0, 120.0, 200.0, 300.0)
_AXES = ((0, 0, 1), (1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0, 1), (2, 1, 0), (1, 1, 2))
_FCC = ((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0))
#: Sites of structure types in cubic or hexagonal cells: offsets of each kind of atom.
_CUBIC: dict[str, tuple[tuple[tuple[float, float, float], ...], ...]] = {
    "fcc": (_FCC,),
    "bcc": (((0, 0, 0), (0.5, 0.5, 0.5)),),
    "caesium chloride": (((0, 0, 0),), ((0.5, 0.5, 0.5),)),
    "diamond": (_FCC, tuple((x + 0.25, y + 0.25, z + 0.25) for x, y, z in _FCC)),
    "rock salt": (_FCC, tuple((x + 0.5, y, z) for x, y, z in _FCC)),
    "fluorite": (
        _FCC,
        tuple((x + s, y + 0.25, z + 0.25) for x, y, z in _FCC for s in (0.25, 0.75)),
    ),
    "perovskite": (
        ((0, 0, 0),),
        ((0.5, 0.5, 0.5),),
        ((0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)),
    ),
}
_THIRD = 1 / 3
_HEXAGONAL: dict[str, tuple[tuple[tuple[float, float, float], ...], ...]] = {
    "hcp": (((_THIRD, 2 * _THIRD, 0.25), (2 * _THIRD, _THIRD, 0.75)),),
    "wurtzite": (
        ((_THIRD, 2 * _THIRD, 0), (2 * _THIRD, _THIRD, 0.5)),
        ((_THIRD, 2 * _THIRD, 0.38), (2 * _THIRD, _THIRD, 0.88)),
    ),
    "nickel arsenide": (
        ((0, 0, 0), (0, 0, 0.5)),
        ((_THIRD, 2 * _THIRD, 0.25), (2 * _THIRD, _THIRD, 0.75)),
    ),
}
#: Volume of one atom, Å³.
_ATOM_VOLUME = (10.0, 22.0)
#: Atoms of a cell without symmetry lie at least so far apart, Å.
_CLOSEST = 1.7


@dataclass(frozen=True)
class DrawnCrystal:
    """A crystal with the conditions that it is seen under.

    Attributes
    ----------
    crystal : Crystal
    zone_axis : tuple of int
    high_tension_kV : float
    convergence_mrad : tuple of float
        Smallest and largest convergence semi-angle.
    kind : str
        Its structure type.
    """

    crystal: Crystal
    zone_axis: tuple[int, int, int]
    high_tension_kV: float
    convergence_mrad: tuple[float, float]
    kind: str


def draw_crystal(rng: np.random.Generator) -> DrawnCrystal:
    """Draw a crystal, its axis, voltage and range of convergence angles."""
    kinds = [*_CUBIC, *_HEXAGONAL, "none", "none", "none"]
    kind = kinds[rng.integers(len(kinds))]
    crystal = _without_symmetry(rng) if kind == "none" else _of_type(kind, rng)
    largest = float(np.exp(rng.uniform(np.log(6.0), np.log(36.0))))
    return DrawnCrystal(
        crystal,
        _AXES[rng.integers(len(_AXES))],
        _VOLTAGES_KV[rng.integers(len(_VOLTAGES_KV))],
        (max(4.0, largest / 1.7), largest),
        kind,
    )


def _of_type(kind: str, rng: np.random.Generator) -> Crystal:
    sites = _CUBIC.get(kind) or _HEXAGONAL[kind]
    count = sum(len(group) for group in sites)
    volume = count * rng.uniform(*_ATOM_VOLUME)
    if kind in _CUBIC:
        # Some are strained, as thin films are.
        ratio = 1.0 if rng.random() < 0.6 else rng.uniform(0.93, 1.08)
        a = (volume / ratio) ** (1 / 3)
        cell = lattice_from_parameters((a, a, a * ratio, 90.0, 90.0, 90.0))
    else:
        ratio = rng.uniform(1.45, 1.7)
        a = (volume / (ratio * np.sqrt(0.75))) ** (1 / 3)
        cell = lattice_from_parameters((a, a, a * ratio, 90.0, 90.0, 120.0))
    elements = rng.choice(_ELEMENTS, len(sites), replace=False)
    symbols = [str(e) for e, group in zip(elements, sites, strict=True) for _ in group]
    positions = np.array([site for group in sites for site in group], float)
    return _crystal(cell, symbols, positions, rng)


def _without_symmetry(rng: np.random.Generator) -> Crystal:
    """Some atoms in a triclinic, monoclinic or orthorhombic cell, none too near another."""
    while True:
        count = int(rng.integers(3, 8))
        volume = count * rng.uniform(*_ATOM_VOLUME)
        lengths = np.exp(rng.normal(0, 0.2, 3))
        angles = np.array([90.0, 90.0, 90.0])
        oblique = int(rng.integers(0, 3))
        angles[rng.permutation(3)[: (0, 1, 3)[oblique]]] = rng.uniform(75, 110)
        unit = lattice_from_parameters((*lengths, *angles))
        cell = unit * (volume / abs(np.linalg.det(unit))) ** (1 / 3)
        positions = rng.random((count, 3))
        away = positions[:, None] - positions[None]
        away -= np.rint(away)
        distance = np.linalg.norm(away @ cell, axis=-1)[np.triu_indices(count, 1)]
        if distance.min() > _CLOSEST:
            kinds = rng.choice(_ELEMENTS, 3, replace=False)
            symbols = [str(kinds[n]) for n in rng.integers(0, 3, count)]
            return _crystal(cell, symbols, positions, rng)


def _crystal(
    cell: np.ndarray, symbols: list[str], positions: np.ndarray, rng: np.random.Generator
) -> Crystal:
    if not symbols:
        raise CrystalError("the crystal has no atoms")
    return Crystal(
        cell,
        tuple(symbols),
        np.mod(positions, 1.0),
        np.ones(len(symbols)),
        rng.uniform(0.2, 1.0, len(symbols)),
    )
