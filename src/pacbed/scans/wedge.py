"""A simulated 4D-STEM scan of a bent wedge, with known thickness and tilt.

Thickness grows along the columns and the zone axis wanders over the field, as in a bent
lamella; the pattern drifts on the detector, and the scan may be distorted. The patterns
are synthesised from the LACBED table at nodes of the field, close enough that the positions
between them can be interpolated, and every position gets its own counts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from pacbed.errors import OutOfRangeError
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

#: How far thickness and tilt may change from one node to the next, nm and mrad.
_STEP_NM, _STEP_MRAD = 1.4, 0.25


@dataclass(frozen=True)
class WedgeOptions:
    """A wedge and how it is scanned.

    Attributes
    ----------
    scan_shape : tuple of int
        Rows and columns of positions.
    detector_px : int
        Pixels along one side of the detector.
    convergence_mrad, mrad_per_pixel, rotation_deg : float
    thickness_nm : tuple of float
        At the first and at the last column.
    mistilt_mrad : float
        Largest mistilt in the field.
    bend : tuple of float
        Where the crystal is tilted least, as shares of the field along columns and rows, and
        the tilt's azimuth in the first corner, rad.
    electrons : float
        Electrons per position.
    drift_px : float
        Way of the disk's centre over the scan.
    distortion : float
        By which share of the field the scan lines are displaced at most.
    blur_px : float
        σ of the detector's blur.
    step_nm : float
        Distance of the positions.
    seed : int
    """

    scan_shape: tuple[int, int] = (256, 256)
    detector_px: int = 128
    convergence_mrad: float = 20.0
    mrad_per_pixel: float = 0.5
    rotation_deg: float = 17.0
    thickness_nm: tuple[float, float] = (5.0, 90.0)
    mistilt_mrad: float = 6.0
    bend: tuple[float, float, float] = (0.3, 0.4, 0.6)
    electrons: float = 500.0
    drift_px: float = 2.0
    distortion: float = 0.01
    blur_px: float = 0.5
    step_nm: float = 0.1
    seed: int = 1

    def __post_init__(self) -> None:
        if min(self.scan_shape) < 1 or self.detector_px < 32:
            raise OutOfRangeError(
                "a scan needs one position along each side and 32 detector pixels"
            )
        if not 0 < self.electrons < 1e9:
            raise OutOfRangeError("electrons per position must lie between 0 and 1e9")


@dataclass(frozen=True)
class WedgeTruth:
    """What the wedge is at some positions: arrays of one shape.

    Attributes
    ----------
    thickness_nm : ndarray
    tilt_mrad : ndarray, shape (..., 2)
        In the pattern's frame (x, y).
    center_px : ndarray, shape (..., 2)
        Disk's centre (x, y).
    """

    thickness_nm: np.ndarray
    tilt_mrad: np.ndarray
    center_px: np.ndarray


def wedge_truth(
    options: WedgeOptions, row: np.ndarray | None = None, column: np.ndarray | None = None
) -> WedgeTruth:
    """Thickness, tilt and centre.

    Parameters
    ----------
    options : WedgeOptions
    row, column : ndarray, optional
        Scan positions, fractions allowed; all of the scan by default.
    """
    rows, columns = options.scan_shape
    if row is None or column is None:
        row, column = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    v, u = row / max(rows - 1, 1), column / max(columns - 1, 1)
    # Slow waves of the scan lines: what was recorded at (u, v) was elsewhere.
    wave = options.distortion * np.sin(2 * np.pi * (1.3 * v + 0.2))
    u, v = np.clip(u + wave, 0, 1), np.clip(v + 0.5 * wave, 0, 1)
    low, high = options.thickness_nm
    # A wedge whose edge is not quite parallel to the scan.
    thickness = low + (high - low) * (0.94 * u + 0.06 * v)
    straight_u, straight_v, first_azimuth = options.bend
    farthest = np.hypot(max(straight_u, 1 - straight_u), max(straight_v, 1 - straight_v))
    away = np.hypot(u - straight_u, v - straight_v) / farthest
    length = options.mistilt_mrad * (0.15 + 0.85 * away)
    azimuth = 2 * np.pi * (0.35 * u + 0.45 * v) + first_azimuth
    tilt = length[..., None] * np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1)
    middle = (options.detector_px - 1) / 2
    drift = options.drift_px * np.stack([u - 0.5, 0.7 * (0.5 - v)], axis=-1)
    return WedgeTruth(thickness, tilt, middle + np.array([0.8, -1.3]) + drift)


def wedge_rows(
    table: LacbedTable,
    options: WedgeOptions,
    progress: Callable[[float], None] = lambda share: None,
) -> Iterator[np.ndarray]:
    """Counts of a wedge, scan row by scan row.

    Parameters
    ----------
    table : LacbedTable
    options : WedgeOptions
    progress : callable
        Is told which share is done.

    Yields
    ------
    ndarray of uint16, shape (columns, pixels, pixels)

    Raises
    ------
    OutOfRangeError
        If the table does not cover the wedge.
    """
    rows, columns = options.scan_shape
    down = np.linspace(0, rows - 1, _count(rows, options.mistilt_mrad / _STEP_MRAD))
    across = np.linspace(
        0, columns - 1, _count(columns, abs(np.ptp(options.thickness_nm)) / _STEP_NM)
    )
    share = np.interp(np.arange(columns), across, np.arange(len(across)))
    left = np.minimum(share.astype(int), max(len(across) - 2, 0))
    right = np.minimum(left + 1, len(across) - 1)
    toward = (share - left).astype(np.float32)[:, None, None]
    generator = np.random.default_rng(options.seed)
    lines: dict[int, np.ndarray] = {}
    for row in range(rows):
        place = float(np.interp(row, down, np.arange(len(down))))
        above = min(int(place), max(len(down) - 2, 0))
        for number in {above, min(above + 1, len(down) - 1)} - lines.keys():
            lines.pop(number - 2, None)
            lines[number] = _line(table, options, float(down[number]), across)
        part = np.float32(place - above)
        nodes = (1 - part) * lines[above] + part * lines[min(above + 1, len(down) - 1)]
        expected = (1 - toward) * nodes[left] + toward * nodes[right]
        counts = generator.poisson(expected * options.electrons)
        progress((row + 1) / rows)
        yield np.minimum(counts, np.iinfo(np.uint16).max).astype(np.uint16)


def _count(positions: int, steps: float) -> int:
    return max(1, min(positions, int(np.ceil(steps)) + 1))


def _line(table: LacbedTable, options: WedgeOptions, row: float, columns: np.ndarray) -> np.ndarray:
    """Noiseless patterns of one line of nodes, as shares of the incident electrons."""
    truth = wedge_truth(options, np.full(len(columns), row), columns)
    size = options.detector_px
    line = np.empty((len(columns), size, size), np.float32)
    for number, (tilt, center) in enumerate(zip(truth.tilt_mrad, truth.center_px, strict=True)):
        parameters = PatternParameters(
            thickness_nm=float(truth.thickness_nm[number]),
            tilt_x_mrad=float(tilt[0]),
            tilt_y_mrad=float(tilt[1]),
            convergence_mrad=options.convergence_mrad,
            mrad_per_pixel=options.mrad_per_pixel,
            rotation_deg=options.rotation_deg,
            center_row_px=float(center[1]),
            center_column_px=float(center[0]),
        )
        pattern = synthesise(table, parameters, (size, size))
        if options.blur_px > 0:
            pattern = gaussian_filter(pattern, options.blur_px)
        line[number] = np.maximum(pattern, 0)
    return line
