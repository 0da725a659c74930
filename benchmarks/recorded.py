"""Right patterns as detectors record them: is the answer right, refused with reason, or wrong?

    python benchmarks/recorded.py [SET] [--fault WORD] [--dose 1e7] [--seed 20261125] [--json FILE]

Frozen-phonon patterns of every shipped system (those of the tests by default), recorded once and
spoilt in each of the ways of ``recorded_faults.py``. For each fault: the share that is ``ok`` and
within 1 nm; ``ok`` and within its 95 % interval; not ``ok`` or refused, with words that name the
fault; without such words; and ``ok`` and wrong, by more than its 95 % interval and 1 nm.
"""

import argparse
import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
from recorded_faults import FAULTS, Fault, disk_of
from reference_trials import Trial, trials

from pacbed.errors import PatternError
from pacbed.infer.networks.predictor import Predictor
from pacbed.library.installed import installed_systems, load_bundle

SET = Path(__file__).resolve().parents[1] / "tests" / "data" / "reference_set"
KINDS = ("ok, 1 nm", "ok, in interval", "named", "unnamed", "ok, wrong")


def judge(predictor: Predictor, trial: Trial, fault: Fault, rng: np.random.Generator):
    """The kind of answer to a spoilt pattern, and what was answered."""
    spoilt = fault.spoil(trial.image.astype(float), disk_of(trial), rng)
    try:
        found = predictor.infer(spoilt, trial.convergence_mrad)
    except PatternError as error:
        return _refused(fault, str(error)), str(error)
    error = found.thickness_nm - trial.thickness_nm
    low, high = found.thickness_interval95_nm
    words = f"{found.status} {error:+.2f} nm: {'; '.join(found.warnings)}"
    if found.status != "ok":
        return _refused(fault, " ".join(found.warnings)), words
    if abs(error) <= 1:
        return "ok, 1 nm", words
    return ("ok, in interval" if low <= trial.thickness_nm <= high else "ok, wrong"), words


def _refused(fault: Fault, words: str) -> str:
    return "named" if any(reason in words for reason in fault.reasons) else "unnamed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path, nargs="?", default=SET)
    parser.add_argument("--fault", default="", help="faults whose name has this word")
    parser.add_argument("--each", type=int, default=30, help="patterns of each system at most")
    parser.add_argument("--dose", type=float, default=1e7, help="electrons in a pattern")
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--json", type=Path, help="file for the counts")
    parser.add_argument("--list", action="store_true", help="print every answer that is not ok")
    arguments = parser.parse_args()
    asked = [fault for fault in FAULTS if arguments.fault in fault.name]
    counts: dict[str, Counter] = {fault.name: Counter() for fault in asked}
    seconds: Counter = Counter()
    for system in installed_systems():
        predictor = Predictor(load_bundle(system))
        taken = [
            trial
            for half in (0, 1)
            for trial in trials(arguments.set, system.name, half, arguments.seed, (arguments.dose,))
        ]
        for number, trial in enumerate(taken[: arguments.each]):
            for place, fault in enumerate(FAULTS):
                if fault not in asked:
                    continue
                rng = np.random.default_rng([arguments.seed, system.id, number, place])
                started = time.perf_counter()
                kind, words = judge(predictor, trial, fault, rng)
                seconds[fault.name] += time.perf_counter() - started
                counts[fault.name][kind] += 1
                if arguments.list and not kind.startswith("ok, 1"):
                    where = f"{system.name} {number} ({trial.thickness_nm:.1f} nm)"
                    print(f"   {fault.name}, {where}: {kind}: {words}", flush=True)
        print_table(counts, seconds)
    if arguments.json:
        arguments.json.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")


def print_table(counts: dict[str, Counter], seconds: Counter) -> None:
    """The shares so far."""
    print(f"{'fault':26s} {'patterns':>8s}" + "".join(f"{kind:>17s}" for kind in KINDS))
    for name, found in counts.items():
        total = sum(found.values())
        shares = "".join(f"{found[kind] / total:17.1%}" for kind in KINDS)
        print(f"{name:26s} {total:8d}{shares}   {seconds[name] / total:.2f} s each", flush=True)


if __name__ == "__main__":
    main()
