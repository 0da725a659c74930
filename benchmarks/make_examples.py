"""Make the example patterns in examples/ from the frozen-phonon reference.

    python benchmarks/make_examples.py [--keep FOLDER] [--output examples]

Each pattern is simulated by multislice (frozen phonons, scanned probe), turned,
resampled off-centre on a 256 x 256 camera, blurred by the camera's point spread and
counted with Poisson noise, gain, read noise and an offset. None of the project's own
synthesis or detector code takes part, so that the examples test it. ``--keep`` names
a folder for its patterns; kept ones are used again if nothing has changed.
"""

import argparse
import csv
import datetime
import io
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from pacbed.crystal.structure import Crystal
from pacbed.files import write_atomically
from pacbed.library.recipe import load_recipe
from pacbed.reference import ReferenceOptions, ReferencePatterns, simulate_reference

ROOT = Path(__file__).resolve().parents[1]
SHAPE = (256, 256)
#: Camera: electrons in the pattern, counts per electron, offset, read noise (counts).
DOSE = 1.0e6
GAIN = 12.0
OFFSET = 120.0
READ_NOISE = 4.0
#: Standard deviation of the gain between pixels after flat-fielding.
GAIN_SPREAD = 0.01
#: Point spread: a core and a tail, widths (standard deviation) in pixels, share of the tail.
CORE_PX, TAIL_PX, TAIL_SHARE = 1.0, 6.0, 0.1

COLUMNS = (
    "path",
    "material",
    "high_tension_kV",
    "zone_axis",
    "convergence_mrad",
    "thickness_min_nm",
    "thickness_max_nm",
    "label_origin",
    "tilt_x_mrad",
    "tilt_y_mrad",
    "mrad_per_pixel",
)


@dataclass(frozen=True)
class Example:
    """One pattern: what is simulated and how the camera lies under it.

    The tilt is the one in the crystal's frame; `rotation_deg` turns the pattern, and
    the tilt with it, from +x towards +y.
    """

    system: str
    thickness_nm: float
    convergence_mrad: float
    tilt_mrad: tuple[float, float]
    max_angle_mrad: float
    sampling_A: float
    resolution_mrad: float
    seed: int
    rotation_deg: float
    mrad_per_pixel: float
    center_px: tuple[float, float]

    @property
    def name(self) -> str:
        return f"{self.system}_{self.thickness_nm:g}nm"

    @property
    def options(self) -> ReferenceOptions:
        kilovolt = float(self.system.rsplit("-", 1)[1].removesuffix("kV"))
        return ReferenceOptions(
            high_tension_kV=kilovolt,
            convergence_mrad=self.convergence_mrad,
            thicknesses_nm=(self.thickness_nm,),
            tilt_x_mrad=self.tilt_mrad[0],
            tilt_y_mrad=self.tilt_mrad[1],
            configurations=4,
            slice_thickness_A=2.0,
            sampling_A=self.sampling_A,
            max_angle_mrad=self.max_angle_mrad,
            seed=self.seed,
            resolution_mrad=self.resolution_mrad,
        )

    @property
    def pattern_tilt_mrad(self) -> tuple[float, float]:
        x, y = _turned(np.array(self.tilt_mrad), self.rotation_deg)
        return float(x), float(y)


# system, nm, mrad, tilt, field, sampling, resolution, seed, rotation, mrad/px, (row, column)
EXAMPLES = (
    Example("rutile-001-80kV", 27.0, 20.0, (-3.5, -2.0), 55.0, 0.1, 0.55, 20261127,
            75.0, 0.31, (123.2, 130.7)),
    Example("sto-001-80kV", 18.0, 21.0, (0.8, -3.0), 55.0, 0.1, 0.54, 20261126,
            8.0, 0.30, (129.9, 121.6)),
    Example("sto-001-200kV", 56.0, 15.0, (-1.5, 2.5), 45.0, 0.1, 0.54, 20261125,
            -38.0, 0.22, (121.4, 124.8)),
    Example("sto-001-300kV", 42.0, 20.0, (2.0, 1.0), 51.0, 0.09, 0.51, 20261124,
            17.0, 0.28, (131.5, 122.3)),
)  # fmt: skip


