"""From fits to a status: the same fit, said to leave more or less of the structure."""

import dataclasses
import time

import numpy as np
import pytest

from pacbed.infer.fit.found import Fit
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.fit.solved import Solution
from pacbed.infer.judge.confidence import Calibration
from pacbed.infer.judge.judgement import Context
from pacbed.infer.judge.outcome import fitted_estimate
from pacbed.infer.known.given import Given
from pacbed.infer.networks.posing import Placement, Reading
from pacbed.library.installed import load_bundle
from pacbed.pattern.preprocess import DiskLocation
from pacbed.pattern.recorded import CleanPattern, LeftOut

BINS = np.linspace(1.0, 120.0, 120)
PATTERN = CleanPattern(np.zeros((160, 160), np.float32))


@pytest.fixture
def context():
    bundle = load_bundle("sto-001-300kV")
    calibration = Calibration(mismatch=20.0, calibrated=True)
    given = Given(20.0, None)
    return Context(
        bundle.system, "0" * 64, calibration, BINS, 4, PATTERN, given, time.perf_counter()
    )


def reading_at(thickness_nm):
    probability = np.exp(-0.5 * ((BINS - thickness_nm) / 0.8) ** 2)
    placement = Placement(DiskLocation(80.0, 80.0, 50.0), 0.0, np.array([3.0, -2.0]))
    return Reading(placement, probability / probability.sum(), 0.1)


def fit_at(thickness_nm, structured_residual, mistilt_mrad=3.0, unexplained=None, contrast=0.2):
    parameters = FitParameters(
        thickness_nm, (mistilt_mrad, 0.0), 80.0, 80.0, np.log(0.4), 0.0, np.log(20.0)
    )
    covariance = np.diag(np.full(10, 0.01))
    residuals = {"residual": 0.02, "contrast_residual": 0.05}
    return Fit(
        parameters, covariance, **residuals, structured_residual=structured_residual,
        ranked_residual=residuals["contrast_residual"], chi_square=1000.0, blur_mrad=0.2, gain=1.0,
        unexplained=structured_residual if unexplained is None else unexplained, contrast=contrast,
    )  # fmt: skip


def estimate(context, fit, read_nm=30.0):
    return fitted_estimate(context, reading_at(read_nm), [Solution(fit, 1.0)])


def test_good_fit_is_ok(context):
    found = estimate(context, fit_at(30.0, 0.01))
    assert found.status == "ok"
    assert found.warnings == ()


def test_poor_fit_does_not_stand_by_its_numbers(context):
    found = estimate(context, fit_at(30.0, 0.25))
    assert found.status == "ambiguous"
    assert "leaves 25% of the structure" in found.warnings[0]


def test_what_backgrounds_outshine_is_judged_by_the_fitted_pattern(context):
    found = estimate(context, fit_at(30.0, 0.06, unexplained=0.2))
    assert found.status == "ambiguous"
    assert "leaves 20% of the structure" in found.warnings[0]


def test_faint_contrast_does_not_stand_by_its_numbers(context):
    # BaTiAlO4, 5.5 nm at 30 mrad: what the model leaves out is a third of the contrast.
    found = estimate(context, fit_at(10.0, 0.036, unexplained=0.12, contrast=0.012), read_nm=10.0)
    assert found.status == "ambiguous"
    assert "contrast of 1.2% alone" in found.warnings[0]
    plain = estimate(context, fit_at(10.0, 0.036, unexplained=0.04, contrast=0.03), read_nm=10.0)
    assert plain.status == "ok"


def test_an_open_tilt_leaves_the_answer_open(context):
    """Of crystals of some nm, whose patterns other tilts explain with other thicknesses."""
    sure = fit_at(7.0, 0.01)
    assert estimate(context, sure, read_nm=7.0).status == "ok"
    wide = sure.covariance.copy()
    wide[1, 1] = wide[2, 2] = 0.6**2
    found = estimate(context, dataclasses.replace(sure, covariance=wide), read_nm=7.0)
    assert found.status == "ambiguous"
    assert any("hardly says how the crystal is tilted" in words for words in found.warnings)


def test_networks_that_contradict_a_middling_fit_make_it_ambiguous(context):
    assert estimate(context, fit_at(30.0, 0.15)).status == "ok"
    assert estimate(context, fit_at(30.0, 0.15), read_nm=60.0).status == "ambiguous"
    assert estimate(context, fit_at(30.0, 0.01), read_nm=60.0).status == "ok"


@pytest.mark.parametrize("fit", [fit_at(30.0, 0.01, 14.0), fit_at(121.0, 0.01)])
def test_beyond_the_range(context, fit):
    assert estimate(context, fit, fit.parameters.thickness_nm).status == "out_of_range"


