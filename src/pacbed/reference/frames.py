"""Frozen-phonon patterns of single probe positions, as a 4D-STEM scan records them."""

from dataclasses import dataclass, replace

import numpy as np

from pacbed.arrays import Numbers, Singles
from pacbed.crystal.structure import Crystal
from pacbed.errors import OutOfRangeError
from pacbed.reference.configurations import Progress, deal, run
from pacbed.reference.engine import Engine, make_engine
from pacbed.reference.options import ReferenceOptions
from pacbed.reference.scan import cancels_interference, probe_positions
from pacbed.units import ANGSTROM_PER_NM

#: Largest difference of the box's edges, as a share, at which a scan counts as square.
_SQUARE = 1e-3


@dataclass(frozen=True)
class ReferenceFrames:
    """Patterns of a probe that stands at each position of one cell in turn.

    Attributes
    ----------
    frames : ndarray of float32, shape (n_thickness, n, n, pixels, pixels)
        Share of the incident beam in each pixel; indexed by thickness, scan row, scan
        column, row and column. The centre of the bright-field disk is at pixels // 2.
    thicknesses_nm : ndarray, shape (n_thickness,)
    mrad_per_pixel : float
    step_nm : float
        Distance of the positions: n of them are one period of the crystal.
    """

    frames: Singles
    thicknesses_nm: Numbers
    mrad_per_pixel: float
    step_nm: float


def simulate_frames(
    crystal: Crystal,
    zone_axis: tuple[int, int, int],
    options: ReferenceOptions,
    positions: int,
    pixels: int,
    progress: Progress | None = None,
    threads: int | None = None,
) -> ReferenceFrames:
    """Simulate the pattern of every probe position of a cell.

    The positions are dealt out to the configurations: each pattern is that of one
    arrangement of the displaced atoms, and the mean over the cell is an average over
    positions and configurations together.

    Parameters
    ----------
    crystal : Crystal
        With a square cell in the projection, such as SrTiO3 along [001].
    zone_axis : tuple of int
    options : ReferenceOptions
        ``probe_step``, ``deal_positions`` and ``max_angle_mrad`` do not count.
    positions : int
        Along each side of the cell.
    pixels : int
        Of the patterns, along each side.
    progress : callable, optional
        Called with (finished, all) work; may raise to end it.
    threads : int, optional
        By default as many as there are processors.

    Returns
    -------
    ReferenceFrames

    Raises
    ------
    OutOfRangeError
        If the cell is not square, the positions leave interference in their mean, or
        the sampling does not hold the patterns' angles, or the device is not there.
    MissingExtraError
        If a device needs PyTorch, and that is not installed.
    """
    half = pixels // 2 * options.resolution_mrad
    engine = make_engine(crystal, zone_axis, replace(options, max_angle_mrad=half))
    _check(engine, positions)
    kept = np.arange(pixels) - pixels // 2
    engine = replace(engine, window=(kept, kept))
    generator = np.random.default_rng(options.seed)
    where = probe_positions(engine.edges.plane, (positions, positions), generator)
    rounds = max(options.configurations, 1)
    order = generator.permutation(len(where))
    shares = deal(engine, [order[first::rounds] for first in range(rounds)])
    frames = np.zeros((len(engine.exits), len(where), pixels, pixels), np.float32)
    for share, patterns in run(engine, where, shares, _as_rows, progress, threads):
        frames[:, share.places] = patterns
    # The positions were counted along x first.
    by_x = frames.reshape(-1, positions, positions, pixels, pixels)
    return ReferenceFrames(
        frames=by_x.swapaxes(1, 2),
        thicknesses_nm=engine.thicknesses_nm,
        mrad_per_pixel=float(engine.grid.reciprocal[0, 0] * engine.wavelength * 1e3),
        step_nm=float(engine.edges.plane[0, 0]) / positions / ANGSTROM_PER_NM,
    )


def _as_rows(patterns: Singles) -> Singles:
    """[position, x, y] of the grid as [position, row, column]."""
    return patterns.swapaxes(1, 2)


def _check(engine: Engine, positions: int) -> None:
    x, y = (float(length) for length in np.linalg.norm(engine.edges.plane, axis=1))
    if not engine.edges.rectangular or abs(x / y - 1) > _SQUARE:
        raise OutOfRangeError(
            f"the crystal's cell across the beam, {x:.3g} x {y:.3g} Å, is not square: choose a "
            "crystal and a zone axis for which it is, such as SrTiO3 along [001]"
        )
    convergence = engine.options.convergence_mrad
    reach = 2 * convergence * 1e-3 / engine.wavelength
    if not cancels_interference((positions, positions), np.diag([1 / x, 1 / y]), reach):
        raise OutOfRangeError(
            f"{positions} x {positions} positions leave interference in their mean at "
            f"{convergence:g} mrad: choose a smaller convergence semi-angle, or more positions"
        )
