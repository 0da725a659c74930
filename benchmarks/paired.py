"""How long two revisions of the project take, in turn, in one run.

    python benchmarks/paired.py --before REV [--rounds 15] [--only NAME ...]

For inference (with the fit and without), a map, the service (from its start until
``/health/ready`` answers) and ``pacbed --help``: the working tree and a revision of the
repository take turns, so that other load meets both. Prints the median of the ratios old over
new, by the clock and in processor time, which other load disturbs least; above 1 the working
tree is the quicker one.
"""

import argparse
import json
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
from revisions import ROOT, pacbed, revision, start
from service_tools import cpu_seconds

EXAMPLE = ROOT / "examples" / "sto-001-300kV_42nm.npy"
#: How often one timing of an inference infers.
REPEATS = {"fit": 3, "networks": 20}
#: Rounds of an inference for each round of the rest: they are short.
MORE = 4


class Inferring:
    """A process of one revision that infers an example when it is told to."""

    def __init__(self, root: Path) -> None:
        self._process = start(
            root, [__file__, "--infer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for what in REPEATS:
            self.seconds(what)

    def seconds(self, what: str) -> list[float]:
        """Clock and processor time of some inferences."""
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def infer_when_told() -> None:
    """What the process of :class:`Inferring` does."""
    from pacbed import load_bundle, open_predictor, read_pattern

    predictor = open_predictor(load_bundle("sto-001-300kV"))
    pattern = read_pattern(EXAMPLE).data
    for line in sys.stdin:
        what = line.strip()
        started = time.perf_counter(), time.process_time()
        for _ in range(REPEATS[what]):
            predictor.infer(pattern, 20.0, refine=what == "fit")
        spent = time.perf_counter() - started[0], time.process_time() - started[1]
        print(json.dumps(spent), flush=True)


def children_seconds() -> float:
    """Processor time of all processes that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_seconds(root: Path, *arguments: str, folder: str) -> tuple[float, float]:
    """Clock and processor time of a command."""
    started, spent = time.perf_counter(), children_seconds()
    process = start(
        root, pacbed(*arguments), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    if process.wait():
        raise SystemExit(f"{root}: pacbed {' '.join(arguments)} failed")
    return time.perf_counter() - started, children_seconds() - spent


def ready_seconds(root: Path, folder: str) -> tuple[float, float]:
    """Clock and processor time from the start of the service until it is ready."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    started = time.perf_counter()
    process = start(
        root, pacbed("serve", "--port", str(port)), cwd=folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=60)
                return time.perf_counter() - started, cpu_seconds(process.pid)
            except OSError:
                if process.poll() is not None or time.perf_counter() - started > 120:
                    raise SystemExit(f"{root}: the service did not start") from None
                time.sleep(0.01)
    finally:
        process.terminate()
        process.wait(60)


def in_turn(name: str, old, new, rounds: int) -> dict[str, list[float]]:
    """Time two works in turn, each of them first every other time, and print what came out."""
    # Modules are compiled, files are cached.
    for work in (old, new):
        work()
    pairs = []
    for number in range(rounds):
        if number % 2:
            second, first = new(), old()
        else:
            first, second = old(), new()
        pairs.append((first, second))
    times = np.array(pairs)
    low, middle, high = np.quantile(times[:, 0] / times[:, 1], [0.25, 0.5, 0.75], axis=0)
    before, after = np.median(times, axis=0)
    words = [
        f"{kind} {middle[n]:.3f} ({low[n]:.3f} to {high[n]:.3f}), "
        f"{before[n] * 1e3:.0f} and {after[n] * 1e3:.0f} ms"
        for n, kind in enumerate(("clock", "processor"))
    ]
    print(f"{name:22s} {rounds} pairs, old/new: {'; '.join(words)}", flush=True)
    return {"ratio": list(middle), "old_s": list(before), "new_s": list(after)}


def measure(before: Path, folder: str, rounds: int, only: list[str]) -> dict[str, dict]:
    roots, found = (before, ROOT), {}

    def wanted(name: str) -> bool:
        return not only or name in only

    if wanted("inference"):
        workers = [Inferring(root) for root in roots]
        for what, words in (("fit", "inference, fit"), ("networks", "inference, networks")):
            old, new = (lambda w=w, what=what: w.seconds(what) for w in workers)
            found[words] = in_turn(words, old, new, MORE * rounds)
        for worker in workers:
            worker.end()
    if wanted("map"):
        wedge = ("wedge", "-o", "wedge.npy", "--detector", "96")
        run_seconds(ROOT, *wedge, folder=folder)
        asked = ("map", "wedge.npy", "--system", "sto-001-300kV", "--convergence", "20",
                 "--step", "0.1", "--window", "4", "--workers", "1", "-o", "map.npz")  # fmt: skip
        old, new = (lambda r=r: run_seconds(r, *asked, folder=folder) for r in roots)
        found["map"] = in_turn("map", old, new, max(3, rounds // 3))
    if wanted("service"):
        old, new = (lambda r=r: ready_seconds(r, folder) for r in roots)
        found["service"] = in_turn("start of the service", old, new, rounds)
    if wanted("help"):
        old, new = (lambda r=r: run_seconds(r, "--help", folder=folder) for r in roots)
        found["help"] = in_turn("pacbed --help", old, new, rounds)
    return found


def main() -> None:
    if sys.argv[1:] == ["--infer"]:
        infer_when_told()
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", required=True, metavar="REV")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="*", default=[], help="inference, map, service, help")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    with revision(arguments.before) as before, tempfile.TemporaryDirectory() as folder:
        found = measure(before, folder, arguments.rounds, arguments.only)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
