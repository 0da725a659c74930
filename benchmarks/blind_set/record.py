"""Measured patterns of the base files that are there, and their table of labels.

    python benchmarks/blind_set/record.py /tmp/blind

Every thickness of every file in FOLDER/base is turned, moved and resized at random and
recorded with a random dose: FOLDER/patterns/*.npy, and FOLDER/labels.csv as `pacbed
evaluate` reads it, with more columns. Tilts in it are those in the recorded pattern. A
pattern depends on the seed and its own name alone, so the command can be repeated as
the set grows.
"""

import argparse
import csv
import io
import json
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates, spline_filter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from blind_set.crystals import PAIRS
from blind_set.slab import lattice, make_slab

SIZES = (128, 192, 256, 384, 512)
#: Radius of the bright-field disk over half the frame; offset of its centre over the frame.
RADIUS, OFFSET = (0.12, 0.40), 0.15
DOSE = (1e5, 1e7)
#: Beyond the angles that the simulation holds, intensity falls with this power.
FALL = 4.0


@dataclass(frozen=True)
class Pose:
    """How a pattern lies in its frame: pixels, degrees, electrons."""

    size: int
    radius_px: float
    x_px: float
    y_px: float
    rotation_deg: float
    dose: float
    blur_px: float
    offset: float


def draw_pose(rng) -> Pose:
    size = int(rng.choice(SIZES))
    middle = (size - 1) / 2
    return Pose(
        size=size,
        radius_px=rng.uniform(*RADIUS) * size / 2,
        x_px=middle + rng.uniform(-OFFSET, OFFSET) * size,
        y_px=middle + rng.uniform(-OFFSET, OFFSET) * size,
        rotation_deg=rng.uniform(-180, 180),
        dose=float(np.exp(rng.uniform(*np.log(DOSE)))),
        blur_px=rng.uniform(0.2, 0.8),
        offset=rng.uniform(0, 0.03),
    )


@dataclass(frozen=True)
class Base:
    """A base file: see collect.py for its arrays."""

    truth: dict
    disks: np.ndarray
    grid: np.ndarray
    g: np.ndarray
    points: np.ndarray

    @classmethod
    def load(cls, path: Path) -> "Base":
        with np.load(path, allow_pickle=False) as arrays:
            rest = {name: arrays[name] for name in ("disks", "grid", "g", "points")}
            return cls(truth=json.loads(str(arrays["truth"])), **rest)


