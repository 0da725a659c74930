"""Make the tables of the shipped bundles anew, as they are sampled, and leave the rest as it is.

    python benchmarks/renew_tables.py [NAME ...] [--bundles src/pacbed/library/bundles]

For changes of what is simulated that networks hardly see, such as some hundredths of a nanometre;
what fits answer, and so the error models (``benchmarks/calibrate.py``), do see it.
"""

import argparse
import time
from pathlib import Path

from pacbed.crystal.projection import project
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.options import TableOptions
from pacbed.lacbed.table import LacbedTable
from pacbed.library.models.model_files import (
    DESCRIPTION,
    TABLE,
    read_description,
    sha256,
    write_description,
)
from pacbed.library.recipe import load_recipe

ROOT = Path(__file__).resolve().parents[1]


def renew(folder: Path) -> str:
    """Write the table of a bundle and its hash; says what was made."""
    recipe = load_recipe(ROOT / "recipes" / f"{folder.name}.toml")
    before = LacbedTable.load(folder / TABLE)
    geometry = before.geometry
    table = simulate_table(
        project(recipe.crystal, recipe.system.zone_axis),
        geometry.high_tension_kV,
        geometry.convergence_max_mrad,
        geometry.mistilt_max_mrad,
        recipe.system.thickness_nm[1],
        TableOptions(**before.provenance["options"]),
    )
    table.save(folder / TABLE)
    description = read_description(folder)
    content = dict(description.content)
    content["sha256"] = {**content["sha256"], TABLE: sha256((folder / TABLE).read_bytes())}
    write_description(folder, content)
    return f"{geometry.thickness_steps} and {table.geometry.thickness_steps} steps of thickness"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--bundles", type=Path, default=ROOT / "src/pacbed/library/bundles")
    given = parser.parse_args()
    for folder in sorted(path.parent for path in given.bundles.glob(f"*/{DESCRIPTION}")):
        if not given.names or folder.name in given.names:
            started = time.process_time()
            words = renew(folder)
            print(f"{folder.name}: {words}, {time.process_time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
