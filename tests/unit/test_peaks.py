"""Peaks of a distribution, on a line and around a circle."""

import numpy as np
import pytest

from pacbed.answer.peaks import angle_between, on_a_circle, on_a_line, peaks

VALUES = np.arange(20.0)


def gaussians(*parts, width=0.8):
    return sum(share * np.exp(-0.5 * ((VALUES - at) / width) ** 2) for at, share in parts)


def test_the_highest_comes_first_and_small_ones_do_not_count():
    distribution = gaussians((4.0, 0.3), (11.3, 0.6), (17.0, 0.02))
    distribution /= distribution.sum()
    found = peaks(distribution, on_a_line(VALUES, 3), 4, 0.1)
    assert [peak.value for peak in found] == pytest.approx([11.3, 4.0], abs=0.05)
    assert sum(peak.share for peak in found) == pytest.approx(0.98, abs=0.01)
    assert len(peaks(distribution, on_a_line(VALUES, 3), 1, 0.1)) == 1
    assert len(peaks(distribution, on_a_line(VALUES, 3), 4, 0.01)) == 3


def test_the_first_counts_whatever_it_has():
    flat = np.full(20, 0.05)
    [only] = peaks(flat, on_a_line(VALUES, 1), 4, 0.5)
    assert only.share == pytest.approx(0.1)
    assert only.value == pytest.approx(0.5)


def test_at_the_ends_a_peak_is_cut():
    one = np.zeros(20)
    one[19] = 1.0
    [peak] = peaks(one, on_a_line(VALUES, 3), 4, 0.1)
    assert (peak.value, peak.share) == (19.0, 1.0)
    assert peak.covered.tolist() == [False] * 16 + [True] * 4


def test_the_distribution_is_left_as_it_is():
    distribution = gaussians((4.0, 0.3), (11.3, 0.6))
    before = distribution.copy()
    peaks(distribution, on_a_line(VALUES, 3), 4, 0.1)
    assert np.array_equal(distribution, before)


def test_around_a_circle_there_is_no_end():
    directions = np.arange(72) * 5.0
    distribution = np.zeros(72)
    distribution[[71, 0, 1]] = 0.2, 0.3, 0.2
    distribution[[35, 36]] = 0.15, 0.15
    order = np.random.default_rng(1).permutation(72)
    found = peaks(distribution[order], on_a_circle(directions[order], 15.0), 4, 0.1)
    assert [peak.value for peak in found] == pytest.approx([0.0, 177.5], abs=1e-9)
    assert [peak.share for peak in found] == pytest.approx([0.7, 0.3])


def test_what_lies_beside_a_peak_of_a_circle_is_its_flank():
    directions = np.arange(72) * 5.0
    distribution = np.zeros(72)
    distribution[20], distribution[25] = 0.6, 0.4  # 25 degrees from one another
    assert len(peaks(distribution, on_a_circle(directions, 15.0), 4, 0.1)) == 1
    distribution[25], distribution[30] = 0.0, 0.4
    assert len(peaks(distribution, on_a_circle(directions, 15.0), 4, 0.1)) == 2


def test_angles_between_directions():
    assert angle_between(np.array([350.0, -170.0, 90.0]), 10.0) == pytest.approx([20, 180, 80])
