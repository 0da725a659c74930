"""Patterns of one session: its microscope is found, and answers that take it."""

import dataclasses

import numpy as np
import pytest

from pacbed import calibrate_microscope
from pacbed.errors import OutOfRangeError, PatternError
from pacbed.infer.networks.predictor import Predictor
from pacbed.infer.search.predictor import TablePredictor
from pacbed.infer.several import angle_to_ask
from pacbed.library.installed import load_bundle
from pacbed.microscope.record import Microscope
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

ALPHA, SCALE, ELLIPTICITY, DIRECTION = 20.3, 0.31, 0.012, 35.0


@pytest.fixture(scope="module")
def predictor():
    return Predictor(load_bundle("sto-001-300kV"))


def recorded(table, thickness_nm, seed, scale=SCALE, alpha=ALPHA):
    """A pattern of the session, of 3e6 electrons."""
    parameters = PatternParameters(
        thickness_nm, 1.5, -0.8, alpha, scale, 17.0, 81.0, 78.0, ELLIPTICITY, DIRECTION
    )
    clean = np.maximum(synthesise(table, parameters, (160, 160)), 0)
    return np.random.default_rng(seed).poisson(clean * (3e6 / clean.sum())).astype(np.float32)


@pytest.fixture(scope="module")
def answers(predictor):
    table = predictor.bundle.table
    found = {
        f"{t:g}": predictor.infer(recorded(table, t, n), 19.6)
        for n, t in enumerate((26.0, 38.0, 52.0, 64.0))
    }
    found["other"] = predictor.infer(recorded(table, 45.0, 9, scale=0.33), 19.6)
    return found


@pytest.fixture(scope="module")
def microscope(predictor, answers):
    # As tests/unit/test_predictor.py has it of another crystal's pattern.
    foreign = dataclasses.replace(answers["38"], status="mismatch")
    refused = PatternError("it shows no disk")
    return calibrate_microscope(
        {**answers, "foreign": foreign, "empty": refused}, predictor.bundle.system
    )


def test_the_session_is_found_within_its_errors(microscope):
    assert microscope.high_tension_kV == 300.0
    assert abs(microscope.convergence_mrad - ALPHA) < 2 * microscope.convergence_std_mrad
    assert abs(microscope.mrad_per_pixel - SCALE) < 2 * microscope.mrad_per_pixel_std
    assert microscope.convergence_std_mrad < 0.006 * ALPHA
    assert microscope.mrad_per_pixel_std < 0.003 * SCALE
    assert microscope.ellipticity == pytest.approx(
        ELLIPTICITY, abs=2.5 * microscope.ellipticity_std
    )
    assert microscope.ellipticity_std < 0.0015
    assert microscope.ellipticity_direction_deg == pytest.approx(DIRECTION, abs=5)
    assert microscope.rotation_deg == pytest.approx(17, abs=0.5)


def test_what_is_left_out_is_said(microscope):
    why = {pattern.file: pattern.left_out for pattern in microscope.patterns}
    assert [name for name, words in why.items() if not words] == ["26", "38", "52", "64"]
    assert why["other"].startswith("its angle per pixel is")
    assert why["foreign"].startswith("its answer is mismatch")
    assert why["empty"] == "it shows no disk"


def test_nothing_to_calibrate_with(predictor):
    with pytest.raises(PatternError, match=r"no pattern can be used .*a: it shows no disk"):
        calibrate_microscope({"a": PatternError("it shows no disk")}, predictor.bundle.system)
    alone = predictor.infer(recorded(predictor.bundle.table, 38.0, 1), 20.0, refine=False)
    with pytest.raises(PatternError, match="without a fit"):
        calibrate_microscope({"a": alone}, predictor.bundle.system)


def test_answers_take_it(predictor, microscope):
    pattern = recorded(predictor.bundle.table, 33.0, 20)
    found = predictor.infer(pattern, microscope=microscope)
    assert found.status == "ok"
    assert found.provenance["method"] == "fit"  # Without an angle, only the search would answer.
    assert found.thickness_nm == pytest.approx(33, abs=0.4)
    assert (found.tilt_x_mrad, found.tilt_y_mrad) == pytest.approx((1.5, -0.8), abs=0.1)
    assert found.warnings == ()
    plain = predictor.infer(pattern, 20.0)
    assert found.convergence_std_mrad <= plain.convergence_std_mrad
    assert found.basis.shown is not None
    assert plain.basis.shown is not None
    # The session's shape is not taken for what the pattern itself shows.
    assert found.basis.shown.distortion == pytest.approx(plain.basis.shown.distortion, abs=2e-3)


