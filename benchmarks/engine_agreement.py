"""The frozen-phonon engine against abTEM with fine pixels: agreement and speed, in one run.

    python benchmarks/engine_agreement.py [--pixel 0.05] [--seed 20261126]

SrTiO3 [001], 300 kV, 20 mrad, tilt (3, 1.5) mrad, 10 to 40 nm, a supercell of 4 x 4 cells, one
thread. Both programs get the same probe positions.

* *same atoms*: abTEM gets the displaced atoms of our engine; what differs is the programs.
* *other seeds*: averages over 64 positions that cancel all interference, dealt out to 8
  configurations: two of abTEM with each other, and each with ours. What differs is the phonons.
* *speed*: processor time of the same averages. As documented, abTEM scans every configuration
  on a grid of half the probe's resolution (λ / 4α) and repeats that for each of them: the second
  figure multiplies by its positions over ours.
"""

import argparse
import math
import time

import numpy as np
from abtem_probe import displaced_atoms, ours, potential, quiet, scan

from pacbed.library.recipe import load_recipe
from pacbed.reference import ReferenceOptions
from pacbed.reference.engine import Engine, make_engine
from pacbed.reference.scan import probe_positions

CONFIGURATIONS = 8
PERIODS = (26, 51, 77, 102)


def abtems(engine: Engine, positions: np.ndarray, seed: list[int], pixel: float) -> np.ndarray:
    """The same by abTEM, of the same atoms."""
    with quiet():
        built = potential(engine, displaced_atoms(engine, max(PERIODS), seed), pixel)
        return np.concatenate(list(scan(engine, built.build(lazy=False), positions)), axis=1)


def correlations(first: np.ndarray, second: np.ndarray, inside: np.ndarray) -> str:
    pairs = [(a[inside], b[inside]) for a, b in zip(first, second, strict=True)]
    found = [f"{np.corrcoef(a, b)[0, 1]:.5f} ({a.sum() / b.sum() - 1:+.2%})" for a, b in pairs]
    return ", ".join(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pixel", type=float, default=0.05, help="of abTEM's grid, Å (0.05)")
    parser.add_argument("--seed", type=int, default=20261126)
    arguments = parser.parse_args()
    recipe = load_recipe("recipes/sto-001-300kV.toml")
    options = ReferenceOptions(
        high_tension_kV=300.0, convergence_mrad=20.0,
        thicknesses_nm=tuple(0.3905 * n for n in PERIODS), tilt_x_mrad=3.0, tilt_y_mrad=1.5,
        configurations=CONFIGURATIONS, resolution_mrad=1.3, max_angle_mrad=28.0,
    )  # fmt: skip
    engine = make_engine(recipe.crystal, (0, 0, 1), options)
    rows, columns = engine.window
    angle = np.linalg.norm(engine.grid.g[rows[:, None], columns[None]], axis=-1)
    angle = angle * engine.wavelength * 1e3
    # The disk's edge is a step that every simulation has in the same place.
    inside = angle < options.convergence_mrad - 1
    print(f"grid {engine.grid.shape} against {arguments.pixel} Å, waves to "
          f"{engine.grid.cutoff:.2f} 1/Å, thicknesses {np.round(engine.thicknesses_nm, 2)} nm; "
          f"correlation inside the disk (difference of its sum)")  # fmt: skip
    lattice = probe_positions(engine.lattice, engine.scan, np.random.default_rng(arguments.seed))
    order = np.random.default_rng(arguments.seed).permutation(len(lattice))
    dealt = [lattice[order[first::CONFIGURATIONS]] for first in range(CONFIGURATIONS)]
    means, seconds = [], []
    for number, (work, more) in enumerate(
        [(ours, ()), (abtems, (arguments.pixel,)), (abtems, (arguments.pixel,))]
    ):
        # The first two have the same atoms.
        seed = arguments.seed + number // 2
        started = time.process_time()
        parts = [work(engine, own, [seed, i], *more) for i, own in enumerate(dealt)]
        seconds.append(time.process_time() - started)
        means.append(np.concatenate(parts, axis=1).mean(axis=1))
        print(f"{work.__name__}, seed {seed}: {seconds[-1]:.1f} s", flush=True)
    other = [ours(engine, own, [arguments.seed + 1, i]) for i, own in enumerate(dealt)]
    means.append(np.concatenate(other, axis=1).mean(axis=1))
    for words, first, second in (
        ("same atoms, abTEM and ours", 1, 0),
        ("the same, the other seed", 2, 3),
        ("two seeds of abTEM", 1, 2),
        ("two seeds, abTEM and ours", 1, 3),
        ("two seeds of ours", 0, 3),
    ):
        print(f"{words}: {correlations(means[first], means[second], inside)}")
    ratio = min(seconds[1:]) / seconds[0]
    step = engine.wavelength / (4 * options.convergence_mrad * 1e-3)
    scanned = math.ceil(3.905 / step) ** 2 * CONFIGURATIONS
    print(
        f"abTEM takes {ratio:.1f} times as long for the same positions; scanned as documented "
        f"({scanned} positions for {len(lattice)}) {ratio * scanned / len(lattice):.0f} times"
    )


if __name__ == "__main__":
    main()
