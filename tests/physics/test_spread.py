"""Specimens that are no slabs: what a pattern says of spreads of thickness and tilt."""

import dataclasses

import numpy as np
import pytest

from pacbed.answer.spread import SpecimenSpread, SpreadPart, spread_rows
from pacbed.errors import PatternError
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.model import ModelShelf
from pacbed.infer.fit.parameters import THICKNESS, TILT_X, TILT_Y, FitParameters
from pacbed.infer.fit.pattern_fit import REACH
from pacbed.infer.fit.pattern_model import PatternModel
from pacbed.infer.fit.samples import take_samples
from pacbed.infer.networks.predictor import Predictor
from pacbed.infer.spread.measure import measure_spread
from pacbed.infer.spread.parts import SpreadModel
from pacbed.library.installed import load_bundle
from pacbed.pattern.clean import clean
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.preprocess import DiskLocation
from pacbed.pattern.synthesis import synthesise

ALPHA, SCALE, CENTER = 18.0, 0.36, (64.0, 61.5)
TRUTH = PatternParameters(38.0, 2.0, -1.0, ALPHA, SCALE, 0.0, CENTER[1], CENTER[0])
#: Places and weights of a normal distribution.
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@pytest.fixture(scope="module")
def predictor():
    return Predictor(load_bundle("sto-001-300kV"))


def averaged(table, thickness_nm=0.0, tilt_mrad=0.0):
    """Over normal distributions of thickness and of the tilt along x and along y."""
    total = np.zeros((128, 128))
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        moves = [{"thickness_nm": TRUTH.thickness_nm + thickness_nm * node}]
        if tilt_mrad:
            x, y = TRUTH.tilt_x_mrad, TRUTH.tilt_y_mrad
            moves = [{"tilt_x_mrad": x + tilt_mrad * node, "tilt_y_mrad": y + tilt_mrad * other}
                     for other in NODES]  # fmt: skip
        shares = WEIGHTS if tilt_mrad else [1.0]
        for share, moved in zip(shares, moves, strict=True):
            changed = dataclasses.replace(TRUTH, **moved)
            total += weight * share * synthesise(table, changed, (128, 128))
    return total


def recorded(table, seed=0, **spread):
    image = np.maximum(averaged(table, **spread), 0)
    return np.random.default_rng(seed).poisson(image / image.sum() * 2e6).astype(np.float32)


@pytest.fixture(scope="module")
def slab(predictor):
    return recorded(predictor.bundle.table)


def measured(predictor, image):
    found = predictor.infer(image, ALPHA)
    assert found.status == "ok"
    return found, measure_spread(image, predictor.bundle, found)


def test_a_slab_has_no_spread(predictor, slab):
    _, found = measured(predictor, slab)
    assert not found.thickness_nm.seen
    assert not found.tilt_mrad.seen
    assert found.thickness_nm.value == found.tilt_mrad.value == 0
    assert found.thickness_nm.below < 1.5
    assert found.tilt_mrad.below < 0.3
    assert found.moved_nm == found.moved_mrad == 0


def test_steps_are_seen_and_how_high_they_are(predictor):
    _, found = measured(predictor, recorded(predictor.bundle.table, thickness_nm=2.5))
    assert found.thickness_nm.seen
    assert found.thickness_nm.value == pytest.approx(2.5, abs=0.35)
    assert 2.5 < found.thickness_nm.below < 3.3
    assert not found.tilt_mrad.seen
    assert found.mean_thickness_nm == pytest.approx(38.0, abs=0.2)
    assert found.mean_tilt_mrad == pytest.approx((2.0, -1.0), abs=0.05)


def test_bending_is_seen_and_what_it_does_to_the_thickness_is_mended(predictor):
    answer, found = measured(predictor, recorded(predictor.bundle.table, tilt_mrad=0.5))
    assert found.tilt_mrad.seen
    assert found.tilt_mrad.value == pytest.approx(0.5, abs=0.08)
    assert not found.thickness_nm.seen
    assert abs(answer.thickness_nm - 38.0) > 0.1
    assert abs(found.mean_thickness_nm - 38.0) < 0.6 * abs(answer.thickness_nm - 38.0)


def test_an_answer_that_is_not_ok_has_none(predictor, slab):
    found = dataclasses.replace(predictor.infer(slab, ALPHA), status="ambiguous")
    with pytest.raises(PatternError, match="the answer is ambiguous"):
        measure_spread(slab, predictor.bundle, found)
    stretched = predictor.infer(slab, ALPHA)
    stretched = dataclasses.replace(
        stretched, basis=dataclasses.replace(stretched.basis, pixel_aspect=2.0)
    )
    with pytest.raises(PatternError, match="not square"):
        measure_spread(slab, predictor.bundle, stretched)


@pytest.mark.parametrize(("part", "width"), [(0, 1.5), (1, 0.4)], ids=["thickness", "tilt"])
def test_parts_are_what_averaging_adds(predictor, slab, part, width):
    """Against the mean over many thicknesses or tilts."""
    table = predictor.bundle.table
    samples = take_samples(clean(slab), DiskLocation(CENTER[1], CENTER[0], ALPHA / SCALE), REACH)
    start = FitParameters(38.0, (2.0, -1.0), *CENTER, np.log(SCALE), 0.0, np.log(ALPHA))
    vector, shelf = start.to_vector(), ModelShelf(table, REACH, every=True)
    plain = PatternModel.of(samples, table, shelf, vector, Known(), 0.36)
    free = (part == 0, part == 1)
    beside = {(place, sign): shelf for place in range(3) for sign in (-1, 1)}
    at = SpreadModel(plain, beside, (width, width), free).evaluate(vector, None)
    pattern, added = at.columns[:, 0], at.columns[:, -1]
    places = ((THICKNESS,), (TILT_X, TILT_Y))[part]
    mean = np.zeros(len(pattern))
    for place in places:
        for node, weight in zip(NODES, WEIGHTS, strict=True):
            moved = vector.copy()
            moved[place] += width * node
            mean += weight * shelf.evaluate(moved, samples, 0.36).pattern / len(places)
    expected = len(places) * (mean - pattern)
    assert np.abs(expected).max() > 0.005
    assert added == pytest.approx(expected, abs=0.08 * float(np.abs(expected).max()))


def test_words():
    seen = SpecimenSpread(
        SpreadPart(1.52, 1.81, True), SpreadPart(0.0, 0.21, False), 37.94, (1.98, -1.02), 0.2, 0.01
    )
    assert spread_rows(seen) == [
        ("Thickness spread", "1.5 nm (standard deviation; below 1.8 nm)"),
        ("Tilt spread", "none seen (below 0.21 mrad)"),
        ("With the spread", "37.94 nm, tilt (+1.98, -1.02) mrad"),
    ]
    none = dataclasses.replace(seen, thickness_nm=SpreadPart(0.0, 0.9, False))
    assert [name for name, _ in spread_rows(none)] == ["Thickness spread", "Tilt spread"]
    assert none.to_dict()["tilt_mrad"] == {"value": 0.0, "below": 0.21, "seen": False}
