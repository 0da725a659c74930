"""A reference set with each pattern replaced by that of a bundle's table, on the same pixels.

    python benchmarks/bias/own_set.py SET BUNDLES OWN
    python benchmarks/bias/blind.py OWN BUNDLES

Answers to such patterns have no error of the model: what they are off by is the fit's, and that of
the set's pixels.
"""

import argparse
import csv
import shutil
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bias.cases import Case
from bias.fits import from_table
from pacbed.lacbed.table import LacbedTable
from pacbed.library.models.model_files import TABLE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("bundles", type=Path)
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    runs: dict[str, list[dict[str, str]]] = {}
    with (given.set / "patterns.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            runs.setdefault(row["path"], []).append(row)
    for path, rows in runs.items():
        first = rows[0]
        tilt = float(first["tilt_x_mrad"]), float(first["tilt_y_mrad"])
        case = Case(first["system"], float(first["convergence_mrad"]), tilt)
        table = LacbedTable.load(given.bundles / case.system / TABLE)
        size, pixel = 2 * int(first["center_row_px"]) + 1, float(first["mrad_per_pixel"])
        nm = np.array([float(row["thickness_nm"]) for row in rows])
        patterns = from_table(table, case, pixel, size, nm)
        disk = np.pi * (case.convergence_mrad / pixel) ** 2
        np.savez_compressed(given.output / path, patterns=(patterns * disk).astype(np.float16))
    shutil.copy(given.set / "patterns.csv", given.output)


if __name__ == "__main__":
    main()
