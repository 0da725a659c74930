"""The reference set: frozen-phonon patterns of all shipped systems, for measuring only.

    python benchmarks/reference_set.py OUT [--runs 24] [--first 0] [--seed 20261125]

Each run is one system, tilt and convergence semi-angle, simulated with
frozen phonons; its thicknesses, irregular from 4 nm up to between 60 and 100 nm, come
from exit planes. Runs are written one by one (``run-003.npz``, no pickles) and skipped
if they are there, so a stopped command goes on where it was. ``patterns.csv`` lists
every frame. Frames are noiseless and centred, float16, in units of the empty
bright-field disk; a detector is laid over them where they are used.

Run n is fixed by the seed and n alone: the systems take turns, convergence and tilt
follow low-discrepancy sequences, so that any number of runs covers their ranges.
"""

import argparse
import csv
import io
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pacbed.files import write_atomically
from pacbed.library.recipe import Recipe, load_recipe
from pacbed.reference import ReferenceOptions, ReferencePatterns, simulate_reference

ROOT = Path(__file__).resolve().parents[1]
SYSTEMS = ("sto-001-300kV", "rutile-001-80kV", "sto-001-200kV", "sto-001-80kV")
#: mrad; 80 kV starts higher, where small apertures would need wide supercells.
CONVERGENCE_MRAD = {300: (13.0, 27.0), 200: (12.5, 28.0), 80: (18.0, 28.0)}
LARGEST_TILT_MRAD = 10.0
THICKNESS_NM = (4.0, 100.0)
THICKEST_NM = (60.0, 100.0)
#: Mean spacing of the thicknesses, nm.
SPACING_NM = 3.6
CONFIGURATIONS = 8
#: Pixels in one convergence semi-angle, and half the frame in semi-angles.
PIXELS, FIELD = 26.0, 1.42
COLUMNS = (
    "path",
    "frame",
    "system",
    "thickness_nm",
    "tilt_x_mrad",
    "tilt_y_mrad",
    "convergence_mrad",
    "mrad_per_pixel",
    "rotation_deg",
    "center_row_px",
    "center_column_px",
    "run",
    "seed",
    "configurations",
)


@dataclass(frozen=True)
class Run:
    """Conditions of one run."""

    number: int
    system: str
    seed: int
    options: ReferenceOptions

    @property
    def path(self) -> str:
        return f"run-{self.number:03d}.npz"


def plan_run(number: int, seed: int) -> Run:
    """Conditions of run `number` of the set with this seed."""
    system = SYSTEMS[number % len(SYSTEMS)]
    high_tension = int(system.rsplit("-", 1)[1].removesuffix("kV"))
    generator = np.random.default_rng([seed, number])
    # Additive recurrences of irrational steps (Kronecker sequences): evenly spread
    # for any number of runs, within each system as well.
    turn = number // len(SYSTEMS) + np.random.default_rng(seed).random() + 0.37 * (number % 4)
    share = np.mod(turn * np.array([0.7548776662, 0.5698402910, 0.6180339887]), 1)
    low, high = CONVERGENCE_MRAD[high_tension]
    convergence = round(float(low + (high - low) * share[0]), 2)
    tilt = LARGEST_TILT_MRAD * np.sqrt(share[1])
    azimuth = 2 * np.pi * share[2]
    thickest = generator.uniform(*THICKEST_NM)
    count = round((thickest - THICKNESS_NM[0]) / SPACING_NM) + 1
    even = np.linspace(THICKNESS_NM[0], thickest, count)
    thicknesses = even + generator.uniform(-0.4, 0.4, count) * SPACING_NM
    thicknesses = np.clip(thicknesses, THICKNESS_NM[0], THICKNESS_NM[1])
    options = ReferenceOptions(
        high_tension_kV=float(high_tension),
        convergence_mrad=convergence,
        thicknesses_nm=tuple(np.round(thicknesses, 2).tolist()),
        tilt_x_mrad=round(float(tilt * np.cos(azimuth)), 3),
        tilt_y_mrad=round(float(tilt * np.sin(azimuth)), 3),
        configurations=CONFIGURATIONS,
        # Half a period: one layer of atoms to a slice.
        slice_thickness_A=1.6 if system.startswith("rutile") else 2.0,
        sampling_A=0.1,
        max_angle_mrad=FIELD * convergence,
        seed=seed + number,
        resolution_mrad=convergence / PIXELS,
        deal_positions=True,
    )
    return Run(number, system, seed + number, options)


def pack(run: Run, result: ReferencePatterns) -> tuple[bytes, list[dict[str, object]]]:
    """The run as an .npz and its lines of the table."""
    y, x = result.mrad_per_pixel
    if abs(y / x - 1) > 1e-9:
        raise SystemExit(f"{run.system}: pixels are not square")
    disk = np.pi * (run.options.convergence_mrad / x) ** 2
    rows, columns = result.patterns.shape[1:]
    content = io.BytesIO()
    np.savez_compressed(
        content,
        patterns=(result.patterns * disk).astype(np.float16),
        thicknesses_nm=result.thicknesses_nm,
        provenance=np.array(json.dumps(result.provenance, sort_keys=True)),
    )
    lines = [
        {
            "path": run.path,
            "frame": frame,
            "system": run.system,
            "thickness_nm": f"{thickness:.4f}",
            "tilt_x_mrad": f"{run.options.tilt_x_mrad:.4f}",
            "tilt_y_mrad": f"{run.options.tilt_y_mrad:.4f}",
            "convergence_mrad": f"{run.options.convergence_mrad:.3f}",
            "mrad_per_pixel": f"{x:.6f}",
            "rotation_deg": "0",
            "center_row_px": rows // 2,
            "center_column_px": columns // 2,
            "run": run.number,
            "seed": run.seed,
            "configurations": run.options.configurations,
        }
        for frame, thickness in enumerate(result.thicknesses_nm)
    ]
    return content.getvalue(), lines


def write_table(path: Path, lines: list[dict[str, object]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    write_atomically(path, text.getvalue().encode())


def read_table(path: Path) -> list[dict[str, object]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--runs", type=int, default=24)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=20261125)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    table = arguments.output / "patterns.csv"
    recipes: dict[str, Recipe] = {
        name: load_recipe(ROOT / "recipes" / f"{name}.toml") for name in SYSTEMS
    }
    for number in range(arguments.first, arguments.runs):
        run = plan_run(number, arguments.seed)
        lines = read_table(table)
        if any(int(str(line["run"])) == number for line in lines):
            continue
        started = time.perf_counter()
        recipe = recipes[run.system]
        result = simulate_reference(recipe.crystal, recipe.system.zone_axis, run.options)
        content, new = pack(run, result)
        write_atomically(arguments.output / run.path, content)
        # Another command may have added its runs meanwhile.
        write_table(table, sorted(read_table(table) + new, key=_order))
        o = run.options
        print(
            f"{run.path} {run.system} {o.convergence_mrad:g} mrad, tilt ({o.tilt_x_mrad:g}, "
            f"{o.tilt_y_mrad:g}), {len(new)} thicknesses to {result.thicknesses_nm[-1]:.0f} nm, "
            f"{time.perf_counter() - started:.0f} s",
            flush=True,
        )


def _order(line: dict[str, object]) -> tuple[int, int]:
    return int(str(line["run"])), int(str(line["frame"]))


if __name__ == "__main__":
    main()
