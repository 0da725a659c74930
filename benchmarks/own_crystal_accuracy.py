"""Answers from a structure alone against frozen-phonon patterns of other crystals.

    python benchmarks/own_crystal_accuracy.py build/blind_set

reads ``labels.csv`` as ``benchmarks/blind_set/record.py`` writes it, simulates a table for each
structure (kept beside the set), and asks every pattern three times: with camera length and
convergence angle given (the length off by up to 3 %, seeded), with the angle alone, and with
neither. A pattern is right within 2 nm, or 5 % of a thicker crystal, and 1 mrad of tilt.
"""

import argparse
import csv
import json
import math
import time
import zlib
from collections import defaultdict
from pathlib import Path

import numpy as np

from pacbed.crystal.cif import read_cif
from pacbed.crystal.projection import project
from pacbed.errors import PacbedError
from pacbed.infer.search.predictor import TablePredictor
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.sampling import choose_sampling
from pacbed.library.models.table_model import TableModel, write_table_model
from pacbed.library.system import System

MODES = {"both": (True, True), "angle": (True, False), "neither": (False, False)}
THICKNESS_NM, MISTILT_MRAD = 105.0, 8.5
#: Radius that holds 95 % of tilts, in σ of a component.
WIDE = 2.45
#: Range of convergence angles asked where the angle is not given, as shares of the right one.
UNKNOWN = (0.55, 1.5)


