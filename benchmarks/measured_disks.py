"""Measured LACBED disks, and the same disks of a table.

A set is an ``.npz`` of square arrays of one size, each named by its reflection's indices
(``+1+1-12``): the same pixel of every array is the same incident direction, axes are those of the
projection, x to the right and y down, and intensities are on one scale.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.interpolate import CloughTocher2DInterpolator
from scipy.ndimage import map_coordinates, spline_filter
from scipy.spatial import Delaunay

from pacbed.crystal.projection import ProjectedCell
from pacbed.crystal.structure import Crystal
from pacbed.lacbed.table import LacbedTable
from pacbed.units import electron_wavelength

#: Reflections that were not measured are looked at up to here, half widths of an array.
ABSENT = 2.2


@dataclass(frozen=True)
class Disks:
    """A measured set.

    Attributes
    ----------
    indices : ndarray of int, shape (G, 3)
        h, k, l of each disk.
    values : ndarray, shape (G, n, n)
        Spline coefficients of the intensities [row, column].
    half_width_mrad : float
        Of an array.
    centre_mrad : tuple of float
        Where the zone axis lies in an array, from its middle.
    """

    indices: np.ndarray
    values: np.ndarray
    half_width_mrad: float
    centre_mrad: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def load(cls, path: Path, half_width_mrad: float) -> "Disks":
        """Read a set."""
        with np.load(path, allow_pickle=False) as arrays:
            names = sorted(arrays.files)
            indices = np.array([[int(n) for n in re.findall(r"[+-]\d+", name)] for name in names])
            values = np.array([spline_filter(arrays[name].astype(float)) for name in names])
        return cls(indices, values, half_width_mrad)

    def at(self, disk: int, directions: np.ndarray) -> np.ndarray:
        """Intensities of one disk in incident directions (..., 2) from the zone axis, mrad."""
        middle = (self.values.shape[1] - 1) / 2
        pixels = self.values.shape[1] / (2 * self.half_width_mrad)
        place = (directions + np.array(self.centre_mrad)) * pixels + middle
        x, y = np.moveaxis(place, -1, 0)
        return map_coordinates(self.values[disk], [y, x], prefilter=False, mode="nearest")

    def beams(self, crystal: Crystal, cell: ProjectedCell) -> np.ndarray:
        """Each disk's beam in the plane's reciprocal lattice, shape (G, 2)."""
        vectors = self.indices @ np.linalg.inv(crystal.cell).T @ cell.axes[:2].T
        beams = vectors @ cell.cell.T
        if np.abs(beams - np.round(beams)).max() > 1e-3:
            raise SystemExit("a reflection is none of this zone axis; give --zone-axis")
        return np.round(beams).astype(int)

    def angles(self, crystal: Crystal, cell: ProjectedCell, kV: float) -> np.ndarray:
        """Each disk's place in the pattern, mrad, shape (G, 2)."""
        return self.beams(crystal, cell) @ cell.reciprocal * electron_wavelength(kV) * 1e3


def inverted(cell: ProjectedCell) -> ProjectedCell:
    """The structure turned by 180° about the beam: of a polar one the wrong sense."""
    return replace(
        cell, positions=np.mod(-cell.positions, 1.0), translations=np.mod(-cell.translations, 1.0)
    )


def table_disks(
    table: LacbedTable, beams: np.ndarray, thicknesses: np.ndarray, reach_mrad: float
) -> tuple[np.ndarray, np.ndarray]:
    """Directions (K, 2) of a table's grid, mrad, and its disks there, shape (T, G, K)."""
    geometry = table.geometry
    grid, middle = geometry.grid, geometry.grid.reach
    points = np.argwhere(grid.wedge_index >= 0)
    directions = (points - middle) @ geometry.fine_lattice_mrad
    near = np.linalg.norm(directions, axis=1) <= reach_mrad
    points, directions = points[near], directions[near]
    code = {tuple(beam): n for n, beam in enumerate(geometry.beams.tolist())}
    columns = np.array([code[tuple(beam)] for beam in beams.tolist()])
    rows = grid.wedge_index[points[:, 0], points[:, 1]]
    operations = grid.operation[points[:, 0], points[:, 1]]
    images = geometry.beam_images[operations[None], columns[:, None]]
    places = geometry.entry_of[rows[None], images]
    if (places == sum(map(len, table.coefficients))).any():
        raise SystemExit("the table holds not all disks; make its field larger")
    found, back = np.unique(places, return_inverse=True)
    values = table.evaluate(found, table.thickness_weights(thicknesses))
    return directions, np.moveaxis(values[back.reshape(places.shape)], -1, 0)


