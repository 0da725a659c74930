"""The error model for crystals that were never calibrated, from answers about many crystals.

    python benchmarks/prior.py SET [SET ...]

Reads sets that ``benchmarks/blind_set`` made, asks every pattern of its own structure with the
convergence angle alone (and keeps the answers beside the set), and fits the error model to all
crystals, and to all but one in turn: how often the intervals of the one left out hold the truth is
what the prior promises for a crystal that nobody simulated before. Wrong answers (2 nm or 5 %) are
no matter of error bars and are counted apart.
"""

import argparse
import csv
import dataclasses
from pathlib import Path

import numpy as np
from own_crystal_accuracy import predictor_of
from prior_coverage import held

from pacbed.calibrate.error_model import fit_calibration
from pacbed.calibrate.measured import NEUTRAL, Measured, entry_of, joined
from pacbed.calibrate.recorded import Recorded
from pacbed.errors import PacbedError
from pacbed.infer.judge.confidence import Calibration
from pacbed.infer.search.predictor import TablePredictor


def ask(folder: Path, row: dict) -> Measured | None:
    """The answer to one pattern with the fit's own errors; None where there is none."""
    opened = predictor_of(folder, row, float(row["convergence_mrad"]), False)
    predictor = TablePredictor(dataclasses.replace(opened.bundle, calibration=NEUTRAL))
    pattern = np.load(folder / row["path"], allow_pickle=False)
    try:
        found = predictor.infer(pattern, float(row["convergence_mrad"]))
    except PacbedError:
        return None
    tilt = np.array([float(row["tilt_x_mrad"]), float(row["tilt_y_mrad"])])
    truth = Recorded(pattern, float(row["dose"]), float(row["thickness_nm"]), tilt)
    return entry_of(0, truth, found)


def measured(folder: Path, names: list[str]) -> Measured:
    """The answers about a set, in which `run` is the crystal's place among the names."""
    rows = list(csv.DictReader((folder / "labels.csv").open()))
    parts = []
    for row in rows:
        kept = folder / "answers" / f"{Path(row['path']).stem}.npz"
        entry = Measured.load(kept, row["path"])
        if entry is None:
            kept.parent.mkdir(exist_ok=True)
            entry = ask(folder, row)
            if entry is None:
                continue
            entry.save(kept, row["path"])
        number = np.full(1, names.index(row["crystal"]))
        parts.append(Measured(**{**vars(entry), "run": number}))
    return joined(parts)


def right(answers: Measured) -> Measured:
    """Those whose thickness is right."""
    error, truth = np.abs(answers.thickness_error_nm), answers.thickness_nm
    return answers.where(error < np.maximum(2.0, 0.05 * truth))


def shown(answers: Measured, model: Calibration) -> str:
    """What intervals under a model hold, and how wide they are."""
    found = held(answers, model)
    (one, two, std), (tilt_one, tilt_two, tilt_std) = found["thickness"], found["tilt"]
    return (
        f"thickness ±{model.tail * std:.2f} nm holds {one:.0f} %, {two:.0f} %; "
        f"tilt ±{1.96 * tilt_std:.3f} mrad holds {tilt_one:.0f} %, {tilt_two:.0f} % (68 and 95 %)"
    )


def model_of(answers: Measured) -> Calibration:
    """The error model alone, with the usual threshold of refusal."""
    values = fit_calibration(answers)
    chosen = {n: v for n, v in values.items() if n.startswith(("thickness", "tilt")) or n == "tail"}
    return Calibration.from_dict(chosen)


def main() -> None:
    """Ask, fit and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument(
        "--without", nargs="*", default=[], help="crystals that nothing is fitted to"
    )
    given = parser.parse_args()
    names = sorted(
        {r["crystal"] for f in given.sets for r in csv.DictReader((f / "labels.csv").open())}
    )
    every = joined([measured(folder, names) for folder in given.sets])
    answers = right(every)
    print(f"{len(every)} answers about {len(names)} crystals, {len(answers)} right")
    apart = np.isin(answers.run, [names.index(name) for name in given.without])
    print(f"as it is: {shown(answers, Calibration())}")
    model = model_of(answers.where(~apart))
    print(f"fitted: {model}\n  {shown(answers.where(~apart), model)}")
    if apart.any():
        print(f"those that nothing was fitted to: {shown(answers.where(apart), model)}")
    for number, name in enumerate(names):
        one = answers.run == number
        if one.any():
            others = model_of(answers.where(~one))
            print(f"{name:9} {int(one.sum()):3}  {shown(answers.where(one), others)}")


if __name__ == "__main__":
    main()
