"""The direction of the tilt: from probabilities around a circle to a vector, or to a reason."""

import itertools
import json

import numpy as np
import pytest

from pacbed.answer.report.figure import draw_report
from pacbed.answer.report.view import crop_view
from pacbed.answer.words import summary_rows
from pacbed.infer.fit.hypotheses import refine
from pacbed.infer.fit.scan import ThicknessScan
from pacbed.infer.labels.direction import summarise_directions, tilt_of
from pacbed.infer.labels.predictor import LabelPredictor
from pacbed.infer.labels.refine import refine_labels
from pacbed.infer.labels.summary import summarise_labels
from pacbed.library.installed import load_bundle
from pacbed.library.models.label_bundle import LabelBundle
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise
from tests.label_tools import TARGETS, make_label_bundle, recorded_pattern

AROUND = np.arange(72) * 5.0


def towards(*peaks: tuple[float, float], width: float = 4.0) -> np.ndarray:
    """Probabilities of Gaussian peaks, each a direction and its share."""
    parts = []
    for degrees, share in peaks:
        off = (AROUND - degrees + 180) % 360 - 180
        part = np.exp(-0.5 * (off / width) ** 2)
        parts.append(share * part / part.sum())
    return np.sum(parts, axis=0)


def mistilt(value: float):
    labels = np.array([0.0, 2.0, 4.0])
    return summarise_labels(labels, np.exp(-(((labels - value) / 0.8) ** 2)))


@pytest.mark.parametrize("degrees", [0.0, 2.0, -3.0, 90.0, 181.0, -90.0])
def test_one_peak_wherever_the_circle_begins(degrees):
    order = np.random.default_rng(0).permutation(72)
    summary = summarise_directions(AROUND[order], towards((degrees, 1.0))[order])
    off = (summary.azimuth_deg - degrees + 180) % 360 - 180
    assert off == pytest.approx(0, abs=0.3)
    assert -180 <= summary.azimuth_deg <= 180
    assert summary.share > 0.99
    # The peak's own width, and that of a label.
    assert summary.std_deg == pytest.approx((4**2 + 5**2 / 12) ** 0.5, abs=0.2)
    assert summary.others == ()


def test_opposite_directions_are_told_apart():
    summary = summarise_directions(AROUND, towards((30, 0.55), (-150, 0.4), (100, 0.05)))
    assert summary.azimuth_deg == pytest.approx(30, abs=0.5)
    assert summary.share == pytest.approx(0.55, abs=0.01)
    ((other, share),) = summary.others
    assert (other, share) == pytest.approx((-150, 0.4), abs=0.5)
    assert summary.std_deg > 90
    tilt = tilt_of(mistilt(4.0), summary)
    assert (tilt.x_mrad, tilt.y_mrad, tilt.azimuth_deg) == (None, None, None)
    assert tilt.words == "the direction of the mistilt is ambiguous: 30° (55%) or -150° (40%)"


def test_a_sure_direction_makes_a_vector():
    length = mistilt(3.6)
    tilt = tilt_of(length, summarise_directions(AROUND, towards((120, 1.0))))
    angle = np.deg2rad(120)
    assert (tilt.x_mrad, tilt.y_mrad) == pytest.approx(
        (length.value * np.cos(angle), length.value * np.sin(angle)), abs=0.03
    )
    assert tilt.words is None
    assert 0 < tilt.std_mrad < length.std  # across, the tilt is known better than along
    wide = tilt_of(length, summarise_directions(AROUND, towards((120, 1.0), width=7.0)))
    assert wide.std_mrad > tilt.std_mrad


def test_an_unlikely_second_direction_is_told():
    tilt = tilt_of(mistilt(4.0), summarise_directions(AROUND, towards((0, 0.8), (90, 0.2))))
    assert tilt.azimuth_deg == pytest.approx(0, abs=0.5)
    assert tilt.words == "the mistilt may also point towards 90° (20%)"


@pytest.mark.parametrize(
    ("value", "probability", "words"),
    [
        (0.4, towards((10, 1.0)), "near 0"),
        (4.0, np.full(72, 1 / 72), "none stands out"),
        (4.0, None, "does not give it"),
    ],
)
def test_what_is_not_known_is_said(value, probability, words):
    summary = None if probability is None else summarise_directions(AROUND, probability)
    tilt = tilt_of(mistilt(value), summary)
    assert (tilt.x_mrad, tilt.y_mrad, tilt.azimuth_deg) == (None, None, None)
    assert tilt.std_mrad == mistilt(value).std
    assert words in tilt.words


def test_without_mistilt_a_direction_is_nothing():
    tilt = tilt_of(None, summarise_directions(AROUND, towards((10, 1.0))))
    assert (tilt.azimuth_deg, tilt.std_mrad) == (None, None)
    assert "not trained for it" in tilt.words


@pytest.fixture(scope="module")
def table():
    return load_bundle("sto-001-300kV").table


def shown(estimate, pattern):
    """Words of the command line, and the picture's bytes."""
    rows = dict(summary_rows(estimate))
    view = crop_view(np.asarray(pattern, float), estimate, 20.0)
    draw_report(view, estimate, "pattern")
    return rows["Azimuth"], rows["Zone axis"]


