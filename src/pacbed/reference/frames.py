"""Frozen-phonon patterns of single probe positions, as a 4D-STEM scan records them."""

from dataclasses import dataclass, replace

import numpy as np

from pacbed.crystal.structure import Crystal
from pacbed.errors import OutOfRangeError
from pacbed.reference.engine import Plan, configurations, diffract, import_abtem, make_plan
from pacbed.reference.options import ReferenceOptions
from pacbed.reference.scan import cancels_interference, probe_positions
from pacbed.reference.simulation import Progress
from pacbed.units import ANGSTROM_PER_NM, electron_wavelength

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

    frames: np.ndarray
    thicknesses_nm: np.ndarray
    mrad_per_pixel: float
    step_nm: float


def simulate_frames(
    crystal: Crystal,
    zone_axis: tuple[int, int, int],
    options: ReferenceOptions,
    positions: int,
    pixels: int,
    progress: Progress | None = None,
) -> ReferenceFrames:
    """Simulate the pattern of every probe position of a cell with abTEM.

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
        Called with (finished, all) batches of probe positions.

    Returns
    -------
    ReferenceFrames

    Raises
    ------
    CrystalError
        If no orthogonal supercell exists.
    OutOfRangeError
        If the cell is not square, the positions leave interference in their mean, or
        the sampling does not hold the patterns' angles.
    MissingExtraError
        If abTEM is not installed.
    """
    abtem = import_abtem()
    # Some pixels more than are kept: the engine rounds as it likes.
    options = replace(options, max_angle_mrad=(pixels / 2 + 2) * options.resolution_mrad)
    plan = make_plan(crystal, zone_axis, options)
    _check(plan, options, positions)
    scale = electron_wavelength(options.high_tension_kV) / plan.extent[0] * 1e3
    generator = np.random.default_rng(options.seed)
    cell = np.diag(plan.box.edges[:2])
    where = probe_positions(cell, (positions, positions), plan.extent, generator)
    rounds = max(options.configurations, 1)
    order = generator.permutation(len(where))
    dealt = [order[first::rounds] for first in range(rounds)]
    parts = [
        [mine[first : first + plan.batch] for first in range(0, len(mine), plan.batch)]
        for mine in dealt
    ]
    done, batches = 0, sum(len(part) for part in parts)
    frames = np.empty((len(plan.exit_planes), len(where), pixels, pixels), np.float32)
    with abtem.config.set({"diagnostics.progress_bar": False, "device": "cpu"}):
        potentials = configurations(abtem, plan, options, generator)
        for potential, part in zip(potentials, parts, strict=True):
            for chosen in part:
                # abTEM's arrays are [x, y], patterns are [row, column] = [y, x].
                found = diffract(abtem, potential, where[chosen], options).swapaxes(2, 3)
                frames[:, chosen] = _middle(found, pixels)
                done += 1
                if progress is not None:
                    progress(done, batches)
    # The positions were counted along x first, as abTEM does.
    by_x = frames.reshape(-1, positions, positions, pixels, pixels)
    return ReferenceFrames(
        frames=by_x.swapaxes(1, 2),
        thicknesses_nm=(np.array(plan.exit_planes) + 1) * plan.slice_thickness / ANGSTROM_PER_NM,
        mrad_per_pixel=scale,
        step_nm=float(plan.box.edges[0]) / positions / ANGSTROM_PER_NM,
    )


def _check(plan: Plan, options: ReferenceOptions, positions: int) -> None:
    x, y = (float(edge) for edge in plan.box.edges[:2])
    if abs(x / y - 1) > _SQUARE or abs(plan.extent[0] / plan.extent[1] - 1) > _SQUARE:
        raise OutOfRangeError(
            f"the crystal's box in the projection is {x:.3g} x {y:.3g} Å: choose a crystal and "
            "a zone axis for which it is square, such as SrTiO3 along [001]"
        )
    reach = 2 * options.convergence_mrad * 1e-3 / electron_wavelength(options.high_tension_kV)
    if not cancels_interference((positions, positions), np.diag([1 / x, 1 / y]), reach):
        raise OutOfRangeError(
            f"{positions} x {positions} positions leave interference in their mean at "
            f"{options.convergence_mrad:g} mrad: choose a smaller convergence semi-angle, or more "
            "positions"
        )


def _middle(found: np.ndarray, pixels: int) -> np.ndarray:
    """The middle of patterns, whose centre n // 2 comes to pixels // 2."""
    top, left = (n // 2 - pixels // 2 for n in found.shape[-2:])
    return np.asarray(found[..., top : top + pixels, left : left + pixels])
