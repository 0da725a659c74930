"""The networks on many patterns at once, where the geometry is known and only the tilt is not."""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Angles, Numbers, Pixels, Probabilities, Thicknesses, Tilts
from pacbed.infer.networks.networks import Networks
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.pattern.crystal_frame import Pose
from pacbed.pattern.preprocess import known_frame, to_input_frame
from pacbed.pattern.recorded import CleanPattern

#: How often the reader corrects the tilt.
_CORRECTIONS = 2
_PEAK_HALF_WIDTH = 3


@dataclass(frozen=True)
class BatchReading:
    """The networks' answers to B patterns.

    Attributes
    ----------
    probability : ndarray, shape (B, bins)
        Of the thickness bins.
    bins : ndarray, shape (bins,)
        Their thicknesses, nm.
    tilt : ndarray, shape (B, 2)
        In the crystal's frame, mrad.
    tilt_error_mrad : ndarray, shape (B,)
        Width of the tilt's Laplace density, mrad.
    """

    probability: Probabilities
    bins: Thicknesses
    tilt: Tilts
    tilt_error_mrad: Angles


def read_batch(
    patterns: list[CleanPattern],
    centers: Pixels,
    geometry: SharedGeometry,
    networks: Networks,
) -> BatchReading:
    """Read tilts and thicknesses of patterns of one geometry.

    Parameters
    ----------
    patterns : list of CleanPattern
        B patterns.
    centers : ndarray, shape (B, 2)
        Column and row of the disks' centres, pixels.
    geometry : SharedGeometry
    networks : Networks

    Returns
    -------
    BatchReading
    """
    disks = [geometry.disk(center) for center in centers]
    pairs = list(zip(patterns, disks, strict=True))
    frames = np.stack([to_input_frame(pattern.values, disk) for pattern, disk in pairs])
    known = np.stack([known_frame(pattern.known, pattern.shape, disk) for pattern, disk in pairs])
    count = len(frames)
    alpha = geometry.convergence_mrad
    rotation, still = np.full(count, geometry.rotation), np.zeros(count)
    tilt = geometry.tilt_in_crystal(networks.locate(frames, alpha).tilt)
    for _ in range(_CORRECTIONS):
        pose = Pose(tilt, rotation, still, np.zeros((count, 2)))
        answer = networks.read(frames, pose, alpha, known)
        tilt = tilt - answer.tilt
    return BatchReading(answer.probability, networks.bins, tilt, answer.tilt_error_mrad)


def read_thickness(
    probability: Probabilities, bins: Thicknesses
) -> tuple[Numbers, Numbers, Numbers]:
    """Thickness, its spread and the share of the highest peak.

    Parameters
    ----------
    probability : ndarray, shape (B, bins)
    bins : ndarray, shape (bins,)

    Returns
    -------
    thickness_nm, std_nm, share : ndarray, shape (B,)
    """
    peak = probability.argmax(axis=1)
    near = np.abs(np.arange(len(bins))[None] - peak[:, None]) <= _PEAK_HALF_WIDTH
    inside = probability * near
    share = inside.sum(axis=1)
    thickness = (inside @ bins) / np.maximum(share, 1e-12)
    spread = np.sqrt((probability * (bins[None] - thickness[:, None]) ** 2).sum(axis=1))
    return thickness, spread, share
