"""What the windows of a scan share, found from a sample of them.

Scale, rotation, distortion, aperture and blur are the same over a scan, and the disk's
centre drifts slowly. Each sampled window is fitted with everything free; the medians of
the good fits are the scan's, and a plane goes through the centres.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from pacbed.arrays import Numbers, Patterns
from pacbed.errors import PatternError
from pacbed.infer.fit.found import Fit
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.open_predictor import FittingPredictor
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.maps.sampled_fits import TOGETHER, CenterFits, FreeFit, Tools
from pacbed.scans.windows import WindowGrid

Result = TypeVar("Result")

#: Rows of windows that are read for the sample.
_SAMPLED_ROWS = 5
#: Fewer good windows than this do not make a geometry.
_FEWEST = 3
#: Patterns from which the convergence angle is found where nobody gave it.
_FOR_ANGLE = 5
#: σ of the centres while their plane is looked for, pixels, and how many make one.
_LOOSE_PX, _ENOUGH_CENTERS = 0.5, 12
#: σ that a centre has at least, pixels.
_CENTER_FLOOR_PX = 0.03


@dataclass(frozen=True)
class _Sampled:
    place: Numbers
    fit: Fit


class RunFits(Protocol):
    """Runs fits of sampled windows, in any order."""

    def __call__(
        self, pieces: Sequence[Callable[[Tools], Iterator[Result]]], /
    ) -> Iterator[Result]:
        """Answers of all pieces."""


def sample_windows(grid: WindowGrid, count: int) -> list[tuple[int, int]]:
    """Windows spread evenly over the map, row by row.

    Parameters
    ----------
    grid : WindowGrid
    count : int
        About how many.

    Returns
    -------
    list of tuple of int
        Row and column of each.
    """
    rows, columns = grid.shape
    # Few rows, each with many windows: a row is read as a whole.
    along = max(1, min(rows, _SAMPLED_ROWS, count))
    across = max(1, min(columns, round(count / along)))
    return [
        (int((i + 0.5) * rows / along), int((j + 0.5) * columns / across))
        for i in range(along)
        for j in range(across)
    ]


def places(grid: WindowGrid) -> Numbers:
    """Places of the windows in the scan from −1 to 1, shape (rows, columns, 2)."""
    centers = np.stack(grid.centers(), axis=-1)
    half = (np.array(grid.scan_shape) - 1) / 2
    place: Numbers = (centers - half) / np.maximum(half, 0.5)
    return place


def estimate_geometry(
    patterns: Patterns,
    place: Numbers,
    predictor: FittingPredictor,
    convergence_mrad: float | None,
    mrad_per_pixel: float | None = None,
    progress: Callable[[float], None] = lambda share: None,
    samples: int = 16,
    run: RunFits | None = None,
) -> SharedGeometry:
    """Find the geometry that patterns of one scan share.

    Some of the patterns, spread evenly, are fitted with everything free. All of them then
    say, with scale, rotation and aperture known, where their centres are.

    Parameters
    ----------
    patterns : ndarray, shape (B, rows, columns)
        Summed patterns of some windows.
    place : ndarray, shape (B, 2)
        Row and column of the scan from −1 to 1, see :func:`places`.
    predictor : FittingPredictor
    convergence_mrad : float or None
        None finds it, from a few of the patterns.
    mrad_per_pixel : float, optional
        Angle per pixel where it is known.
    progress : callable
        Is told which share is done.
    samples : int
        How many are fitted with everything free.
    run : callable, optional
        Runs the fits: by default here, one after the other. The geometry is the same.

    Returns
    -------
    SharedGeometry

    Raises
    ------
    PatternError
        If too few of the patterns are of the system.
    """
    run = run or _here(predictor)
    chosen = np.unique(np.linspace(0, len(patterns) - 1, min(samples, len(patterns))).astype(int))
    given = convergence_mrad
    if convergence_mrad is None:
        few = chosen[:: max(1, len(chosen) // _FOR_ANGLE)]
        convergence_mrad = _find_convergence(
            patterns[few], predictor, mrad_per_pixel, lambda share: progress(0.4 * share), run
        )
    before = 0.0 if given is not None else 0.4
    pieces = [FreeFit(n, patterns[n], convergence_mrad, mrad_per_pixel) for n in chosen.tolist()]
    fits = _in_order(pieces, len(pieces), run, lambda s: progress(before + (0.8 - before) * s))
    good = [
        _Sampled(place[number], fit)
        for number, fit in zip(chosen, fits, strict=True)
        if fit is not None
    ]
    if len(good) < min(_FEWEST, max(len(chosen), 1)):
        raise PatternError(
            f"only {len(good)} of {len(chosen)} sampled windows are patterns of "
            f"{predictor.bundle.system.name}: check crystal, high tension and convergence angle, "
            "and that the axes are scan row, scan column, detector row, detector column."
        )
    shared = _shared(good, predictor.order)
    shift = None if given is None else float(np.log(shared.convergence_mrad / given))
    shared = replace(shared, convergence_shift=shift)
    return _with_centers(shared, patterns, place, lambda s: progress(0.8 + 0.2 * s), run)


def _find_convergence(
    patterns: Patterns,
    predictor: FittingPredictor,
    mrad_per_pixel: float | None,
    progress: Callable[[float], None],
    run: RunFits,
) -> float:
    """The convergence angle that some patterns share, mrad."""
    pieces = [FreeFit(n, pattern, None, mrad_per_pixel) for n, pattern in enumerate(patterns)]
    fits = _in_order(pieces, len(pieces), run, progress)
    found = [fit.parameters.convergence_mrad for fit in fits if fit is not None]
    if not found:
        raise PatternError(
            f"none of {len(patterns)} sampled windows is a pattern of "
            f"{predictor.bundle.system.name}: check crystal and high tension, give the "
            "convergence angle where it is known, and check that the axes are scan row, scan "
            "column, detector row, detector column."
        )
    return float(np.median(found))


def _with_centers(
    geometry: SharedGeometry,
    patterns: Patterns,
    place: Numbers,
    progress: Callable[[float], None],
    run: RunFits,
) -> SharedGeometry:
    """Take the plane of the centres from all patterns, and how far they lie from it.

    Of fewer patterns than make a plane none is fitted: the geometry is then what it was.
    """
    if len(patterns) < _ENOUGH_CENTERS:
        return geometry
    loose = replace(geometry, center_std_px=max(_LOOSE_PX, geometry.center_std_px))
    parts = [slice(n, n + TOGETHER) for n in range(0, len(patterns), TOGETHER)]
    pieces = [CenterFits(part.start, patterns[part], place[part], loose) for part in parts]
    centers = _in_order(pieces, len(patterns), run, progress)
    found = [center for center in centers if center is not None]
    if len(found) < _ENOUGH_CENTERS:
        return geometry
    known = np.array([center.place for center in found])
    center_x, rest_x = _plane(known, np.array([center.center[0] for center in found]))
    center_y, rest_y = _plane(known, np.array([center.center[1] for center in found]))
    errors = [center.error_px for center in found]
    # What the fits' own errors do not explain is how far the centres really wander.
    spread = (1.4826 * float(np.median(np.abs(np.r_[rest_x, rest_y])))) ** 2
    wander = max(spread - float(np.median(errors)) ** 2, 0.0) ** 0.5
    return replace(
        geometry,
        center_x=center_x,
        center_y=center_y,
        center_std_px=max(wander, _CENTER_FLOOR_PX),
    )


def _in_order(
    pieces: Sequence[Callable[[Tools], Iterator[tuple[int, Result]]]],
    count: int,
    run: RunFits,
    progress: Callable[[float], None],
) -> list[Result]:
    """Answers in the order of the windows, in whatever order they come."""
    found = {}
    for number, answer in run(pieces):
        found[number] = answer
        progress(len(found) / count)
    return [found[number] for number in sorted(found)]


@dataclass(frozen=True)
class _Alone:
    """What this process fits with, where none shares with it."""

    predictor: FittingPredictor
    shared: Path | None = None


def _here(predictor: FittingPredictor) -> RunFits:
    tools = _Alone(predictor)
    return lambda pieces: (answer for piece in pieces for answer in piece(tools))


def _shared(good: list[_Sampled], order: int) -> SharedGeometry:
    found = [s.fit.parameters for s in good]
    typical = FitParameters.from_vector(np.median([p.to_vector() for p in found], axis=0))
    turn = 2 * np.pi / order
    # Rotations are equal modulo the symmetry: average them as angles of the folded circle.
    rotations = np.array([p.rotation for p in found])
    phase = np.exp(1j * order * rotations)
    direction = np.angle(phase.mean()) / order
    rotation = direction + float(np.median((rotations - direction + turn / 2) % turn - turn / 2))
    place = np.array([s.place for s in good])
    center_x, rest_x = _plane(place, np.array([p.center_x for p in found]))
    center_y, rest_y = _plane(place, np.array([p.center_y for p in found]))
    rest = 1.4826 * float(np.median(np.hypot(rest_x, rest_y))) / 2**0.5
    return SharedGeometry(
        convergence_mrad=typical.convergence_mrad,
        mrad_per_pixel=typical.mrad_per_pixel,
        rotation_deg=float(np.degrees(rotation)),
        ellipticity=typical.ellipticity,
        blur_mrad=float(np.median([s.fit.blur_mrad for s in good])),
        center_x=center_x,
        center_y=center_y,
        center_std_px=max(rest, _CENTER_FLOOR_PX),
    )


def _plane(place: Numbers, values: Numbers) -> tuple[tuple[float, float, float], Numbers]:
    """Robust plane through values at places, and what it leaves."""
    terms = np.column_stack([np.ones(len(place)), place])
    # Directions in which the sample has no extent cannot be fitted.
    used = np.r_[True, place.std(axis=0) > 0.05] & (np.arange(3) < max(1, len(place) - 1))
    weights = np.ones(len(values))
    solution = np.zeros(3)
    left = values
    for _ in range(10):
        root = np.sqrt(weights)
        solution[used] = np.linalg.lstsq(terms[:, used] * root[:, None], values * root)[0]
        left = values - terms @ solution
        sigma = 1.4826 * float(np.median(np.abs(left))) + 1e-3
        weights = 1 / np.maximum(1, np.abs(left) / (1.5 * sigma)) ** 2
    return (float(solution[0]), float(solution[1]), float(solution[2])), left
