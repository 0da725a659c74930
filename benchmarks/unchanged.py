"""Whether two revisions of the project give the same answers.

    python benchmarks/unchanged.py --before REV [--patterns 60] [--measured DIR]

The working tree is compared with a revision of the repository: on the reference patterns of
the tests and the examples, with and without the fit, with the angle per pixel given and not;
on models that choose among labels; on the examples asked of any system; on maps of a simulated
wedge; and on measured patterns, where a folder with a ``labels.csv`` is given. Prints, for
each group, the largest differences and the case with the largest one. Exit status 1 unless
each thickness is the same to 1e-6 nm, each tilt to 1e-6 mrad (1e-4 in the map by the networks
alone), and each status the same.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

from revisions import ROOT, revision, start

LARGEST = 1e-6
#: Networks compute in single precision: where they look at a geometry that was fitted, its last
#: digits of double precision move their answers this much.
LARGEST_OF = {"map, networks": 1e-4}
#: What a number belongs to, by the beginning of its name; the first that fits.
KINDS = {
    "thickness_std": "std", "tilt_std": "std", "thickness": "thickness/nm",
    "tilt": "tilt/mrad", "mistilt": "tilt/mrad", "residual": "residual",
}  # fmt: skip
COLUMNS = ("thickness/nm", "tilt/mrad", "std", "residual", "others", "status", "words")


def differences(before: dict, after: dict) -> dict[str, float]:
    """Largest difference of each kind between two answers, and whether the words differ."""
    found = dict.fromkeys(COLUMNS, 0.0)
    first, second = before["numbers"], after["numbers"]
    for name in {**first, **second}:
        kind = next((k for start, k in KINDS.items() if name.startswith(start)), "others")
        found[kind] = max(found[kind], difference(first.get(name), second.get(name)))
    found["status"] = float(before["status"] != after["status"])
    found["words"] = float(before["warnings"] != after["warnings"])
    return found


def difference(first: float | None, second: float | None) -> float:
    if first is None or second is None:
        return 0.0 if first is second else math.inf
    return abs(first - second)


def ask(folder: Path, before: Path) -> list[list]:
    """Answers of both revisions, at the same time."""
    script = str(ROOT / "benchmarks" / "unchanged_answers.py")
    running = []
    for name, root in (("before", before), ("after", ROOT)):
        output = folder / f"{name}.json"
        running.append((start(root, [script, str(folder), str(output)]), output))
    for process, _ in running:
        process.wait()
    if any(process.returncode for process, _ in running):
        raise SystemExit("a revision did not answer")
    return [json.loads(output.read_text()) for _, output in running]


def compare(before: list, after: list) -> bool:
    """Print the table of the groups; whether all is the same."""
    if [answer[:2] for answer in before] != [answer[:2] for answer in after]:
        raise SystemExit("the revisions answered different questions")
    print(f"{'group':40s} {'answers':>7s}" + "".join(f"{c:>14s}" for c in COLUMNS) + "  where most")
    same = True
    for group in dict.fromkeys(answer[0] for answer in before):
        rows = [
            (one[1], differences(one[2], other[2]))
            for one, other in zip(before, after, strict=True)
            if one[0] == group
        ]
        largest = {c: max(row[c] for _, row in rows) for c in COLUMNS[:5]}
        largest |= {c: sum(row[c] for _, row in rows) for c in COLUMNS[5:]}
        moved = max(largest["thickness/nm"], largest["tilt/mrad"]) > LARGEST_OF.get(group, LARGEST)
        same &= not moved and not largest["status"]
        worst = max(rows, key=lambda item: (item[1]["status"], *item[1].values()))
        print(
            f"{group:40s} {len(rows):7d}"
            + "".join(f"{largest[c]:14.2g}" for c in COLUMNS)
            + (f"  {worst[0]}" if any(worst[1].values()) else "")
        )
    return same


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", required=True, metavar="REV")
    parser.add_argument("--patterns", type=int, default=60, help="of the reference set")
    parser.add_argument("--measured", type=Path, metavar="DIR")
    arguments = parser.parse_args()
    with revision(arguments.before) as before, tempfile.TemporaryDirectory() as folder:
        options = ["--patterns", str(arguments.patterns)]
        if arguments.measured:
            options += ["--measured", str(arguments.measured.resolve())]
        cases = str(ROOT / "benchmarks" / "unchanged_cases.py")
        making = start(ROOT, [cases, folder, *options], stdout=subprocess.DEVNULL)
        if making.wait():
            raise SystemExit("the questions could not be made")
        same = compare(*ask(Path(folder), before))
    print("the answers are the same" if same else "the answers differ")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
