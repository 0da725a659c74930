"""The crystal's frame: symmetry of the fold, equal patterns in equal frames, the torch twin."""

import numpy as np
import pytest

from pacbed.learn.batches import PatternStream, StreamOptions
from pacbed.learn.poses import reader_input
from pacbed.library.system import System
from pacbed.pattern.crystal_frame import (
    FRAME_SIZE,
    CrystalFrame,
    Pose,
    make_crystal_frame,
    plane_operations,
    to_crystal_frame,
)
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.preprocess import APERTURE_PX, INPUT_SIZE, DiskLocation, recorded_frame
from pacbed.pattern.synthesis import synthesise

ALPHA, TILT = 11.0, np.array([2.0, -1.0])
SYSTEM = System(
    9, "small", "Strontium titanate", "SrTiO3", (0, 0, 1), 200.0, (10, 12), (1, 30), (0, 3)
)


@pytest.fixture(scope="module")
def frame(small_table) -> CrystalFrame:
    return make_crystal_frame(plane_operations(small_table.geometry), 12.0, 3.0)


def angles(vectors: np.ndarray) -> np.ndarray:
    return np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0]))


def test_fold_brings_every_tilt_into_the_sector(frame):
    tilt = np.random.default_rng(0).normal(0, 2, (500, 2))
    fold = frame.fold(tilt)
    folded = np.einsum("bji,bj->bi", fold, tilt)
    assert len(frame.operations) == 8
    middle = float(angles(frame.sector[None])[0])
    away = (angles(folded) - middle + 180) % 360 - 180
    # The eight operations of a square leave an eighth of the circle.
    assert np.abs(away).max() <= 22.5 + 1e-9
    assert np.linalg.norm(folded, axis=1) == pytest.approx(np.linalg.norm(tilt, axis=1))
    assert np.einsum("bij,bj->bi", fold, folded) == pytest.approx(tilt)


def test_equal_tilts_have_one_fold(frame):
    tilt = np.random.default_rng(1).normal(0, 2, (50, 2))
    folded = [np.einsum("bji,bj->bi", frame.fold(tilt @ w.T), tilt @ w.T) for w in frame.operations]
    for other in folded[1:]:
        assert other == pytest.approx(folded[0])


def test_frame_without_symmetry_shows_the_tilt_as_it_is():
    frame = make_crystal_frame(np.eye(2)[None], 12.0, 3.0)
    tilt = np.array([[-1.0, 2.0]])
    assert (frame.fold(tilt) == np.eye(2)).all()


def crystal_frame_of(table, frame, tilt, rotation_deg=0.0):
    turn = np.deg2rad(rotation_deg)
    c, s = np.cos(turn), np.sin(turn)
    x, y = np.array([[c, -s], [s, c]]) @ tilt
    parameters = PatternParameters(22.0, x, y, ALPHA, ALPHA / APERTURE_PX, rotation_deg)
    image = synthesise(table, parameters, (INPUT_SIZE, INPUT_SIZE))
    pose = Pose(tilt[None], np.array([turn]), np.zeros(1), np.zeros((1, 2)))
    return to_crystal_frame(image[None], frame, pose, np.array([ALPHA]))


def test_equal_patterns_have_equal_frames(small_table, frame):
    expected, folded, _ = crystal_frame_of(small_table, frame, TILT)
    assert expected.shape == (1, FRAME_SIZE**2)
    for w in frame.operations:
        values, other, _ = crystal_frame_of(small_table, frame, w @ TILT)
        assert other == pytest.approx(folded)
        assert np.abs(values - expected).max() < 0.02
    turned, _, _ = crystal_frame_of(small_table, frame, TILT, 33.0)
    # Linear interpolation between other pixels.
    assert np.sqrt(((turned - expected) ** 2).mean()) < 0.1


@pytest.fixture(scope="module")
def batch(small_table):
    options = StreamOptions(tilts=4, series=4, pool_groups=1)
    return next(PatternStream(small_table, SYSTEM, options, 3).batches(16))


def true_pose(batch):
    return Pose(batch.tilt, batch.rotation_rad, batch.log_zoom, batch.center)


def test_torch_sampling_is_the_same(batch, frame):
    fine = np.zeros(16, bool)
    given = reader_input(batch, frame, true_pose(batch), fine)
    values, folded, _ = to_crystal_frame(
        batch.frames, frame, true_pose(batch), batch.convergence_mrad.astype(float)
    )
    assert given.folded_mrad.numpy() == pytest.approx(folded, abs=1e-5)
    different = np.abs(given.values.numpy() - values) > 2e-3
    # A pixel on the border of a region may fall on either side of it.
    assert different.mean() < 1e-3


def test_the_true_pose_has_no_errors_and_others_have_theirs(batch, frame):
    fine = np.zeros(16, bool)
    errors = reader_input(batch, frame, true_pose(batch), fine).errors
    for found in (errors.tilt, errors.log_zoom, errors.center, errors.rotation):
        assert found.abs().max() < 1e-5
    wrong = Pose(
        np.add(batch.tilt, (0.3, 0.4)),
        batch.rotation_rad + 0.05,
        batch.log_zoom + 0.02,
        np.add(batch.center, (0.0, 2.0)),
    )
    errors = reader_input(batch, frame, wrong, fine).errors
    assert errors.tilt.norm(dim=1).numpy() == pytest.approx(0.5, abs=1e-4)
    assert errors.rotation.abs().numpy() == pytest.approx(0.05, abs=1e-4)
    assert errors.log_zoom.numpy() == pytest.approx(0.02, abs=1e-5)
    expected = 2 * batch.convergence_mrad / APERTURE_PX
    assert errors.center.norm(dim=1).numpy() == pytest.approx(expected, rel=1e-3)


def test_what_was_not_recorded_is_not_shown(small_table, frame):
    """The reader sees the same whatever stands where the detector ended."""
    parameters = PatternParameters(22.0, *TILT, ALPHA, ALPHA / APERTURE_PX)
    image = synthesise(small_table, parameters, (INPUT_SIZE, INPUT_SIZE))
    pose = Pose(TILT[None], np.zeros(1), np.zeros(1), np.zeros((1, 2)))
    middle = (INPUT_SIZE - 1) / 2
    known = recorded_frame((INPUT_SIZE, 70), DiskLocation(middle, middle, APERTURE_PX))
    assert known[:, :70].all()
    assert not known[:, 70:].any()
    shown = []
    for fill in (0.0, 5.0):
        frames = np.where(known, image, fill * image.max()).astype(np.float32)[None]
        values, _, _ = to_crystal_frame(frames, frame, pose, np.array([ALPHA]), known[None])
        shown.append(values)
    assert np.array_equal(*shown)
    assert (shown[0] == 0).mean() > 0.2
