"""Whether the axes of a scan are in their order, seen from its numbers.

Every probe position sends nearly the same beam to the detector, while the detector's pixels
are bright inside the disks and dark outside. So the sum of a frame changes little from frame
to frame. Where the detector's axes come first, what is taken for a frame is a picture of
the specimen at one detector pixel, and its sum changes as the disks do.
"""

import numpy as np

from pacbed.errors import PatternError
from pacbed.scans.scan import Scan

#: Sides of a detector begin here; a shorter axis cannot be one.
_LEAST_SIDE = 32
#: Rows that are looked at, fewer where they are large, and frames of each.
_ROWS, _LEAST_ROWS, _FRAMES = 9, 4, 64
_BYTES = 256 << 20
#: Relative spread of the frames' sums that scans seldom have, and how far it exceeds that of the
#: pixels, which is small where they are positions on a specimen.
_SPREAD = 0.3
_EXCESS = 2.0
_FLAT = 0.5


def check_order(scan: Scan) -> None:
    """Refuse a scan whose detector's axes come first.

    Parameters
    ----------
    scan : Scan
        Some of its rows are read, where its shape leaves both orders open.

    Raises
    ------
    PatternError
        With what to do.
    """
    if min(scan.shape) < _LEAST_SIDE:
        return
    sums, pixels = _spreads(scan)
    if pixels < _FLAT and sums > max(_SPREAD, _EXCESS * pixels):
        first, second, third, fourth = scan.shape
        raise PatternError(
            f"{scan.name}: the detector's axes come first: of shape {scan.shape} the first two, "
            f"{first} x {second}, look like the detector and {third} x {fourth} like the scan. "
            "Save it in the order scan row, scan column, detector row, detector column: "
            "numpy.moveaxis(data, (0, 1), (2, 3)), or numpy.transpose(data) where MATLAB wrote it."
        )


def _spreads(scan: Scan) -> tuple[float, float]:
    """Relative spread of the sums of frames, and of the pixels of their mean."""
    row_bytes = int(np.prod(scan.shape[1:], dtype=np.int64)) * np.dtype(scan.dtype).itemsize
    count = min(_ROWS, max(_LEAST_ROWS, _BYTES // row_bytes))
    chosen = np.unique(np.linspace(0, scan.shape[0] - 1, count + 2)[1:-1].round().astype(int))
    step = -(-scan.shape[1] // _FRAMES)
    sums, total = [], np.zeros(scan.shape[2:])
    for row in chosen:
        frames = np.asarray(scan.read(int(row), int(row) + 1)[0][::step], dtype=np.float64)
        frames = np.nan_to_num(frames, posinf=0, neginf=0)
        sums.append(frames.sum(axis=(1, 2)))
        total += frames.sum(axis=0)
    return _spread(np.concatenate(sums)), _spread(total)


def _spread(values: np.ndarray) -> float:
    mean = float(np.mean(values))
    return float(np.std(values)) / mean if mean > 0 else 0.0
