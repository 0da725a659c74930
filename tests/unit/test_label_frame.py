"""The frame of label models: scale, direction of zoom and rotation, values."""

import numpy as np
import pytest

from pacbed.errors import BundleError, PatternError
from pacbed.pattern.label_frame import (
    FramePreparation,
    Placement,
    around_disk,
    finish_frames,
    sample_frame,
    scale_convergence,
    whole_image,
)
from pacbed.pattern.preprocess import DiskLocation, locate

PREPARATION = FramePreparation(64, (20.0, 25.0), (0.5, 0.625), 0.04)


def disk_pattern(size, radius, row=0.0, column=0.0):
    """A disk with one brighter spot right of its middle, at half the radius."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    y, x = y - row, x - column
    disk = 0.5 - 0.5 * np.tanh(np.hypot(x, y) - radius)
    spot = 0.5 * np.exp(-(((x - radius / 2) ** 2 + y**2) / (2 * (0.1 * radius) ** 2)))
    return (disk + spot).astype(np.float32)


def spot_of(frame):
    y, x = np.mgrid[: len(frame), : len(frame)] - (len(frame) - 1) / 2
    weight = np.clip(frame - 1.05, 0, None)
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


def test_whole_image_at_its_own_size_is_the_image():
    pattern = disk_pattern(64, 20)
    assert np.allclose(sample_frame(pattern, whole_image(pattern.shape), 64), pattern, atol=1e-6)


@pytest.mark.parametrize("size", [128, 170, 512])
def test_frames_do_not_depend_on_the_number_of_pixels(size):
    frame = sample_frame(disk_pattern(size, size / 4), whole_image((size, size)), 64)
    assert np.allclose(spot_of(frame), (8, 0), atol=0.15)


def test_zoom_enlarges_and_rotation_turns_from_x_to_y():
    pattern = disk_pattern(128, 32)
    where = whole_image(pattern.shape)
    larger = sample_frame(pattern, Placement(where.row, where.column, 64, zoom=1.25), 64)
    assert np.allclose(spot_of(larger), (10, 0), atol=0.15)
    turned = sample_frame(pattern, Placement(where.row, where.column, 64, rotation_deg=90), 64)
    assert np.allclose(spot_of(turned), (0, 8), atol=0.15)


def test_correction_undoes_the_zoom_that_is_seen():
    pattern = disk_pattern(128, 32)
    wrong = Placement(63.5, 63.5, 64 / 1.3)
    assert np.allclose(spot_of(sample_frame(pattern, wrong, 64)), (8 * 1.3, 0), atol=0.15)
    right = sample_frame(pattern, wrong.corrected(1.3), 64)
    assert np.allclose(right, sample_frame(pattern, whole_image((128, 128)), 64), atol=1e-5)


@pytest.mark.parametrize("size", [200, 900])
def test_a_measured_pattern_is_brought_to_the_scale_of_the_table(size):
    table_pattern = disk_pattern(128, 32)
    share = locate(table_pattern).radius / 64
    preparation = FramePreparation(64, (20.0,), (share,), 0.04)
    measured = disk_pattern(size, size / 7, row=size / 20, column=-size / 30)
    placement = around_disk(locate(measured), 20.0, preparation)
    frame = finish_frames(sample_frame(measured, placement, 64)[None])
    wanted = finish_frames(sample_frame(table_pattern, whole_image((128, 128)), 64)[None])
    assert np.corrcoef(frame.ravel(), wanted.ravel())[0, 1] > 0.97


def test_disk_share_between_the_angles_of_the_table():
    # Both entries are a field of 40 mrad.
    assert PREPARATION.disk_share(22.0) == pytest.approx(22 / 40)
    placement = around_disk(DiskLocation(10.0, 12.0, 30.0), 22.0, PREPARATION)
    assert placement == Placement(10.0, 12.0, pytest.approx(30 * 40 / 22))


def test_values_and_channels():
    frames = np.stack([disk_pattern(64, 20), 1000 * disk_pattern(64, 20) + 7])
    values = finish_frames(frames, 3)
    assert values.shape == (2, 64, 64, 3)
    assert np.allclose(values[0], values[1], atol=1e-4)
    assert np.abs(values).max() <= 1
    assert (values[:, 0, 0] == 0).all()
    assert (values[..., 0] == values[..., 2]).all()


def test_scaled_convergence():
    assert scale_convergence(np.array([20.0, 25.0]), (20.0, 25.0)).tolist() == [[0], [1]]
    assert scale_convergence(np.array([20.0]), (20.0, 20.0)).tolist() == [[0]]


def test_preparation_is_written_and_read():
    assert FramePreparation.from_dict(PREPARATION.to_dict()) == PREPARATION


@pytest.mark.parametrize(
    "change",
    [
        {"size": 9999}, {"size": None}, {"disk_shares": [0.5]}, {"disk_shares": [0.5, -1]},
        {"convergence_mrad": [25, 20]}, {"spread": 3},
    ],
)  # fmt: skip
def test_wrong_preparations_are_refused(change):
    with pytest.raises(BundleError):
        FramePreparation.from_dict(PREPARATION.to_dict() | change)


def test_a_frame_outside_the_pattern_is_refused():
    with pytest.raises(PatternError, match="outside"):
        sample_frame(disk_pattern(256, 60), Placement(3000, 3000, 128), 32)