def _turned(vectors: np.ndarray, angle_deg: float) -> np.ndarray:
    """Turn (x, y) in the last axis from +x towards +y."""
    c, s = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    return np.asarray(vectors @ np.array([[c, s], [-s, c]]))


def _comparable(cell: np.ndarray, symbols: list[str], positions: np.ndarray, b: np.ndarray) -> str:
    """A text that is equal for equal crystals, whatever the order of their sites."""
    sites = sorted(
        (symbol, *(f"{x:.4f}" for x in np.mod(np.round(place, 5), 1)), f"{factor:.4f}")
        for symbol, place, factor in zip(symbols, positions, b, strict=True)
    )
    return json.dumps([np.round(cell, 4).tolist(), sites])


def reference(example: Example, crystal: Crystal, keep: Path | None) -> ReferencePatterns:
    """The pattern: the kept one if it was made with the same options and crystal."""
    path = keep / f"{example.system}.npz" if keep else None
    if path is not None and path.exists():
        kept = ReferencePatterns.load(path)
        options = json.loads(json.dumps(asdict(example.options)))
        found = kept.provenance["crystal"]
        if kept.provenance["options"] == options and _comparable(
            np.array(found["cell_A"]),
            found["symbols"],
            np.array(found["positions"]),
            np.array(found["b_iso_A2"]),
        ) == _comparable(crystal.cell, list(crystal.symbols), crystal.positions, crystal.b_iso):
            return kept
    started = time.perf_counter()

    def progress(done: int, total: int) -> None:
        seconds = time.perf_counter() - started
        print(f"{example.system}: {done}/{total}, {seconds:.0f} s", file=sys.stderr, flush=True)

    result = simulate_reference(crystal, (0, 0, 1), example.options, progress)
    if path is not None:
        result.save(path)
    return result


def record(example: Example, result: ReferencePatterns) -> np.ndarray:
    """What the camera makes of a pattern: counts, uint16."""
    pattern = result.patterns[0].astype(float)
    step = np.array(result.mrad_per_pixel)
    rows, columns = np.indices(SHAPE)
    row, column = example.center_px
    angles = np.stack([columns - column, rows - row], axis=-1) * example.mrad_per_pixel
    angles = _turned(angles, -example.rotation_deg)
    places = np.stack(
        [
            angles[..., 1] / step[0] + pattern.shape[0] // 2,
            angles[..., 0] / step[1] + pattern.shape[1] // 2,
        ]
    )
    largest = np.array(pattern.shape)[:, None, None] - 1
    if np.any(places < 0) or np.any(places > largest):
        raise SystemExit(f"{example.name}: the camera sees more than was simulated")
    share = map_coordinates(pattern, places, order=1) * example.mrad_per_pixel**2 / step.prod()
    spread = (1 - TAIL_SHARE) * gaussian_filter(share, CORE_PX)
    spread += TAIL_SHARE * gaussian_filter(share, TAIL_PX)
    generator = np.random.default_rng(example.seed)
    electrons = generator.poisson(spread * DOSE)
    gain = GAIN * generator.normal(1.0, GAIN_SPREAD, SHAPE)
    counts = electrons * gain + OFFSET + generator.normal(0.0, READ_NOISE, SHAPE)
    return np.clip(np.round(counts), 0, 65535).astype(np.uint16)


def label(example: Example, material: str, result: ReferencePatterns) -> dict[str, object]:
    thickness = f"{float(result.thicknesses_nm[0]):.2f}"
    tilt_x, tilt_y = example.pattern_tilt_mrad
    return {
        "path": f"{example.name}.npy",
        "material": material,
        "high_tension_kV": f"{example.options.high_tension_kV:g}",
        "zone_axis": "0 0 1",
        "convergence_mrad": f"{example.convergence_mrad:g}",
        "thickness_min_nm": thickness,
        "thickness_max_nm": thickness,
        "label_origin": "simulated: frozen phonons",
        "tilt_x_mrad": f"{tilt_x:.3f}",
        "tilt_y_mrad": f"{tilt_y:.3f}",
        "mrad_per_pixel": f"{example.mrad_per_pixel:g}",
    }


