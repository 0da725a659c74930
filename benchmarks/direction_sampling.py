"""What the table's 0.5 mrad between directions cost a pattern.

    python benchmarks/direction_sampling.py [--recipe recipes/sto-001-300kV.toml]

Compares patterns at 20 mrad from tables of 0.5 and of 0.25 mrad, neither compressed.
To stay small the tables hold little more than the bright-field disk and one tilt, (3, 1.5) mrad.
Differences are given as a share of the pattern's maximum, inside the disk.
"""

import argparse
from pathlib import Path

import numpy as np

from pacbed.crystal.projection import project
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.options import TableOptions
from pacbed.library.recipe import load_recipe
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

ROOT = Path(__file__).resolve().parents[1]
CONVERGENCE_MRAD, TILT_MRAD = 20.0, (3.0, 1.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes/sto-001-300kV.toml")
    parser.add_argument("--thickness", type=float, nargs="*", default=[20.0, 60.0, 100.0])
    arguments = parser.parse_args()
    recipe = load_recipe(arguments.recipe)
    tables = [
        simulate_table(
            project(recipe.crystal, recipe.system.zone_axis),
            recipe.system.high_tension_kV,
            CONVERGENCE_MRAD,
            float(np.hypot(*TILT_MRAD)),
            max(arguments.thickness),
            TableOptions(
                direction_step_mrad=step, thickness_step_nm=1.0, field=1.2, g_max=3.5, quantum=0.0
            ),
        )
        for step in (0.5, 0.25)
    ]
    pixel = 2.0 * CONVERGENCE_MRAD / 100
    offsets = (np.arange(100) - 49.5) * pixel
    # The edge is drawn with the width of a step, which is not what is asked here.
    inside = np.hypot(offsets[:, None], offsets) < CONVERGENCE_MRAD - 0.75
    for thickness in arguments.thickness:
        parameters = PatternParameters(thickness, *TILT_MRAD, CONVERGENCE_MRAD, pixel)
        coarse, fine = (synthesise(t, parameters, (100, 100), 80)[inside] for t in tables)
        error = np.abs(coarse - fine) / fine.max()
        print(
            f"{recipe.system.name} {thickness:g} nm: largest {error.max():.2%}, "
            f"rms {np.sqrt(np.mean(error**2)):.2%} of the maximum"
        )


if __name__ == "__main__":
    main()
