"""Answers of one revision to what ``unchanged_cases.py`` asks; run by ``unchanged.py``.

    python benchmarks/unchanged_answers.py FOLDER OUT

It knows the public names of the package and the command line alone, so that it runs with
revisions whose modules lie elsewhere.
"""

import json
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from revisions import pacbed
from unchanged_cases import WEDGE

from pacbed import installed_systems, load_bundle, open_predictor, read_pattern

NUMBERS = (
    "thickness_nm", "thickness_std_nm", "tilt_x_mrad", "tilt_y_mrad", "tilt_std_mrad",
    "mistilt_mrad", "residual", "mrad_per_pixel", "center_row_px", "center_column_px",
    "rotation_deg",
)  # fmt: skip
MAPS = ("thickness_nm", "thickness_std_nm", "tilt_x_mrad", "tilt_y_mrad", "tilt_std_mrad",
        "residual")  # fmt: skip


def essence(answer: dict) -> dict:
    """What is compared of an answer, as plain values."""
    found = {name: answer[name] for name in NUMBERS}
    for number, other in enumerate(answer["alternatives"]):
        found |= {f"alternative {number} {name}": value for name, value in other.items()}
    return {"numbers": found, "status": answer["status"], "warnings": list(answer["warnings"])}


def answers(folder: Path):
    """Group, name and essence of all answers in Python."""
    cases = json.loads((folder / "cases.json").read_text())
    data = folder / "data"
    systems = installed_systems(data)

    @cache
    def predictor(system):
        return open_predictor(load_bundle(system, data=data))

    with np.load(folder / "patterns.npz") as arrays:
        patterns = [arrays[f"arr_{number}"] for number in range(len(arrays.files))]
    for case in cases:
        source = case["source"]
        image = patterns[source] if isinstance(source, int) else read_pattern(Path(source)).data
        system = case["system"] or next(
            s.id
            for s in systems
            if s.material.lower() == case["material"].lower()
            and abs(s.high_tension_kV - float(case["high_tension_kV"])) < 1
            and list(s.zone_axis) == [int(i) for i in case["zone_axis"].split()]
        )
        try:
            answer = predictor(system).infer(
                image, case["convergence_mrad"], case["mrad_per_pixel"], case["refine"]
            )
        except Exception as error:  # a refusal is an answer too
            found = {"numbers": {}, "status": type(error).__name__, "warnings": [str(error)]}
        else:
            found = essence(answer.to_dict())
        yield case["group"], case["name"], found


def command(folder: Path, *arguments: str) -> str:
    """What a command prints."""
    done = subprocess.run(
        [sys.executable, *pacbed(*arguments)],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def ranked(folder: Path):
    """The examples, asked of any system by the command line."""
    for path in sorted(folder.glob("*nm.npy")):
        options = ("--system", "any", "--convergence", "20", "--json")
        answer = json.loads(command(folder, "infer", path.name, *options))
        found = essence(answer)
        found["status"] += " " + " ".join(entry["system"] for entry in answer["ranking"])
        yield "any system", path.name, found


def maps(folder: Path):
    """Windows of the wedge's maps by the command line, one answer each."""
    system, convergence, step = WEDGE
    base = ("map", str(folder / "wedge.npy"), "--system", system, "--convergence",
            str(convergence), "--step", "0.1", "--window", "4", "--workers", "1")  # fmt: skip
    for name, options in (
        ("map, fit", ()),
        ("map, fit, scale given", ("--mrad-per-pixel", str(step), "--samples", "8")),
        ("map, networks", ("--no-refine",)),
    ):
        with tempfile.TemporaryDirectory() as output:
            command(folder, *base, *options, "-o", f"{output}/map.npz")
            with np.load(f"{output}/map.npz", allow_pickle=False) as arrays:
                fields = {n: arrays[n] for n in (*MAPS, "status", "jump", "tilt_joined")}
        for place in np.ndindex(fields["status"].shape):
            status = [int(fields[n][place]) for n in ("status", "jump", "tilt_joined")]
            numbers = {n: float(fields[n][place]) for n in MAPS}
            numbers = {n: None if np.isnan(value) else value for n, value in numbers.items()}
            yield name, str(place), {"numbers": numbers, "status": str(status), "warnings": []}


def main() -> None:
    folder, output = map(Path, sys.argv[1:])
    found = [*answers(folder), *ranked(folder), *maps(folder)]
    output.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
