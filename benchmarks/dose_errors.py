"""How the errors of answers, and the errors that they state, follow the electrons.

    python benchmarks/dose_errors.py SET [--systems NAME ...] [--save FILE] [--every-second]

SET is a set of frozen-phonon patterns as ``reference_set.py`` makes it. Every pattern from 5 to 100
nm is recorded with 1e5, 1e6 and 1e7 electrons (``reference_trials.py``) and answered without its
camera length. By number of electrons and by band of thickness: bias, median and 95 % of the errors,
the fit's own error (middle) and its part that is noise, and the error that 68 % do not exceed. Then
the error model is fitted to the patterns of all other crystals (SrTiO3 at three voltages is one),
and its intervals judged by the one that was left out; those of a crystal without a calibration
too; and each run's by the error model of the other runs of its crystal. ``--every-second`` ends
fits as they were before, with every second direction of a table of 0.5 mrad. ``--load`` takes the
answers that ``--save`` kept.
"""

import argparse
import csv
import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from reference_trials import trials

from pacbed.calibrate.coverage import report
from pacbed.calibrate.error_model import fit_calibration
from pacbed.calibrate.measured import NEUTRAL, Measured, entry_of, joined
from pacbed.calibrate.recorded import DOSES, Recorded
from pacbed.errors import PacbedError
from pacbed.infer.judge.confidence import Calibration
from pacbed.infer.open_predictor import open_fitting_predictor
from pacbed.library.installed import load_bundle

BANDS_NM = ((5, 15), (15, 40), (40, 70), (70, 101))


def answers(folder: Path, system: str, seed: int) -> Measured:
    """What a system answers, with the fit's own errors."""
    predictor = open_fitting_predictor(replace(load_bundle(system), calibration=NEUTRAL))
    runs = {}
    for row in csv.DictReader((folder / "patterns.csv").open(encoding="utf-8")):
        runs.setdefault(float(row["convergence_mrad"]), int(row["run"]))
    entries = []
    for half in (0, 1):
        for trial in trials(folder, system, half, seed, DOSES):
            try:
                found = predictor.infer(trial.image, trial.convergence_mrad)
            except PacbedError as error:
                print(f"{system} {trial.thickness_nm:.1f} nm: {error}")
                continue
            recorded = Recorded(trial.image, trial.dose, trial.thickness_nm, trial.tilt)
            entries.append(entry_of(runs[trial.convergence_mrad], recorded, found))
    return joined(entries)


def crystal_of(system: str) -> str:
    """Its crystal: the name's beginning."""
    return system.split("-")[0]


def show_errors(measured: Measured) -> None:
    """Lines by electrons and by thickness."""
    kept = measured.judged(Calibration())
    rows = {f"{dose:.0e}": kept.dose == dose for dose in DOSES}
    for low, high in BANDS_NM:
        rows[f"{low}-{high} nm"] = (kept.thickness_nm >= low) & (kept.thickness_nm < high)
    rows["all"] = np.ones(len(kept), bool)
    for name, chosen in rows.items():
        if not chosen.any():
            continue
        part = kept.where(chosen)
        size = np.abs(part.thickness_error_nm)
        tilt = np.linalg.norm(part.tilt_error_mrad, axis=1)
        print(
            f"{name:>10} {len(part):4}: bias {np.median(part.thickness_error_nm):+.3f} median "
            f"{np.median(size):.3f} 95 % {np.quantile(size, 0.95):.2f}, 68 % below "
            f"{np.quantile(size, 0.683):.3f}, fit's own {np.median(part.thickness_fit_nm):.3f} nm "
            f"and {np.median(part.thickness_fit_nm * np.sqrt(part.noise_share)):.3f} of noise;"
            f" tilt {np.median(tilt):.3f}, 95 % {np.quantile(tilt, 0.95):.2f}, own "
            f"{np.median(part.tilt_fit_mrad):.3f} mrad"
        )


