"""Some windows of a scan, from which is found what all of them share."""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from pacbed.arrays import Indices, Numbers, Patterns
from pacbed.errors import PatternError
from pacbed.infer.judge.causes import SQUARE
from pacbed.maps.geometry import places, sample_windows
from pacbed.maps.options import MapOptions
from pacbed.maps.silent_pixels import find_silent
from pacbed.pattern.clean import clean
from pacbed.pattern.disk_form import disk_aspect
from pacbed.pattern.square_pixels import are_square, square_pixels
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
    pixel_aspect : float
        Of the detector's pixels, from which the patterns were stretched to square ones.
    """

    patterns: Patterns
    place: Numbers
    frames: Indices
    pixel_aspect: float = 1.0

    @property
    def mean(self) -> Numbers:
        """Mean of all frames, in units of a frame: what is stored in place of a count is one."""
        mean: Numbers = (self.patterns / self.frames[:, None, None]).mean(axis=0)
        return mean


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
    aspect = options.pixel_aspect or scan.pixel_aspect
    masked = replace(
        scan.without_pixels(options.detector_mask, "the mask of the detector"),
        # Dead lines are straight and whole on the detector alone.
        pixel_aspect=1.0,
    )
    chosen = sample_windows(grid, _CENTERS * options.samples)
    return on_square_pixels(*without_silent(masked, take_sample(masked, grid, chosen)), aspect)


def on_square_pixels(scan: _AnyScan, sample: Sample, aspect: float) -> tuple[_AnyScan, Sample]:
    """Scan and sample with square pixels.

    Parameters
    ----------
    scan : Scan
    sample : Sample
        As the scan's patterns are.
    aspect : float
        Of their pixels.
    """
    patterns = square_pixels(sample.patterns, aspect) if len(sample.patterns) else sample.patterns
    whole = sample.pixel_aspect * aspect
    return (
        replace(scan, pixel_aspect=whole),
        replace(sample, patterns=patterns, pixel_aspect=whole),
    )


def seen_aspect(sample: Sample) -> float | None:
    """How many times as wide as high the bright disk is; None where it is round, or cut."""
    try:
        aspect = disk_aspect(clean(sample.mean))
    except PatternError:
        return None
    return None if aspect is None or 1 / SQUARE < aspect < SQUARE else aspect


def without_silent(scan: _AnyScan, sample: Sample) -> tuple[_AnyScan, Sample]:
    """Find the pixels that say nothing in a sample, and leave them out of scan and sample."""
    if not len(sample.patterns):
        return scan, sample
    silent = find_silent(sample.mean, scan.pixel_mask)
    if silent is None:
        return scan, sample
    patterns = np.where(silent, np.nan, sample.patterns)
    quiet = scan.without_pixels(silent, "what was found")
    return quiet, replace(sample, patterns=patterns)


def aspect_words(aspect: float) -> tuple[str, ...]:
    """What is to be said of a detector whose pixels are not square."""
    if are_square(aspect):
        return ()
    return (
        f"the detector's pixels are not square, {aspect:.3g} times as high as wide: the patterns "
        "were stretched, and the geometry is that of square pixels",
    )
