"""Patterns of one random crystal, as images that frames are cut from in any pose."""

import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pacbed.arrays import Matrix, Tilt
from pacbed.crystal.projection import ProjectedCell, project
from pacbed.files import write_atomically
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.options import TableOptions
from pacbed.lacbed.table import LacbedTable
from pacbed.learn.finder.crystals import DrawnCrystal, draw_crystal
from pacbed.pattern.disks import gather_disks

#: Radius of the images in semi-angles, and its limit in mrad: what a camera shows.
_FIELD, _FIELD_MRAD = (1.8, 8.0), 60.0
_MISTILT_MRAD, _THICKNESS_NM = 10.0, (3.0, 120.0)
#: Steps of the directions in the smallest semi-angle.
_STEPS = 9.0
_TABLE_STEP_NM = 2.0
#: Apertures and tilts of one crystal, and thicknesses of each.
_SETS, _THICKNESSES = 40, 8
#: Projected cells beyond this area take too long, Å².
_LARGEST_AREA = 40.0


@dataclass(frozen=True)
class PatternImages:
    """Patterns at one aperture and tilt.

    Attributes
    ----------
    images : ndarray of float16, shape (T, n, m)
        Intensities on a lattice of directions.
    lattice : ndarray, shape (2, 2)
        Its steps as rows, mrad.
    center : ndarray, shape (2,)
        Indices of the bright-field disk's centre.
    convergence_mrad : float
    field : float
        Radius of the images, semi-angles.
    """

    images: np.ndarray
    lattice: Matrix
    center: np.ndarray
    convergence_mrad: float
    field: float


def load_or_make(number: int, seed: int, folder: Path) -> tuple[str, list[PatternImages]]:
    """As :func:`make_bank`, kept in a folder."""
    return kept(folder / f"crystal-{seed}-{number:03d}.npz", lambda: make_bank(number, seed))


def kept(
    path: Path, make: Callable[[], tuple[str, list[PatternImages]]]
) -> tuple[str, list[PatternImages]]:
    """A name and images as a file holds them, or made and written to it."""
    if path.is_file():
        with np.load(path, allow_pickle=False) as stored:
            return str(stored["name"]), [
                PatternImages(
                    stored[f"images{n}"],
                    stored["lattice"][n],
                    stored["center"][n],
                    float(alpha),
                    float(stored["field"][n]),
                )
                for n, alpha in enumerate(stored["convergence_mrad"])
            ]
    name, made = make()
    buffer = io.BytesIO()
    arrays = {
        "name": np.array(name),
        **{f"images{n}": one.images for n, one in enumerate(made)},
        **{
            field: np.array([getattr(one, field) for one in made])
            for field in ("lattice", "center", "convergence_mrad", "field")
        },
    }
    np.savez(buffer, allow_pickle=False, **arrays)
    write_atomically(path, buffer.getvalue())
    return name, made


def make_bank(number: int, seed: int) -> tuple[str, list[PatternImages]]:
    """Draw crystal `number` of a seed, simulate it and make its images.

    Returns
    -------
    name : str
        What the crystal is.
    images : list of PatternImages
    """
    drawn, cell, rng = _draw(number, seed)
    low, high = drawn.convergence_mrad
    field = float(np.clip(_FIELD_MRAD / high, *_FIELD))
    options = TableOptions(
        direction_step_mrad=low / _STEPS, thickness_step_nm=_TABLE_STEP_NM, field=field
    )
    table = simulate_table(
        cell, drawn.high_tension_kV, high, _MISTILT_MRAD, _THICKNESS_NM[1], options
    )
    return name_of(drawn), [_images(table, drawn, field, rng) for _ in range(_SETS)]


def _draw(number: int, seed: int) -> tuple[DrawnCrystal, ProjectedCell, np.random.Generator]:
    """The first crystal of this number whose projection is not too large."""
    for attempt in itertools.count():
        rng = np.random.default_rng((seed, number, attempt))
        drawn = draw_crystal(rng)
        cell = project(drawn.crystal, drawn.zone_axis)
        if cell.area <= _LARGEST_AREA:
            return drawn, cell, rng
    raise AssertionError("counting has no end")


def name_of(drawn: DrawnCrystal) -> str:
    """A crystal in words."""
    axis = " ".join(map(str, drawn.zone_axis))
    return f"{drawn.kind} {drawn.crystal.formula} [{axis}] {drawn.high_tension_kV:g} kV"


def _images(
    table: LacbedTable, drawn: DrawnCrystal, field: float, rng: np.random.Generator
) -> PatternImages:
    low, high = drawn.convergence_mrad
    alpha = float(rng.uniform(low, high))
    mistilt = _MISTILT_MRAD * np.sqrt(rng.random())
    azimuth = rng.uniform(0, 2 * np.pi)
    tilt: Tilt = mistilt * np.array([np.cos(azimuth), np.sin(azimuth)])
    disks = gather_disks(table, tilt, alpha, field, 0.0)
    thickness = np.exp(
        rng.uniform(np.log(_THICKNESS_NM[0]), np.log(_THICKNESS_NM[1]), _THICKNESSES)
    )
    values = table.evaluate(disks.places, table.thickness_weights(thickness))
    series = disks.series(values, disks.aperture(tilt, alpha)[0])
    low_index = disks.points.min(axis=0) - 1
    size = disks.points.max(axis=0) - low_index + 2
    images = np.zeros((_THICKNESSES, *size), np.float32)
    i, j = (disks.points - low_index).T
    images[:, i, j] = series.T
    images /= np.maximum(images.max(axis=(1, 2), keepdims=True), 1e-9)
    # The points are p, from the zone axis: the disk's centre lies at −tilt.
    center = -tilt @ np.linalg.inv(disks.lattice) - low_index
    return PatternImages(images.astype(np.float16), disks.lattice, center, alpha, field)
