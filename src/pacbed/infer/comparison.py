"""How much of a measured pattern the simulated one leaves unexplained."""

import numpy as np

from pacbed.errors import OutOfRangeError
from pacbed.infer.estimate import Estimate
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.preprocess import (
    APERTURE_PX,
    INPUT_SIZE,
    DiskLocation,
    circle_mask,
    to_input_frame,
)
from pacbed.pattern.synthesis import synthesise


def unexplained_share(
    data: np.ndarray, table: LacbedTable, estimate: Estimate, convergence_mrad: float
) -> float:
    """Share of the pattern's variance that the simulated pattern leaves.

    Intensity scale, offset and a broad Gaussian background are fitted; geometry,
    thickness and tilt are the estimate's.

    Parameters
    ----------
    data : ndarray of float32, shape (rows, columns)
    table : LacbedTable
    estimate : Estimate
    convergence_mrad : float

    Returns
    -------
    float
        0 (all explained) to 1; 1 where the table does not reach the estimate.
    """
    disk = DiskLocation(
        estimate.center_row_px,
        estimate.center_column_px,
        convergence_mrad / estimate.mrad_per_pixel,
    )
    frame = to_input_frame(data, disk)
    try:
        simulated = synthesise(
            table,
            PatternParameters(
                estimate.thickness_nm,
                estimate.tilt_x_mrad,
                estimate.tilt_y_mrad,
                convergence_mrad,
                convergence_mrad / APERTURE_PX,
                estimate.rotation_deg or 0.0,
            ),
            (INPUT_SIZE, INPUT_SIZE),
        )
    except OutOfRangeError:
        return 1.0
    inside = circle_mask() > 0
    axis = np.arange(INPUT_SIZE) - (INPUT_SIZE - 1) / 2
    halo = np.exp(-(axis[:, None] ** 2 + axis[None] ** 2) / (2 * (1.2 * APERTURE_PX) ** 2))
    columns = np.stack([simulated[inside], halo[inside], np.ones(int(inside.sum()))], axis=1)
    columns /= np.abs(columns).max(axis=0)
    target = frame[inside].astype(float)
    fit, *_ = np.linalg.lstsq(columns, target, rcond=None)
    variance = float(((target - target.mean()) ** 2).sum())
    return float(np.clip(((target - columns @ fit) ** 2).sum() / max(variance, 1e-30), 0, 1))
