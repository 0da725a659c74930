"""The frame in which the crystal always looks the same: the reader's input.

A pattern is turned upright and scaled to angles, the zone axis is put on a fixed
spot, and of all directions of tilt that are equal by symmetry one is shown. In
this frame the disks of the LACBED table stand still (see
:mod:`pacbed.pattern.disks`): tilt and convergence only choose which part is lit.
Reading the thickness then needs no invariance, only a fixed dictionary.
"""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import (
    Angles,
    Indices,
    Mask,
    Matrices,
    Numbers,
    Patterns,
    Pixels,
    Singles,
    Tilts,
    Vectors,
)
from pacbed.lacbed.geometry import TableGeometry
from pacbed.pattern.preprocess import APERTURE_PX, INPUT_SIZE

#: Pixels along one side of the frame.
FRAME_SIZE = 72
#: How much finer the middle of the frame is drawn than its rim.
_CENTRAL_SHARE = 0.65
#: Regions in convergence semi-angles: inside the disk, its edge, outside.
INNER, OUTER, FIELD = 0.93, 1.07, 1.4
#: Weight of the outside and bound of the edge in the normalised frame.
OUTSIDE_WEIGHT, EDGE_BOUND = 0.5, 3.0


@dataclass(frozen=True)
class Pose:
    """How a pattern lies in a frame of `INPUT_SIZE` pixels: arrays of shape (B, ...).

    Attributes
    ----------
    tilt : ndarray, shape (B, 2)
        In the crystal's frame, mrad.
    rotation : ndarray, shape (B,)
        Of the crystal's x axis from +x towards +y of the pattern, rad.
    log_zoom : ndarray, shape (B,)
        Logarithm of the disk's radius over `APERTURE_PX`.
    center : ndarray, shape (B, 2)
        Of the disk (x, y), pixels from the frame's middle.
    """

    tilt: Tilts
    rotation: Numbers
    log_zoom: Numbers
    center: Pixels


@dataclass(frozen=True)
class CrystalFrame:
    """Where the frame's pixels lie, and the symmetry that folds tilts.

    Attributes
    ----------
    points : ndarray, shape (FRAME_SIZE², 2)
        Positions seen from the zone axis, mrad.
    operations : ndarray, shape (m, 2, 2)
        Point group of the projection as matrices on column vectors.
    sector : ndarray, shape (2,)
        Unit vector in the middle of the sector that tilts are folded into.
    """

    points: Angles
    operations: Matrices
    sector: Vectors

    def fold(self, tilt: Tilts) -> Matrices:
        """Operation that brings each tilt from the sector back to where it is.

        Parameters
        ----------
        tilt : ndarray, shape (B, 2)
            In the crystal's frame, mrad.

        Returns
        -------
        ndarray, shape (B, 2, 2)
            A with tilt = A · folded tilt.
        """
        images = np.einsum("mji,bj->bmi", self.operations, tilt)
        best: Indices = (images @ self.sector).argmax(axis=1)
        return self.operations[best]


def plane_operations(geometry: TableGeometry) -> Matrices:
    """Point group of a table's projection as matrices on column vectors, (m, 2, 2)."""
    inverse = np.linalg.inv(geometry.reciprocal)
    # Rows transform as h W; as a matrix on column vectors that is the transpose.
    return np.array([(inverse @ w @ geometry.reciprocal).T for w in geometry.point_group])


def make_crystal_frame(
    operations: Matrices, convergence_max_mrad: float, mistilt_max_mrad: float
) -> CrystalFrame:
    """Frame that shows every aperture and tilt of a system.

    Parameters
    ----------
    operations : ndarray, shape (m, 2, 2)
        Point group of the projection, see :func:`plane_operations`.
    convergence_max_mrad, mistilt_max_mrad : float

    Returns
    -------
    CrystalFrame
    """
    sector = _middle_of_sector(operations)
    half = 1.2 * convergence_max_mrad + 0.5 * mistilt_max_mrad
    axis = np.linspace(-1, 1, FRAME_SIZE)
    x, y = np.meshgrid(axis, axis)
    stretch = _CENTRAL_SHARE + (1 - _CENTRAL_SHARE) * (x**2 + y**2)
    points = np.stack([x * stretch, y * stretch], axis=-1).reshape(-1, 2) * half
    # The disk's centre lies opposite to the tilt: move the frame halfway there.
    return CrystalFrame(points - 0.42 * mistilt_max_mrad * sector, operations, sector)


def _middle_of_sector(operations: Matrices) -> Vectors:
    """Direction that lies as far as possible from its own images."""
    angle = np.deg2rad(np.arange(0, 180, 0.5))
    candidates = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    others = [w for w in operations if not np.allclose(w, np.eye(2))]
    if not others:
        return np.array([1.0, 0.0])
    nearest = np.max([np.einsum("ci,ij,cj->c", candidates, w, candidates) for w in others], axis=0)
    middle: Vectors = candidates[int(nearest.round(9).argmin())]
    return middle


