"""A map as a table: one line for each window."""

import numpy as np

from pacbed.library.csv_table import csv_text
from pacbed.maps.layers import STATUS_NAMES
from pacbed.maps.thickness_map import ThicknessMap


def map_table(result: ThicknessMap) -> str:
    """CSV with a header; what is not known is empty.

    Parameters
    ----------
    result : ThicknessMap
    """
    # Beside the frames, which come last.
    names = [f.name for f in result.fields if f.in_table and f.dtype == "float64"]
    place = ("y_nm", "x_nm") if result.position_nm is not None else ("y_px", "x_px")
    header = ["row", "column", *place, "status", "jump", *names, "frames"]
    rows, columns = result.position_nm or result.position_px
    lines = []
    for i, j in np.ndindex(*result.shape):
        numbers = [float(getattr(result, name)[i, j]) for name in names]
        lines.append(
            [
                i,
                j,
                f"{rows[i]:.6g}",
                f"{columns[j]:.6g}",
                STATUS_NAMES[result.status[i, j]],
                int(result.jump[i, j]),
                *("" if np.isnan(n) else f"{n:.5g}" for n in numbers),
                int(result.frames[i, j]),
            ]
        )
    return csv_text(header, lines, ",")
