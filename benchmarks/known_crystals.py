"""The known crystals: a frozen-phonon pattern of each, its answer, and the table of both.

    python benchmarks/known_crystals.py            # what is missing is made
    python benchmarks/known_crystals.py GaN Au     # these alone; --again makes them anew

The engine of ``pacbed reference``, which knows nothing of tables, simulates one pattern for each
crystal of ``pacbed crystals`` along its first zone axis (seeded; 1e7 electrons); it stays in
``tests/data/known_crystals``. The crystal is then opened by its name, as a user opens it, and
asked with the convergence angle alone. The answers go to ``pairs.json`` beside the patterns, the
table into docs/known-crystals.md. Half an hour of one core for all; what is there is not done
again, so that it may be ended and begun at any time.
"""

import argparse
import dataclasses
import json
import math
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import pacbed
from pacbed.crystal.known.catalogue import known_crystals
from pacbed.own_crystal.conditions import crystal_conditions
from pacbed.own_crystal.understood import understand
from pacbed.pattern.square_pixels import square_pixels
from pacbed.reference import ReferenceOptions, simulate_reference

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests/data/known_crystals"
PAGE = ROOT / "docs/known-crystals.md"
BEGIN, END = "<!-- table: benchmarks/known_crystals.py -->", "<!-- end of table -->"
SEED, ELECTRONS = 20261127, 1e7
#: Half the recorded field in semi-angles, and the pixel of the waves.
FIELD, SAMPLING_A = 1.8, 0.13
#: How far the tables of the answers reach.
THICKNESS_MAX_NM, MISTILT_MAX_MRAD = 40.0, 3.0
ASKED_NM, ASKED_MRAD = 0.5, 0.2


@dataclass(frozen=True)
class Plan:
    """How a crystal is seen."""

    zone_axis: str
    high_tension_kV: float = 200.0
    convergence_mrad: float = 15.0
    thickness_nm: float = 15.0
    tilt_mrad: tuple[float, float] = (1.1, -0.7)
    #: Arrangements of the displaced atoms, among which the probe positions are dealt out.
    configurations: int = 48
    #: Between pixels, mrad.
    resolution_mrad: float = 0.75


#: With finer pixels, and with less noise of the phonons: three times as many arrangements.
_FINE = {"thickness_nm": 20.0, "resolution_mrad": 0.6}
_QUIET = {"configurations": 144}
#: Heavy crystals are seen thinner. What was off by more than is asked was simulated again with less
#: noise, as the page says.
OTHERS = {
    **dict.fromkeys(
        (
            "Al",
            "AlAs",
            "AlN",
            "CeO2",
            "DyScO3",
            "GaN",
            "GaP",
            "Ge",
            "HfO2",
            "NaNbO3",
            "NdGaO3",
            "anatase",
            "beta-Ga2O3",
            "diamond",
        ),
        _FINE,
    ),
    **dict.fromkeys(("BiFeO3", "CdTe", "Cu", "GaAs"), _QUIET),
    **dict.fromkeys(
        (
            "BaTiO3",
            "InAs",
            "InN",
            "LaAlO3",
            "LaNiO3",
            "MoS2",
            "PbTiO3",
            "PrScO3",
            "rutile",
            "SrTiO3",
            "ZnO",
            "ZrO2",
        ),
        _QUIET | {"thickness_nm": 20.0},
    ),
    "Au": {"thickness_nm": 10.0, "resolution_mrad": 0.6},
    "Pt": {"thickness_nm": 10.0},
    "WSe2": _QUIET | {"thickness_nm": 12.0},
}


