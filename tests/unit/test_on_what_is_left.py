"""A pattern that is cut out of a larger record by a mask."""

import numpy as np
import pytest

import pacbed
from pacbed.infer.frames.on_square_pixels import OnSquarePixels
from pacbed.infer.frames.on_what_is_left import OnWhatIsLeft
from pacbed.pattern.square_pixels import square_pixels


@pytest.fixture(scope="module")
def predictor():
    return pacbed.open_predictor(pacbed.load_bundle("sto-001-300kV"))


@pytest.fixture(scope="module")
def pattern(repository):
    return np.load(repository / "examples" / "sto-001-300kV_42nm.npy").astype(np.float32)


@pytest.fixture(scope="module")
def alone(predictor, pattern):
    return predictor.infer(pattern, 20.0)


@pytest.mark.parametrize("aspect", [1.0, 0.5])
def test_a_small_pattern_in_a_large_record(predictor, pattern, alone, aspect):
    small = square_pixels(pattern, aspect).astype(np.float32)
    record = np.full((700, 800 if aspect == 1 else 1300), 900.0, np.float32)
    mask = np.ones(record.shape, bool)
    box = (slice(100, 100 + small.shape[0]), slice(300, 300 + small.shape[1]))
    record[box], mask[box] = small, False
    # What was binned by columns is stretched back by rows.
    asked = OnWhatIsLeft(OnSquarePixels(predictor, 1 / aspect))
    found = asked.infer(record, 20.0, mask=mask)
    assert found.status == "ok"
    assert found.thickness_nm == pytest.approx(alone.thickness_nm, abs=0.3)
    assert found.tilt_x_mrad == pytest.approx(alone.tilt_x_mrad, abs=0.1)
    factor = 1 / aspect
    assert found.center_row_px == pytest.approx(100 * factor + alone.center_row_px * factor, abs=2)
    assert found.center_column_px == pytest.approx(300 + alone.center_column_px * factor, abs=2)
    assert found.pixels_left_out == mask.sum()
    assert found.basis.known.sum() == pytest.approx((~mask).sum() * factor, rel=0.02)


def test_what_leaves_most_is_not_cut(predictor, pattern, alone):
    mask = np.zeros(pattern.shape, bool)
    assert OnWhatIsLeft(predictor).infer(pattern, 20.0, mask=mask).center_row_px == pytest.approx(
        alone.center_row_px
    )