def twin(disks: Disks, table: LacbedTable, beams: np.ndarray, thickness_nm: float) -> Disks:
    """The same disks as a table has them at a thickness: what a perfect measurement would be."""
    size = disks.values.shape[1]
    reach = disks.half_width_mrad * 1.4
    directions, values = table_disks(table, beams, np.array([thickness_nm]), reach)
    axis = (np.arange(size) - (size - 1) / 2) * 2 * disks.half_width_mrad / size
    places = np.stack(np.meshgrid(axis, axis), axis=-1)
    mesh = Delaunay(directions)
    made = [
        spline_filter(CloughTocher2DInterpolator(mesh, one, fill_value=0.0)(places))
        for one in values[0]
    ]
    return replace(disks, values=np.array(made), centre_mrad=(0.0, 0.0))


def completed(
    disks: Disks, angles: np.ndarray, table: LacbedTable, beams: np.ndarray, thickness_nm: float
) -> tuple[Disks, np.ndarray]:
    """Measured disks with those that were not measured from a table, and the angles of all."""
    geometry = table.geometry
    far = np.linalg.norm(geometry.beams @ geometry.lattice_mrad, axis=1)
    near = geometry.beams[far < ABSENT * disks.half_width_mrad]
    measured = set(map(tuple, beams.tolist()))
    absent = np.array([beam for beam in near.tolist() if tuple(beam) not in measured])
    both = twin(disks, table, np.concatenate([beams, absent]), thickness_nm)
    # The table's own middle is the zone axis; the measured arrays are moved there.
    size = disks.values.shape[1]
    axis = (np.arange(size) - (size - 1) / 2) * 2 * disks.half_width_mrad / size
    places = np.stack(np.meshgrid(axis, axis), axis=-1)
    count = len(beams)
    moved = np.array([spline_filter(disks.at(n, places)) for n in range(count)])
    scale = float((moved * both.values[:count]).sum() / (both.values[:count] ** 2).sum())
    values = np.concatenate([moved, scale * both.values[count:]])
    all_angles = np.concatenate([angles, absent @ geometry.lattice_mrad])
    return replace(both, values=values), all_angles


def put_together(
    disks: Disks, angles: np.ndarray, aperture_mrad: float,
    tilt: np.ndarray, turn_deg: float, step_mrad: float, size: int, centre: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """The pattern I(q) = Σ_g D_g(q − g − tilt) inside an aperture, pixels averaged from 3 × 3.

    Parameters
    ----------
    disks : Disks
    angles : ndarray, shape (G, 2)
        See :meth:`Disks.angles`.
    aperture_mrad : float
    tilt : ndarray, shape (2,)
        Of the zone axis from the centre of the disk, in the crystal's axes, mrad.
    turn_deg : float
        Rotation of the crystal in the frame.
    step_mrad : float
        Angle of a pixel.
    size : int
        Of the frame, pixels.
    centre : ndarray, shape (2,)
        Column and row of the disk's centre.
    """
    finer = 3
    axis = (np.arange(size * finer) + 0.5) / finer - 0.5
    x, y = np.meshgrid(axis - centre[0], axis - centre[1])
    angle = np.deg2rad(turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    q = np.stack([x, y], axis=-1) * step_mrad @ turn
    image = np.zeros(x.shape)
    for number, g in enumerate(angles):
        away = q - g
        lit = np.linalg.norm(away, axis=-1) < aperture_mrad
        image[lit] += np.maximum(disks.at(number, away[lit] - tilt), 0)
    return image.reshape(size, finer, size, finer).mean(axis=(1, 3))