def main() -> None:
    """Make what is missing, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="these alone")
    parser.add_argument("--again", action="store_true", help="also what is there")
    given = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    for crystal in known_crystals():
        if given.names and crystal.name not in given.names:
            continue
        plan = Plan(crystal.zone_axes[0].axis, **OTHERS.get(crystal.name, {}))
        pair = pairs().get(crystal.name)
        if given.again or pair is None or pair["plan"] != as_json(plan):
            started = time.process_time()
            keep(crystal.name, make(crystal.name, plan))
            shown = pairs()[crystal.name]
            print(
                f"{crystal.name}: {shown['error_nm']:+.2f} nm, {shown['error_mrad']:.3f} mrad, "
                f"{shown['status']}, {time.process_time() - started:.0f} CPU s",
                flush=True,
            )
    write_table()


def make(name: str, plan: Plan) -> dict:
    """Simulate the pattern, keep it, and ask."""
    started = time.process_time()
    pattern, thickness = simulate(name, plan)
    np.save(FOLDER / f"{name}.npy", pattern)
    simulated = time.process_time()
    predictor = pacbed.open_crystal(
        name,
        zone_axis=plan.zone_axis,
        high_tension_kV=plan.high_tension_kV,
        convergence_mrad=plan.convergence_mrad,
        thickness_max_nm=THICKNESS_MAX_NM,
        mistilt_max_mrad=MISTILT_MAX_MRAD,
        cache=False,
    )
    found = predictor.infer(pattern, plan.convergence_mrad)
    x, y = plan.tilt_mrad
    return {
        "plan": as_json(plan),
        "thickness_nm": round(thickness, 4),
        "answer_nm": round(found.thickness_nm, 3),
        "answer_mrad": [round(found.tilt_x_mrad, 4), round(found.tilt_y_mrad, 4)],
        "error_nm": round(found.thickness_nm - thickness, 3),
        "error_mrad": round(math.hypot(found.tilt_x_mrad - x, found.tilt_y_mrad - y), 4),
        "status": found.status,
        "residual": round(found.residual, 4),
        "cpu_s": [round(simulated - started), round(time.process_time() - simulated)],
    }


def simulate(name: str, plan: Plan) -> tuple[np.ndarray, float]:
    """The pattern in electrons, with square pixels, and its thickness in nm."""
    understood = understand(
        crystal_conditions(name, plan.zone_axis, plan.high_tension_kV, plan.convergence_mrad)
    )
    seed = SEED + zlib.crc32(name.encode()) % 10**6
    options = ReferenceOptions(
        plan.high_tension_kV,
        plan.convergence_mrad,
        (plan.thickness_nm,),
        *plan.tilt_mrad,
        configurations=plan.configurations,
        sampling_A=SAMPLING_A,
        max_angle_mrad=FIELD * plan.convergence_mrad,
        seed=seed,
        resolution_mrad=plan.resolution_mrad,
        deal_positions=True,
    )
    made = simulate_reference(
        understood.crystal, understood.conditions.zone_axis, options, threads=1
    )
    rows, columns = made.mrad_per_pixel
    pattern = square_pixels(made.patterns[0], rows / columns)
    counts = np.random.default_rng(seed).poisson(ELECTRONS * np.maximum(pattern, 0))
    return counts.astype(np.uint16), float(made.thicknesses_nm[0])


def as_json(plan: Plan) -> dict:
    return json.loads(json.dumps(dataclasses.asdict(plan)))


def pairs() -> dict:
    path = FOLDER / "pairs.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def keep(name: str, pair: dict) -> None:
    kept = dict(sorted({**pairs(), name: pair}.items()))
    (FOLDER / "pairs.json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def write_table() -> None:
    """Put the table into the page; what stands around it stays."""
    made = pairs()
    lines = [
        "| name | crystal | seen along | nm | thickness error / nm | tilt error / mrad | status |",
        "|---|---|---|---|---|---|---|",
    ]
    for crystal in known_crystals():
        pair = made.get(crystal.name)
        if pair is not None:
            plan = pair["plan"]
            lines.append(
                f"| `{crystal.name}` | {crystal.title} | [{plan['zone_axis']}], "
                f"{plan['high_tension_kV']:g} kV, {plan['convergence_mrad']:g} mrad | "
                f"{pair['thickness_nm']:.1f} | {pair['error_nm']:+.2f} | "
                f"{pair['error_mrad']:.2f} | {pair['status']} |"
            )
    text = PAGE.read_text("utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
