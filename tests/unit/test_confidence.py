"""What has been calibrated, stored in a bundle and taken from it."""

import dataclasses
import json
import shutil

import pytest

from pacbed.errors import BundleError
from pacbed.infer.confidence import Calibration
from pacbed.library.bundle import DESCRIPTION, Bundle, write_calibration
from tests.cli_tools import SYSTEM, make_data_folder


@pytest.fixture
def folder(tmp_path, small_table):
    return make_data_folder(tmp_path, small_table) / str(SYSTEM.id) / "models" / "test"


def test_calibration_comes_back_from_the_bundle(folder):
    assert Calibration.from_dict(Bundle.load(folder).calibration) == Calibration()
    measured = Calibration(thickness_scale=1.2, mismatch=0.3, tail=2.0, calibrated=1.0)
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
        tilt_scale=2.0, tilt_floor_mrad=0.04,
    )  # fmt: skip
    assert calibration.thickness_std(0.0, 0.0) == pytest.approx(0.3)
    assert calibration.thickness_std(0.2, 0.0) == pytest.approx(0.5)
    assert calibration.thickness_std(0.0, 100.0) == pytest.approx(0.5)
    assert calibration.tilt_std(0.015) == pytest.approx(0.05)
