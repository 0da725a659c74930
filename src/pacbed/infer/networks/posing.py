"""From a raw pattern to the crystal's pose in it and the reader's answer."""

import math
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Mask, Pixels, Probabilities, Tilt
from pacbed.infer.networks.networks import Networks, ReaderAnswer
from pacbed.pattern.crystal_frame import Pose
from pacbed.pattern.geometry import turn_matrix
from pacbed.pattern.preprocess import (
    APERTURE_PX,
    ZOOM_RANGE,
    BinnedPattern,
    DiskLocation,
    known_frame,
    locate,
)
from pacbed.pattern.recorded import CleanPattern

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
#: Largest error of the centre that the locator is trained for, semi-angles.
_LARGEST_SHIFT = 0.6


@dataclass(frozen=True)
class Placement:
    """Where the crystal is in a pattern as recorded.

    Attributes
    ----------
    disk : DiskLocation
        Bright-field disk, pixels.
    rotation : float
        Of the crystal's x axis from +x towards +y of the pattern, rad.
    tilt : ndarray, shape (2,)
        In the crystal's frame, mrad.
    """

    disk: DiskLocation
    rotation: float
    tilt: Tilt

    @property
    def rotation_deg(self) -> float:
        """Rotation in degrees, for the answer."""
        return math.degrees(self.rotation)

    @property
    def pattern_tilt(self) -> Tilt:
        """Tilt (x, y) in the pattern, mrad."""
        return turn_matrix(self.rotation) @ self.tilt


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
    probability: Probabilities
    tilt_error_mrad: float


def read_poses(
    data: CleanPattern,
    networks: Networks,
    convergence_mrad: float,
    mrad_per_pixel: float | None,
) -> list[Reading]:
    """Locate the crystal in a pattern and read the thickness.

    Where bright disks touch the bright-field disk, the region that stands out is larger
    and lies elsewhere. Where the first pose is unsure, the search therefore starts again
    from smaller disks all over that region.

    Parameters
    ----------
    data : CleanPattern
    networks : Networks
    convergence_mrad : float
    mrad_per_pixel : float or None
        None where it is not known.

    Returns
    -------
    list of Reading
        The surest first.
    """
    radius = None if mrad_per_pixel is None else convergence_mrad / mrad_per_pixel
    looker = _Looker(data, BinnedPattern(data.values), networks, convergence_mrad, radius)
    first = locate(data.values, data.known)
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

    pattern: CleanPattern
    binned: BinnedPattern
    networks: Networks
    convergence_mrad: float
    radius: float | None

    def locate(self, disks: list[DiskLocation], count: int) -> list[Placement]:
        """Looks of the locator: from all starts, then again from the surest ones."""
        for look in range(_LOOKS):
            frames = np.stack([self.binned.input_frame(disk) for disk in disks])
            found = self.networks.locate(frames, self.convergence_mrad)
            surest = np.argsort(found.tilt_error)[: max(count, 1 if look else 2 * count)]
            zooms = np.clip(found.zoom, *ZOOM_RANGE)
            shifts = np.clip(found.center, -_LARGEST_SHIFT, _LARGEST_SHIFT)
            placements = [
                Placement(
                    self._moved(disks[n], shifts[n] * disks[n].radius, float(zooms[n])),
                    float(found.rotation[n]),
                    turn_matrix(-found.rotation[n]) @ found.tilt[n],
                )
                for n in surest
            ]
            disks = [placement.disk for placement in placements]
        return placements[:count]

    def read(self, placement: Placement) -> Reading:
        """Let the reader correct a placement, and take its answer."""
        answer = self._answer(placement)
        for _ in range(_CORRECTIONS - 1):
            placement = self._corrected(placement, answer)
            answer = self._answer(placement)
        return Reading(placement, answer.probability[0], float(answer.tilt_error_mrad[0]))

    def _answer(self, placement: Placement) -> ReaderAnswer:
        pose = Pose(
            placement.tilt[None], np.array([placement.rotation]), np.zeros(1), np.zeros((1, 2))
        )
        frames = self.binned.input_frame(placement.disk)[None]
        return self.networks.read(frames, pose, self.convergence_mrad, self._known(placement.disk))

    def _known(self, disk: DiskLocation) -> Mask | None:
        """Which pixels of a frame say something; None of a pattern in which all do."""
        known = self.pattern.known
        return None if known is None else known_frame(known, self.pattern.shape, disk)[None]

    def _corrected(self, placement: Placement, answer: ReaderAnswer) -> Placement:
        """Take the errors that the reader found off the pose."""
        shift = turn_matrix(placement.rotation) @ answer.center[0]
        shift *= placement.disk.radius / self.convergence_mrad
        zoom = math.exp(-float(np.clip(answer.log_zoom[0], -0.1, 0.1)))
        return Placement(
            self._moved(placement.disk, -shift, zoom),
            placement.rotation - float(answer.rotation[0]),
            placement.tilt - answer.tilt[0],
        )

    def _moved(self, disk: DiskLocation, shift: Pixels, zoom: float) -> DiskLocation:
        """The disk shifted by (x, y) pixels, and of another radius where that is not known."""
        return DiskLocation(
            disk.row + shift[1], disk.column + shift[0], self.radius or disk.radius * zoom
        )


def frame_scale(
    shape: tuple[int, ...], mrad_per_pixel: float, convergence_mrad: float, input_size: int
) -> float:
    """Zoom that brings the recorded field to the simulated one, see ``Estimate.scale``."""
    recorded = min(shape) * mrad_per_pixel
    simulated = input_size * convergence_mrad / APERTURE_PX
    return float(recorded / simulated)
