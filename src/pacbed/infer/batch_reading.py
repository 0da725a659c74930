"""The networks on many patterns at once, where the geometry is known and only the tilt is not."""

from dataclasses import dataclass

import numpy as np

from pacbed.infer.batch_geometry import SharedGeometry
from pacbed.infer.networks import Networks
from pacbed.pattern.crystal_frame import CrystalFrame, Pose, to_crystal_frame
from pacbed.pattern.preprocess import recorded_frame, to_input_frame

#: How often the reader corrects the tilt, and its largest correction, mrad.
_CORRECTIONS = 2
_LARGEST_STEP_MRAD = 3.0
_PEAK_HALF_WIDTH = 3


@dataclass(frozen=True)
class BatchReading:
    """The networks' answers to B patterns.

    Attributes
    ----------
    probability : ndarray, shape (B, bins)
        Of the thickness bins.
    tilt : ndarray, shape (B, 2)
        In the crystal's frame, mrad.
    tilt_error_mrad : ndarray, shape (B,)
        Width of the tilt's Laplace density, mrad.
    """

    probability: np.ndarray
    tilt: np.ndarray
    tilt_error_mrad: np.ndarray


def read_batch(
    patterns: np.ndarray,
    centers: np.ndarray,
    geometry: SharedGeometry,
    networks: Networks,
    frame: CrystalFrame,
) -> BatchReading:
    """Read tilts and thicknesses of patterns of one geometry.

    Parameters
    ----------
    patterns : ndarray of float32, shape (B, rows, columns)
        From :func:`pacbed.pattern.preprocess.clean`.
    centers : ndarray, shape (B, 2)
        Column and row of the disks' centres, pixels.
    geometry : SharedGeometry
    networks : Networks
    frame : CrystalFrame

    Returns
    -------
    BatchReading
    """
    disks = [geometry.disk(center) for center in centers]
    frames = np.stack(
        [to_input_frame(pattern, disk) for pattern, disk in zip(patterns, disks, strict=True)]
    )
    known = np.stack([recorded_frame(patterns.shape[1:], disk) for disk in disks])
    count = len(frames)
    angles = np.full(count, geometry.convergence_mrad)
    located = networks.locate(frames, angles)
    tilt = geometry.tilt_in_crystal(located[:, :2] * geometry.convergence_mrad)
    still = np.zeros(count)
    for number in range(_CORRECTIONS):
        pose = Pose(tilt, np.full(count, geometry.rotation), still, np.zeros((count, 2)))
        values, folded, fold = to_crystal_frame(frames, frame, pose, angles, known)
        probability, errors = networks.read(values, folded, angles)
        step = np.clip(errors[:, :2], -_LARGEST_STEP_MRAD, _LARGEST_STEP_MRAD)
        corrected = tilt - np.einsum("bij,bj->bi", fold, step)
        if number < _CORRECTIONS - 1:
            tilt = corrected
    width = np.exp(np.clip(errors[:, 2], -5, 3))
    return BatchReading(probability, corrected, width)


def read_thickness(
    probability: np.ndarray, bins: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
