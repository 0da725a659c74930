"""Raw arrays to checked patterns: which pixels say nothing, units, and faults by their name."""

import numpy as np
import pytest

from pacbed.errors import PatternError
from pacbed.pattern.clean import clean
from pacbed.pattern.filling import filled, smoothed


def disk(shape, row, column, radius, soft=1.0):
    y, x = np.indices(shape)
    return 1 / (1 + np.exp((np.hypot(y - row, x - column) - radius) / soft))


@pytest.fixture(scope="module")
def counts():
    """A disk with structure in it, as counts."""
    y, x = np.indices((128, 128))
    structure = 1 + 0.3 * np.sin(x / 7.0) * np.cos(y / 5.0)
    mean = 50 + 3000 * disk((128, 128), 64, 60, 40) * structure
    return np.random.default_rng(5).poisson(mean).astype(float)


def test_all_pixels_of_a_right_pattern_are_known(counts):
    found = clean(counts)
    assert found.known is None
    assert found.left_out.count == 0
    assert found.remarks == ()


@pytest.mark.parametrize("fill", [0.0, -1.0, 2.0**32 - 1, 65535.0, 1000.0, np.nan, np.inf])
@pytest.mark.parametrize("width", [1, 2, 4, 12])
def test_a_dead_cross_of_any_value_is_left_out(counts, fill, width):
    spoilt = counts.copy()
    spoilt[50 : 50 + width] = fill
    spoilt[:, 70 : 70 + width] = fill
    found = clean(spoilt)
    dead = np.zeros(counts.shape, bool)
    dead[50 : 50 + width] = dead[:, 70 : 70 + width] = True
    # Outside of the disk a gap that is as dark as what is around it does no harm.
    assert not found.known[dead & (counts > 500)].any()
    assert found.known[~dead].all()
    assert found.left_out.count == found.left_out.gaps + found.left_out.not_finite


def test_a_line_that_ends_within_the_frame_is_left_out(counts):
    spoilt = counts.copy()
    spoilt[64:66, 64:] = 0
    found = clean(spoilt)
    assert not found.known[64:66, 64:95].any()
    assert found.known[64:66, :64].all()


@pytest.mark.parametrize("fill", [0, 200])
def test_a_rim_outside_of_the_recorded_field_is_left_out(counts, fill):
    spoilt = counts.copy()
    spoilt[:, :40] = fill
    found = clean(spoilt)
    assert not found.known[:, :40].any()
    assert found.known[:, 40:].all()


def test_a_dark_surrounding_of_one_value_is_kept():
    image = np.round(2000 * disk((128, 128), 64, 60, 40, 0.2))
    image += np.random.default_rng(1).poisson(200, image.shape) * (image > 0)
    assert clean(image).known is None


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2, 2.5, 4.0])
@pytest.mark.parametrize("width", [6, 18])
def test_a_beam_stop_is_left_out(counts, angle, width):
    y, x = np.indices(counts.shape)
    along = (x - 60) * np.cos(angle) + (y - 64) * np.sin(angle)
    across = np.abs(-(x - 60) * np.sin(angle) + (y - 64) * np.cos(angle))
    hidden = (along > -2) & (across <= width / 2)
    shadow = np.random.default_rng(6).poisson(np.where(hidden, 45, 0))
    spoilt = np.where(hidden, shadow, counts)
    found = clean(spoilt)
    inside = hidden & (np.hypot(y - 64, x - 60) < 38)
    assert found.left_out.beam_stop > 0
    assert found.known[inside].mean() < 0.05
    assert found.known[~hidden].mean() > 0.95


@pytest.mark.parametrize("turns", range(4))
def test_a_beam_stop_is_left_out_where_the_disk_reaches_the_rim(counts, turns):
    spoilt = counts[:, :90].copy()
    shadow = np.random.default_rng(6).poisson(45, (9, 35))
    spoilt[60:69, 55:] = shadow
    found = clean(np.rot90(spoilt, turns))
    known = np.rot90(found.known, -turns)
    assert known[60:69, 55:].mean() < 0.05
    assert known[:56].all()


