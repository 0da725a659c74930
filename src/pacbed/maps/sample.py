"""Some windows of a scan, from which is found what all of them share."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from pacbed.arrays import Indices, Numbers, Patterns
from pacbed.maps.geometry import places, sample_windows
from pacbed.maps.options import MapOptions
from pacbed.maps.silent_pixels import find_silent
from pacbed.scans.scan import Scan
from pacbed.scans.windows import WindowGrid

_AnyScan = TypeVar("_AnyScan", bound=Scan)
#: Windows that say where the centre is, for each one from which the scale is found.
_CENTERS = 4


@dataclass(frozen=True)
class Sample:
    """Some windows that have frames.

    Attributes
    ----------
    patterns : ndarray, shape (B, rows, columns)
        Their summed patterns; NaN where a pixel says nothing.
    place : ndarray, shape (B, 2)
        Their places in the scan, see :func:`pacbed.maps.geometry.places`.
    frames : ndarray of int, shape (B,)
        How many frames are in each.
    """

    patterns: Patterns
    place: Numbers
    frames: Indices


def take_sample(scan: Scan, grid: WindowGrid, chosen: list[tuple[int, int]]) -> Sample:
    """Read some windows; those without frames are left out."""
    where = places(grid)
    patterns, place, frames = [], [], []
    for row in sorted({row for row, _ in chosen}):
        sums = next(scan.sums(grid, row, row + 1))
        for column in [c for r, c in chosen if r == row]:
            if sums.frames[column]:
                patterns.append(sums.patterns[column])
                place.append(where[row, column])
                frames.append(sums.frames[column])
    return Sample(np.array(patterns), np.array(place), np.array(frames))


def read_sample(scan: Scan, grid: WindowGrid, options: MapOptions) -> tuple[Scan, Sample]:
    """Read the windows from which a map's geometry is found.

    Returns
    -------
    scan : Scan
        The same, with all pixels that say nothing: as the file lists, as given, and found.
    sample : Sample

    Raises
    ------
    PatternError
        If the mask of the detector has another shape than the detector.
    """
    masked = scan.without_pixels(options.detector_mask, "the mask of the detector")
    return without_silent(
        masked, take_sample(masked, grid, sample_windows(grid, _CENTERS * options.samples))
    )


def without_silent(scan: _AnyScan, sample: Sample) -> tuple[_AnyScan, Sample]:
    """Find the pixels that say nothing in a sample, and leave them out of scan and sample."""
    silent = find_silent(sample.patterns, sample.frames, scan.pixel_mask)
    if silent is None:
        return scan, sample
    patterns = np.where(silent, np.nan, sample.patterns)
    quiet = scan.without_pixels(silent, "what was found")
    return quiet, Sample(patterns, sample.place, sample.frames)
