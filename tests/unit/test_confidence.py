"""What has been calibrated, stored in a bundle and taken from it."""

import dataclasses
import json
import math
import shutil

import pytest

from pacbed.errors import BundleError
from pacbed.infer.judge.confidence import Calibration, Evidence
from pacbed.library.models.bundle import Bundle, write_calibration
from pacbed.library.models.model_files import DESCRIPTION
from tests.cli_tools import SYSTEM, make_data_folder


@pytest.fixture
def folder(tmp_path, small_table):
    return make_data_folder(tmp_path, small_table) / str(SYSTEM.id) / "models" / "test"


def test_calibration_comes_back_from_the_bundle(folder):
    assert Calibration.from_dict(Bundle.load(folder).calibration) == Calibration()
    measured = Calibration(thickness_scale=1.2, mismatch=11.0, tail=2.0, calibrated=True)
    before = json.loads((folder / DESCRIPTION).read_text())
    write_calibration(folder, dataclasses.asdict(measured))
    bundle = Bundle.load(folder)
    assert Calibration.from_dict(bundle.calibration) == measured
    after = json.loads((folder / DESCRIPTION).read_text())
    assert {k: v for k, v in after.items() if k != "calibration"} == before
    assert bundle.locator
    assert bundle.reader


def test_unknown_keys_are_left_out_and_missing_ones_default(folder):
    write_calibration(folder, {"mismatch": 0.25, "of_a_later_version": 7.0})
    assert Calibration.from_dict(Bundle.load(folder).calibration) == Calibration(mismatch=0.25)


def test_no_bundle_is_no_place_for_a_calibration(tmp_path):
    with pytest.raises(BundleError, match=r"bundle\.json"):
        write_calibration(tmp_path, {"mismatch": 0.25})
    shutil.rmtree(tmp_path)


def test_errors_add_up_in_squares():
    calibration = Calibration(
        thickness_scale=2.0, thickness_floor_nm=0.3, thickness_relative=0.004,
        tilt_scale=2.0, tilt_floor_mrad=0.04, tilt_thin_mrad=0.3,
        thickness_thinnest_nm=0.0, tilt_thinnest_mrad=0.0,
    )  # fmt: skip
    assert calibration.thickness_std(0.0, 0.0) == pytest.approx(0.3)
    assert calibration.thickness_std(0.2, 0.0) == pytest.approx(0.5)
    assert calibration.thickness_std(0.0, 100.0) == pytest.approx(0.5)
    assert calibration.tilt_std(0.015, 1e3) == pytest.approx(0.05, rel=1e-3)
    assert calibration.tilt_std(0, 10) == pytest.approx(math.hypot(0.04, 0.3))
    assert calibration.tilt_std(0, 5) > 3 * calibration.tilt_std(0, 10)
    assert calibration.tilt_std(0, 0.2) == calibration.tilt_std(0, 3)


def test_noise_has_a_factor_of_its_own():
    none = {"thickness_floor_nm": 0.0, "thickness_thinnest_nm": 0.0}
    calibration = Calibration(thickness_scale=2.0, thickness_rest=0.5, **none)
    assert calibration.thickness_std(0.3, 0.0) == pytest.approx(0.6)
    assert calibration.thickness_std(0.3, 0.0, 0.0) == pytest.approx(0.15)
    assert calibration.thickness_std(0.3, 0.0, 0.36) == pytest.approx(math.hypot(0.36, 0.12))
    # Of bundles that were calibrated before, all of it has one.
    before = Calibration(thickness_scale=2.0, **none)
    assert before.thickness_std(0.3, 0.0, 0.36) == before.thickness_std(0.3, 0.0)


def test_the_thinnest_crystals_have_errors_of_their_own_at_any_dose():
    """Their patterns say next to nothing of the tilt, and what the model lacks weighs most."""
    calibration = Calibration(thickness_floor_nm=0.0, thickness_relative=0.0, tilt_floor_mrad=0.0,
                              tilt_thin_mrad=0.0)  # fmt: skip
    assert calibration.thickness_std(0.0, 5.0) == pytest.approx(0.12)
    assert calibration.tilt_std(0.0, 5.0) == pytest.approx(0.5)
    assert calibration.tilt_std(0.0, 10.0) == pytest.approx(0.5 / 16)
    assert calibration.thickness_std(0.0, 0.1) == calibration.thickness_std(0.0, 3.0)
    shared = calibration.with_known_geometry()
    assert shared.tilt_std(0.0, 5.0) == pytest.approx(0.2)


def test_where_the_geometry_is_known_the_fits_own_errors_stand():
    single = Calibration(
        tilt_floor_mrad=0.03, tilt_thin_mrad=0.3, thickness_floor_nm=0.4, thickness_relative=0.01
    )
    shared = single.with_known_geometry()
    # What the model leaves out stays, but for a part of what it does to thin crystals.
    assert shared.thickness_std(0.0, 50) == pytest.approx(single.thickness_std(0.0, 50), rel=1e-6)
    assert shared.tilt_std(0.0, 100) == pytest.approx(0.03, rel=0.02)
    assert 0.1 < shared.tilt_std(0.0, 10) < 0.15
    assert shared.thickness_std(5.0, 50) == pytest.approx(math.hypot(5, 0.4, 0.5))
    assert shared.doubt_centers == single.doubt_centers


def test_doubt_is_small_for_usual_evidence_and_grows_with_each_figure():
    usual = {
        "structured_residual": 0.038, "residual": 0.014, "tilt_error_mrad": 0.073,
        "thickness_std_nm": 0.14,
    }  # fmt: skip
    calibration = Calibration()
    doubt = calibration.doubt(Evidence(**usual))
    assert abs(doubt) < 1
    for name, value in usual.items():
        worse = Evidence(**{**usual, name: 10 * value})
        assert calibration.doubt(worse) > doubt + 0.5
    noise = Evidence(0.0, 0.98, 0.35, 7.0)
    assert calibration.doubt(noise) > calibration.mismatch


def test_good_figures_excuse_bad_ones_only_so_far():
    calibration = Calibration()
    bad = Evidence(0.9, 0.9, 0.5, 20.0)
    better = Evidence(0.9, 0.9, 0.4, 20.0)
    perfect = Evidence(0.0, 0.0, 1e-9, 0.0)
    assert calibration.doubt(bad) > calibration.doubt(better) > calibration.mismatch
    assert calibration.doubt(perfect) >= -8.0
