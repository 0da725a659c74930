"""Which pixels of the detector say nothing in a whole scan.

Dead lines, gaps and the shadow of a beam stop are the same in every pattern: they are looked for
once, in the mean of the windows from which the geometry is found.
"""

import numpy as np

from pacbed.arrays import Mask, Numbers
from pacbed.errors import PatternError
from pacbed.pattern.clean import clean
from pacbed.scans.scan import Scan


def find_silent(mean: Numbers, known: Mask | None) -> Mask | None:
    """Find the pixels that say nothing in a scan.

    Parameters
    ----------
    mean : ndarray, shape (rows, columns)
        Mean of the frames of some windows; NaN where a pixel is known to say nothing.
    known : ndarray of bool, shape (rows, columns), or None
        True where a pixel is known to say nothing.

    Returns
    -------
    ndarray of bool, shape (rows, columns), or None
        True where a pixel says nothing, those known among them; None where all say something.
    """
    try:
        said = clean(mean, known).known
    except PatternError:
        # No pattern at all: what follows says why.
        return known
    return None if said is None else ~said


def silent_words(scan: Scan, given: Mask | None, silent: Mask | None) -> tuple[str, ...]:
    """What is to be said of the pixels that were left out of a map.

    Parameters
    ----------
    scan : Scan
        As it was opened.
    given : ndarray of bool or None
        True where the user says that a pixel says nothing.
    silent : ndarray of bool or None
        All that were left out.
    """
    if silent is None or not silent.any():
        return ()
    masked = np.zeros(silent.shape, bool) if given is None else given
    listed = np.zeros(silent.shape, bool) if scan.pixel_mask is None else scan.pixel_mask
    counted = (
        (int(masked.sum()), "masked"),
        (int((listed & ~masked).sum()), "bad in the file's own list"),
        (int((silent & ~listed & ~masked).sum()), "found"),
    )
    words = ", ".join(f"{count} {why}" for count, why in counted if count)
    return (
        f"{int(silent.sum())} of {silent.size} pixels of the detector say nothing and had no "
        f"weight: {words}",
    )