def main() -> None:
    """Ask, and print a table by crystal."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the blind set")
    parser.add_argument("--split", choices=["tune", "blind", "all"], default="all")
    parser.add_argument("--modes", nargs="+", choices=list(MODES), default=["both", "angle"])
    parser.add_argument("--crystals", nargs="*", help="these alone")
    parser.add_argument("--wrong", action="store_true", help="ask the next crystal's table too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="a line for every miss")
    given = parser.parse_args()
    rows = list(csv.DictReader((given.folder / "labels.csv").open()))
    rows = [row for row in rows if given.split in ("all", row["split"])]
    if given.crystals:
        rows = [row for row in rows if row["crystal"] in given.crystals]
    results = defaultdict(list)
    for mode in given.modes:
        for row in rows:
            answer = ask(given.folder, row, row, mode, given.seed)
            results[mode, row["crystal"]].append(answer)
            if given.verbose and not answer["right"]:
                asked = {name: row[name][:6] for name in ("thickness_nm", "convergence_mrad")}
                print(mode, row["path"], asked, json.dumps(answer), flush=True)
        show(mode, {c: r for (m, c), r in results.items() if m == mode})
    if given.wrong:
        wrong(given.folder, rows, given.seed)


def ask(folder: Path, row: dict, of: dict, mode: str, seed: int) -> dict:
    """The answer to one pattern with the structure of another row (or its own)."""
    angle, scale = MODES[mode]
    alpha = float(row["convergence_mrad"])
    predictor = predictor_of(folder, of, alpha, not angle)
    rng = np.random.default_rng((seed, zlib.crc32(row["path"].encode())))
    off = math.exp(rng.uniform(-0.03, 0.03))
    pattern = np.load(folder / row["path"], allow_pickle=False)
    started = time.process_time()
    try:
        found = predictor.infer(
            pattern,
            alpha if angle else None,
            float(row["mrad_per_pixel"]) * off if scale else None,
        )
    except PacbedError as error:
        return {"right": False, "status": str(error)[:40], "seconds": 0.0, "flipped": False}
    seconds = time.process_time() - started
    thickness = float(row["thickness_nm"])
    tilt = np.array([float(row["tilt_x_mrad"]), float(row["tilt_y_mrad"])])
    error = found.thickness_nm - thickness
    tilt_error = float(np.hypot(found.tilt_x_mrad - tilt[0], found.tilt_y_mrad - tilt[1]))
    turn = 360.0 / predictor.order
    rotation = abs(math.remainder(found.rotation_deg - float(row["rotation_deg"]), turn))
    right = abs(error) < max(2.0, 0.05 * thickness) and tilt_error < 1.0
    return {
        "right": bool(right),
        "error": round(error, 3),
        "std": round(found.thickness_std_nm, 3),
        "tilt_error": round(tilt_error, 3),
        "tilt_std": round(found.tilt_std_mrad, 3),
        "rotation": round(rotation, 1),
        "flipped": bool(predictor.order % 2 and rotation > 90 and thickness > 10),
        "status": found.status,
        "structured": found.basis.structured_residual,
        "covered": abs(error) <= found.thickness_interval95_nm[1] - found.thickness_nm,
        "seconds": round(seconds, 2),
    }


#: Predictors that are kept open: each holds some hundred megabytes.
KEPT = 4
_OPEN: dict = {}


def predictor_of(folder: Path, row: dict, alpha: float, unknown: bool) -> TablePredictor:
    """The predictor with the table of a structure for an aperture, simulated once."""
    asked = (UNKNOWN[0] * alpha, min(UNKNOWN[1] * alpha, 38.0)) if unknown else (alpha, alpha)
    name = f"{row['crystal']}-{row['high_tension_kV']}-{asked[0]:.2f}-{asked[1]:.2f}"
    if name in _OPEN:
        return _OPEN[name]
    place = folder / "tables" / name
    voltage = float(row["high_tension_kV"])
    if not (place / "bundle.json").is_file():
        cell = project(
            read_cif(folder / row["cif"]), tuple(int(n) for n in row["zone_axis"].split())
        )
        options = choose_sampling(cell, voltage, asked, MISTILT_MRAD, THICKNESS_NM)
        started = time.process_time()
        table = simulate_table(cell, voltage, asked[1] * 1.06, MISTILT_MRAD, THICKNESS_NM, options)
        system = System(
            0, name, row["crystal"], row["crystal"], (0, 0, 1), voltage,
            (asked[0] * 0.99, asked[1] * 1.01), (2.0, THICKNESS_NM), (0.0, MISTILT_MRAD),
        )  # fmt: skip
        write_table_model(place, system, table, {"cpu_s": time.process_time() - started})
        print(f"{name}: table of {cell.area:.1f} Å² in {time.process_time() - started:.1f} CPU s",
              flush=True)  # fmt: skip
    while len(_OPEN) >= KEPT:
        del _OPEN[next(iter(_OPEN))]
    _OPEN[name] = TablePredictor(TableModel.load(place))
    return _OPEN[name]


def show(mode: str, by_crystal: dict) -> None:
    """A line for each crystal, and one for all."""
    print(f"\n{mode}: crystal, patterns, right, median and 95 % |error| nm, tilt mrad, "
          "in 95 % interval, tilts of ok ones in theirs, ok, refused of the right, "
          "flipped, CPU s")  # fmt: skip
    by_crystal = {**by_crystal, "all": [r for rows in by_crystal.values() for r in rows]}
    for crystal, rows in by_crystal.items():
        right = [r for r in rows if r["right"]]
        errors = np.abs([r["error"] for r in right] or [np.nan])
        said = [r["status"] for r in rows]
        told = [r for r in rows if r["status"] == "ok"]
        print(
            f"{crystal:10} {len(rows):4} {len(right) / len(rows):6.1%} {np.median(errors):6.3f} "
            f"{np.quantile(errors, 0.95):6.3f} "
            f"{np.median([r['tilt_error'] for r in right] or [np.nan]):6.3f} "
            f"{np.mean([r['covered'] for r in right] or [np.nan]):6.1%} "
            f"{np.mean([r['tilt_error'] < WIDE * r['tilt_std'] for r in told] or [np.nan]):6.1%} "
            f"{said.count('ok') / len(rows):6.1%} "
            f"{sum(r['status'] == 'mismatch' for r in right):3} "
            f"{sum(r['flipped'] for r in rows):3} {np.median([r['seconds'] for r in rows]):6.2f}",
            flush=True,
        )
    wrong_ok = sum(not r["right"] and r["status"] == "ok" for r in by_crystal["all"])
    print(f"wrong and `ok`: {wrong_ok}")


def wrong(folder: Path, rows: list[dict], seed: int) -> None:
    """Each pattern with the structure of another crystal: how often it is called `ok`."""
    firsts = {row["crystal"]: row for row in reversed(rows)}
    names = sorted(firsts)
    said = []
    for row in rows:
        other = firsts[names[(names.index(row["crystal"]) + 1) % len(names)]]
        # Of the other crystal, at this pattern's voltage.
        other = {**other, "high_tension_kV": row["high_tension_kV"]}
        said.append(ask(folder, row, other, "angle", seed)["status"])
    print(f"\nwrong crystal: {len(said)} asked, ok {said.count('ok')}, "
          f"mismatch {said.count('mismatch')}, ambiguous {said.count('ambiguous')}")  # fmt: skip


if __name__ == "__main__":
    main()
