"""Frozen-phonon patterns as a detector records them, for measuring and calibrating.

Each pattern of the set (``reference_set.py``) is turned, resized and moved at random,
recorded with one of several doses, and given to the predictor without its camera
length. Runs are dealt into two halves, so that what is calibrated on one is reported on
the other. Nothing is trained on these patterns.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

from pacbed.calibrate.recorded import DOSES
from pacbed.pattern.detector import DetectorEffects, apply_effects, perfect_detector
from pacbed.pattern.geometry import rotation_matrix

SIZE = 160


@dataclass(frozen=True)
class Trial:
    """One recorded pattern and its truth; `half` is 0 for calibration, 1 for reporting."""

    image: np.ndarray
    system: str
    half: int
    dose: float
    thickness_nm: float
    tilt: np.ndarray
    convergence_mrad: float
    mrad_per_pixel: float
    #: Column and row of the disk's centre, pixels.
    center: np.ndarray
    run: int


def trials(folder: Path, system: str, half: int, seed: int, doses=DOSES, thinnest_nm=5.0):
    """Yield the trials of a system in one half of the set."""
    rows = [
        row
        for row in csv.DictReader((folder / "patterns.csv").open(encoding="utf-8"))
        if row["system"] == system
        and (int(row["run"]) // 4) % 2 == half
        and thinnest_nm <= float(row["thickness_nm"]) <= 100
    ]
    loaded: dict[str, np.ndarray] = {}
    for number, row in enumerate(rows):
        if row["path"] not in loaded:
            with np.load(folder / row["path"], allow_pickle=False) as arrays:
                loaded = {row["path"]: arrays["patterns"].astype(np.float32)}
        frame = loaded[row["path"]][int(row["frame"])]
        for index, dose in enumerate(doses):
            rng = np.random.default_rng([seed, int(row["run"]), number, index])
            yield _record(frame, row, half, dose, rng)


def _record(frame, row, half, dose, rng) -> Trial:
    step = float(row["mrad_per_pixel"])
    alpha = float(row["convergence_mrad"])
    # As large as the recorded field allows: no pixel lies outside the frame.
    reach = (min(frame.shape) / 2 - 1) * step
    turn = rotation_matrix(rng.uniform(-180, 180))
    scale = 2 * reach / SIZE * rng.uniform(0.92, 1.0)
    centre = (SIZE - 1) / 2 + rng.normal(0, 1.5, 2)
    axis = np.arange(SIZE)
    x, y = np.meshgrid(axis - centre[0], axis - centre[1])
    angle = np.stack([x, y], axis=-1) * scale @ turn
    position = angle / step
    image = map_coordinates(
        frame,
        [position[..., 1] + float(row["center_row_px"]),
         position[..., 0] + float(row["center_column_px"])],
        order=3, mode="nearest",
    )  # fmt: skip
    effects = _detector(dose, alpha / scale, rng)
    image = apply_effects(np.maximum(image, 0)[None], effects, rng)[0]
    tilt = turn @ np.array([float(row["tilt_x_mrad"]), float(row["tilt_y_mrad"])])
    thickness = float(row["thickness_nm"])
    run = int(row["run"])
    return Trial(image, row["system"], half, dose, thickness, tilt, alpha, scale, centre, run)


def _detector(dose, aperture_px, rng) -> DetectorEffects:
    """A good detector: its point spread, read noise, and the dose."""
    if not np.isfinite(dose):
        return perfect_detector(1)
    return perfect_detector(
        1, dose=dose, blur_px=rng.uniform(0.3, 1.0), read_noise=0.005, offset=0.02
    )
