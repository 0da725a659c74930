"""How near to the zone axis guidance leads, by the errors of answers and of the stage.

    python benchmarks/stage_moves.py [--trials 200] [--within 0.2] [--tilt 1.0]

Simulated stages (``tests/stage/simulated_stage.py``) with random axes and signs, mirrored or not,
angles up to 15°, axes 1° off the right angle, 3 to 12 mrad from the zone axis. After a first
calibration each is tilted as it is told. Prints the share that came within so many mrad in two
moves, and in three.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.stage.simulated_stage import reached

#: Errors of answers (mrad), of angles as shown and of where moves end (degrees), backlash.
ERRORS = (
    (0.05, 0.003, 0.003, 0.0),
    (0.05, 0.01, 0.001, 0.0),
    (0.08, 0.01, 0.002, 0.002),
    (0.10, 0.003, 0.003, 0.0),
    (0.10, 0.01, 0.001, 0.0),
    (0.10, 0.02, 0.001, 0.0),
    (0.05, 0.01, 0.01, 0.0),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--within", type=float, default=0.2, help="mrad")
    parser.add_argument("--tilt", type=float, default=1.0, help="of an axis to calibrate, degrees")
    given = parser.parse_args()
    size = given.tilt
    ways = {
        "two patterns, hand known": ([(size, size)], True),
        "two patterns": ([(size, size)], False),
        "two patterns, α alone": ([(size, 0.0)], False),
        "three patterns": ([(size, 0.0), (0.0, size)], False),
    }
    print("answer/mrad  shown/°  ends/°  backlash/°  " + "  ".join(f"{way:>24}" for way in ways))
    for errors in ERRORS:
        names = ("answer_mrad", "shown_deg", "kept_deg", "backlash_deg")
        stage = dict(zip(names, errors, strict=True))
        shares = []
        for first, known in ways.values():
            two, three = (
                reached(stage, first, most, known, count=given.trials, within=given.within)
                for most in (2, 3)
            )
            shares.append(f"{f'{two:.1%}, {three:.1%}':>24}")
        print("{:11g}  {:7g}  {:6g}  {:10g}  ".format(*errors) + "  ".join(shares), flush=True)


if __name__ == "__main__":
    main()
