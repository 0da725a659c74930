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
    BinnedPattern,
    DiskLocation,
    locate,
)

#: First guesses of the scale around the disk as first found, for an unknown camera length.
_ZOOMS = (0.8, 0.95, 1.1)
#: Looks of the locator, each from where the last one found the crystal.
_LOOKS = 3
#: The wider search where the reader is less sure of the tilt than this: scales, shifts of
#: the start in radii, and how many poses are read.
_SURE_MRAD = 0.11
_WIDE_ZOOMS = (0.68, 0.78, 0.9)
_WIDE_SHIFTS = ((0.0, 0.0), (0.32, 0.0), (-0.32, 0.0), (0.0, 0.32), (0.0, -0.32))
_CANDIDATES = 3
#: How often the reader corrects the pose.
_CORRECTIONS = 4
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


def read_poses(
    data: np.ndarray,
    networks: Networks,
    frame: CrystalFrame,
    order: int,
    convergence_mrad: float,
    mrad_per_pixel: float | None,
) -> list[Reading]:
    """Locate the crystal in a pattern and read the thickness.

    Where bright disks touch the bright-field disk, the region that stands out is larger
    and lies elsewhere. Where the first pose is unsure, the search therefore starts again
    from smaller disks all over that region.

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
    list of Reading
        The surest first.
    """
    radius = None if mrad_per_pixel is None else convergence_mrad / mrad_per_pixel
    looker = _Looker(BinnedPattern(data), networks, frame, order, convergence_mrad, radius)
    first = locate(data)
    zooms = _ZOOMS if radius is None else (1.0,)
    size = radius or first.radius
    disks = [DiskLocation(first.row, first.column, size * zoom) for zoom in zooms]
    readings = [looker.read(placement) for placement in looker.locate(disks, 1)]
    if readings[0].tilt_error_mrad <= _SURE_MRAD:
        return readings
    zooms = _WIDE_ZOOMS if radius is None else (1.0,)
    disks = [
        DiskLocation(first.row + y * size, first.column + x * size, size * zoom)
        for zoom in zooms
        for x, y in _WIDE_SHIFTS
    ]
    readings += [looker.read(placement) for placement in looker.locate(disks, _CANDIDATES)]
    return sorted(readings, key=lambda reading: reading.tilt_error_mrad)


@dataclass(frozen=True)
class _Looker:
    """What all looks at one pattern share; `radius` is the disk's where it is known."""

    data: BinnedPattern
    networks: Networks
    frame: CrystalFrame
    order: int
    convergence_mrad: float
    radius: float | None

    def locate(self, disks: list[DiskLocation], count: int) -> list[Placement]:
        """Looks of the locator: from all starts, then again from the surest ones."""
        for look in range(_LOOKS):
            frames = np.stack([self.data.input_frame(disk) for disk in disks])
            angles = np.full(len(disks), self.convergence_mrad)
            geometry = self.networks.locate(frames, angles)
            keep = max(count, 1 if look else 2 * count)
            surest = np.argsort(geometry[:, 2])[:keep]
            found = [
                _placed(disks[n], geometry[n], self.order, self.convergence_mrad, self.radius)
                for n in surest
            ]
            disks = [placement.disk for placement in found]
        return found[:count]

    def read(self, placement: Placement) -> Reading:
        """Let the reader correct a placement, and take its answer."""
        for number in range(_CORRECTIONS):
            probability, errors, fold = _read(
                self.data, self.networks, self.frame, placement, self.convergence_mrad
            )
            if number < _CORRECTIONS - 1:
                placement = _corrected(placement, errors, fold, self.convergence_mrad, self.radius)
        width = math.exp(float(np.clip(errors[2], -5, 3)))
        return Reading(placement, probability, width)


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
    data: BinnedPattern,
    networks: Networks,
    frame: CrystalFrame,
    placement: Placement,
    convergence_mrad: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thickness distribution, errors of the pose and the fold they refer to."""
    image = data.input_frame(placement.disk)[None]
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
