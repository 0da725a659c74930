"""From raw arrays to the network's input."""

import numpy as np
import pytest

from pacbed.errors import PatternError
from pacbed.pattern.clean import clean
from pacbed.pattern.preprocess import (
    APERTURE_PX,
    INPUT_SIZE,
    DiskLocation,
    circle_mask,
    locate,
    normalise,
    to_input_frame,
)


def disk(shape, row, column, radius, soft=1.0):
    y, x = np.indices(shape)
    return 1 / (1 + np.exp((np.hypot(y - row, x - column) - radius) / soft))


_TYPES = [np.uint8, np.int16, np.uint16, np.float64, ">f4"]


@pytest.mark.parametrize(
    ("size", "dtype"),
    [(size, dtype) for size in (32, 96, 300, 1024) for dtype in _TYPES] + [(4096, np.uint16)],
)
def test_finds_an_off_centre_disk_of_any_size_and_type(size, dtype):
    radius = 0.2 * size
    image = 10 + 200 * disk((size, size), 0.55 * size, 0.42 * size, radius, 0.01 * size)
    found = locate(clean(image.astype(dtype)).values)
    assert found.row == pytest.approx(0.55 * size, abs=0.03 * size)
    assert found.column == pytest.approx(0.42 * size, abs=0.03 * size)
    assert found.radius == pytest.approx(radius, rel=0.15)


def test_frame_is_centred_and_scaled():
    image = disk((200, 240), 90, 130, 40).astype(np.float32)
    image[85:95, 150:160] += 2  # a mark at +25 px along x
    frame = to_input_frame(image, DiskLocation(90, 130, 40))
    assert frame.shape == (INPUT_SIZE, INPUT_SIZE)
    middle = (INPUT_SIZE - 1) / 2
    row, column = np.unravel_index(frame.argmax(), frame.shape)
    assert (row, column) == pytest.approx((middle, middle + 25 * APERTURE_PX / 40), abs=4)


def test_normalise_removes_gain_and_offset():
    rng = np.random.default_rng(1)
    frames = rng.random((3, INPUT_SIZE, INPUT_SIZE), np.float32)
    assert normalise(frames * 40 - 7) == pytest.approx(normalise(frames), abs=1e-3)
    inside = circle_mask() > 0
    result = normalise(frames)
    assert result[:, inside].mean() == pytest.approx(0, abs=1e-5)
    assert result[:, inside].std() == pytest.approx(1, abs=1e-3)
    assert (result[:, ~inside] == 0).all()


def test_pattern_without_contrast_above_background():
    image = np.zeros((64, 64), np.float32)
    image[0, 0] = -1
    with pytest.raises(PatternError, match="no disk stands out"):
        clean(image)
