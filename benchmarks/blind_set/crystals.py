"""Crystals of the blind set: textbook cells, written as CIFs without symmetry (P1).

Sites are (symbol, x, y, z, B in Å²); a site that two elements share is given twice with
its occupancies. Sources: Wyckoff's Crystal Structures and the cells usual in textbooks;
B are round room-temperature values.
"""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Pair:
    """A crystal with zone axis (direction, three indices), voltage and its half of the set."""

    name: str
    formula: str
    cell: tuple
    sites: tuple
    zone_axis: tuple
    kV: float
    split: str

    def write_cif(self, folder: Path) -> Path:
        path = folder / f"{self.name}.cif"
        rows = [
            f"{s}{n} {s} {x % 1:.6f} {y % 1:.6f} {z % 1:.6f} {share:g} Biso {b:g}"
            for n, (s, x, y, z, b, share) in enumerate(self.sites, 1)
        ]
        tags = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
        head = [f"data_{self.name}", f"_chemical_name_common '{self.formula}'"]
        head += [f"_cell_{tag} {value:.6f}" for tag, value in zip(tags, self.cell, strict=True)]
        head += ["_space_group_name_H-M_alt 'P 1'", "_space_group_IT_number 1", "loop_"]
        head += ["_space_group_symop_operation_xyz", "x,y,z", "loop_"]
        columns = "label type_symbol fract_x fract_y fract_z occupancy adp_type B_iso_or_equiv"
        head += [f"_atom_site_{column}" for column in columns.split()]
        path.write_text("\n".join(head + rows) + "\n", encoding="utf-8")
        return path

    def positions_and_choices(self):
        """Distinct positions (n, 3), and for each ((symbols), (shares), B)."""
        places: dict[tuple, list] = {}
        for symbol, x, y, z, b, share in self.sites:
            places.setdefault((x, y, z), []).append((symbol, share, b))
        choices = tuple(
            (tuple(s for s, _, _ in own), tuple(p for _, p, _ in own), own[0][2])
            for own in places.values()
        )
        return np.array(list(places), float), choices


_FACES = ((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0))


def _full(*sites):
    return tuple((s, x, y, z, b, 1.0) for s, (x, y, z), b in sites)


def _centred(sites, shifts=_FACES):
    return tuple(
        (s, *(np.round(np.mod(np.add(place, shift), 1.0), 6).tolist()), b, share)
        for s, place, b, share in sites
        for shift in shifts
    )


def _wurtzite(metal, anion, u, b_metal, b_anion):
    t = 1 / 3
    return _full(
        (metal, (t, 2 * t, 0), b_metal), (metal, (2 * t, t, 0.5), b_metal),
        (anion, (t, 2 * t, u), b_anion), (anion, (2 * t, t, u + 0.5), b_anion),
    )  # fmt: skip


def _perovskite(a, b, x, factors, shifts=(0, 0, 0)):
    b_a, b_b, b_x = factors
    d, e, f = shifts
    return _full(
        (a, (0, 0, 0), b_a), (b, (0.5, 0.5, 0.5 + d), b_b), (x, (0.5, 0.5, e), b_x),
        (x, (0.5, 0, 0.5 + f), b_x), (x, (0, 0.5, 0.5 + f), b_x),
    )  # fmt: skip


def _gallia():
    """C2/m, all atoms on the mirror plane: ±(x, 0, z) and the C centring."""
    own = [
        ("Ga", 0.0904, 0.7948, 0.35), ("Ga", 0.3414, 0.6857, 0.35), ("O", 0.1674, 0.1011, 0.45),
        ("O", 0.4957, 0.2553, 0.45), ("O", 0.8279, 0.4365, 0.45),
    ]  # fmt: skip
    sites = [(s, (i * x, 0, i * z), b, 1.0) for s, x, z, b in own for i in (1, -1)]
    return _centred(sites, ((0, 0, 0), (0.5, 0.5, 0)))


def _quartz():
    """P3_2 21 with silicon on the twofold axis through the origin."""
    u, x, y, z, t = 0.4697, 0.4133, 0.2672, 0.1188, 1 / 3
    silicon = [(u, 0, 0), (0, u, 2 * t), (-u, -u, t)]
    oxygen = [
        (x, y, z), (-y, x - y, z + 2 * t), (y - x, -x, z + t),
        (x - y, -y, -z), (y, x, 2 * t - z), (-x, y - x, t - z),
    ]  # fmt: skip
    return _full(*(("Si", p, 0.5) for p in silicon), *(("O", p, 0.95) for p in oxygen))


def _lithium_niobate():
    """R3c: threefold axis, glide plane, and the rhombohedral centring."""
    own = [
        ("Nb", (0, 0, 0), 0.28),
        ("Li", (0, 0, 0.2916), 0.9),
        ("O", (0.3976, 0.3744, 0.2297), 0.56),
    ]
    found = []
    for symbol, (x, y, z), b in own:
        turned = [(x, y, z), (-y, x - y, z), (y - x, -x, z)]
        turned += [(-v, -u, w + 0.5) for u, v, w in turned]
        kept = {tuple(np.round(np.mod(p, 1.0), 5).tolist()) for p in turned}
        found += [(symbol, p, b, 1.0) for p in sorted(kept)]
    return _centred(found, ((0, 0, 0), (2 / 3, 1 / 3, 1 / 3), (1 / 3, 2 / 3, 2 / 3)))


