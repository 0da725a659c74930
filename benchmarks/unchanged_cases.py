"""What ``unchanged.py`` asks of two revisions: patterns, models, a scan, and the questions.

    python benchmarks/unchanged_cases.py FOLDER [--patterns 60] [--measured DIR]

Made once, and read by both revisions: ``patterns.npz`` and ``cases.json``; ``data/`` with
models that choose among labels (one of this project's, with a table and a network for the
tilt's direction, and a folder of the earlier system); ``wedge.npy``, a simulated scan.
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from revisions import ROOT, pacbed

REFERENCE = ROOT / "tests" / "data" / "reference_set"
#: Electrons in a pattern, in turn; infinite for a clean detector.
DOSES = (np.inf, 1e6, 1e5)
SIZE = 128
#: Of the wedge, and what is asked of it.
WEDGE = ("sto-001-300kV", 20.0, 0.5)


def reference_cases(count: int, patterns: list[np.ndarray]) -> list[dict]:
    """Reference patterns, enlarged, off centre and with noise; what is done to them is fixed."""
    with np.load(REFERENCE / "patterns.npz", allow_pickle=False) as arrays:
        frames = arrays["patterns"]
    with (REFERENCE / "patterns.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    cases = []
    for number in np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)):
        row, dose = rows[number], DOSES[number % len(DOSES)]
        rng = np.random.default_rng(number)
        image = np.kron(frames[number], np.ones((2, 2))) * 1e-4
        image = np.roll(image, rng.integers(-3, 4, 2), (0, 1))
        if np.isfinite(dose):
            image = rng.poisson(image * (dose / image.sum())).astype(float)
        patterns.append(np.rot90(image, number % 4).astype(np.float32))
        cases.append(
            case(f"reference {number}, {row['system']}", len(patterns) - 1, row, row["system"])
            | {"mrad_per_pixel": float(row["mrad_per_pixel"]) * 64 / SIZE}
        )
    return cases


def case(name: str, source: int | str, row: dict[str, str], system: str | int | None = None):
    """A question without its group: `source` is a pattern's number or a file."""
    known = row.get("mrad_per_pixel")
    return {
        "name": name, "source": source, "system": system,
        "material": row.get("material"), "high_tension_kV": row.get("high_tension_kV"),
        "zone_axis": row.get("zone_axis"),
        "convergence_mrad": float(row["convergence_mrad"]),
        "mrad_per_pixel": float(known) if known else None,
    }  # fmt: skip


def file_cases(folder: Path) -> list[dict]:
    """Patterns of a folder with a ``labels.csv``, as ``pacbed evaluate`` takes it."""
    with (folder / "labels.csv").open(newline="") as file:
        return [case(row["path"], str(folder / row["path"]), row) for row in csv.DictReader(file)]


def in_groups(name: str, cases: list[dict], refined: tuple[bool, ...] = (True, False)):
    """The same questions with and without the fit, the angle per pixel given and not."""
    for known in (False, True):
        for refine in refined:
            group = f"{name}, {'fit' if refine else 'networks'}{', scale given' if known else ''}"
            for asked in cases:
                if asked["mrad_per_pixel"] or not known:
                    scale = asked["mrad_per_pixel"] if known else None
                    yield asked | {"group": group, "refine": refine, "mrad_per_pixel": scale}


def label_cases(data: Path, patterns: list[np.ndarray]) -> list[dict]:
    """Write models that choose among labels, and what they are asked."""
    # The tests make such models; their module is that of the working tree.
    sys.path.insert(0, str(ROOT))
    from pacbed import load_bundle
    from tests.label_tools import (
        EARLIER_ID,
        LABEL_SYSTEM,
        make_earlier_folder,
        make_label_bundle,
        recorded_pattern,
    )

    table = load_bundle(WEDGE[0]).table
    make_earlier_folder(data)
    around = np.exp(-((np.arange(36) - 7) ** 2) / 4)
    make_label_bundle(data, table, with_table=True, directions=around / around.sum())
    cases = []
    row = {"convergence_mrad": "20", "mrad_per_pixel": "0.4"}
    for number, thickness in enumerate((18.0, 27.0, 41.0)):
        patterns.append(recorded_pattern(table, thickness, seed=number).astype(np.float32))
        for name, system in (("labels", LABEL_SYSTEM.id), ("earlier", EARLIER_ID)):
            cases.append(case(f"{name} {thickness:g} nm", len(patterns) - 1, row, system))
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--patterns", type=int, default=60)
    parser.add_argument("--measured", type=Path)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    patterns: list[np.ndarray] = []
    cases = [
        *in_groups("reference", reference_cases(arguments.patterns, patterns)),
        *in_groups("examples", file_cases(ROOT / "examples")),
        *in_groups("label models", label_cases(folder / "data", patterns)),
    ]
    if arguments.measured:
        cases += in_groups("measured", file_cases(arguments.measured.resolve()))
    np.savez(folder / "patterns.npz", *patterns)
    (folder / "cases.json").write_text(json.dumps(cases))
    system, convergence, step = WEDGE
    wedge = ("--system", system, "--convergence", str(convergence), "--mrad-per-pixel", str(step),
             "--size", "32", "--detector", "96")  # fmt: skip
    subprocess.run(
        [sys.executable, *pacbed("wedge", "-o", str(folder / "wedge.npy"), *wedge)],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for path in (ROOT / "examples").glob("*.npy"):
        shutil.copy(path, folder)


if __name__ == "__main__":
    main()
