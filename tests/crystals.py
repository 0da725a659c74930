"""Crystals that the tests simulate."""

import numpy as np

from pacbed.crystal.structure import Crystal, lattice_from_parameters

_FCC = [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]


def crystal(cell, sites):
    symbols, positions, b_iso = zip(*sites, strict=True)
    return Crystal(
        lattice_from_parameters(cell),
        tuple(symbols),
        np.array(positions, float),
        np.ones(len(sites)),
        np.array(b_iso, float),
    )


def strontium_titanate():
    return crystal(
        (3.905, 3.905, 3.905, 90, 90, 90),
        [
            ("Sr", (0, 0, 0), 0.62),
            ("Ti", (0.5, 0.5, 0.5), 0.44),
            ("O", (0.5, 0.5, 0), 0.72),
            ("O", (0.5, 0, 0.5), 0.72),
            ("O", (0, 0.5, 0.5), 0.72),
        ],
    )


def rutile():
    u = 0.3053
    oxygen = [(u, u, 0), (-u, -u, 0), (0.5 + u, 0.5 - u, 0.5), (0.5 - u, 0.5 + u, 0.5)]
    return crystal(
        (4.5937, 4.5937, 2.9587, 90, 90, 90),
        [("Ti", (0, 0, 0), 0.42), ("Ti", (0.5, 0.5, 0.5), 0.42)]
        + [("O", position, 0.57) for position in oxygen],
    )


def silicon():
    sites = _FCC + [tuple(np.add(p, 0.25)) for p in _FCC]
    return crystal((5.431, 5.431, 5.431, 90, 90, 90), [("Si", p, 0.46) for p in sites])


def gallium_nitride():
    third = 1 / 3
    return crystal(
        (3.19, 3.19, 5.189, 90, 90, 120),
        [
            ("Ga", (third, 2 * third, 0), 0.3),
            ("Ga", (2 * third, third, 0.5), 0.3),
            ("N", (third, 2 * third, 0.377), 0.35),
            ("N", (2 * third, third, 0.877), 0.35),
        ],
    )