def _carbide():
    """4H: layers A B C B along c."""
    t = 1 / 3
    columns = [(0, 0), (t, 2 * t), (0, 0), (2 * t, t)]
    silicon = [("Si", (*xy, n / 4), 0.2) for n, xy in enumerate(columns)]
    carbon = [("C", (*xy, n / 4 + 0.1875), 0.25) for n, xy in enumerate(columns)]
    return _full(*silicon, *carbon)


def _selenide():
    t, u = 1 / 3, 0.1290
    tungsten = [("W", (t, 2 * t, 0.25), 0.35), ("W", (2 * t, t, 0.75), 0.35)]
    places = [
        (t, 2 * t, 0.75 + u),
        (t, 2 * t, 0.75 - u),
        (2 * t, t, 0.25 + u),
        (2 * t, t, 0.25 - u),
    ]
    return _full(*tungsten, *(("Se", p, 0.5) for p in places))


def _zincblende(metals, anion, b_metal, b_anion):
    metal = [(s, (0, 0, 0), b_metal, share) for s, share in metals]
    sites = _centred([*metal, (anion, (0.25, 0.25, 0.25), b_anion, 1.0)])
    return tuple(sites)


#: Angles so that a and b rise by a third of c per step: a flat period exists along [001].
_TILTED = (
    5.1, 6.3, 6.9,
    float(np.rad2deg(np.arccos(-6.9 / 3 / 6.3))), float(np.rad2deg(np.arccos(6.9 / 3 / 5.1))), 97.0,
)  # fmt: skip
_OWN_OXIDE = _full(
    ("Ba", (0.03, 0.05, 0.02), 0.6), ("Ti", (0.52, 0.44, 0.53), 0.45),
    ("Al", (0.46, 0.93, 0.38), 0.4), ("O", (0.55, 0.16, 0.62), 0.7), ("O", (0.16, 0.55, 0.64), 0.8),
    ("O", (0.85, 0.57, 0.42), 0.75), ("O", (0.42, 0.69, 0.16), 0.7),
)  # fmt: skip

_HEX = (90.0, 90.0, 120.0)
_RIGHT = (90.0, 90.0, 90.0)


def _cubic(a):
    return (a, a, a, *_RIGHT)


PAIRS = (
    Pair(
        "GaN",
        "GaN",
        (3.189, 3.189, 5.185, *_HEX),
        _wurtzite("Ga", "N", 0.377, 0.3, 0.35),
        (1, 1, 0),
        200,
        "tune",
    ),
    Pair(
        "InGaAs",
        "In0.2Ga0.8As",
        _cubic(5.7344),
        _zincblende((("In", 0.2), ("Ga", 0.8)), "As", 0.75, 0.65),
        (1, 1, 0),
        300,
        "blind",
    ),
    Pair(
        "LaAlO3",
        "LaAlO3",
        _cubic(3.791),
        _perovskite("La", "Al", "O", (0.45, 0.4, 0.7)),
        (0, 0, 1),
        80,
        "tune",
    ),
    Pair(
        "PbTiO3",
        "PbTiO3",
        (3.904, 3.904, 4.152, *_RIGHT),
        _perovskite("Pb", "Ti", "O", (0.9, 0.45, 0.7), (0.0397, 0.1118, 0.1174)),
        (1, 0, 0),
        200,
        "blind",
    ),
    Pair(
        "Au", "Au", _cubic(4.0782), _centred([("Au", (0, 0, 0), 0.62, 1.0)]), (1, 1, 0), 300, "tune"
    ),
    Pair(
        "Ga2O3",
        "beta-Ga2O3",
        (12.23, 3.04, 5.80, 90.0, 103.7, 90.0),
        _gallia(),
        (0, 1, 0),
        300,
        "blind",
    ),
    Pair("SiO2", "alpha-quartz", (4.913, 4.913, 5.405, *_HEX), _quartz(), (0, 0, 1), 100, "tune"),
    Pair(
        "CsPbBr3",
        "CsPbBr3",
        _cubic(5.874),
        _perovskite("Cs", "Pb", "Br", (3.5, 1.4, 3.5)),
        (0, 0, 1),
        200,
        "blind",
    ),
    Pair(
        "LiNbO3",
        "LiNbO3",
        (5.1376, 5.1376, 13.8497, *_HEX),
        _lithium_niobate(),
        (1, -1, 0),
        200,
        "tune",
    ),
    Pair("SiC", "4H-SiC", (3.073, 3.073, 10.053, *_HEX), _carbide(), (1, 1, 0), 80, "blind"),
    Pair(
        "InP",
        "InP",
        _cubic(5.8687),
        _zincblende((("In", 1.0),), "P", 0.8, 0.7),
        (1, 1, 0),
        120,
        "tune",
    ),
    Pair("BaTiAlO4", "triclinic oxide, made up", _TILTED, _OWN_OXIDE, (0, 0, 1), 200, "blind"),
    Pair(
        "ZnO",
        "ZnO",
        (3.2495, 3.2495, 5.2069, *_HEX),
        _wurtzite("Zn", "O", 0.382, 0.6, 0.65),
        (1, -1, 0),
        60,
        "tune",
    ),
    Pair("WSe2", "2H-WSe2", (3.282, 3.282, 12.96, *_HEX), _selenide(), (0, 0, 1), 300, "blind"),
)


def shortest_distance(pair: Pair) -> float:
    """Shortest distance of two places, Å: a check of the cells."""
    from blind_set.slab import lattice

    positions, _ = pair.positions_and_choices()
    shifts = np.array(list(product((-1, 0, 1), repeat=3)))
    apart = positions[:, None, None] - positions[None, :, None] + shifts
    lengths = np.linalg.norm(apart @ lattice(pair.cell), axis=-1)
    return float(lengths[lengths > 1e-6].min())
