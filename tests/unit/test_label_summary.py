"""From probabilities of labels to a value and its error."""

import numpy as np
import pytest

from pacbed.infer.labels.outcome import label_status
from pacbed.infer.labels.summary import summarise_labels


def test_one_sure_label():
    summary = summarise_labels(np.array([10.0, 20.0, 30.0, 40.0]), np.array([0, 0, 1.0, 0]))
    assert summary.value == pytest.approx(30)
    # A label stands for the values around it: nothing is known to better than its width.
    assert summary.std == pytest.approx(10 / 12**0.5)
    assert summary.interval95 == pytest.approx((25.25, 34.75))
    assert summary.share == pytest.approx(1)
    assert summary.others == ()
    assert (summary.at_lower_edge, summary.at_upper_edge) == (False, False)


def test_between_two_labels_in_any_order():
    values, probability = np.array([30.0, 10.0, 20.0]), np.array([0.5, 0, 0.5])
    summary = summarise_labels(values, probability)
    assert summary.value == pytest.approx(25)
    assert summary.values.tolist() == [10, 20, 30]
    assert summary.probability.tolist() == [0, 0.5, 0.5]


def test_second_peak_is_an_alternative():
    values = np.arange(10.0, 110.0, 10.0)
    probability = np.array([0, 0.05, 0.55, 0.1, 0, 0, 0.05, 0.2, 0.05, 0])
    summary = summarise_labels(values, probability)
    assert summary.value == pytest.approx((20 * 0.05 + 30 * 0.55 + 40 * 0.1) / 0.7)
    assert summary.share == pytest.approx(0.7)
    ((other, share),) = summary.others
    assert (other, share) == pytest.approx((80, 0.3))
    low, high = summary.interval95
    assert low < 30
    assert high > 80
    assert summary.std == pytest.approx(27.6, abs=0.1)


@pytest.mark.parametrize(("peak", "edges"), [(0, (True, False)), (3, (False, True))])
def test_edges(peak, edges):
    probability = np.full(4, 0.05)
    probability[peak] = 0.85
    summary = summarise_labels(np.array([5.0, 10.0, 20.0, 40.0]), probability)
    assert (summary.at_lower_edge, summary.at_upper_edge) == edges


def test_interval_is_never_negative():
    summary = summarise_labels(np.array([0.0, 2.0]), np.array([1.0, 0.0]))
    assert summary.interval95[0] == 0


@pytest.mark.parametrize(
    ("probability", "settled", "status"),
    [
        ([0.0, 0.1, 0.8, 0.1, 0.0], True, "ok"),
        ([0.0, 0.1, 0.8, 0.1, 0.0], False, "ambiguous"),
        ([0.3, 0.1, 0.3, 0.0, 0.3], True, "ambiguous"),
        ([0.8, 0.2, 0.0, 0.0, 0.0], True, "out_of_range"),
        ([0.0, 0.0, 0.0, 0.3, 0.7], True, "out_of_range"),
        # A network that knows nothing does not say that it is the edge.
        ([0.21, 0.2, 0.2, 0.2, 0.19], True, "ambiguous"),
    ],
)
def test_status(probability, settled, status):
    summary = summarise_labels(np.arange(1.0, 6.0), np.array(probability))
    assert label_status(summary, None, settled) == status


@pytest.mark.parametrize(
    ("labels", "peak", "status"),
    [([0, 2, 4], 0, "ok"), ([0, 2, 4], 2, "out_of_range"), ([1, 2, 4], 0, "out_of_range")],
)
def test_status_of_the_mistilt(labels, peak, status):
    sure = summarise_labels(np.arange(1.0, 6.0), np.array([0.0, 0.1, 0.8, 0.1, 0.0]))
    mistilt = summarise_labels(np.array(labels, float), np.eye(3)[peak])
    assert label_status(sure, mistilt, True) == status