def show_prior(by_system: dict[str, Measured]) -> None:
    """Coverage of each crystal's patterns under the error model of the others."""
    for crystal in dict.fromkeys(map(crystal_of, by_system)):
        others = [m for name, m in by_system.items() if crystal_of(name) != crystal]
        own = joined([m for name, m in by_system.items() if crystal_of(name) == crystal])
        if others:
            values = fit_calibration(joined(others))
            print(f"{crystal}, error model of the others: {values}")
            show_coverage(own, Calibration.from_dict(values))
        print(f"{crystal}, the error model of crystals that nobody calibrated")
        show_coverage(own, Calibration())


def show_runs(by_system: dict[str, Measured]) -> None:
    """Coverage of each run's patterns under the error model of the other runs of its crystal."""
    for crystal in dict.fromkeys(map(crystal_of, by_system)):
        own = joined([m for name, m in by_system.items() if crystal_of(name) == crystal])
        held, kept = [], []
        for run in np.unique(own.run):
            rest = own.where(own.run != run)
            if not len(rest):
                return
            calibration = Calibration.from_dict(fit_calibration(rest))
            left_out = own.where(own.run == run).judged(calibration)
            kept.append(left_out)
            sigma = left_out.thickness_std_nm(calibration), left_out.tilt_std_mrad(calibration)
            off = np.abs(left_out.thickness_error_nm), np.abs(left_out.tilt_error_mrad)
            held.append(
                [
                    off[0] <= sigma[0],
                    off[0] <= calibration.tail * sigma[0],
                    (off[1] <= sigma[1][:, None]).mean(axis=1),
                    (off[1] <= 1.96 * sigma[1][:, None]).mean(axis=1),
                ]
            )
        held, kept = np.concatenate(held, axis=1).astype(float), joined(kept)
        print(f"{crystal}, {len(np.unique(own.run))} runs, each by the error model of the others")
        for dose in DOSES:
            shares = " ".join(f"{100 * one:.0f}" for one in held[:, kept.dose == dose].mean(axis=1))
            print(f"  {dose:.0e}: 68 and 95 % of thickness, of tilt hold {shares} %")


def show_coverage(measured: Measured, calibration: Calibration) -> None:
    """Lines by quantity and electrons."""
    judged = report([(measured, calibration)])
    for row in judged.coverage:
        dose = "all" if row.dose is None else f"{row.dose:.0e}"
        print(
            f"  {row.quantity} {dose}: ± {row.promised:.3f}, {row.nominal} % holds "
            f"{row.realised:.1f} ± {row.error:.1f} % of {row.patterns}"
        )


def main() -> None:
    """Ask, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("set", type=Path)
    parser.add_argument("--systems", nargs="*", help="all of the set by default")
    parser.add_argument("--save", type=Path, help="folder for the answers")
    parser.add_argument("--load", type=Path, help="folder of answers that were kept")
    parser.add_argument("--seed", type=int, default=20261126)
    parser.add_argument("--every-second", action="store_true")
    given = parser.parse_args()
    if given.every_second:
        for module in ("fit.hypotheses", "search.polish"):
            _leave_as_it_is(f"pacbed.infer.{module}")
    with (given.set / "patterns.csv").open(encoding="utf-8") as file:
        names = dict.fromkeys(row["system"] for row in csv.DictReader(file))
    by_system = {}
    for name in given.systems or names:
        if given.load:
            by_system[name] = Measured.load(given.load / f"{name}.npz", name)
        else:
            by_system[name] = answers(given.set, name, given.seed)
        if given.save:
            given.save.mkdir(parents=True, exist_ok=True)
            by_system[name].save(given.save / f"{name}.npz", name)
        print(name)
        show_errors(by_system[name])
    print("all systems")
    show_errors(joined(list(by_system.values())))
    show_prior(by_system)
    show_runs(by_system)


def _leave_as_it_is(name: str) -> None:
    module = importlib.import_module(name)
    module.fit_closely = lambda samples, table, start, fit, shelf: fit


if __name__ == "__main__":
    main()
