"""What answers of a crystal usually move by, for systems of which it was not measured.

    python benchmarks/usual_sensitivities.py [--kept FOLDER] [--write]

The sensitivities of ten crystals are measured as ``pacbed budget`` does. Their root mean square
is the file that answers of all other systems take (``--write``). Prints, for each crystal, its own
shifts over the usual ones of the nine others.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from pacbed.budget.measure import measure_sensitivities
from pacbed.crystal.cif import read_cif
from pacbed.crystal.factor_errors import FactorErrors
from pacbed.crystal.known.catalogue import structure_path
from pacbed.crystal.projection import project
from pacbed.library.models.sensitivities import Sensitivities, Shifts
from pacbed.library.system import System
from pacbed.library.zone_axis import parse_zone_axis

#: Name, zone axis and kV: light and heavy, polar and not, columns of one and of several elements.
CRYSTALS = (
    ("Si", "1 1 0", 200.0), ("diamond", "1 1 0", 80.0), ("GaN", "1 1 -2 0", 200.0),
    ("GaAs", "1 1 0", 300.0), ("MgO", "0 0 1", 200.0), ("CeO2", "0 0 1", 200.0),
    ("SrTiO3", "0 0 1", 200.0), ("rutile", "0 0 1", 80.0), ("PbTiO3", "0 0 1", 200.0),
    ("Au", "0 0 1", 300.0),
)  # fmt: skip
#: Where the shifts are compared.
THICKNESSES_NM, CONVERGENCE_MRAD = (8.0, 20.0, 50.0, 90.0), (12.0, 20.0)
WRITTEN = Path(__file__).parents[1] / "src/pacbed/infer/judge/usual_sensitivities.json"


def measured(name: str, axis: str, kV: float, kept: Path | None) -> Sensitivities:
    """The sensitivities of a crystal, from the folder where they are kept."""
    path = None if kept is None else kept / f"{name}-{kV:g}kV.json"
    if path is not None and path.exists():
        return Sensitivities.from_dict(json.loads(path.read_text()))
    zone_axis = parse_zone_axis(axis)
    cell = project(read_cif(structure_path(name)), zone_axis)
    system = System(
        id=0, name=name, material=name, composition=name, zone_axis=zone_axis, high_tension_kV=kV,
        convergence_mrad=(10.0, 30.0), thickness_nm=(1.0, 120.0), mistilt_mrad=(0.0, 12.0),
    )  # fmt: skip
    started = time.process_time()
    found = measure_sensitivities(cell, system, FactorErrors(), lambda share: None)
    print(f"{name}: {time.process_time() - started:.0f} CPU s", flush=True)
    if path is not None:
        path.write_text(json.dumps(found.to_dict()))
    return found


def usual(parts: list[Sensitivities], names: list[str]) -> Sensitivities:
    """Root mean squares over crystals and mistilts."""
    first = parts[0]

    def typical(number: int, field: str) -> np.ndarray:
        squares = [getattr(one.changes[number], field) ** 2 for one in parts]
        return np.sqrt(np.mean(squares, axis=(0, 3)))[..., None]

    changes = tuple(
        Shifts(
            change.name, "", change.change,
            typical(number, "thickness_nm"), typical(number, "tilt_mrad"),
        )
        for number, change in enumerate(first.changes)
    )  # fmt: skip
    said = {"version": first.provenance["version"], "crystals": names}
    return replace(first, mistilts_mrad=np.zeros(1), changes=changes, provenance=said)


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kept", type=Path, help="folder of what was measured before")
    parser.add_argument("--write", action="store_true", help="write the file of the program")
    options = parser.parse_args()
    parts = [measured(*crystal, options.kept) for crystal in CRYSTALS]
    names = [f"{name} [{axis}] {kV:g} kV" for name, axis, kV in CRYSTALS]
    ratios = []
    for number, name in enumerate(names):
        others = usual(parts[:number] + parts[number + 1 :], names)
        pairs = [
            (own, other)
            for thickness in THICKNESSES_NM
            for angle in CONVERGENCE_MRAD
            for own, other in zip(
                parts[number].at(thickness, angle), others.at(thickness, angle), strict=True
            )
        ]
        rows = np.array([[a.thickness_nm / b.thickness_nm, a.tilt_mrad / b.tilt_mrad]
                         for a, b in pairs]).reshape(-1, len(parts[0].changes), 2)  # fmt: skip
        ratios.append(rows)
        words = [
            f"{change.name} {np.median(rows[:, n, 0]):.2f}, {np.median(rows[:, n, 1]):.2f}"
            for n, change in enumerate(parts[0].changes)
        ]
        print(f"{name}: {'; '.join(words)}")
    low, middle, high = np.quantile(np.array(ratios), [0.1, 0.5, 0.9], axis=(0, 1))
    for n, change in enumerate(parts[0].changes):
        spans = (f"{low[n, q]:.2f} {middle[n, q]:.2f} {high[n, q]:.2f}" for q in range(2))
        print(f"{change.name}, 10, 50 and 90 %: thickness {next(spans)}, tilt {next(spans)}")
    if options.write:
        WRITTEN.write_text(json.dumps(usual(parts, names).to_dict(), indent=1) + "\n")


if __name__ == "__main__":
    main()
