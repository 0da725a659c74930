"""What real detectors do to a right pattern: the faults of ``recorded.py``, one function each."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from reference_trials import Trial
from scipy.ndimage import gaussian_filter

#: Counts of the brightest pixel: room for 16 bits and for what integers hold.
PEAK = 30000.0


@dataclass(frozen=True)
class Disk:
    """Where the bright-field disk of a recorded pattern lies, pixels."""

    row: float
    column: float
    radius: float


@dataclass(frozen=True)
class Fault:
    """A fault, and the words of a refusal that names it.

    Attributes
    ----------
    name : str
    spoil : callable
        Takes pattern, disk and a random generator; gives the spoilt pattern.
    reasons : tuple of str
        A warning or refusal with one of these words says what is wrong.
    """

    name: str
    spoil: Callable[[np.ndarray, Disk, np.random.Generator], np.ndarray]
    reasons: tuple[str, ...] = ()


def counts(image: np.ndarray) -> np.ndarray:
    """Whole counts, as a detector writes them."""
    return np.round(image * (PEAK / image.max())).astype(np.float64)


def cross(width: int, fill: float = 0.0):
    """A dead cross, as between the four chips of a detector, some way off the disk's centre."""

    def spoil(image, disk, rng):
        spoilt = counts(image)
        for axis, middle in enumerate((disk.row, disk.column)):
            at = int(middle + rng.uniform(-0.6, 0.6) * disk.radius)
            spoilt[(slice(at, at + width), slice(None))[:: 1 - 2 * axis]] = fill
        return spoilt

    return spoil


def gap(fill: float):
    """A gap of four rows or columns between two modules."""

    def spoil(image, disk, rng):
        spoilt = counts(image)
        across = rng.random() < 0.5
        at = int((disk.column if across else disk.row) + rng.uniform(-0.6, 0.6) * disk.radius)
        spoilt[(slice(None), slice(at, at + 4)) if across else slice(at, at + 4)] = fill
        return spoilt

    return spoil


def beam_stop(width: int):
    """A rod from the frame's edge to the disk's centre, with a round end and a soft shadow."""

    def spoil(image, disk, rng):
        angle = rng.uniform(0, 2 * np.pi)
        rows, columns = np.indices(image.shape)
        x, y = columns - disk.column, rows - disk.row
        along = x * np.cos(angle) + y * np.sin(angle)
        across = -x * np.sin(angle) + y * np.cos(angle)
        hidden = np.where(along > 0, np.abs(across), np.hypot(along, across)) < width / 2
        shadow = gaussian_filter(hidden.astype(float), 0.6)
        dark = float(image.min())
        return counts(dark + (image - dark) * (1 - 0.99 * shadow))

    return spoil


def saturation(share: float):
    """Clipped at a share of the largest value."""
    return lambda image, disk, rng: np.minimum(counts(image), np.floor(share * PEAK))


def cut(radii: float):
    """A frame that ends at so many radii from the disk's centre, at one side."""

    def spoil(image, disk, rng):
        end = round(disk.row + radii * disk.radius)
        return np.rot90(counts(image)[:end], int(rng.integers(4)))

    return spoil


def binned(image, disk, rng):
    rows = image.shape[0] // 2 * 2
    halved = image[:rows:2] + image[1:rows:2]
    return counts(halved if rng.random() < 0.5 else halved.T)


def wrapped(image, disk, rng):
    return (counts(image) / PEAK * 50000).astype(np.uint16).astype(np.int16)


FAULTS = (
    Fault("none", lambda image, disk, rng: counts(image)),
    Fault("dead cross, 2 pixels", cross(2)),
    Fault("dead cross, 4 pixels", cross(4)),
    Fault("gap filled with 0", gap(0.0)),
    Fault("gap filled with -1", gap(-1.0)),
    Fault("gap filled with 2^32-1", gap(2.0**32 - 1)),
    Fault("gap filled with NaN", gap(np.nan)),
    Fault("beam stop, 8 pixels", beam_stop(8)),
    Fault("beam stop, 24 pixels", beam_stop(24)),
    Fault("saturated at 90 %", saturation(0.9), ("saturated",)),
    Fault("saturated at 70 %", saturation(0.7), ("saturated",)),
    Fault("saturated at 50 %", saturation(0.5), ("saturated",)),
    Fault("cut at 0.9 radii", cut(0.9), ("cut",)),
    Fault("cut at 0.6 radii", cut(0.6), ("cut",)),
    Fault("cut at 0.3 radii", cut(0.3), ("cut",)),
    Fault("1 x 2 binning", binned, ("square",)),
    Fault("inverted", lambda image, disk, rng: PEAK - counts(image), ("inverted",)),
    Fault("wrapped to 16 bit", wrapped, ("wrapped", "stored as negative")),
    Fault("times 1e-30", lambda image, disk, rng: counts(image) * 1e-30),
    Fault("times 1e30", lambda image, disk, rng: counts(image) * 1e30),
    Fault("logarithm", lambda image, disk, rng: np.log1p(counts(image)), ("curve",)),
    Fault("gamma 0.5", lambda image, disk, rng: np.sqrt(counts(image)), ("curve",)),
)


def disk_of(trial: Trial) -> Disk:
    """Where the disk of a trial lies."""
    x, y = trial.center
    return Disk(y, x, trial.convergence_mrad / trial.mrad_per_pixel)