def test_what_is_stated_goes_before_it(predictor, microscope):
    pattern = recorded(predictor.bundle.table, 33.0, 20, scale=0.28)
    found = predictor.infer(pattern, 20.0, 0.28, microscope=microscope)
    assert found.status == "ok"
    assert found.warnings == ()
    assert found.mrad_per_pixel == pytest.approx(0.28, rel=0.005)


def test_a_contradiction_is_said_and_the_answer_is_right(predictor, microscope):
    pattern = recorded(predictor.bundle.table, 33.0, 21, scale=0.28, alpha=18.6)
    found = predictor.infer(pattern, microscope=microscope)
    assert found.status == "ok"
    assert found.thickness_nm == pytest.approx(33, abs=0.5)
    angle, scale = found.warnings
    stated = f"{microscope.convergence_mrad:.4g}"
    assert f"the microscope's calibration says a convergence semi-angle of {stated}" in angle
    stated = f"{microscope.mrad_per_pixel:.4g}"
    assert f"the microscope's calibration says {stated} mrad per pixel" in scale
    assert "mrad per pixel; the pattern says 0.28" in scale


def test_one_of_another_high_tension_is_not_used(predictor, microscope):
    other = Microscope(**{**vars(microscope), "high_tension_kV": 200.0})
    pattern = recorded(predictor.bundle.table, 33.0, 22)
    found = predictor.infer(pattern, 20.0, microscope=other)
    assert found.warnings == (
        "the microscope was calibrated at 200 kV, the system is for 300 kV: the calibration was "
        "not used",
    )
    assert found.thickness_nm == pytest.approx(predictor.infer(pattern, 20.0).thickness_nm)


def test_one_that_the_system_does_not_cover_is_refused(predictor, microscope):
    far = Microscope(**{**vars(microscope), "convergence_mrad": 50.0})
    with pytest.raises(OutOfRangeError, match="lies outside"):
        predictor.infer(np.ones((64, 64)), microscope=far)


def test_a_table_alone_takes_it(predictor, microscope):
    alone = TablePredictor(predictor.bundle)
    found = alone.infer(recorded(predictor.bundle.table, 33.0, 23), microscope=microscope)
    assert found.status == "ok"
    assert found.thickness_nm == pytest.approx(33, abs=0.4)
    assert found.mrad_per_pixel == pytest.approx(SCALE, rel=0.005)


def test_which_angle_is_asked(predictor, microscope):
    models = [predictor.bundle]
    own = microscope.convergence_mrad
    assert angle_to_ask(19.0, microscope, 18.0, models) == (19.0, 19.0)
    assert angle_to_ask(None, microscope, 18.0, models) == (None, own)
    assert angle_to_ask(None, None, 18.0, models) == (18.0, 18.0)
    other = Microscope(**{**vars(microscope), "high_tension_kV": 200.0})
    assert angle_to_ask(None, other, 18.0, models) == (18.0, 18.0)
    assert angle_to_ask(None, other, None, models) == (None, None)


@pytest.mark.parametrize("thickness", [12.0, 33.0])
def test_a_wrong_angle_per_pixel_does_not_bend_the_thickness(predictor, thickness):
    """A wrong scale and a wrong thickness explain a pattern together nearly as well."""
    pattern = recorded(predictor.bundle.table, thickness, 21, scale=0.28, alpha=18.6)
    found = predictor.infer(pattern, 20.3, 0.31)
    assert found.thickness_nm == pytest.approx(thickness, abs=0.4)
    assert any("you gave 0.31 mrad per pixel" in warning for warning in found.warnings)


def test_a_wrong_angle_per_pixel_does_not_bend_what_maps_and_tables_solve(predictor):
    table = predictor.bundle.table
    pattern = recorded(table, 33.0, 24, scale=0.29)
    for solver in (predictor, TablePredictor(predictor.bundle)):
        best = solver.solve(pattern, 20.3, 0.31).solutions[0].fit.parameters
        assert best.mrad_per_pixel == pytest.approx(0.29, rel=0.006)
        assert best.thickness_nm == pytest.approx(33, abs=0.5)
