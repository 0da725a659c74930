"""What each suspect does to the thickness that a fit finds, nm, by thickness.

    python benchmarks/bias/simulate.py SET --cases 0 1 2 3 4 5 --seeds 0
    python benchmarks/bias/report.py SET [--cases 1] [--every 2] [--parts fit elastic diffuse
    lattice]

* *fit*: noise-free patterns of the table, fitted by the same table: with edges drawn on the grid
  and as they are, on the reference patterns' pixels and on finer ones, and with apertures whose
  edge is a staircase of pixels, as reference patterns had until 2026-11-27.
* *elastic*: the mean wave of the reference engine alone, fitted by tables with the potential of
  first order, with that of the mean transmission, and with higher Laue zones too.
* *diffuse*: the same with the diffuse electrons, and their share of what is in the disk.
* *lattice*: atoms at rest in layers an eighth of a cell apart, against a table with B = 0 and no
  absorption.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bias.cases import CASES, Case
from bias.fits import from_table, offsets
from bias.lattice import at_rest
from bias.potentials import table

PARTS = ("fit", "elastic", "diffuse", "lattice")
Line = tuple[str, np.ndarray]


def of_the_fit(case: Case, arrays: dict[str, np.ndarray], keep: Path) -> Iterator[Line]:
    own, nm = table(case.recipe, "now", keep), arrays["thicknesses_nm"]
    size, pixel = arrays["elastic"].shape[1], float(arrays["mrad_per_pixel"])
    coarse = from_table(own, case, pixel, size, nm)
    stairs = from_table(own, case, pixel, size, nm, staircase=True)
    fine = from_table(own, case, pixel * 0.4, int(size / 0.4) // 2 * 2 + 1, nm)
    yield "own patterns", offsets(own, coarse, case, nm, pixel)
    yield "with a staircase", offsets(own, stairs, case, nm, pixel)
    yield "on finer pixels", offsets(own, fine, case, nm, pixel * 0.4)
    yield "and edges as they are", offsets(own, fine, case, nm, pixel * 0.4, edges=True)


def of_the_table(
    case: Case, arrays: dict[str, np.ndarray], keep: Path, diffuse: bool
) -> Iterator[Line]:
    nm, pixel = arrays["thicknesses_nm"], float(arrays["mrad_per_pixel"])
    patterns = arrays["elastic"] + diffuse * arrays["diffuse"]
    name = "elastic and diffuse" if diffuse else "elastic"
    for kind in ("first_order", "mean", "now"):
        made = table(case.recipe, kind, keep)
        yield f"{name}, {kind}", offsets(made, patterns, case, nm, pixel)
    if diffuse:
        half = arrays["elastic"].shape[1] // 2
        y, x = (np.mgrid[: 2 * half + 1, : 2 * half + 1] - half) * pixel
        inside = np.hypot(x, y) < case.convergence_mrad
        yield "diffuse in the disk", arrays["diffuse"][:, inside].sum(axis=1)
        yield "elastic in the disk", arrays["elastic"][:, inside].sum(axis=1)


def lines(case: Case, arrays: dict[str, np.ndarray], keep: Path, part: str) -> Iterator[Line]:
    if part == "fit":
        yield from of_the_fit(case, arrays, keep)
    elif part == "lattice":
        patterns, nm, pixel = at_rest(case, tuple(arrays["thicknesses_nm"]))
        still = table(case.recipe, "still", keep)
        own = from_table(still, case, pixel, patterns.shape[1], nm)
        yield "lattice at rest", offsets(still, patterns, case, nm, pixel)
        yield "own patterns", offsets(still, own, case, nm, pixel)
    else:
        yield from of_the_table(case, arrays, keep, part == "diffuse")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("set", type=Path)
    parser.add_argument("--cases", type=int, nargs="*", default=list(range(len(CASES))))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--every", type=int, default=2, help="take every n-th thickness")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    given = parser.parse_args()
    for number in given.cases:
        case = CASES[number]
        for seed in given.seeds:
            with np.load(given.set / f"case-{number}-seed-{seed}.npz") as file:
                arrays = dict(file)
            for name in ("elastic", "diffuse", "thicknesses_nm"):
                arrays[name] = arrays[name][seed % given.every :: given.every]
            print(f"{case}, seed {seed}")
            print(f"{'nm':28}", *(f"{t:6.1f}" for t in arrays["thicknesses_nm"]), "  mean")
            for part in given.parts:
                for name, values in lines(case, arrays, given.set / "tables", part):
                    print(f"{name:28}", *(f"{v:+6.3f}" for v in values), f"{values.mean():+6.3f}",
                          flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
