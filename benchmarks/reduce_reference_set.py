"""The small copy of the reference set that the tests use.

    python benchmarks/reduce_reference_set.py SET [--frames 60] [--output FOLDER]

Takes frames evenly over systems, runs and thicknesses, resamples them to 64 x 64
pixels over the same field, stores them as uint16 in one .npz without pickles, and
writes their table and a README beside it. The resampling averages each new pixel
over 4 x 4 points of the linear interpolation of the original.
"""

import argparse
import csv
import io
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

from pacbed.files import write_atomically

ROOT = Path(__file__).resolve().parents[1]
SIZE = 64
#: Half of the frame in convergence semi-angles; the simulated field is 1.42.
HALF_FIELD = 1.38
#: Points along each axis that a pixel averages.
POINTS = 4
#: Intensities of the empty disk per unit of the stored integers.
QUANTUM = 1e-4

README = """\
# Reference patterns for the tests

{count} frozen-phonon PACBED patterns of the shipped systems by multislice with
exactly placed atoms, noise-free, {size} x {size} pixels: `patterns.npz`, array `patterns`
(uint16; times {quantum:g} it is the intensity in units of the empty bright-field disk),
one line of `patterns.csv` to a frame in the same order. Signs and units are those of the
project: tilt (x, y) is the position of the zone axis seen from the centre of the disk.

They are for measuring only; nothing is trained on them. The systems take turns in `run`:
where `run // 4` is even the frames are for calibration, where it is odd for the figures
that are reported.

Made with

    python benchmarks/reference_set.py SET --runs {runs} --seed {seed}
    python benchmarks/reduce_reference_set.py SET --frames {count}

The phonons leave noise of 1 to 4 % of the mean in each pixel of the original frames:
{configurations} configurations share the probe positions of one scan, and stack 32 periods
of drawn displacements in random order and place.
"""


def choose(lines: list[dict[str, str]], count: int) -> list[dict[str, str]]:
    """Frames at evenly spaced ranks of thickness, the runs of a system in turn."""
    systems = sorted({line["system"] for line in lines})
    chosen = []
    for number, name in enumerate(systems):
        share = count // len(systems) + (number < count % len(systems))
        runs = sorted({int(line["run"]) for line in lines if line["system"] == name})
        for place in range(share):
            run = runs[place % len(runs)]
            frames = [line for line in lines if int(line["run"]) == run]
            # Golden-ratio steps spread the thicknesses of each run.
            rank = int(np.mod(0.5 + 0.6180339887 * place, 1) * len(frames))
            chosen.append(frames[rank])
    return chosen


def shrink(frame: np.ndarray, line: dict[str, str]) -> tuple[np.ndarray, float]:
    """The frame on SIZE x SIZE pixels, and the angle of one of them in mrad."""
    pixel = 2 * HALF_FIELD * float(line["convergence_mrad"]) / SIZE
    offsets = (np.arange(SIZE * POINTS) + 0.5) / POINTS - SIZE / 2
    steps = offsets * pixel / float(line["mrad_per_pixel"])
    places = np.meshgrid(
        steps + int(line["center_row_px"]), steps + int(line["center_column_px"]), indexing="ij"
    )
    fine = map_coordinates(frame.astype(float), places, order=1)
    return fine.reshape(SIZE, POINTS, SIZE, POINTS).mean(axis=(1, 3)), pixel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--output", type=Path, default=ROOT / "tests" / "data" / "reference_set")
    arguments = parser.parse_args()
    with (arguments.set / "patterns.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    chosen = choose(lines, arguments.frames)
    frames, table = [], []
    for number, line in enumerate(chosen):
        with np.load(arguments.set / line["path"], allow_pickle=False) as archive:
            frame, pixel = shrink(archive["patterns"][int(line["frame"])], line)
        frames.append(np.clip(np.round(frame / QUANTUM), 0, 65535).astype(np.uint16))
        table.append(
            {
                **line,
                "path": "patterns.npz",
                "frame": number,
                "mrad_per_pixel": f"{pixel:.6f}",
                "center_row_px": (SIZE - 1) / 2,
                "center_column_px": (SIZE - 1) / 2,
            }
        )
    arguments.output.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    np.savez_compressed(content, patterns=np.array(frames))
    write_atomically(arguments.output / "patterns.npz", content.getvalue())
    text = io.StringIO()
    writer = csv.DictWriter(text, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    write_atomically(arguments.output / "patterns.csv", text.getvalue().encode())
    readme = README.format(
        count=len(frames),
        size=SIZE,
        quantum=QUANTUM,
        runs=1 + max(int(line["run"]) for line in lines),
        seed=int(lines[0]["seed"]) - int(lines[0]["run"]),
        configurations=lines[0]["configurations"],
    )
    write_atomically(arguments.output / "README.md", readme.encode())
    print(f"{len(frames)} frames, {len(content.getvalue()) / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
