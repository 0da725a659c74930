"""Elastic and diffuse patterns of the cases, each with a seed of its own.

    python benchmarks/bias/simulate.py OUT [--cases 0 1 2 3 4 5] [--seeds 0 1]

Files ``case-1-seed-0.npz`` hold `elastic` and `diffuse` (share of the beam in a pixel, by
thickness, row and column), `thicknesses_nm` and `mrad_per_pixel`. The elastic part is that of the
mean wave, which has no noise; the diffuse one that of 8 arrangements. Those that are there are
passed over.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bias.cases import CASES, Case
from pacbed.reference.configurations import deal
from pacbed.reference.engine import make_engine
from pacbed.reference.intensities import parts_of
from pacbed.reference.simulation import _on_pixels, _scans


def simulate(case: Case, seed: int) -> dict[str, np.ndarray]:
    """The arrays of one file."""
    options = case.options(seed)
    recipe = case.recipe
    engine = make_engine(recipe.crystal, recipe.system.zone_axis, options)
    positions, places = _scans(engine)
    sums: list[np.ndarray | float] = [0.0, 0.0]
    for share in deal(engine, places):
        generator = np.random.default_rng([seed, share.configuration])
        found = list(parts_of(engine, positions[share.places], generator))
        sums[0] = sums[0] + np.array([parts.elastic.sum(axis=0) for parts in found], float)
        sums[1] = sums[1] + np.array([parts.diffuse.sum(axis=0) for parts in found], float)
    (elastic, scale), (diffuse, _) = (_on_pixels(engine, one / len(positions)) for one in sums)
    return {
        "elastic": elastic,
        "diffuse": diffuse,
        "thicknesses_nm": engine.thicknesses_nm,
        "mrad_per_pixel": np.array(scale[0]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--cases", type=int, nargs="*", default=list(range(len(CASES))))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    for seed in given.seeds:
        for number in given.cases:
            path = given.output / f"case-{number}-seed-{seed}.npz"
            if path.exists():
                continue
            started = time.process_time()
            np.savez_compressed(path, **simulate(CASES[number], 7000 + 100 * number + seed))
            print(f"{path.name}: {time.process_time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
