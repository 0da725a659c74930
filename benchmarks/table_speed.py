"""How long the tables of crystals take, and how much memory, against another revision.

    python benchmarks/table_speed.py [--before REV] [--only NAME ...] [--busy]

Each table is made in a process of its own, which prints seconds by the clock, seconds of
processor time and its largest memory; with ``--before`` by that revision as well, in turn, with
the same ranges and its own default sampling. ``--busy`` does it again beside a process that never
rests.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from contextlib import nullcontext

from revisions import ROOT, revision, start
from table_crystals import gallium_arsenide, gallium_nitride, strontium_titanate

#: kV, largest convergence, tilt (mrad) and thickness (nm).
DEFAULT, NEEDED = (30.0, 12.0, 120.0), (18.0, 8.0, 80.0)
CASES = {
    "SrTiO3 [001] 300 kV, default": (strontium_titanate, (0, 0, 1), 300.0, *DEFAULT),
    "SrTiO3 [001] 200 kV, needed": (strontium_titanate, (0, 0, 1), 200.0, *NEEDED),
    "GaN [11-20] 200 kV, needed": (gallium_nitride, (1, 1, 0), 200.0, *NEEDED),
    "GaN [11-20] 200 kV, needed, 100 nm": (gallium_nitride, (1, 1, 0), 200.0, 18.0, 8.0, 100.0),
    "GaN [11-20] 200 kV, default": (gallium_nitride, (1, 1, 0), 200.0, *DEFAULT),
    "GaAs [110] 200 kV, default": (gallium_arsenide, (1, 1, 0), 200.0, *DEFAULT),
}


def make_one(name: str, sampling: str) -> None:
    """Make one table in this process and print what it took, as JSON."""
    from pacbed.crystal.projection import project
    from pacbed.lacbed.build import simulate_table
    from pacbed.lacbed.options import TableOptions

    make, axis, kV, *ranges = CASES[name]
    structure = make()
    started, spent = time.perf_counter(), time.process_time()
    cell = project(structure, axis)
    if sampling == "chosen":
        from pacbed.lacbed.sampling import choose_sampling

        options = choose_sampling(cell, kV, (min(18.0, ranges[0]), ranges[0]), *ranges[1:])
    else:
        options = TableOptions()
    table = simulate_table(cell, kV, *ranges, options)
    took = time.perf_counter() - started, time.process_time() - spent
    found = {
        "clock_s": took[0],
        "processor_s": took[1],
        "memory_GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "directions": len(table.geometry.grid.wedge),
        "MB": len(table.to_bytes()) / 1e6,
    }
    print(json.dumps(found))


def run(root, name: str, sampling: str) -> dict:
    # The revision's package, but this file.
    threads = str(len(os.sched_getaffinity(0)))
    arguments = [__file__, "--make", name, sampling]
    os.environ["TABLE_THREADS"] = threads
    process = start(root, arguments, stdout=subprocess.PIPE, text=True)
    answer, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{root}: {name} failed")
    return json.loads(answer.splitlines()[-1])


def report(words: str, found: dict) -> None:
    print(
        f"  {words:32s} {found['clock_s']:6.1f} s, {found['processor_s']:6.1f} CPU s, "
        f"{found['memory_GB']:.2f} GB, {found['directions']} directions, {found['MB']:.1f} MB",
        flush=True,
    )


def main() -> None:
    if sys.argv[1:2] == ["--make"]:
        if "TABLE_THREADS" in os.environ and sys.argv[3] == "old":
            import torch

            torch.set_num_threads(int(os.environ["TABLE_THREADS"]))
        make_one(sys.argv[2], sys.argv[3])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", metavar="REV")
    parser.add_argument("--only", nargs="*", default=[], help="parts of the cases' names")
    parser.add_argument("--busy", action="store_true")
    arguments = parser.parse_args()
    with revision(arguments.before) if arguments.before else nullcontext() as before:
        for name in CASES:
            if arguments.only and not any(part in name for part in arguments.only):
                continue
            print(name, flush=True)
            if before is not None:
                report("before", run(before, name, "old"))
            report("chosen sampling", run(ROOT, name, "chosen"))
            report("sampling as before", run(ROOT, name, "default"))
            if arguments.busy:
                other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
                try:
                    report("chosen sampling, beside another", run(ROOT, name, "chosen"))
                finally:
                    other.kill()
                    other.wait()


if __name__ == "__main__":
    main()