def test_doubt_refuses(context):
    judge = dataclasses.replace(context.calibration, mismatch=-1e3)
    found = estimate(dataclasses.replace(context, calibration=judge), fit_at(30.0, 0.01))
    assert found.status == "mismatch"
    assert "crystal, zone axis and high tension" in found.warnings[0]


def test_what_was_given_is_held_against_the_pattern(context):
    given = dataclasses.replace(context, given=Given(22.0, 1.2))
    found = estimate(given, fit_at(30.0, 0.01))
    assert found.status == "ok"
    assert found.warnings == (
        "you gave a convergence semi-angle of 22 mrad; the pattern says 20.00",
        "you gave 1.2 mrad per pixel; the pattern says 0.4",
    )
    assert found.convergence_mrad == pytest.approx(20.0)
    # A covariance of 0.01 of the logarithm is 10 % of the angle.
    assert found.convergence_std_mrad == pytest.approx(2.8, rel=0.05)


def test_a_disk_that_is_cut_or_hidden_is_said_and_takes_a_better_fit(context):
    cut = dataclasses.replace(context, pattern=CleanPattern(np.zeros((110, 160), np.float32)))
    known = np.ones((160, 160), bool)
    known[60:80, 80:] = False
    hidden = dataclasses.replace(
        context,
        pattern=CleanPattern(PATTERN.values, known, LeftOut(beam_stop=1600)),
    )
    for spoilt, words in ((cut, "the frame cuts the bright-field disk: 8"), (hidden, "beam stop")):
        good = estimate(spoilt, fit_at(30.0, 0.05))
        assert good.status == "ok"
        assert words in good.warnings[0]
    assert estimate(context, fit_at(30.0, 0.15)).status == "ok"
    assert estimate(cut, fit_at(30.0, 0.15)).status == "ambiguous"
    # What is hidden here and there leaves the form of the whole; much of it does not.
    assert estimate(hidden, fit_at(30.0, 0.15)).status == "ok"
    known = known.copy()
    known[60:102, 40:] = False
    mostly = dataclasses.replace(hidden, pattern=dataclasses.replace(hidden.pattern, known=known))
    assert estimate(mostly, fit_at(30.0, 0.05)).status == "ok"
    assert estimate(mostly, fit_at(30.0, 0.15)).status == "ambiguous"
    assert estimate(hidden, fit_at(30.0, 0.05)).pixels_left_out == 1600


def test_the_form_of_the_disk_names_pixels_that_are_not_square(context):
    y, x = np.indices((160, 160))
    oval = (np.hypot((x - 80) / 50, (y - 80) / 25) < 1).astype(np.float32)
    judge = dataclasses.replace(context.calibration, mismatch=-1e3)
    wide = dataclasses.replace(context, calibration=judge, pattern=CleanPattern(oval))
    warnings = estimate(wide, fit_at(30.0, 0.5)).warnings
    assert "not square" in warnings[0]
    assert "1.98 times as wide" in warnings[0]
    # The crystal comes last.
    assert "crystal" in warnings[-1]


def test_an_alternative_says_what_drawing_it_needs(context):
    best, other = fit_at(30.0, 0.01), fit_at(34.0, 0.01)
    turned = dataclasses.replace(other.parameters, rotation=np.pi / 2)
    other = dataclasses.replace(other, parameters=turned)
    found = fitted_estimate(
        context, reading_at(30.0), [Solution(best, 0.6), Solution(other, 0.4)]
    ).alternatives
    assert len(found) == 1
    (tell,) = found
    assert tell.thickness_nm == 34.0
    # Seen in the pattern, not in the crystal's frame; turned by one of its symmetries it is itself.
    assert (tell.tilt_x_mrad, tell.tilt_y_mrad) == pytest.approx((0.0, 3.0))
    assert tell.rotation_deg == pytest.approx(0.0)
    assert (tell.mrad_per_pixel, tell.convergence_mrad) == pytest.approx((0.4, 20.0))
    assert (tell.center_row_px, tell.center_column_px, tell.residual) == (80.0, 80.0, 0.02)


def test_that_the_rotation_is_not_told_is_said(context):
    best, other = fit_at(30.0, 0.01), fit_at(30.2, 0.01)
    turned = dataclasses.replace(
        other, parameters=dataclasses.replace(other.parameters, rotation=np.radians(40.0))
    )
    found = fitted_estimate(context, None, [Solution(best, 1.0, turned)])
    assert any(w.startswith("with the crystal turned to 40° the fit") for w in found.warnings)
    assert not any("turned to" in w for w in estimate(context, best).warnings)
