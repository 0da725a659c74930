"""Whether the error bars of systems that were not calibrated hold: on 39 crystals.

    python benchmarks/prior_coverage.py [--kept FILE]

The frozen-phonon patterns of ``tests/data/known_crystals`` (10 to 20 nm, one of each crystal) are
answered with 1e5, 1e6 and 1e7 electrons, the crystal opened by its name. The fit's own errors go
into the error model of uncalibrated systems. Prints how many truths its intervals hold, and, for
error models that are fitted to half of the crystals, what theirs hold of the other half.
"""

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np

import pacbed
from pacbed.calibrate.error_model import fit_calibration
from pacbed.calibrate.measured import NEUTRAL, Measured, entry_of, joined
from pacbed.calibrate.recorded import DOSES, Recorded
from pacbed.infer.judge.confidence import Calibration
from pacbed.infer.open_predictor import open_predictor

FOLDER = Path(__file__).parents[1] / "tests/data/known_crystals"
SEED, HALVES, KEY = 20261127, 10, "prior"


def answers(number: int, name: str, pair: dict) -> Measured:
    """A crystal's pattern at each dose, answered under the fit's own error bars."""
    plan = pair["plan"]
    opened = pacbed.open_crystal(
        name, zone_axis=plan["zone_axis"], high_tension_kV=plan["high_tension_kV"],
        convergence_mrad=plan["convergence_mrad"], thickness_max_nm=40.0, mistilt_max_mrad=3.0,
        cache=False,
    )  # fmt: skip
    predictor = open_predictor(dataclasses.replace(opened.bundle, calibration=NEUTRAL))
    counts = np.load(FOLDER / f"{name}.npy").astype(np.int64)
    rng = np.random.default_rng([SEED, number])
    found = []
    for dose in DOSES:
        kept = rng.binomial(counts, min(1.0, dose / counts.sum())).astype(np.float32)
        truth = Recorded(kept, dose, pair["thickness_nm"], np.array(plan["tilt_mrad"]))
        found.append(entry_of(number, truth, predictor.infer(kept, plan["convergence_mrad"])))
    return joined(found)


def held(measured: Measured, calibration: Calibration) -> dict[str, tuple[float, ...]]:
    """Percent within intervals of 68 % and 95 %, and the median standard error."""
    thickness, tilt = (getattr(measured, f"{name}")(calibration)
                       for name in ("thickness_std_nm", "tilt_std_mrad"))  # fmt: skip
    sizes = np.abs(measured.thickness_error_nm), np.abs(measured.tilt_error_mrad)
    return {
        name: (*(100 * float((size <= factor * std).mean()) for factor in (1.0, wide)),
               float(np.median(std)))
        for name, size, std, wide in (
            ("thickness", sizes[0], thickness, calibration.tail),
            ("tilt", sizes[1], tilt[:, None], 1.96),
        )
    }  # fmt: skip


def told(words: str, found: dict[str, tuple[float, ...]]) -> None:
    """Print the shares."""
    for name, (one, two, std) in found.items():
        print(f"{words}, {name}: 68 %: {one:.0f} %, 95 %: {two:.0f} %, std {std:.3f}")


def main() -> None:
    """Answer, count, fit and count on what was left out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kept", type=Path, help="file of the answers, made if it is missing")
    options = parser.parse_args()
    pairs = json.loads((FOLDER / "pairs.json").read_text("utf-8"))
    measured = None if options.kept is None else Measured.load(options.kept, KEY)
    if measured is None:
        parts = []
        for number, (name, pair) in enumerate(pairs.items()):
            parts.append(answers(number, name, pair))
            print(f"{name}: {parts[-1].thickness_error_nm.round(2).tolist()} nm", flush=True)
        measured = joined(parts)
        if options.kept is not None:
            measured.save(options.kept, KEY)
    near = np.abs(measured.thickness_error_nm) < 3
    print(f"{len(measured)} answers, {(~near).sum()} left out as other solutions")
    measured = measured.where(near)
    told("as it is", held(measured, Calibration()))
    for dose in DOSES:
        told(f"as it is, {dose:.0e}", held(measured.where(measured.dose == dose), Calibration()))
    rng, numbers = np.random.default_rng(SEED), np.unique(measured.run)
    shares = []
    for _ in range(HALVES):
        half = rng.permutation(numbers)[: len(numbers) // 2]
        chosen = np.isin(measured.run, half)
        model = Calibration.from_dict(fit_calibration(measured.where(chosen)))
        shares.append(held(measured.where(~chosen), model))
    told(
        f"fitted to half of the crystals, on the others ({HALVES} times)",
        {n: tuple(np.mean([one[n] for one in shares], axis=0)) for n in shares[0]},
    )
    print("fitted to all:", fit_calibration(measured))


if __name__ == "__main__":
    main()