def test_a_saturated_plateau_is_left_out_and_said(counts):
    spoilt = np.minimum(counts, 3500)
    found = clean(spoilt)
    assert found.left_out.saturated == (counts >= 3500).sum()
    assert "saturated" in found.remarks[0]
    assert "3500" in found.remarks[0]


def test_a_mask_is_heeded_and_must_fit(counts):
    mask = np.zeros(counts.shape, bool)
    mask[10:30, 40:90] = True
    spoilt = np.where(mask, 1e9, counts)
    found = clean(spoilt, mask)
    assert (found.known == ~mask).all()
    assert found.left_out.given == mask.sum()
    assert found.values == pytest.approx(clean(np.where(mask, -7.0, counts), mask).values)
    with pytest.raises(PatternError, match="mask has shape"):
        clean(counts, mask[:-1])


@pytest.mark.parametrize("factor", [1e-36, 1e-30, 1e-3, 1e30, 1e36, 1e200])
def test_the_unit_of_intensity_does_not_matter(counts, factor):
    first, second = clean(counts).values, clean(counts * factor).values
    # A power of two is left: of the same pattern up to that factor.
    assert second / second.max() == pytest.approx(first / first.max(), rel=1e-6)
    assert 512 <= second.max() <= 1024


def test_what_pixels_that_say_nothing_hold_never_leaks():
    values = np.random.default_rng(3).random((40, 50)).astype(np.float32)
    known = np.random.default_rng(4).random((40, 50)) > 0.3
    for change in (filled, lambda v, k: smoothed(v, k, 2.0)):
        with_zero, with_many = (
            change(np.where(known, values, fill).astype(np.float32), known) for fill in (0, 1e6)
        )
        assert with_zero == pytest.approx(with_many, rel=1e-5)
    assert smoothed(np.ones_like(values), known, 2.0) == pytest.approx(1, abs=1e-5)


def test_wrapped_counts_are_unwrapped_and_said(counts):
    high = counts * 15
    wrapped = high.astype(np.uint16).astype(np.int16)
    found = clean(wrapped)
    assert (wrapped < 0).any()
    assert found.values / found.values.max() == pytest.approx(
        clean(high.astype(np.uint16)).values / clean(high.astype(np.uint16)).values.max()
    )
    assert "wrapped" in found.remarks[0]


def test_negative_noise_is_not_wrapped(counts):
    noisy = (counts - 60 + np.random.default_rng(2).normal(0, 30, counts.shape)).astype(np.int16)
    assert clean(noisy).remarks == ()


def test_bad_pixels_are_mended():
    image = disk((128, 128), 64, 64, 30) * 100
    dirty = image.copy()
    dirty[20, 20] = np.nan
    dirty[30, 90] = np.inf
    dirty[100, 100] = 5000.0
    found, right = clean(dirty), clean(image)
    assert np.isfinite(found.values).all()
    assert found.left_out.not_finite == 2
    assert found.values / found.values[64, 64] == pytest.approx(
        right.values / right.values[64, 64], abs=0.05
    )


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((64, 64)), "constant"),
        (np.zeros((64, 64, 3)), "colours"),
        (np.zeros((8, 64)), "pixels"),
        (np.zeros((64, 5000)), "pixels"),
        (np.full((64, 64), np.nan), "no pixel is a number"),
        (np.zeros((3, 64, 64)), "2-D"),
        (np.eye(64) > 0, "one bit"),
        (np.eye(64) * 255, "one bit"),
        (np.ones((64, 64), complex), "type"),
    ],
)
def test_unusable_arrays(image, message):
    with pytest.raises(PatternError, match=message):
        clean(image)


def test_inverted_contrast_is_refused_by_its_name(counts):
    with pytest.raises(PatternError, match="inverted"):
        clean(counts.max() - counts)
    with pytest.raises(PatternError, match="inverted"):
        clean(-counts)
