"""How often patterns that are not of a system are refused, and right ones are not.

    python benchmarks/refusal.py [--seed 20261125] [--each 30] [--set SET]

Wrong: patterns of fifteen other crystals and zone axes, of the other shipped systems
(SrTiO3 at another high tension, rutile), at a convergence angle 35 % off, noise, smooth
gradients, and pieces of photographs. Each is asked of a shipped system. Right: patterns
of the system itself with the detector effects of training; with --set also the
reporting half of the frozen-phonon set. Tables of the other crystals are kept in
build/refusal.
"""

import argparse
from collections import Counter
from pathlib import Path

import matplotlib.cbook
import numpy as np
from PIL import Image
from reference_trials import trials
from scipy.ndimage import gaussian_filter

from pacbed.crystal.projection import project
from pacbed.crystal.structure import Crystal, lattice_from_parameters
from pacbed.errors import PacbedError
from pacbed.infer.networks.predictor import Predictor
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.options import TableOptions
from pacbed.lacbed.table import LacbedTable
from pacbed.library.installed import installed_systems, load_bundle
from pacbed.own_crystal.conditions import crystal_conditions
from pacbed.own_crystal.understood import understand
from pacbed.pattern.detector import apply_effects, draw_effects
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

SIZE = 160
CACHE = Path(__file__).resolve().parents[1] / "build" / "refusal"
FCC = ((0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5))


def crystal(cell, sites):
    """Crystal of (element, positions, B) entries."""
    symbols, positions, factors = [], [], []
    for element, places, b_iso in sites:
        symbols += [element] * len(places)
        positions += list(places)
        factors += [b_iso] * len(places)
    return Crystal(
        lattice_from_parameters(cell), tuple(symbols), np.array(positions, float),
        np.ones(len(symbols)), np.array(factors),
    )  # fmt: skip


def shifted(places, by):
    return tuple(tuple(np.mod(np.add(p, by), 1)) for p in places)


def others():
    """Name, crystal, zone axis and high tension of systems that are not shipped."""
    quarter, half = (0.25, 0.25, 0.25), (0.5, 0.5, 0.5)
    silicon = crystal((5.431,) * 3 + (90,) * 3, [("Si", FCC + shifted(FCC, quarter), 0.46)])
    arsenide = crystal(
        (5.653,) * 3 + (90,) * 3, [("Ga", FCC, 0.6), ("As", shifted(FCC, quarter), 0.6)]
    )
    magnesia = crystal(
        (4.212,) * 3 + (90,) * 3, [("Mg", FCC, 0.31), ("O", shifted(FCC, half), 0.34)]
    )
    gold = crystal((4.078,) * 3 + (90,) * 3, [("Au", FCC, 0.62)])
    third = ((1 / 3, 2 / 3, 0), (2 / 3, 1 / 3, 0.5))
    nitride = crystal(
        (3.189, 3.189, 5.185, 90, 90, 120),
        [("Ga", third, 0.3), ("N", shifted(third, (0, 0, 0.377)), 0.4)],
    )
    titanate = crystal(
        (3.905,) * 3 + (90,) * 3,
        [
            ("Sr", ((0, 0, 0),), 0.62),
            ("Ti", (half,), 0.44),
            ("O", ((0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)), 0.72),
        ],
    )
    return [
        ("Si [110] 200 kV", silicon, (1, 1, 0), 200.0),
        ("Si [001] 300 kV", silicon, (0, 0, 1), 300.0),
        ("GaAs [110] 200 kV", arsenide, (1, 1, 0), 200.0),
        ("MgO [001] 80 kV", magnesia, (0, 0, 1), 80.0),
        ("Au [001] 300 kV", gold, (0, 0, 1), 300.0),
        ("GaN [0001] 300 kV", nitride, (0, 0, 1), 300.0),
        ("SrTiO3 [011] 300 kV", titanate, (0, 1, 1), 300.0),
        ("SrTiO3 [111] 200 kV", titanate, (1, 1, 1), 200.0),
    ]


#: The same, of known crystals.
KNOWN = (
    ("InP", "1 1 0", 200.0),
    ("CdTe", "1 1 0", 300.0),
    ("anatase", "1 0 0", 200.0),
    ("CeO2", "1 1 0", 80.0),
    ("Cu", "0 0 1", 300.0),
    ("MoS2", "0 0 0 1", 80.0),
    ("LiNbO3", "1 -1 0 0", 200.0),
)


def known():
    """As :func:`others`, of :data:`KNOWN`."""
    for name, axis, high_tension_kV in KNOWN:
        understood = understand(crystal_conditions(name, axis, high_tension_kV, 20.0))
        words = f"{name} [{axis}] {high_tension_kV:.0f} kV"
        yield words, understood.crystal, understood.conditions.zone_axis, high_tension_kV


