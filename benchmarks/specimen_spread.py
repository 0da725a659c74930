"""Specimens that are no slabs: what answers are off by, and what is seen of the spread.

    python benchmarks/specimen_spread.py own [--each 12] [--seed 20261127]
    python benchmarks/specimen_spread.py layer [--each 12]
    python benchmarks/specimen_spread.py phonons SET [--halves 0 1] [--every 3]

*own*: patterns of the shipped tables (10 to 80 nm, 1e6 electrons, detector effects), averaged over
normal distributions of thickness and tilt: errors of the answer of one slab, and with the spreads
that are seen freed; how many are seen, and how far they are off. *layer*: the same of slabs under
an amorphous layer, which scatters some of the electrons by 1/(θ² + θ₀²)², θ₀ = 10 mrad. *phonons*:
frozen-phonon patterns of slabs (``reference_set.py``), which have no spread: what is seen.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from reference_trials import trials
from scipy.signal import fftconvolve

import pacbed
from pacbed.infer.networks.predictor import Predictor
from pacbed.infer.spread.measure import measure_spread
from pacbed.library.installed import installed_systems, load_engine
from pacbed.pattern.detector import apply_effects, perfect_detector
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

SIZE, PIXELS, DOSE = 160, 50.0, 1e6
#: σ of thickness (nm) and of a tilt's component (mrad).
SPREADS = ((0.0, 0.0), (0.7, 0.0), (1.5, 0.0), (3.0, 0.0), (0.0, 0.15), (0.0, 0.3), (0.0, 0.6),
           (1.5, 0.3))  # fmt: skip
#: Share of the electrons that a layer scatters, and θ₀.
SHARES, LAYER_MRAD = (0.0, 0.1, 0.2, 0.4), 10.0
#: Gauss and Hermite's places and weights for a normal distribution.
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(7)


def averaged(table, parameters: PatternParameters, spread, rng) -> np.ndarray:
    """A recorded pattern of a specimen whose thickness and tilt are spread."""
    total = np.zeros((SIZE, SIZE))
    used = [NODES if width else NODES[3:4] for width in (spread[0], spread[1], spread[1])]
    for i in used[0]:
        for j in used[1]:
            for k in used[2]:
                weight = np.prod([WEIGHTS[np.argmin(np.abs(NODES - n))] if len(u) > 1 else 1.0
                                  for n, u in zip((i, j, k), used, strict=True)])  # fmt: skip
                moved = replace(
                    parameters,
                    thickness_nm=parameters.thickness_nm + spread[0] * i,
                    tilt_x_mrad=parameters.tilt_x_mrad + spread[1] * j,
                    tilt_y_mrad=parameters.tilt_y_mrad + spread[1] * k,
                )
                total += weight * synthesise(table, moved, (SIZE, SIZE))
    return detected(total, rng)


def detected(image: np.ndarray, rng) -> np.ndarray:
    detector = perfect_detector(1, dose=DOSE, blur_px=0.5, read_noise=0.005, offset=0.02)
    clean = np.maximum(image / image.max(), 0).astype(np.float32)
    return apply_effects(clean[None], detector, rng)[0]


def drawn(rng) -> tuple[PatternParameters, float]:
    alpha, radius = rng.uniform(15, 22), PIXELS * rng.uniform(0.9, 1.05)
    x, y = rng.uniform(-4, 4, 2)
    truth = PatternParameters(
        rng.uniform(12, 80), x, y, alpha, alpha / radius, rng.uniform(-180, 180),
        *((SIZE - 1) / 2 + rng.normal(0, 1.5, 2)),
    )  # fmt: skip
    return truth, alpha


def own(given: argparse.Namespace) -> None:
    predictors = {s.name: Predictor(load_engine(s)) for s in installed_systems()}
    for spread in SPREADS:
        rng = np.random.default_rng(given.seed)
        rows = []
        for predictor in predictors.values():
            for _ in range(given.each):
                truth, alpha = drawn(rng)
                x, y = truth.tilt_x_mrad, truth.tilt_y_mrad
                image = averaged(predictor.bundle.table, truth, spread, rng)
                found = predictor.infer(image, alpha)
                if found.status != "ok":
                    continue
                seen = measure_spread(image, predictor.bundle, found)
                tilt = np.hypot(found.tilt_x_mrad - x, found.tilt_y_mrad - y)
                freed = np.hypot(*np.subtract(seen.mean_tilt_mrad, (x, y)))
                rows.append(
                    (
                        found.thickness_nm - truth.thickness_nm,
                        seen.mean_thickness_nm - truth.thickness_nm,
                        tilt, freed,
                        seen.thickness_nm.seen, seen.thickness_nm.value, seen.thickness_nm.below,
                        seen.tilt_mrad.seen, seen.tilt_mrad.value, seen.tilt_mrad.below,
                        abs(found.thickness_nm - truth.thickness_nm) <= 2 * found.thickness_std_nm,
                    )
                )  # fmt: skip
        show(spread, np.array(rows, float), given.each * len(predictors))


def layer(given: argparse.Namespace) -> None:
    predictors = {s.name: Predictor(load_engine(s)) for s in installed_systems()}
    for share in SHARES:
        rng = np.random.default_rng(given.seed)
        off, tilts, within = [], [], []
        for predictor in predictors.values():
            for _ in range(given.each):
                truth, alpha = drawn(rng)
                clean = synthesise(predictor.bundle.table, truth, (SIZE, SIZE))
                image = detected((1 - share) * clean + share * scattered(clean, truth), rng)
                found = predictor.infer(image, alpha)
                if found.status != "ok":
                    continue
                off.append(found.thickness_nm - truth.thickness_nm)
                within.append(abs(off[-1]) <= 2 * found.thickness_std_nm)
                tilts.append(np.hypot(found.tilt_x_mrad - truth.tilt_x_mrad,
                                      found.tilt_y_mrad - truth.tilt_y_mrad))  # fmt: skip
        print(
            f"layer that scatters {share:.0%}: ok {len(off)} of {given.each * len(predictors)}; "
            f"thickness (bias, median) {np.median(off):+.3f}, {np.median(np.abs(off)):.3f} nm, "
            f"tilt {np.median(tilts):.3f} mrad; in 95 % {np.mean(within):.0%}",
            flush=True,
        )


def scattered(clean: np.ndarray, truth: PatternParameters) -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE // 2
    angle = np.hypot(x, y) * truth.mrad_per_pixel
    kernel = (angle**2 + LAYER_MRAD**2) ** -2
    return fftconvolve(clean, kernel / kernel.sum(), mode="same")


def show(spread, rows: np.ndarray, asked: int) -> None:
    slab, freed, tilt, tilt_freed, t_seen, t, t_below, k_seen, k, k_below, held = rows.T
    print(
        f"spread {spread[0]:.1f} nm, {spread[1]:.2f} mrad: ok {len(rows)} of {asked}; thickness "
        f"(bias, median) {np.median(slab):+.3f}, {np.median(abs(slab)):.3f} -> "
        f"{np.median(freed):+.3f}, {np.median(abs(freed)):.3f} nm; tilt {np.median(tilt):.3f} -> "
        f"{np.median(tilt_freed):.3f} mrad; seen {t_seen.mean():.0%} ({_of(t, t_seen)} nm; below "
        f"{np.median(t_below):.2f}), {k_seen.mean():.0%} ({_of(k, k_seen)} mrad; below "
        f"{np.median(k_below):.2f}); slab in 95 % {held.mean():.0%}; below holds "
        f"{(t_below >= spread[0]).mean():.0%}, {(k_below >= spread[1]).mean():.0%}",
        flush=True,
    )


def _of(values: np.ndarray, seen: np.ndarray) -> str:
    return f"{np.median(values[seen > 0]):.2f}" if seen.any() else "-"


def phonons(given: argparse.Namespace) -> None:
    for system in installed_systems():
        predictor = Predictor(load_engine(system))
        rows = []
        for half in given.halves:
            for number, trial in enumerate(trials(given.set, system.name, half, given.seed)):
                if number % given.every:
                    continue
                found = predictor.infer(trial.image, trial.convergence_mrad)
                if found.status != "ok":
                    continue
                s = measure_spread(trial.image, predictor.bundle, found)
                rows.append((s.thickness_nm.seen, s.thickness_nm.value, s.thickness_nm.below,
                             s.tilt_mrad.seen, s.tilt_mrad.value, s.tilt_mrad.below,
                             abs(s.moved_nm)))  # fmt: skip
        t_seen, t, t_below, k_seen, k, k_below, moved = np.array(rows, float).T
        print(
            f"{system.name}: {len(rows)} slabs, seen {t_seen.mean():.1%} ({_of(t, t_seen)} nm), "
            f"{k_seen.mean():.1%} ({_of(k, k_seen)} mrad); below {np.median(t_below):.2f} nm, "
            f"{np.median(k_below):.2f} mrad; largest {t.max():.2f}, {k.max():.2f}; moved "
            f"{moved.max():.2f} nm",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=["own", "layer", "phonons"])
    parser.add_argument("set", type=Path, nargs="?")
    parser.add_argument("--each", type=int, default=12)
    parser.add_argument("--seed", type=int, default=20261127)
    parser.add_argument("--halves", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--every", type=int, default=3)
    given = parser.parse_args()
    print(f"pacbed {pacbed.__version__}, seed {given.seed}")
    if given.kind == "layer":
        layer(given)
        return
    own(given) if given.kind == "own" else phonons(given)


if __name__ == "__main__":
    main()
