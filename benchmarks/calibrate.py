"""Calibrate a bundle's error bars and its refusal, and write them into it.

    python benchmarks/calibrate.py SET [--system NAME] [--halves 0 1] [--kept FOLDER]

Error bars: the factors on the fit's own errors and the model's error are fitted to the
errors on the frozen-phonon set (``reference_set.py``), so that 68 % and 95 % of them are
covered. With ``--halves 0`` to one half, of which ``reference_accuracy.py`` reports the
other. What is promised is judged by the runs that were left out: each is covered by the
error model that all others give. Refusal: the figures of the evidence for the set and
for synthetic patterns with the detector effects of training; the threshold keeps 98.5 %
of them. Patterns of the other systems are asked for comparison only. ``--kept`` keeps the
answers, or takes those that are there.
"""

import argparse
import dataclasses
import itertools
from pathlib import Path

import numpy as np
from reference_trials import trials
from refusal import draw

import pacbed
from pacbed.calibrate.coverage import left_out
from pacbed.calibrate.error_model import fit_calibration
from pacbed.calibrate.measured import NEUTRAL, Measured, entry_of, joined
from pacbed.calibrate.recorded import Recorded
from pacbed.infer.judge.confidence import Calibration
from pacbed.infer.networks.predictor import Predictor
from pacbed.library.installed import installed_systems, load_bundle
from pacbed.library.models.bundle import Bundle, write_calibration

SEED = 20261125
SYNTHETIC = 60
#: What a calibration says of when a pattern is refused.
REFUSAL = ("mismatch", "doubt_centers", "doubt_widths")


def neutral(bundle: Bundle) -> Predictor:
    """A predictor whose error bars are the fit's own."""
    return Predictor(dataclasses.replace(bundle, calibration=NEUTRAL))


def measure(predictor: Predictor, folder: Path, seed: int) -> Measured:
    entries = []
    for half in (0, 1):
        for trial in trials(folder, predictor.bundle.system.name, half, seed):
            found = predictor.infer(trial.image, trial.convergence_mrad)
            recorded = Recorded(trial.image, trial.dose, trial.thickness_nm, trial.tilt)
            entries.append(entry_of(trial.run, recorded, found))
    return joined(entries)


def measured_or_kept(predictor: Predictor, given: argparse.Namespace) -> Measured:
    name = predictor.bundle.system.name
    path = None if given.kept is None else given.kept / f"{name}.npz"
    found = None if path is None else Measured.load(path, name)
    if found is None:
        found = measure(predictor, given.set, given.seed)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            found.save(path, name)
    return found.where(np.isin(found.run // 4 % 2, given.halves))


def show_left_out(measured: Measured) -> None:
    """What intervals hold of each run under the error model of all others."""
    found = left_out(measured)
    print(
        f"  runs left out: {len(measured)} patterns, {found.refused:.2f} % refused; bias "
        f"{found.thickness_bias_nm:+.3f} nm, median {found.thickness_median_nm:.3f} nm and "
        f"{found.tilt_median_mrad:.3f} mrad"
    )
    for row in found.coverage:
        dose = "all" if row.dose is None else f"{row.dose:.0e}"
        print(
            f"    {row.quantity:9} {dose:6} +- {row.promised:.3f}: {row.nominal} % hold "
            f"{row.realised:.1f} +- {row.error:.1f} %"
        )


def evidence(found) -> np.ndarray:
    """Figures of the evidence behind an estimate."""
    recorded = Recorded(np.zeros((1, 1), np.float32), np.inf, 0.0, np.zeros(2))
    return entry_of(0, recorded, found).figures[0]


def synthetic(predictor: Predictor, count: int, seed: int) -> np.ndarray:
    """Figures of synthetic patterns with the detector effects of training."""
    rng = np.random.default_rng([seed, predictor.bundle.system.id])
    system = predictor.bundle.system
    rows = []
    for _ in range(count):
        image, alpha = draw(
            predictor.bundle.table, system.convergence_mrad, 10.0, 100.0, rng, (1e5, 1e8)
        )
        rows.append(evidence(predictor.infer(image, alpha)))
    return np.array(rows)


def wrong_figures(predictor: Predictor, folder: Path, seed: int) -> np.ndarray:
    """Figures of patterns of the other systems in the set."""
    low, high = predictor.bundle.system.convergence_mrad
    found = []
    for system in installed_systems():
        if system.name == predictor.bundle.system.name:
            continue
        others = trials(folder, system.name, 0, seed, doses=(1e6,), thinnest_nm=8.0)
        for trial in itertools.islice(others, 0, None, 6):
            if low <= trial.convergence_mrad <= high:
                found.append(evidence(predictor.infer(trial.image, trial.convergence_mrad)))
    return np.array(found)


def calibrate(bundle: Bundle, given: argparse.Namespace) -> dict:
    """Measure a bundle and return its calibration."""
    predictor, folder, seed = neutral(bundle), given.set, given.seed
    right = measured_or_kept(predictor, given)
    show_left_out(right)
    if given.keep_refusal:
        before = {name: bundle.calibration[name] for name in REFUSAL}
        return fit_calibration(right) | before
    values = fit_calibration(right, synthetic(predictor, SYNTHETIC, seed))
    judge = Calibration.from_dict(values)
    wrong = judge.doubts(wrong_figures(predictor, folder, seed))
    print(
        f"  {len(right)} right patterns; {len(wrong)} of other systems, "
        f"{np.mean(wrong <= judge.mismatch):.1%} below the threshold of {judge.mismatch:.1f}"
    )
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--system", help="name of one system; all by default")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--halves", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--kept", type=Path, help="folder of the answers")
    parser.add_argument(
        "--keep-refusal", action="store_true", help="fit the error bars alone, which is quick"
    )
    arguments = parser.parse_args()
    print(f"pacbed {pacbed.__version__}, seed {arguments.seed}")
    for system in installed_systems():
        if arguments.system not in (None, system.name):
            continue
        bundle = load_bundle(system)
        print(system.name)
        values = calibrate(bundle, arguments)
        for name, value in values.items():
            print(f"  {name:20s} {value}")
        write_calibration(bundle.folder, values)


if __name__ == "__main__":
    main()