def render(base: Base, which: int, pose: Pose, finer: int = 1) -> np.ndarray:
    """The pattern of thickness number `which` without noise, per Å⁻² of its plane.

    `finer` points are averaged in each pixel along both axes.
    """
    steps, pitch = base.truth["steps"], base.truth["pitch_per_A"]
    scale = pitch * steps / pose.radius_px / finer
    size = pose.size * finer
    centre = (np.array([pose.x_px, pose.y_px]) + 0.5) * finer - 0.5
    angle = np.deg2rad(pose.rotation_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    x, y = np.meshgrid(np.arange(size) - centre[0], np.arange(size) - centre[1])
    # From the frame to the axes of the crystal, 1/Å from the centre of the disk.
    place = np.stack([x, y], -1) * scale @ turn
    image = _between(base, which, place)
    rim = _covered(base)
    for g, disk in zip(base.g, base.disks[which], strict=True):
        if np.hypot(*g) > rim:
            continue
        middle = centre + turn @ g / scale
        reach = steps * pitch / scale + 1
        low = np.maximum(np.floor(middle - reach), 0).astype(int)
        high = np.minimum(np.ceil(middle + reach), size - 1).astype(int) + 1
        if (high <= low).any():
            continue
        box = (slice(low[1], high[1]), slice(low[0], high[0]))
        image[box] += _disk(base, disk, (place[box] - g) / pitch, scale / pitch)
    image = np.maximum(image, 0)
    return image.reshape(pose.size, finer, pose.size, finer).mean(axis=(1, 3))


def _disk(base: Base, values, place, pixel) -> np.ndarray:
    """One disk at places in steps of the lattice, its rim soft by one pixel."""
    points = base.points.astype(int)
    half = int(np.abs(points).max())
    square = np.full((2 * half + 1,) * 2, np.nan)
    square[points[:, 1] + half, points[:, 0] + half] = values
    nearest = distance_transform_edt(np.isnan(square), return_distances=False, return_indices=True)
    spline = spline_filter(square[tuple(nearest)], order=3, mode="nearest")
    share = np.clip(
        (base.truth["steps"] - np.hypot(*np.moveaxis(place, -1, 0))) / pixel + 0.5, 0, 1
    )
    lit = share > 0
    out = np.zeros(place.shape[:2])
    where = place[lit][:, ::-1].T + half
    out[lit] = share[lit] * map_coordinates(spline, where, order=3, mode="nearest", prefilter=False)
    return out


def _covered(base: Base) -> float:
    """Up to here from the centre of the disk every beam is simulated, 1/Å."""
    truth = base.truth
    return truth["band_per_A"] - truth["steps"] * truth["pitch_per_A"]


def _between(base: Base, which: int, place) -> np.ndarray:
    """What lies outside the disks, without the lattice of the supercell, and beyond."""
    pitch, steps = base.truth["pitch_per_A"], base.truth["steps"]
    # Beams of the supercell stand apart; real diffuse scattering has no such steps.
    blur = min(0.4 * _apart(base.truth["crystal"]) / pitch, 0.25 * steps)
    grid = gaussian_filter(base.grid[which].astype(float), blur)
    half = grid.shape[0] // 2
    axis = np.arange(-half, half + 1) * pitch
    radius = np.hypot(*np.meshgrid(axis, axis))
    rim = _covered(base)
    level = grid[(radius > 0.85 * rim) & (radius < rim)].mean()
    far = level * (np.maximum(radius, 0.5 * rim) / rim) ** -FALL
    inner = np.clip((rim - radius) / (0.1 * rim), 0, 1)
    grid = inner * grid + (1 - inner) * far
    where = np.moveaxis(place, -1, 0)[::-1] / pitch + half
    image = map_coordinates(grid, where, order=1, mode="nearest")
    away = np.hypot(*np.moveaxis(place, -1, 0))
    return np.where(away > axis[-1], level * (np.maximum(away, rim) / rim) ** -FALL, image)


def _apart(crystal: str) -> float:
    """Distance of the beams of a crystal's supercell, 1/Å."""
    pair = next(pair for pair in PAIRS if pair.name == crystal)
    slab = make_slab(lattice(pair.cell), pair.positions_and_choices()[0], pair.zone_axis)
    return float(1 / np.sqrt(slab.area))


def record(base: Base, which: int, pose: Pose, rng) -> np.ndarray:
    """What a camera gives: blurred, counted, on an offset, float32 [row, column]."""
    image = render(base, which, pose, finer=2 if pose.radius_px < 40 else 1)
    image = gaussian_filter(image, pose.blur_px, mode="nearest")
    counts = rng.poisson(image / image.sum() * pose.dose).astype(float)
    top = np.quantile(image, 0.99) / image.sum() * pose.dose
    return (counts + pose.offset * top).astype(np.float32)


def label(base: Base, which: int, pose: Pose, path: str) -> dict:
    """The line of the table."""
    truth = base.truth
    angle = np.deg2rad(pose.rotation_deg)
    x, y = truth["tilt_x_mrad"], truth["tilt_y_mrad"]
    thickness = truth["thickness_nm"][which]
    return {
        "path": path, "high_tension_kV": truth["high_tension_kV"],
        "zone_axis": " ".join(map(str, truth["zone_axis"])),
        "convergence_mrad": truth["convergence_mrad"],
        "thickness_min_nm": thickness, "thickness_max_nm": thickness,
        "label_origin": "frozen phonons",
        "tilt_x_mrad": round(x * np.cos(angle) - y * np.sin(angle), 4),
        "tilt_y_mrad": round(x * np.sin(angle) + y * np.cos(angle), 4),
        "mrad_per_pixel": round(truth["convergence_mrad"] / pose.radius_px, 6),
        "crystal": truth["crystal"], "cif": truth["cif"], "thickness_nm": thickness,
        "rotation_deg": round(pose.rotation_deg, 3), "dose": round(pose.dose),
        "center_column_px": round(pose.x_px, 3), "center_row_px": round(pose.y_px, 3),
        "radius_px": round(pose.radius_px, 3), "size_px": pose.size,
        "blur_px": round(pose.blur_px, 3), "offset": round(pose.offset, 4),
        "draw": truth["draw"], "split": truth["split"],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="has base/; gets patterns/ and labels.csv")
    parser.add_argument("--variants", type=int, default=1, help="recordings of each pattern (1)")
    parser.add_argument("--seed", type=int, default=3, help="of poses and noise (3)")
    arguments = parser.parse_args()
    files = sorted((arguments.folder / "base").glob("*.npz"))
    if not files:
        parser.error(f"{arguments.folder}/base has no files: run simulate.py first")
    (arguments.folder / "patterns").mkdir(exist_ok=True)
    rows = []
    for path in files:
        base = Base.load(path)
        for which in range(len(base.disks)):
            for variant in range(arguments.variants):
                name = f"{path.stem}_{which}_{variant}.npy"
                rng = np.random.default_rng([arguments.seed, zlib.crc32(name.encode())])
                pose = draw_pose(rng)
                target = arguments.folder / "patterns" / name
                if not target.exists():
                    np.save(target, record(base, which, pose, rng), allow_pickle=False)
                rows.append(label(base, which, pose, f"patterns/{name}"))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (arguments.folder / "labels.csv").write_text(text.getvalue(), encoding="utf-8")
    print(f"{len(rows)} patterns of {len({row['crystal'] for row in rows})} crystals")


if __name__ == "__main__":
    main()
