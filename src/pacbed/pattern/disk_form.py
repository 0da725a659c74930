"""The form of the region that stands out of a pattern."""

import numpy as np

from pacbed.errors import PatternError
from pacbed.pattern.preprocess import bright_region
from pacbed.pattern.recorded import CleanPattern


def disk_aspect(pattern: CleanPattern) -> float | None:
    """Width over height of the bright region.

    Parameters
    ----------
    pattern : CleanPattern

    Returns
    -------
    float or None
        None where the region is cut by the frame, or nothing stands out.
    """
    try:
        region = bright_region(pattern.values, pattern.known).pixels
    except PatternError:
        return None
    border = (region[0], region[-1], region[:, 0], region[:, -1])
    if any(side.any() for side in border):
        return None
    rows, columns = np.nonzero(region)
    return float(np.std(columns) / max(float(np.std(rows)), 1e-6))
