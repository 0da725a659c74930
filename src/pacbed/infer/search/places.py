"""Poses that a search begins from: disks in every rotation, and the lattice's nodes."""

import math
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Pixels
from pacbed.infer.search.rims import RimPlace, lattice_rotations
from pacbed.infer.search.samples import Pose
from pacbed.lacbed.geometry import TableGeometry
from pacbed.pattern.geometry import turn_matrix
from pacbed.pattern.preprocess import DiskLocation

#: Rotations of a disk lie this far apart, rad.
_TURN = math.radians(4.0)
#: Nodes of a lattice that may be the first disk's centre: so many, the nearest to the middle of
#: what is bright.
_NODES = 14


@dataclass(frozen=True)
class Posed:
    """Poses of one convergence semi-angle and size.

    Attributes
    ----------
    convergence_mrad : float
    poses : list of Pose
    """

    convergence_mrad: float
    poses: list[Pose]


def posed_disk(disk: DiskLocation, convergence_mrad: float, rotation_order: int) -> Posed:
    """Every rotation of a disk that is not alike by the projection's symmetry."""
    log_scale = math.log(convergence_mrad / disk.radius)
    center = np.array([disk.column, disk.row])
    turns = np.arange(0, 2 * np.pi / rotation_order - 1e-9, _TURN).tolist()
    return Posed(convergence_mrad, [Pose(center, log_scale, turn) for turn in turns])


def posed_lattice(place: RimPlace, middle: Pixels, geometry: TableGeometry) -> Posed:
    """A lattice's place: any node may be the first disk, in all rotations that look alike.

    Parameters
    ----------
    place : RimPlace
    middle : ndarray, shape (2,)
        Column and row of the middle of what is bright, pixels.
    geometry : TableGeometry
    """
    order = lattice_rotations(geometry.lattice_mrad)
    alike = max(1, order // geometry.rotation_order)
    scale = place.radius_px / place.convergence_mrad
    lattice = geometry.lattice_mrad @ turn_matrix(place.rotation).T * scale
    around = np.arange(-6, 7)
    steps = np.stack(np.meshgrid(around, around), axis=-1).reshape(-1, 2)
    start = np.rint((middle - place.node) @ np.linalg.inv(lattice))
    nodes = place.node + (steps + start) @ lattice
    nearest = np.argsort(np.linalg.norm(nodes - middle, axis=1))[:_NODES]
    turns = [place.rotation + 2 * math.pi * n / order for n in range(alike)]
    log_scale = -math.log(scale)
    return Posed(
        place.convergence_mrad,
        [Pose(nodes[n], log_scale, turn) for n in nearest for turn in turns],
    )