def frame_positions(
    frame: CrystalFrame, pose: Pose, convergence_mrad: Angles
) -> tuple[Singles, Singles, Tilts, Matrices]:
    """Where the frame's pixels lie in the input frames.

    Parameters
    ----------
    frame : CrystalFrame
    pose : Pose
    convergence_mrad : ndarray, shape (B,)

    Returns
    -------
    position : ndarray, shape (B, P, 2)
        Pixels (x, y) from the middle of the input frame.
    radius : ndarray, shape (B, P)
        Distance from the disk's centre in convergence semi-angles.
    folded : ndarray, shape (B, 2)
        Tilt in the sector, mrad.
    fold : ndarray, shape (B, 2, 2)
        See :meth:`CrystalFrame.fold`.
    """
    fold = frame.fold(pose.tilt)
    folded = np.einsum("bji,bj->bi", fold, pose.tilt)
    # Single precision is a thousandth of a pixel, and twice as fast in training.
    angle = frame.points.astype(np.float32) + folded[:, None].astype(np.float32)
    radius = np.hypot(angle[..., 0], angle[..., 1])
    radius /= convergence_mrad[:, None].astype(np.float32)
    c, s = np.cos(pose.rotation), np.sin(pose.rotation)
    turn = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
    scale = APERTURE_PX * np.exp(pose.log_zoom) / convergence_mrad
    matrix = ((turn @ fold) * scale[:, None, None]).astype(np.float32)
    position = angle @ matrix.transpose(0, 2, 1) + pose.center[:, None].astype(np.float32)
    return position, radius, folded, fold


def to_crystal_frame(
    frames: Patterns,
    frame: CrystalFrame,
    pose: Pose,
    convergence_mrad: Angles,
    known: Mask | None = None,
) -> tuple[Singles, Tilts, Matrices]:
    """Resample input frames into the crystal's frame and normalise them.

    Parameters
    ----------
    frames : ndarray of float32, shape (B, INPUT_SIZE, INPUT_SIZE)
    frame : CrystalFrame
    pose : Pose
    convergence_mrad : ndarray, shape (B,)
    known : ndarray of bool, shape (B, INPUT_SIZE, INPUT_SIZE), optional
        Which pixels of the input frames were recorded; all where it is not given.

    Returns
    -------
    values : ndarray of float32, shape (B, FRAME_SIZE²)
    folded : ndarray, shape (B, 2)
        Tilt in the sector, mrad.
    fold : ndarray, shape (B, 2, 2)
    """
    position, radius, folded, fold = frame_positions(frame, pose, convergence_mrad)
    values = _bilinear(frames, position)
    inside = recorded(position)
    if known is not None and not known.all():
        # All four neighbours of a position must be known.
        inside &= _bilinear(known.astype(np.float32), position) > 0.999
    return normalise_regions(values, radius, inside), folded, fold


def _bilinear(frames: Patterns, position: Singles) -> Singles:
    """Values (B, P) of frames at pixels (x, y) from their middle; the edge repeats."""
    place = np.clip(position + np.float32((INPUT_SIZE - 1) / 2), 0, INPUT_SIZE - 1)
    below = np.minimum(place.astype(np.intp), INPUT_SIZE - 2)
    x, y = np.moveaxis(place - below.astype(np.float32), -1, 0)
    first = below[..., 1] * INPUT_SIZE + below[..., 0]
    flat = frames.reshape(len(frames), -1)

    def at(step: int) -> Singles:
        return np.take_along_axis(flat, first + step, axis=1)

    upper = at(0) + x * (at(1) - at(0))
    lower = at(INPUT_SIZE) + x * (at(INPUT_SIZE + 1) - at(INPUT_SIZE))
    value: Singles = upper + y * (lower - upper)
    return value


def recorded(position: Singles) -> Mask:
    """Which of the positions lie inside the input frame.

    Parameters
    ----------
    position : ndarray, shape (B, P, 2)
        Pixels (x, y) from the middle of the input frame.

    Returns
    -------
    ndarray of bool, shape (B, P)
    """
    inside: Mask = np.abs(position) <= (INPUT_SIZE - 1) / 2
    return inside[..., 0] & inside[..., 1]


def normalise_regions(values: Singles, radius: Singles, inside: Mask) -> Singles:
    """Bring disk and surroundings to mean 0 and variance 1 each, and the edge between.

    The contrast inside the disk is small beside the step at its edge; normalised as
    one, the edge would hide it.

    Parameters
    ----------
    values, radius : ndarray, shape (B, P)
    inside : ndarray of bool, shape (B, P)
        From :func:`recorded`.

    Returns
    -------
    ndarray of float32, shape (B, P)
    """
    inner = inside & (radius < INNER)
    outer = inside & (radius > OUTER) & (radius < FIELD)
    edge = inside & (radius >= INNER) & (radius <= OUTER)
    level_in, part_in = _standardise(values, inner)
    level_out, part_out = _standardise(values, outer)
    step = np.maximum(np.abs(level_in - level_out), 1e-6)
    part_edge = np.clip(2 * (values - (level_in + level_out) / 2) / step, -EDGE_BOUND, EDGE_BOUND)
    return np.asarray(part_in + OUTSIDE_WEIGHT * part_out + part_edge * edge, np.float32)


def _standardise(values: Singles, region: Mask) -> tuple[Singles, Singles]:
    count = np.maximum(region.sum(axis=1, keepdims=True), 1)
    mean = (values * region).sum(axis=1, keepdims=True) / count
    centred = (values - mean) * region
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
    return mean, centred / np.maximum(deviation, 1e-6)
