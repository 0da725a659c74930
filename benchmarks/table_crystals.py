"""Crystals of the benchmarks of tables; earlier revisions of the project make them too."""

from pathlib import Path

import numpy as np

from pacbed.crystal.structure import Crystal, lattice_from_parameters
from pacbed.library.recipe import load_recipe

ROOT = Path(__file__).resolve().parents[1]


def crystal(cell: tuple[float, ...], sites: list[tuple[str, tuple, float]]) -> Crystal:
    symbols, positions, b_iso = zip(*sites, strict=True)
    count = np.ones(len(sites))
    return Crystal(
        lattice_from_parameters(cell), symbols, np.array(positions, float), count, np.array(b_iso)
    )


def gallium_nitride() -> Crystal:
    a, b = 1 / 3, 2 / 3
    sites = [("Ga", (a, b, 0), 0.3), ("Ga", (b, a, 0.5), 0.3)]
    sites += [("N", (a, b, 0.377), 0.35), ("N", (b, a, 0.877), 0.35)]
    return crystal((3.19, 3.19, 5.189, 90, 90, 120), sites)


def gold() -> Crystal:
    face = [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    return crystal((4.078, 4.078, 4.078, 90, 90, 90), [("Au", p, 0.63) for p in face])


def strontium_titanate() -> Crystal:
    return load_recipe(ROOT / "recipes/sto-001-300kV.toml").crystal


def gallium_arsenide() -> Crystal:
    face = [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    sites = [("Ga", p, 0.65) for p in face]
    sites += [("As", tuple(x + 0.25 for x in p), 0.6) for p in face]
    return crystal((5.653, 5.653, 5.653, 90, 90, 90), sites)