def table_of(name, structure, zone_axis, high_tension_kV) -> LacbedTable:
    path = CACHE / f"{name.replace(' ', '_')}.npz"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        options = TableOptions(
            direction_step_mrad=0.7, thickness_step_nm=1.0, slice_angstrom=2.0, g_max=3.5
        )
        simulate_table(
            project(structure, zone_axis), high_tension_kV, 22.0, 6.0, 70.0, options
        ).save(path)
    return LacbedTable.load(path)


def draw(table, convergence, mistilt_max, thickness_max, rng, dose=(1e6, 1e8)):
    """A pattern with the detector effects of training."""
    alpha = rng.uniform(*convergence)
    azimuth = rng.uniform(0, 2 * np.pi)
    mistilt = mistilt_max * np.sqrt(rng.random())
    radius = rng.uniform(36, 54)
    centre = (SIZE - 1) / 2 + rng.normal(0, 3, 2)
    parameters = PatternParameters(
        rng.uniform(8, thickness_max), mistilt * np.cos(azimuth), mistilt * np.sin(azimuth),
        alpha, alpha / radius, rng.uniform(-180, 180), centre[0], centre[1],
    )  # fmt: skip
    clean = np.maximum(synthesise(table, parameters, (SIZE, SIZE)), 0)
    return apply_effects(clean[None], draw_effects(1, radius, dose, rng), rng)[0], alpha


def photographs(count, rng):
    """Random pieces of the sample pictures that Matplotlib brings."""
    names = ("grace_hopper.jpg", "Minduka_Present_Blue_Pack.png", "logo2.png")
    pictures = []
    for name in names:
        with matplotlib.cbook.get_sample_data(name) as file:
            pictures.append(np.asarray(Image.open(file).convert("L"), np.float32))
    for _ in range(count):
        picture = pictures[rng.integers(len(pictures))]
        size = int(rng.integers(64, min(picture.shape)))
        row, column = (int(rng.integers(n - size + 1)) for n in picture.shape)
        yield picture[row : row + size, column : column + size]


def wrong_patterns(predictors, each, rng):
    """Yield kind, predictor to ask, pattern and convergence angle."""
    chosen = list(predictors.values())
    for entry in (*others(), *known()):
        table = table_of(*entry)
        for number in range(each):
            image, alpha = draw(table, (11.0, 20.0), 6.0, 65.0, rng)
            yield entry[0], chosen[number % len(chosen)], image, alpha
    for name, source in predictors.items():
        for number in range(each):
            asked = [p for n, p in predictors.items() if n != name][number % (len(chosen) - 1)]
            image, alpha = draw(source.bundle.table, (12.0, 28.0), 8.0, 90.0, rng)
            yield f"{name}, asked of another", asked, image, alpha
    for number in range(each):
        predictor = chosen[number % len(chosen)]
        image, alpha = draw(predictor.bundle.table, (12.0, 20.0), 8.0, 90.0, rng)
        yield "convergence 35 % off", predictor, image, alpha * 1.35
    for number in range(each):
        noise = rng.normal(100, 10, (SIZE, SIZE))
        yield "noise", chosen[number % len(chosen)], noise, 20.0
        smooth = gaussian_filter(rng.normal(0, 1, (SIZE, SIZE)), rng.uniform(8, 30))
        yield "smooth gradients", chosen[number % len(chosen)], smooth, 20.0
    for number, image in enumerate(photographs(each, rng)):
        yield "photograph", chosen[number % len(chosen)], image, 20.0


def ask(predictor, image, alpha) -> str:
    try:
        return predictor.infer(image, alpha).status
    except PacbedError:
        return "refused as input"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--each", type=int, default=30)
    parser.add_argument("--set", type=Path, help="folder of the frozen-phonon set")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    predictors = {s.name: Predictor(load_bundle(s)) for s in installed_systems()}
    counts: dict[str, Counter] = {}
    for kind, predictor, image, alpha in wrong_patterns(predictors, arguments.each, rng):
        counts.setdefault(kind, Counter())[ask(predictor, image, alpha)] += 1
    total = sum(counts.values(), Counter())
    for kind, found in counts.items():
        print(f"{kind:40s} {dict(found)}", flush=True)
    everything = sum(total.values())
    refused = (total["mismatch"] + total["refused as input"]) / everything
    print(f"wrong: {everything} patterns, not ok: {1 - total['ok'] / everything:.1%}, "
          f"mismatch or refused: {refused:.1%}")  # fmt: skip
    right = Counter()
    for predictor in predictors.values():
        system = predictor.bundle.system
        for _ in range(2 * arguments.each):
            image, alpha = draw(
                predictor.bundle.table, system.convergence_mrad, 10.0, 100.0, rng, (1e5, 1e8)
            )
            right[ask(predictor, image, alpha)] += 1
    print(f"right, synthetic: {sum(right.values())} patterns {dict(right)}")
    if arguments.set:
        frozen = Counter(
            ask(predictor, trial.image, trial.convergence_mrad)
            for name, predictor in predictors.items()
            for trial in trials(arguments.set, name, 1, arguments.seed)
        )
        print(f"right, frozen phonons: {sum(frozen.values())} patterns {dict(frozen)}")


if __name__ == "__main__":
    main()
