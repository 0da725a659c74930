"""What the parts of the fit's model are worth, on frozen phonons and on measured patterns.

    python benchmarks/ablation.py SET [--every 3] [--measured DIR]

Parts are taken away one by one: the scattered copy of the pattern (phonons, plasmons), the
broad backgrounds, the gain curve, the rest of blur, the ellipticity, the weight that edges
lose. For SrTiO3 at 200 kV also the crystal changes: Debye–Waller factors 20 % up and down,
and no absorption, with tables of their own. The calibration half of the reference set,
clean detector, camera length not given; with --measured (a folder with labels.csv) the
thickness of measured patterns too. Calibrated error bars play no part.
"""

import argparse
import csv
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from reference_trials import trials

from pacbed.crystal.projection import project
from pacbed.infer.fit import pattern_model as fit
from pacbed.infer.networks.predictor import Predictor
from pacbed.lacbed.build import simulate_table
from pacbed.library.installed import find_system, installed_systems, load_engine
from pacbed.library.recipe import load_recipe
from pacbed.readers import read_pattern

SEED = 20261125
RECIPES = Path(__file__).resolve().parents[1] / "recipes"
CHANGED = "sto-001-200kV"
#: Columns of the fit's linear parts, see `pacbed.infer.fit.linear`.
PARTS = {
    "no scattered copy": (4,),
    "no broad backgrounds": (2, 3),
    "no gain curve": (6,),
    "no rest of blur": (5,),
    "none of these": (2, 3, 4, 5, 6),
}


@contextmanager
def without(columns: tuple[int, ...]) -> Iterator[None]:
    """Hold linear parts of the fit at zero."""
    whole = fit.make_ridge

    def held(count, noise):
        ridge = whole(count, noise)
        ridge[list(columns)] = 1e9
        return ridge

    fit.make_ridge = held
    try:
        yield
    finally:
        fit.make_ridge = whole


@contextmanager
def constant(name: str, value: float) -> Iterator[None]:
    """Give a constant of the fit another value."""
    before = getattr(fit, name)
    setattr(fit, name, value)
    try:
        yield
    finally:
        setattr(fit, name, before)


def measure(predictor: Predictor, folder: Path, every: int) -> np.ndarray:
    """Errors of thickness (nm) and tilt (mrad), structured residual; one row a pattern."""
    rows = []
    chosen = trials(folder, predictor.bundle.system.name, 0, SEED, doses=(np.inf,))
    for trial in itertools.islice(chosen, 0, None, every):
        found = predictor.infer(trial.image, trial.convergence_mrad)
        tilt = np.array([found.tilt_x_mrad, found.tilt_y_mrad]) - trial.tilt
        rows.append(
            (
                found.thickness_nm - trial.thickness_nm,
                np.hypot(*tilt),
                found.provenance["structured_residual"],
            )
        )
    return np.array(rows)


def measured(predictors: dict[str, Predictor], folder: Path | None) -> str:
    """Thicknesses found in measured patterns, nm."""
    if folder is None:
        return ""
    found = []
    for row in csv.DictReader((folder / "labels.csv").open(encoding="utf-8")):
        system = find_system(
            material=row["material"],
            high_tension_kV=float(row["high_tension_kV"]),
            zone_axis=tuple(map(int, row["zone_axis"].split())),
        )
        predictor = predictors.get(system.name)
        if predictor is not None:
            image = read_pattern(folder / row["path"]).data
            estimate = predictor.infer(image, float(row["convergence_mrad"]))
            found.append(f"{estimate.thickness_nm:.1f}")
    return "; measured " + ", ".join(found) + " nm" if found else ""


def report(name: str, rows: np.ndarray, rest: str = "") -> None:
    error, tilt, structured = rows.T
    print(
        f"{name:28s} {len(rows)} patterns: thickness {np.median(np.abs(error)):.2f} nm, 95 % "
        f"{np.quantile(np.abs(error), 0.95):.2f}, bias {np.median(error):+.2f}; tilt "
        f"{np.median(tilt):.3f} mrad, 95 % {np.quantile(tilt, 0.95):.2f}; structure left "
        f"{np.median(structured):.3f}{rest}",
        flush=True,
    )


def parts(predictors: dict[str, Predictor], folder: Path, every: int, real: Path | None) -> None:
    """The fit with parts of its model taken away, all systems."""
    variants = {name: without(columns) for name, columns in PARTS.items()}
    variants = {
        "all of the model": without(()),
        **variants,
        "no ellipticity": constant("_ELLIPTICITY", 1e-6),
        "edges count fully": constant("_EDGE", 0.0),
    }
    for name, change in variants.items():
        with change:
            rows = [measure(predictor, folder, every) for predictor in predictors.values()]
            report(name, np.concatenate(rows), measured(predictors, real))


def crystals(folder: Path, every: int, real: Path | None) -> None:
    """Tables of a changed crystal, one system."""
    recipe = load_recipe(RECIPES / f"{CHANGED}.toml")
    system, crystal = recipe.system, recipe.crystal
    for name, factor, absorption in (
        ("as it is", 1.0, True),
        ("Debye-Waller factors +20 %", 1.2, True),
        ("Debye-Waller factors -20 %", 0.8, True),
        ("no absorption", 1.0, False),
    ):
        bundle = load_engine(CHANGED)
        changed = replace(crystal, b_iso=crystal.b_iso * factor)
        vars(bundle)["table"] = simulate_table(
            project(changed, system.zone_axis), system.high_tension_kV,
            system.convergence_mrad[1], system.mistilt_mrad[1], system.thickness_nm[1],
            recipe.table, absorption=absorption,
        )  # fmt: skip
        predictors = {CHANGED: Predictor(bundle)}
        rows = measure(predictors[CHANGED], folder, every)
        report(f"{CHANGED}, {name}", rows, measured(predictors, real))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--every", type=int, default=3, help="take every n-th pattern")
    parser.add_argument("--measured", type=Path, help="folder with labels.csv")
    arguments = parser.parse_args()
    predictors = {s.name: Predictor(load_engine(s)) for s in installed_systems()}
    parts(predictors, arguments.set, arguments.every, arguments.measured)
    crystals(arguments.set, arguments.every, arguments.measured)


if __name__ == "__main__":
    main()
