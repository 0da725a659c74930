"""Simulate the base patterns of the blind set, one file at a time, until told to stop.

    python benchmarks/blind_set/simulate.py /tmp/blind --until 2026-11-26T01:00

Each crystal's first draw of aperture, tilt and thicknesses comes before any second one.
Files that are there already are passed over: the command can be repeated. A base file
holds sharp disks and a grid (see collect.py) and its truth as JSON; ``record.py`` makes
measured patterns of them.
"""

import argparse
import datetime
import json
import os
import sys
import time
from pathlib import Path

import gemmi
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from blind_set.collect import Collector, aperture
from blind_set.crystals import PAIRS, Pair
from blind_set.engine import intensities, make_engine, wavelength
from blind_set.slab import lattice, make_slab

#: Waves that share one arrangement of the atoms.
BATCH = 12
#: Largest |g| of the waves, 1/Å, up to this atomic number, and beyond.
_BAND, _LIGHT, _WIDE_BAND = 2.3, 46, 3.6
#: Points of the lattice along a radius of the aperture.
STEPS = (14, 18)


def band_of(pair: Pair) -> float:
    """Largest |g| of the waves that a crystal needs, 1/Å.

    With 2.3 in place of 3.6, CsPbBr3 of 53 nm was read 0.74 nm off in place of 0.18, and fits of
    InGaAs left 8.6 % of the structure in place of 2.0 %: what heavy atoms scatter far returns.
    """
    heaviest = max(gemmi.Element(symbol).atomic_number for symbol, *_ in pair.sites)
    return _WIDE_BAND if heaviest > _LIGHT else _BAND


def draw(pair: Pair, number: int, seed: int, period: float) -> dict:
    """Aperture, tilt and thicknesses of a run.

    A wide aperture and a thick crystal together have finer fringes than the lattice of
    waves can show, so their product is bounded.
    """
    rng = np.random.default_rng([seed, PAIRS.index(pair), number])
    lowest = max(4.0, 160 * wavelength(pair.kV))
    alpha = float(np.exp(rng.uniform(np.log(lowest), np.log(35))))
    thickest = min(float(np.exp(rng.uniform(np.log(25), np.log(100)))), 1200 / alpha)
    shares = np.sort(rng.uniform(0, 1, 3))
    wanted = [5 * (thickest / 5) ** share for share in shares] + [thickest]
    periods = sorted({max(1, round(10 * t / period)) for t in wanted})
    size, angle = rng.uniform(0, 8), rng.uniform(0, 2 * np.pi)
    return {
        "convergence_mrad": round(alpha, 3),
        "tilt_x_mrad": round(float(size * np.cos(angle)), 3),
        "tilt_y_mrad": round(float(size * np.sin(angle)), 3),
        "periods": periods,
        "thickness_nm": [round(n * period / 10, 4) for n in periods],
        "steps": int(np.clip(np.ceil(alpha * thickest / 75), *STEPS)),
    }


def run(pair: Pair, number: int, seed: int, configurations: int, band: float) -> dict:
    """Simulate one base file with waves of |g| up to `band` (1/Å); returns its arrays."""
    cell = lattice(pair.cell)
    positions, choices = pair.positions_and_choices()
    slab = make_slab(cell, positions, pair.zone_axis)
    truth = draw(pair, number, seed, slab.period)
    radius = 1e-3 * truth["convergence_mrad"] / wavelength(pair.kV)
    engine = make_engine(slab, choices, pair.kV, g_band=max(band, 2.0 * radius))
    points, shares = aperture(truth["steps"])
    pitch = radius / truth["steps"]
    tilt = np.array([truth["tilt_x_mrad"], truth["tilt_y_mrad"]])
    waves = points * pitch - 1e-3 * tilt / wavelength(pair.kV)
    band = engine.band
    made = [
        Collector(engine.g[band], engine.coherent[band], pitch, points, shares)
        for _ in truth["periods"]
    ]
    rng = np.random.default_rng([seed, PAIRS.index(pair), number, 1])
    order = np.concatenate([rng.permutation(len(points)) for _ in range(configurations)])
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        passed = intensities(engine, waves[batch], truth["periods"], rng)
        for collector, (_, beams) in zip(made, passed, strict=True):
            for wave, own in zip(batch, beams, strict=True):
                collector.add(wave, own[band] / configurations)
    strong = np.any([c.strong for c in made], axis=0)
    parts = [c.result(strong) for c in made]
    truth |= {
        "crystal": pair.name, "formula": pair.formula, "zone_axis": list(pair.zone_axis),
        "high_tension_kV": pair.kV, "split": pair.split, "draw": number, "seed": seed,
        "configurations": configurations,
        "cif": f"cifs/{pair.name}.cif", "pitch_per_A": pitch, "wavelength_A": wavelength(pair.kV),
        "band_per_A": float(np.sqrt((engine.g[band] ** 2).sum(-1).max())),
    }  # fmt: skip
    return {
        "truth": truth,
        "disks": np.stack([d for d, _ in parts]), "grid": np.stack([g for _, g in parts]),
        "g": engine.g[band][engine.coherent[band]][strong].astype(np.float32),
        "points": points.astype(np.int16), "shares": shares.astype(np.float32),
    }  # fmt: skip


def _write(path: Path, result: dict) -> None:
    truth = json.dumps(result.pop("truth"))
    with open(f"{path}.part", "wb") as file:
        np.savez(file, truth=np.array(truth), **result)
    os.replace(f"{path}.part", path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the base files go")
    parser.add_argument("--draws", type=int, default=3, help="runs of each crystal (3)")
    parser.add_argument("--seed", type=int, default=20, help="of everything (20)")
    parser.add_argument(
        "--configurations", type=int, default=1, help="arrangements of atoms for each wave (1)"
    )
    parser.add_argument(
        "--band", type=float,
        help="largest |g| of the waves, 1/Å (2.3; 3.6 with elements heavier than palladium)",
    )  # fmt: skip
    parser.add_argument("--only", nargs="*", help="names of crystals; all without it")
    parser.add_argument("--until", type=datetime.datetime.fromisoformat, help="begin no run later")
    arguments = parser.parse_args()
    for name in ("base", "cifs"):
        (arguments.folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(arguments.draws):
        for pair in PAIRS:
            path = arguments.folder / "base" / f"{pair.name}_{number}.npz"
            if path.exists() or (arguments.only and pair.name not in arguments.only):
                continue
            if arguments.until and datetime.datetime.now() > arguments.until:
                return
            pair.write_cif(arguments.folder / "cifs")
            before = time.process_time()
            result = run(
                pair,
                number,
                arguments.seed,
                arguments.configurations,
                arguments.band or band_of(pair),
            )
            truth = result["truth"] | {"cpu_s": round(time.process_time() - before, 1)}
            _write(path, result | {"truth": truth})
            shown = {k: truth[k] for k in ("convergence_mrad", "thickness_nm", "steps", "cpu_s")}
            print(datetime.datetime.now().strftime("%H:%M:%S"), path.stem, shown, flush=True)


if __name__ == "__main__":
    main()
