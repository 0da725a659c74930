"""Frozen-phonon patterns as one session of a microscope records them.

All patterns of a session have one camera length, distortion and convergence angle; thickness, place
and noise differ. The frames are those of ``reference_set.py``, or the small set of the tests.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from reference_trials import SIZE
from scipy.ndimage import map_coordinates

from pacbed.pattern.detector import apply_effects, perfect_detector
from pacbed.pattern.detector_geometry import DetectorGeometry

#: Electrons in a pattern.
DOSES = (1e5, 1e7)
LARGEST_ELLIPTICITY = 0.02
#: Share of the recorded field that a frame may take.
_FIELD = (0.86, 0.95)


@dataclass(frozen=True)
class Recorded:
    """One pattern and the truth of its specimen; the tilt is in the pattern, mrad."""

    image: np.ndarray
    thickness_nm: float
    tilt: np.ndarray


@dataclass(frozen=True)
class Session:
    """Patterns of one session, and its truth."""

    system: str
    convergence_mrad: float
    geometry: DetectorGeometry
    patterns: tuple[Recorded, ...]


def sessions(
    folder: Path, seed: int, copies: int = 1, thinnest_nm: float = 5.0
) -> Iterator[Session]:
    """Yield one session for each run of a set; each frame is recorded `copies` times."""
    runs = defaultdict(list)
    for row in csv.DictReader((folder / "patterns.csv").open(encoding="utf-8")):
        if thinnest_nm <= float(row["thickness_nm"]) <= 100:
            runs[row["system"], row["path"], int(row["run"])].append(row)
    for (system, path, run), rows in runs.items():
        with np.load(folder / path, allow_pickle=False) as arrays:
            frames = arrays["patterns"].astype(np.float32)
        rng = np.random.default_rng([seed, run])
        geometry = _geometry(rows, frames.shape[1:], rng)
        patterns = tuple(
            _record(frames[int(row["frame"])], row, geometry, rng)
            for row in rows
            for _ in range(copies)
        )
        yield Session(system, float(rows[0]["convergence_mrad"]), geometry, patterns)


def _geometry(rows, shape, rng) -> DetectorGeometry:
    reach = (min(shape) / 2 - 1) * float(rows[0]["mrad_per_pixel"])
    size = LARGEST_ELLIPTICITY * np.sqrt(rng.random())
    twice = rng.uniform(0, 2 * np.pi)
    return DetectorGeometry(
        2 * reach / SIZE * rng.uniform(*_FIELD),
        rng.uniform(-np.pi, np.pi),
        (float(size * np.cos(twice)), float(size * np.sin(twice))),
    )


def _record(frame, row, geometry, rng) -> Recorded:
    step = float(row["mrad_per_pixel"])
    centre = (SIZE - 1) / 2 + rng.normal(0, 1.5, 2)
    x, y = np.meshgrid(np.arange(SIZE) - centre[0], np.arange(SIZE) - centre[1])
    place = np.stack([x, y], axis=-1) @ geometry.to_crystal.T / step
    image = map_coordinates(
        frame,
        [place[..., 1] + float(row["center_row_px"]),
         place[..., 0] + float(row["center_column_px"])],
        order=3, mode="nearest",
    )  # fmt: skip
    dose = float(np.exp(rng.uniform(*np.log(DOSES))))
    effects = perfect_detector(
        1, dose=dose, blur_px=rng.uniform(0.3, 1.0), read_noise=0.005, offset=0.02
    )
    image = apply_effects(np.maximum(image, 0)[None], effects, rng)[0]
    turn = geometry.rotation
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    tilt = matrix @ np.array([float(row["tilt_x_mrad"]), float(row["tilt_y_mrad"])])
    return Recorded(image, float(row["thickness_nm"]), tilt)
