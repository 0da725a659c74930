"""Accuracy and coverage on the reporting half of the frozen-phonon set.

    python benchmarks/reference_accuracy.py SET [--system NAME] [--json FILE]

Thickness 5 to 100 nm, camera length not given, dose by dose: errors of thickness and
tilt with and without refinement, and how often the 68 % and 95 % intervals hold the
truth. The bundles must have been calibrated on the other half (``calibrate.py``).
"""

import argparse
import json
from pathlib import Path

import numpy as np
from calibrate import SEED
from reference_trials import DOSES, trials

from pacbed.infer.networks.predictor import Predictor
from pacbed.library.installed import installed_systems, load_bundle

BANDS_NM = ((5, 15), (15, 40), (40, 70), (70, 101))


def measure(predictor, folder, seed):
    """One row for each pattern, see `COLUMNS`."""
    rows = []
    for trial in trials(folder, predictor.bundle.system.name, 1, seed):
        fit = predictor.infer(trial.image, trial.convergence_mrad)
        alone = predictor.infer(trial.image, trial.convergence_mrad, refine=False)
        low, high = fit.thickness_interval95_nm
        rows.append(
            (
                trial.dose,
                trial.thickness_nm,
                fit.thickness_nm - trial.thickness_nm,
                np.hypot(fit.tilt_x_mrad - trial.tilt[0], fit.tilt_y_mrad - trial.tilt[1]),
                abs(fit.thickness_nm - trial.thickness_nm) <= fit.thickness_std_nm,
                low <= trial.thickness_nm <= high,
                fit.status == "ok",
                fit.status == "mismatch",
                alone.thickness_nm - trial.thickness_nm,
                np.hypot(alone.tilt_x_mrad - trial.tilt[0], alone.tilt_y_mrad - trial.tilt[1]),
                abs(fit.tilt_x_mrad - trial.tilt[0]) <= fit.tilt_std_mrad,
                abs(fit.tilt_x_mrad - trial.tilt[0]) <= 2 * fit.tilt_std_mrad,
            )
        )
    return np.array(rows, float)


def figures(rows):
    """Errors and coverage of some rows."""
    error, tilt = np.abs(rows[:, 2]), rows[:, 3]
    return {
        "patterns": len(rows),
        "thickness_median_nm": round(float(np.median(error)), 3),
        "thickness_p95_nm": round(float(np.quantile(error, 0.95)), 3),
        "thickness_bias_nm": round(float(np.median(rows[:, 2])), 3),
        "tilt_median_mrad": round(float(np.median(tilt)), 3),
        "tilt_p95_mrad": round(float(np.quantile(tilt, 0.95)), 3),
        "coverage_68": round(float(rows[:, 4].mean()), 3),
        "coverage_95": round(float(rows[:, 5].mean()), 3),
        "tilt_coverage_68": round(float(rows[:, 10].mean()), 3),
        "tilt_coverage_95": round(float(rows[:, 11].mean()), 3),
        "share_ok": round(float(rows[:, 6].mean()), 3),
        "share_mismatch": round(float(rows[:, 7].mean()), 3),
        "network_thickness_median_nm": round(float(np.median(np.abs(rows[:, 8]))), 3),
        "network_thickness_p95_nm": round(float(np.quantile(np.abs(rows[:, 8]), 0.95)), 3),
        "network_tilt_median_mrad": round(float(np.median(rows[:, 9])), 3),
    }


def report(by_system):
    """Figures by system, dose and band, and in total."""
    everything = np.concatenate(list(by_system.values()))
    groups = {f"{name}, all doses": rows for name, rows in by_system.items()}
    for name, rows in [*by_system.items(), ("all systems", everything)]:
        for dose in DOSES:
            word = f"{name}, clean" if np.isinf(dose) else f"{name}, {dose:g} electrons"
            chosen = rows[rows[:, 0] == dose]
            groups[word] = chosen
            for low, high in BANDS_NM:
                band = chosen[(chosen[:, 1] >= low) & (chosen[:, 1] < high)]
                groups[f"{word}, {low}-{high} nm"] = band
    groups["everything"] = everything
    return {name: figures(rows) for name, rows in groups.items() if len(rows)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--system", help="name of one system; all by default")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    by_system = {
        system.name: measure(Predictor(load_bundle(system)), arguments.set, arguments.seed)
        for system in installed_systems()
        if arguments.system in (None, system.name)
    }
    results = report(by_system)
    for name, values in results.items():
        print(name)
        print("   " + ", ".join(f"{key} {value}" for key, value in values.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
