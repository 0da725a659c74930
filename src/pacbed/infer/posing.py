"""From a raw pattern to the crystal's pose in it and the reader's answer."""

import math
from dataclasses import dataclass, replace

import numpy as np

from pacbed.infer.networks import Networks
from pacbed.pattern.crystal_frame import CrystalFrame, Pose, to_crystal_frame
from pacbed.pattern.geometry import rotation_matrix
from pacbed.pattern.preprocess import (
    APERTURE_PX,
    ZOOM_RANGE,
    DiskLocation,
    locate,
    to_input_frame,
)

#: First guesses of the scale around the disk as first found, for an unknown camera length.
_ZOOMS = (0.8, 0.95, 1.1)
#: Looks of the locator, each from where the last one found the crystal.
_LOOKS = 3
#: How often the reader corrects the pose.
_CORRECTIONS = 3
#: Largest correction that the networks are trained for: centre (semi-angles), tilt (mrad).
_LARGEST_SHIFT, _LARGEST_TILT_STEP_MRAD = 0.6, 3.0


@dataclass(frozen=True)
class Placement:
    """Where the crystal is in a pattern as recorded.

    Attributes
    ----------
    disk : DiskLocation
        Bright-field disk, pixels.
    rotation_deg : float
        Of the crystal's x axis from +x towards +y of the pattern.
    tilt : ndarray, shape (2,)
        In the crystal's frame, mrad.
    """

    disk: DiskLocation
    rotation_deg: float
    tilt: np.ndarray

    @property
    def pattern_tilt(self) -> np.ndarray:
        """Tilt (x, y) in the pattern, mrad."""
        return np.asarray(rotation_matrix(self.rotation_deg) @ self.tilt)


@dataclass(frozen=True)
class Reading:
    """The networks' answer to one pattern.

    Attributes
    ----------
    placement : Placement
    probability : ndarray, shape (bins,)
        Of the thickness bins.
    tilt_error_mrad : float
        Width of the tilt's Laplace density, mrad.
    """

    placement: Placement
    probability: np.ndarray
    tilt_error_mrad: float


def read_pattern_pose(
    data: np.ndarray,
    networks: Networks,
    frame: CrystalFrame,
    order: int,
    convergence_mrad: float,
    mrad_per_pixel: float | None,
) -> Reading:
    """Locate the crystal in a pattern and read the thickness.

    Parameters
    ----------
    data : ndarray of float32, shape (rows, columns)
        From :func:`pacbed.pattern.preprocess.clean`.
    networks : Networks
    frame : CrystalFrame
    order : int
        Of the projection's rotations.
    convergence_mrad : float
    mrad_per_pixel : float or None
        None where it is not known.

    Returns
    -------
    Reading
    """
    fixed = None if mrad_per_pixel is None else convergence_mrad / mrad_per_pixel
    placement = _locate(data, networks, order, convergence_mrad, fixed)
    for number in range(_CORRECTIONS):
        probability, errors, fold = _read(data, networks, frame, placement, convergence_mrad)
        if number < _CORRECTIONS - 1:
            placement = _corrected(placement, errors, fold, convergence_mrad, fixed)
    return Reading(placement, probability, math.exp(float(np.clip(errors[2], -5, 3))))


def _locate(
    data: np.ndarray,
    networks: Networks,
    order: int,
    convergence_mrad: float,
    radius: float | None,
) -> Placement:
    """Looks of the locator: at several scales, and at the best one again."""
    first = locate(data)
    radii = [first.radius * zoom for zoom in _ZOOMS] if radius is None else [radius]
    disks = [DiskLocation(first.row, first.column, r) for r in radii]
    for _ in range(_LOOKS):
        frames = np.stack([to_input_frame(data, disk) for disk in disks])
        geometry = networks.locate(frames, np.full(len(disks), convergence_mrad))
        # The look of which the network is surest.
        best = int(np.argmin(geometry[:, 2]))
        placement = _placed(disks[best], geometry[best], order, convergence_mrad, radius)
        disks = [placement.disk]
    return placement


def _placed(
    disk: DiskLocation,
    geometry: np.ndarray,
    order: int,
    convergence_mrad: float,
    radius: float | None,
) -> Placement:
    zoom = float(np.clip(math.exp(geometry[3]), *ZOOM_RANGE))
    shift = np.clip(geometry[4:6], -_LARGEST_SHIFT, _LARGEST_SHIFT) * disk.radius
    rotation = math.degrees(math.atan2(geometry[7], geometry[6])) / order
    return Placement(
        DiskLocation(disk.row + shift[1], disk.column + shift[0], radius or disk.radius * zoom),
        rotation,
        rotation_matrix(-rotation) @ geometry[:2] * convergence_mrad,
    )


def _read(
    data: np.ndarray,
    networks: Networks,
    frame: CrystalFrame,
    placement: Placement,
    convergence_mrad: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thickness distribution, errors of the pose and the fold they refer to."""
    image = to_input_frame(data, placement.disk)[None]
    pose = Pose(
        placement.tilt[None],
        np.array([math.radians(placement.rotation_deg)]),
        np.zeros(1),
        np.zeros((1, 2)),
    )
    alpha = np.array([convergence_mrad])
    values, folded, fold = to_crystal_frame(image, frame, pose, alpha)
    probability, errors = networks.read(values, folded, alpha)
    return probability[0], errors[0], fold[0]


def _corrected(
    placement: Placement,
    errors: np.ndarray,
    fold: np.ndarray,
    convergence_mrad: float,
    radius: float | None,
) -> Placement:
    """Take the errors that the reader found off the pose."""
    disk = placement.disk
    turn = rotation_matrix(placement.rotation_deg)
    step = np.clip(errors[:2], -_LARGEST_TILT_STEP_MRAD, _LARGEST_TILT_STEP_MRAD)
    shift = turn @ fold @ errors[4:6] * (disk.radius / convergence_mrad)
    zoom = math.exp(-float(np.clip(errors[3], -0.1, 0.1)))
    turned = math.degrees(float(errors[6])) * float(np.linalg.det(fold))
    return replace(
        placement,
        disk=DiskLocation(
            disk.row - shift[1], disk.column - shift[0], radius or disk.radius * zoom
        ),
        rotation_deg=placement.rotation_deg - turned,
        tilt=placement.tilt - fold @ step,
    )


def frame_scale(
    shape: tuple[int, ...], mrad_per_pixel: float, convergence_mrad: float, input_size: int
) -> float:
    """Zoom that brings the recorded field to the simulated one, see ``Estimate.scale``."""
    recorded = min(shape) * mrad_per_pixel
    simulated = input_size * convergence_mrad / APERTURE_PX
    return float(recorded / simulated)
