"""The form of the region that stands out of a pattern."""

import numpy as np

from pacbed.arrays import Mask
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
    region = _region(pattern)
    if region is None or _on_rim(region):
        return None
    rows, columns = np.nonzero(region)
    return float(np.std(columns) / max(float(np.std(rows)), 1e-6))


def reaches_rim(pattern: CleanPattern) -> bool:
    """Whether the bright region reaches the frame's rim.

    Parameters
    ----------
    pattern : CleanPattern
    """
    region = _region(pattern)
    return region is not None and _on_rim(region)


def _region(pattern: CleanPattern) -> Mask | None:
    try:
        return bright_region(pattern.values, pattern.known).pixels
    except PatternError:
        return None


def _on_rim(region: Mask) -> bool:
    return any(side.any() for side in (region[0], region[-1], region[:, 0], region[:, -1]))