def write_labels(output: Path, rows: list[dict[str, object]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(output / "labels.csv", text.getvalue().encode())


README = """\
# Example patterns

Simulated, not measured: PACBED patterns of the shipped systems by
frozen-phonon multislice with a scanned probe, as a camera would record them. They
contain thermal diffuse scattering, which the tables behind the networks do not.

`labels.csv` holds the truth in the columns that `pacbed evaluate` reads:

    pacbed evaluate examples/labels.csv

Thickness is along the zone axis. The tilt (x, y) is the position of the zone axis in
the pattern as it is stored, seen from the centre of the bright-field disk, in mrad
(x: columns to the right, y: rows downwards).

## How they were made

On {date} with

    python benchmarks/make_examples.py

using {engine}, Lobato potentials, {configurations} frozen-phonon configurations and a slice for
each layer of atoms. The probe stood on the smallest grid of the unit cell that
cancels the interference of overlapping disks. The camera: {rows} x {columns} pixels, uint16,
{dose:.0e} incident electrons, {gain:g} counts per electron with {spread:.0%} variation between
pixels, offset {offset:g} and read noise {noise:g} counts, point spread with a core of {core:g}
and a tail ({tail_share:.0%}) of {tail:g} pixels standard deviation.

{table}
The tilt in this table is in the crystal's frame; `labels.csv` has it turned with the pattern.
"""


def write_readme(output: Path, made: list[tuple[Example, ReferencePatterns]], date: str) -> None:
    lines = [
        "| file | thickness (nm) | α (mrad) | tilt (mrad) | rotation (°) | mrad/pixel | "
        "centre (row, column) | probe grid | supercell (Å) | pixel (Å) | seed |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for example, result in made:
        details = result.provenance
        (width, _), (_, height) = details["supercell_A"]
        lines.append(
            f"| `{example.name}.npy` | {result.thicknesses_nm[0]:.2f} | "
            f"{example.convergence_mrad:g} | {example.tilt_mrad[0]:g}, {example.tilt_mrad[1]:g} | "
            f"{example.rotation_deg:g} | {example.mrad_per_pixel:g} | "
            f"{example.center_px[0]:g}, {example.center_px[1]:g} | "
            f"{' x '.join(map(str, details['probe_positions']))} | {width:.1f} x {height:.1f} | "
            f"{width / details['grid'][0]:.3f} | {example.seed} |"
        )
    text = README.format(
        date=date,
        engine=made[0][1].provenance["engine"],
        configurations=made[0][0].options.configurations,
        rows=SHAPE[0],
        columns=SHAPE[1],
        dose=DOSE,
        gain=GAIN,
        spread=GAIN_SPREAD,
        offset=OFFSET,
        noise=READ_NOISE,
        core=CORE_PX,
        tail=TAIL_PX,
        tail_share=TAIL_SHARE,
        table="\n".join(lines) + "\n",
    )
    write_atomically(output / "README.md", text.encode())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "examples")
    parser.add_argument("--keep", type=Path, help="folder to keep the simulated patterns in")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    arguments = parser.parse_args()
    for folder in filter(None, (arguments.output, arguments.keep)):
        folder.mkdir(parents=True, exist_ok=True)
    made, rows = [], []
    for example in EXAMPLES:
        recipe = load_recipe(ROOT / "recipes" / f"{example.system}.toml")
        result = reference(example, recipe.crystal, arguments.keep)
        content = io.BytesIO()
        np.save(content, record(example, result), allow_pickle=False)
        write_atomically(arguments.output / f"{example.name}.npy", content.getvalue())
        made.append((example, result))
        rows.append(label(example, recipe.system.material, result))
    write_labels(arguments.output, rows)
    write_readme(arguments.output, made, arguments.date)
    print(f"{len(made)} patterns in {arguments.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
