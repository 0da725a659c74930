"""What the windows of a scan share, found from a sample of them.

Scale, rotation, distortion, aperture and blur are the same over a scan, and the disk's
centre drifts slowly. Each sampled window is fitted with everything free; the medians of
the good fits are the scan's, and a plane goes through the centres.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pacbed.arrays import Counts, Numbers, Patterns
from pacbed.errors import PatternError
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.fit.pattern_fit import Fit
from pacbed.infer.open_predictor import FittingPredictor
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.infer.shared.solve import cleaned
from pacbed.scans.windows import WindowGrid

#: Rows of windows that are read for the sample.
_SAMPLED_ROWS = 5
#: A sampled window counts where the fit leaves less of the contrast than this.
_GOOD = 0.35
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

    Returns
    -------
    SharedGeometry

    Raises
    ------
    PatternError
        If too few of the patterns are of the system.
    """
    chosen = np.unique(np.linspace(0, len(patterns) - 1, min(samples, len(patterns))).astype(int))
    given = convergence_mrad
    if convergence_mrad is None:
        few = chosen[:: max(1, len(chosen) // _FOR_ANGLE)]
        convergence_mrad = _find_convergence(
            patterns[few], predictor, mrad_per_pixel, lambda share: progress(0.4 * share)
        )
    before = 0.0 if given is not None else 0.4
    good = []
    for done, number in enumerate(chosen):
        fit = _good_fit(patterns[number], predictor, convergence_mrad, mrad_per_pixel)
        progress(before + (0.8 - before) * (done + 1) / len(chosen))
        if fit is not None:
            good.append(_Sampled(place[number], fit))
    if len(good) < min(_FEWEST, max(len(chosen), 1)):
        raise PatternError(
            f"only {len(good)} of {len(chosen)} sampled windows are patterns of "
            f"{predictor.bundle.system.name}: check crystal, high tension and convergence angle, "
            "and that the axes are scan row, scan column, detector row, detector column."
        )
    shared = _shared(good, predictor.order)
    shift = None if given is None else float(np.log(shared.convergence_mrad / given))
    shared = replace(shared, convergence_shift=shift)
    return _with_centers(shared, patterns, place, predictor, lambda s: progress(0.8 + 0.2 * s))


def _good_fit(
    pattern: Counts,
    predictor: FittingPredictor,
    convergence_mrad: float | None,
    mrad_per_pixel: float | None,
) -> Fit | None:
    """The best fit of a pattern with everything free; None where it is not good."""
    try:
        solutions = predictor.solve(pattern, convergence_mrad, mrad_per_pixel).solutions
    except PatternError:
        return None
    if not solutions:
        return None
    fit = solutions[0].fit
    return fit if fit.structured_residual < _GOOD and fit.gain > 0 else None


def _find_convergence(
    patterns: Patterns,
    predictor: FittingPredictor,
    mrad_per_pixel: float | None,
    progress: Callable[[float], None],
) -> float:
    """The convergence angle that some patterns share, mrad."""
    found = []
    for done, pattern in enumerate(patterns):
        fit = _good_fit(pattern, predictor, None, mrad_per_pixel)
        progress((done + 1) / len(patterns))
        if fit is not None:
            found.append(fit.parameters.convergence_mrad)
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
    predictor: FittingPredictor,
    progress: Callable[[float], None],
) -> SharedGeometry:
    """Take the plane of the centres from all patterns, and how far they lie from it.

    Of fewer patterns than make a plane none is fitted: the geometry is then what it was.
    """
    usable, kept = cleaned(patterns)
    if len(usable) < _ENOUGH_CENTERS:
        return geometry
    loose = replace(geometry, center_std_px=max(_LOOSE_PX, geometry.center_std_px))
    solver = predictor.sharing(loose)
    place = place[kept]
    centers = geometry.center(place)
    solved = solver.solve(usable, centers, solver.read(usable, centers))
    found, known, errors = [], [], []
    for number, solutions in enumerate(solved):
        progress((number + 1) / len(usable))
        if solutions and solutions[0].fit.structured_residual < _GOOD:
            fit = solutions[0].fit
            shift = geometry.tilt_in_pattern(fit.shift) / geometry.mrad_per_pixel
            found.append(centers[number] + shift)
            known.append(place[number])
            errors.append(fit.shift_std_mrad / geometry.mrad_per_pixel)
    if len(found) < _ENOUGH_CENTERS:
        return geometry
    center_x, rest_x = _plane(np.array(known), np.array(found)[:, 0])
    center_y, rest_y = _plane(np.array(known), np.array(found)[:, 1])
    # What the fits' own errors do not explain is how far the centres really wander.
    spread = (1.4826 * float(np.median(np.abs(np.r_[rest_x, rest_y])))) ** 2
    wander = max(spread - float(np.median(errors)) ** 2, 0.0) ** 0.5
    return replace(
        geometry,
        center_x=center_x,
        center_y=center_y,
        center_std_px=max(wander, _CENTER_FLOOR_PX),
    )


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
