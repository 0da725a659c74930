"""The poses that the reader is trained with: the true one, with errors."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as nnf

from pacbed.learn.batches import Batch
from pacbed.learn.network import PoseErrors
from pacbed.pattern.crystal_frame import (
    CrystalFrame,
    Pose,
    frame_positions,
    normalise_regions,
    recorded,
)
from pacbed.pattern.preprocess import APERTURE_PX, INPUT_SIZE

#: σ of the errors after a first look, and after a second one: tilt and centre (mrad
#: and semi-angles), rotation (rad), logarithm of the zoom.
_COARSE = (0.8, 0.025, 0.05, 0.02)
_FINE = (0.2, 0.006, 0.01, 0.004)
#: Share of the frames that take the locator's own answer where it is near enough.
_LOCATED_SHARE = 0.35
_LARGEST_TILT_ERROR_MRAD, _LARGEST_ROTATION_ERROR_RAD = 3.0, 0.2
_FINE_SHARE = 0.5


@dataclass(frozen=True)
class ReaderInput:
    """What the reader is given, and what it shall find."""

    values: torch.Tensor
    folded_mrad: torch.Tensor
    errors: PoseErrors
    fine: np.ndarray


def draw_poses(
    batch: Batch, geometry: np.ndarray, order: int, rng: np.random.Generator
) -> tuple[Pose, np.ndarray]:
    """Poses with the errors that inference will meet.

    Parameters
    ----------
    batch : Batch
    geometry : ndarray, shape (B, 8)
        The locator's answer.
    order : int
        Of the projection's rotations.
    rng : Generator

    Returns
    -------
    pose : Pose
    fine : ndarray of bool, shape (B,)
        Where the errors are those of a second look.
    """
    count = len(batch.thickness_nm)
    fine = rng.random(count) < _FINE_SHARE
    tilt, center, rotation, zoom = np.where(fine[:, None], _FINE, _COARSE).T
    drawn = Pose(
        batch.tilt + rng.normal(0, 1, (count, 2)) * tilt[:, None],
        batch.rotation_rad + rng.normal(0, 1, count) * rotation,
        batch.log_zoom + rng.normal(0, 1, count) * zoom,
        batch.center + rng.normal(0, 1, (count, 2)) * center[:, None] * APERTURE_PX,
    )
    located = located_pose(batch, geometry, order)
    near = np.linalg.norm(located.tilt - batch.tilt, axis=1) < _LARGEST_TILT_ERROR_MRAD
    near &= np.abs(located.rotation - batch.rotation_rad) < _LARGEST_ROTATION_ERROR_RAD
    near &= ~fine & (rng.random(count) < _LOCATED_SHARE)
    pose = Pose(
        np.where(near[:, None], located.tilt, drawn.tilt),
        np.where(near, located.rotation, drawn.rotation),
        np.where(near, located.log_zoom, drawn.log_zoom),
        np.where(near[:, None], located.center, drawn.center),
    )
    return pose, fine


def located_pose(batch: Batch, geometry: np.ndarray, order: int) -> Pose:
    """The locator's answer as a pose, with the rotation nearest to the true one."""
    turn = 2 * np.pi / order
    rotation = np.arctan2(geometry[:, 7], geometry[:, 6]) / order
    rotation += turn * np.round((batch.rotation_rad - rotation) / turn)
    c, s = np.cos(rotation), np.sin(rotation)
    x, y = geometry[:, :2].T * batch.convergence_mrad
    tilt = np.stack([c * x + s * y, c * y - s * x], axis=1)
    return Pose(tilt, rotation, geometry[:, 3], geometry[:, 4:6] * APERTURE_PX)


def reader_input(batch: Batch, frame: CrystalFrame, pose: Pose, fine: np.ndarray) -> ReaderInput:
    """Resample the batch's frames for some poses, and work out the poses' errors.

    The torch twin of :func:`pacbed.pattern.crystal_frame.to_crystal_frame`.
    """
    position, radius, folded, fold = frame_positions(
        frame, pose, batch.convergence_mrad.astype(np.float64)
    )
    middle = np.float32((INPUT_SIZE - 1) / 2)
    values = nnf.grid_sample(
        torch.from_numpy(batch.frames)[:, None],
        torch.from_numpy(position / middle)[:, None],
        mode="bilinear",
        padding_mode="border",
        align_corners=True,
    )[:, 0, 0]
    normalised = normalise_regions(values.numpy(), radius, recorded(position))
    turn = np.linalg.det(fold)
    c, s = np.cos(batch.rotation_rad), np.sin(batch.rotation_rad)
    x, y = (pose.center - batch.center).T * batch.convergence_mrad / APERTURE_PX
    center = np.stack([c * x + s * y, c * y - s * x], axis=1)
    return ReaderInput(
        torch.from_numpy(normalised),
        _tensor(folded),
        PoseErrors(
            _tensor(np.einsum("bji,bj->bi", fold, pose.tilt - batch.tilt)),
            _tensor(pose.log_zoom - batch.log_zoom),
            _tensor(np.einsum("bji,bj->bi", fold, center)),
            _tensor((pose.rotation - batch.rotation_rad) * turn),
        ),
        fine,
    )


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
