"""What a calibrated microscope is worth, on frozen phonons with known truth.

    python benchmarks/microscope.py SET [--sessions N] [--without-search] [--json FILE]

Each run of the set (``reference_set.py``, or tests/data/reference_set) becomes a session: its
patterns, of one camera length, distortion and convergence angle, are recorded twice. The first half
calibrates; the second half is answered without a convergence angle, with one stated up to 5 % off,
and with the calibration. Prints how the calibrations hold against the truth, in standard errors,
and the errors, the share of right 95 % intervals and the time of the answers.
"""

import argparse
import json
import time
from itertools import islice
from pathlib import Path

import numpy as np
from sessions import sessions

from pacbed.errors import PatternError
from pacbed.infer.known.calibrate_microscope import calibrate_microscope
from pacbed.infer.networks.predictor import Predictor
from pacbed.library.installed import load_bundle

SEED = 20261126
WAYS = ("nothing given", "angle within 5 %", "calibrated")


def pulls(microscope, session) -> dict[str, float]:
    """Errors of a calibration over its own standard errors."""
    truth = session.geometry
    a, b = np.subtract(microscope.distortion, truth.distortion) / microscope.ellipticity_std
    angle = microscope.convergence_mrad - session.convergence_mrad
    scale = microscope.mrad_per_pixel - truth.mrad_per_pixel
    return {
        "convergence": angle / microscope.convergence_std_mrad,
        "angle per pixel": scale / microscope.mrad_per_pixel_std,
        "ellipticity a": float(a),
        "ellipticity b": float(b),
    }


def relative(microscope, session) -> dict[str, float]:
    """The same errors as percent, and those of the ellipticity as they are."""
    truth = session.geometry
    off = np.subtract(microscope.distortion, truth.distortion)
    return {
        "convergence": 100 * (microscope.convergence_mrad / session.convergence_mrad - 1),
        "angle per pixel": 100 * (microscope.mrad_per_pixel / truth.mrad_per_pixel - 1),
        "ellipticity": 100 * float(np.hypot(*off)),
    }


def ask(predictor, session, pattern, microscope, rng, ways) -> dict[str, dict[str, float]]:
    """Errors of the answers to one pattern, one for each of `WAYS`."""
    near = session.convergence_mrad * rng.uniform(0.95, 1.05)
    low, high = predictor.bundle.system.convergence_mrad
    given = dict(zip(WAYS, (None, float(np.clip(near, low, high)), None), strict=True))
    found = {}
    for way in ways:
        angle, known = given[way], microscope if way == WAYS[-1] else None
        start = time.perf_counter()
        answer = predictor.infer(pattern.image, angle, microscope=known)
        seconds = time.perf_counter() - start
        low_nm, high_nm = answer.thickness_interval95_nm
        tilt = np.array([answer.tilt_x_mrad, answer.tilt_y_mrad]) - pattern.tilt
        found[way] = {
            "thickness": answer.thickness_nm - pattern.thickness_nm,
            "std": answer.thickness_std_nm,
            "tilt": float(np.hypot(*tilt)),
            "held": low_nm <= pattern.thickness_nm <= high_nm,
            "ok": answer.status == "ok",
            "seconds": seconds,
        }
    return found


def measure(folder: Path, count: int | None, seed: int, ways):
    """Pulls and relative errors of all calibrations, and answers."""
    predictors: dict[str, Predictor] = {}
    all_pulls, all_errors, answers = [], [], []
    for number, session in enumerate(islice(sessions(folder, seed, copies=2), count)):
        if session.system not in predictors:
            predictors[session.system] = Predictor(load_bundle(session.system))
        predictor = predictors[session.system]
        found = {
            str(n): predictor.infer(pattern.image, session.convergence_mrad)
            for n, pattern in enumerate(session.patterns[::2])
        }
        try:
            microscope = calibrate_microscope(found, predictor.bundle.system)
        except PatternError as error:
            print(f"{session.system}: {error}")
            continue
        all_pulls.append(pulls(microscope, session))
        all_errors.append(relative(microscope, session))
        rng = np.random.default_rng([seed, 1, number])
        for pattern in session.patterns[1::2]:
            answers.append(ask(predictor, session, pattern, microscope, rng, ways))
    return all_pulls, all_errors, answers


def figures(all_pulls, all_errors, answers):
    """What is reported."""
    result: dict[str, dict[str, float]] = {}
    for name in all_pulls[0]:
        values = np.abs([one[name] for one in all_pulls])
        result[f"pull of {name}"] = {
            "sessions": len(values),
            "within_1": float((values < 1).mean()),
            "within_2": float((values < 2).mean()),
            "largest": float(values.max()),
        }
    for name in all_errors[0]:
        values = np.abs([one[name] for one in all_errors])
        result[f"error of {name}, percent"] = {
            "median": float(np.median(values)), "largest": float(values.max()),
        }  # fmt: skip
    for way in answers[0]:
        column = {key: np.array([a[way][key] for a in answers]) for key in answers[0][way]}
        result[f"answers, {way}"] = {
            "patterns": len(answers),
            "ok": float(column["ok"].mean()),
            "thickness_median_nm": float(np.median(np.abs(column["thickness"]))),
            "thickness_p95_nm": float(np.quantile(np.abs(column["thickness"]), 0.95)),
            "thickness_std_median_nm": float(np.median(column["std"])),
            "held_95": float(column["held"].mean()),
            "tilt_median_mrad": float(np.median(column["tilt"])),
            "tilt_p95_mrad": float(np.quantile(column["tilt"], 0.95)),
            "seconds_median": float(np.median(column["seconds"])),
        }
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--sessions", type=int, help="how many at most")
    parser.add_argument("--without-search", action="store_true", help="the quick answers alone")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    ways = WAYS[1:] if arguments.without_search else WAYS
    results = figures(*measure(arguments.set, arguments.sessions, arguments.seed, ways))
    for name, values in results.items():
        print(name)
        print("   " + ", ".join(f"{key} {value:.3g}" for key, value in values.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
