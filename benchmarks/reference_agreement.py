"""The shipped tables against the reference set: correlation and thickness offset.

    python benchmarks/reference_agreement.py SET [--every 2] [--json]

For frames of the set (see reference_set.py) the table's pattern at the true tilt,
convergence and thickness is compared with the simulated one: the correlation inside the
bright-field disk and over the field of 1.38 semi-angles, and the thickness at which
the table's pattern, with a constant and two broad Gaussians for the phonon
background, fits best. `offset` is that thickness less the true one.
"""

import argparse
import csv
import json
from pathlib import Path

import numpy as np

from pacbed.lacbed.table import LacbedTable
from pacbed.library.installed import load_bundle
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

OFFSETS_NM = np.arange(-1.2, 1.21, 0.3)
FIELD = 1.38
BANDS_NM = ((4, 10), (10, 25), (25, 50), (50, 75), (75, 101))


def compare(line: dict[str, str], frame: np.ndarray, table: LacbedTable) -> dict[str, float]:
    """Correlation and offset of one frame."""
    thickness, pixel = float(line["thickness_nm"]), float(line["mrad_per_pixel"])
    alpha = float(line["convergence_mrad"])
    row, column = int(line["center_row_px"]), int(line["center_column_px"])
    y, x = np.indices(frame.shape)
    radius = np.hypot(x - column, y - row) * pixel / alpha
    # The edge of the disk is a step from pixel to pixel in one, smooth in the other.
    smooth = np.abs(radius - 1) > pixel / alpha
    field, disk = (radius < FIELD) & smooth, (radius < 1) & smooth
    broad = [np.exp(-(radius**2) / 2 / width**2)[field] for width in (0.8, 1.5)]
    target = frame[field].astype(float)

    def pattern(offset: float) -> np.ndarray:
        parameters = PatternParameters(
            thickness + offset,
            float(line["tilt_x_mrad"]),
            float(line["tilt_y_mrad"]),
            alpha,
            pixel,
            center_row_px=row,
            center_column_px=column,
        )
        return synthesise(table, parameters, frame.shape).astype(float)

    def left(ours: np.ndarray) -> float:
        design = np.stack([ours[field], np.ones(len(target)), *broad], axis=1)
        solution = np.linalg.lstsq(design, target, rcond=None)[0]
        return float(np.var(target - design @ solution) / np.var(target))

    same = pattern(0.0)
    residuals = [left(same if abs(o) < 1e-9 else pattern(o)) for o in OFFSETS_NM]
    best = int(np.clip(np.argmin(residuals), 1, len(residuals) - 2))
    curve = np.polyfit(OFFSETS_NM[best - 1 : best + 2], residuals[best - 1 : best + 2], 2)
    return {
        "thickness_nm": thickness,
        "disk": float(np.corrcoef(same[disk], frame[disk])[0, 1]),
        "field": float(np.corrcoef(same[field], target)[0, 1]),
        "offset_nm": float(np.clip(-curve[1] / 2 / curve[0], OFFSETS_NM[0], OFFSETS_NM[-1])),
        "residual": residuals[len(residuals) // 2],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--every", type=int, default=2, help="take every n-th frame")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with (arguments.set / "patterns.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))[:: arguments.every]
    tables: dict[str, LacbedTable] = {}
    frames: dict[str, np.ndarray] = {}
    results = []
    for line in lines:
        name, path = line["system"], line["path"]
        table = tables.setdefault(name, tables.get(name) or load_bundle(name).table)
        if path not in frames:
            with np.load(arguments.set / path, allow_pickle=False) as archive:
                frames[path] = archive["patterns"]
        frame = frames[path][int(line["frame"])].astype(np.float32)
        results.append({"system": name, "run": int(line["run"]), **compare(line, frame, table)})
    if arguments.json:
        print(json.dumps(results, indent=1))
        return
    print(f"{'system':18}{'nm':>10}{'frames':>7}{'disk':>8}{'field':>8}{'resid.':>8}{'offset':>8}")
    for name in ["all", *tables]:
        for low, high in (*BANDS_NM, (0, 999)):
            rows = [
                r
                for r in results
                if name in ("all", r["system"]) and low <= r["thickness_nm"] < high
            ]
            if rows:
                middle = {k: np.median([r[k] for r in rows]) for k in rows[0] if k != "system"}
                spread = np.quantile([r["offset_nm"] for r in rows], [0.05, 0.95])
                print(
                    f"{name:18}{f'{low}-{high}':>10}{len(rows):7}{middle['disk']:8.4f}"
                    f"{middle['field']:8.4f}{middle['residual']:8.4f}{middle['offset_nm']:+8.3f}"
                    f"  ({spread[0]:+.2f} to {spread[1]:+.2f})"
                )


if __name__ == "__main__":
    main()