def test_the_answer_has_the_direction(tmp_path, table):
    folder = make_label_bundle(tmp_path, table, directions=towards((-60, 1.0)))
    pattern = recorded_pattern(table, 30.0, 3.0)
    estimate = LabelPredictor(LabelBundle.load(folder)).infer(pattern, 20.0)
    assert estimate.azimuth_deg == pytest.approx(-60, abs=0.5)
    assert np.hypot(estimate.tilt_x_mrad, estimate.tilt_y_mrad) == pytest.approx(
        estimate.mistilt_mrad
    )
    assert estimate.tilt_y_mrad < 0 < estimate.tilt_x_mrad
    assert not any("direction" in words for words in estimate.warnings)
    azimuth, zone_axis = shown(estimate, pattern)
    assert azimuth.startswith("-60° ±")
    assert zone_axis.startswith("x +")
    json.dumps(estimate.to_dict(), allow_nan=False)


def test_the_answer_says_that_the_direction_is_ambiguous(tmp_path, table):
    folder = make_label_bundle(tmp_path, table, directions=towards((45, 0.5), (-135, 0.5)))
    pattern = recorded_pattern(table, 30.0, 3.0)
    estimate = LabelPredictor(LabelBundle.load(folder)).infer(pattern, 20.0)
    assert (estimate.tilt_x_mrad, estimate.tilt_y_mrad, estimate.azimuth_deg) == (None,) * 3
    assert any("ambiguous: " in words and "-135°" in words for words in estimate.warnings)
    assert shown(estimate, pattern) == ("not known, see the warnings",) * 2


def test_the_fit_starts_from_the_direction(tmp_path, table, monkeypatch):
    seed, length = 1, 2.5
    azimuth = np.random.default_rng(seed).uniform(0, 360)  # that of the recorded pattern
    folder = make_label_bundle(tmp_path, table, with_table=True, directions=towards((azimuth, 1.0)))
    seen = []

    def counting(*arguments):
        seen.append(arguments[3].direction)
        return refine_labels(*arguments)

    monkeypatch.setattr("pacbed.infer.labels.predictor.refine_labels", counting)
    explained = count_calls(monkeypatch)
    pattern = recorded_pattern(table, 27.0, length, seed=seed)
    estimate = LabelPredictor(LabelBundle.load(folder)).infer(pattern, 20.0)
    assert seen[0].azimuth_deg == pytest.approx((azimuth + 180) % 360 - 180, abs=1)
    assert len(explained) <= 12 + 2  # turns of a fourfold crystal, and the fit's own scan
    assert estimate.status == "ok"
    assert estimate.thickness_nm == pytest.approx(27.0, abs=0.6)
    angle = np.deg2rad(azimuth)
    assert (estimate.tilt_x_mrad, estimate.tilt_y_mrad) == pytest.approx(
        (length * np.cos(angle), length * np.sin(angle)), abs=0.5
    )
    assert estimate.provenance["method"] == "fit"


def test_a_wrong_direction_does_not_lead_the_fit_astray(tmp_path, table):
    seed, length = 3, 3.5  # from the opposite direction alone the fit ends at 21.4 nm
    azimuth = np.random.default_rng(seed).uniform(0, 360)
    folder = make_label_bundle(
        tmp_path, table, with_table=True, directions=towards((azimuth + 180, 1.0))
    )
    pattern = recorded_pattern(table, 27.0, length, seed=seed)
    estimate = LabelPredictor(LabelBundle.load(folder)).infer(pattern, 20.0)
    angle = np.deg2rad(azimuth)
    assert (estimate.tilt_x_mrad, estimate.tilt_y_mrad) == pytest.approx(
        (length * np.cos(angle), length * np.sin(angle)), abs=0.5
    )
    assert estimate.thickness_nm == pytest.approx(27.0, abs=0.6)


def count_calls(monkeypatch):
    calls, explained = [], ThicknessScan.explained

    def counting(self, *arguments):
        calls.append(1)
        return explained(self, *arguments)

    monkeypatch.setattr(ThicknessScan, "explained", counting)
    return calls


@pytest.mark.parametrize("tilt_mrad", [0.0, 2.5])
def test_poses_that_differ_by_a_period_are_one(tmp_path, table, monkeypatch, tilt_mrad):
    """Near a turn of 0 the neighbour on the other side is one of nearly 90 degrees."""
    folder = make_label_bundle(
        tmp_path,
        table,
        targets=TARGETS if tilt_mrad else ("Thickness", "Scale"),
        with_table=True,
        directions=towards((0, 1.0)) if tilt_mrad else None,
    )
    parameters = PatternParameters(30.0, tilt_mrad, 0.0, 20.0, 0.4, rotation_deg=89.0)
    pattern = synthesise(table, parameters, (160, 160)) * 1e7
    started = []

    def watching(data, readings, *others):
        started.extend(reading.placement for reading in readings)
        return refine(data, readings, *others)

    monkeypatch.setattr("pacbed.infer.labels.refine.refine", watching)
    LabelPredictor(LabelBundle.load(folder)).infer(pattern, 20.0)
    assert len(started) == 3
    for one, other in itertools.combinations(started, 2):
        turn = abs((one.rotation_deg - other.rotation_deg + 45) % 90 - 45)
        tilt = np.linalg.norm(one.pattern_tilt - other.pattern_tilt)
        assert turn > 15 or tilt > 0.5, (one, other)
