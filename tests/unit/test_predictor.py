"""Inference with the shipped bundles on synthesised patterns.

The figures of accuracy are measured by the benchmarks; what is checked here holds
for any network that was trained at all: geometry is found without the camera
length, and everything that does not depend on the network's quality.
"""

import threading

import numpy as np
import pytest

from pacbed.errors import OutOfRangeError, PatternError
from pacbed.infer.comparison import unexplained_share
from pacbed.infer.predictor import Predictor
from pacbed.library.register import load_bundle
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.preprocess import clean
from pacbed.pattern.synthesis import synthesise

NAMES = ["rutile-001-80kV", "sto-001-80kV", "sto-001-200kV", "sto-001-300kV"]


@pytest.fixture(scope="module")
def predictor():
    return Predictor(load_bundle("sto-001-300kV"))


def pattern(table, **changed):
    values = {
        "thickness_nm": 22.0,
        "tilt_x_mrad": 3.0,
        "tilt_y_mrad": -2.0,
        "convergence_mrad": 20.0,
        "mrad_per_pixel": 0.31,
        "rotation_deg": 17.0,
        "center_row_px": 130.0,
        "center_column_px": 117.0,
    }
    return synthesise(table, PatternParameters(**(values | changed)), (256, 256))


@pytest.mark.parametrize("name", NAMES)
def test_geometry_is_found_without_the_camera_length(name):
    bundle = load_bundle(name)
    estimate = Predictor(bundle).infer(pattern(bundle.table), 20.0)
    assert estimate.mrad_per_pixel == pytest.approx(0.31, rel=0.06)
    assert estimate.center_row_px == pytest.approx(130, abs=3)
    assert estimate.center_column_px == pytest.approx(117, abs=3)
    assert estimate.tilt_x_mrad == pytest.approx(3, abs=1.5)
    assert estimate.tilt_y_mrad == pytest.approx(-2, abs=1.5)
    assert estimate.rotation_deg == pytest.approx(17, abs=6)
    low, high = estimate.thickness_interval95_nm
    assert low - 1 <= 22 <= high + 1


def test_estimate_is_consistent(predictor):
    estimate = predictor.infer(pattern(predictor.bundle.table), 20.0, with_residual=True)
    assert estimate.mistilt_mrad == pytest.approx(
        np.hypot(estimate.tilt_x_mrad, estimate.tilt_y_mrad)
    )
    assert sum(estimate.thickness_distribution.probability) == pytest.approx(1, abs=1e-4)
    low, high = estimate.thickness_interval95_nm
    assert 0 <= low < high <= 121
    assert 0 <= estimate.residual <= 0.2
    assert estimate.provenance["bundle_sha256"] == predictor.bundle.hashes["network.onnx"]


def test_given_scale_is_kept(predictor):
    estimate = predictor.infer(pattern(predictor.bundle.table), 20.0, mrad_per_pixel=0.31)
    assert estimate.mrad_per_pixel == pytest.approx(0.31)


def test_gain_offset_and_type_do_not_matter(predictor):
    image = pattern(predictor.bundle.table)
    first = predictor.infer(image, 20.0)
    counts = np.round(image / image.max() * 60000 + 400).astype(np.uint16)
    second = predictor.infer(counts, 20.0)
    assert second.tilt_x_mrad == pytest.approx(first.tilt_x_mrad, abs=0.1)
    assert second.thickness_nm == pytest.approx(first.thickness_nm, abs=1.0)


def test_residual_is_least_at_the_truth(predictor):
    table = predictor.bundle.table
    image = pattern(table)
    estimate = predictor.infer(image, 20.0)
    shares = []
    for thickness in (15.0, 22.0, 30.0):
        truth = {
            **estimate.__dict__,
            "thickness_nm": thickness,
            "tilt_x_mrad": 3.0,
            "tilt_y_mrad": -2.0,
            "rotation_deg": 17.0,
            "mrad_per_pixel": 0.31,
            "center_row_px": 130.0,
            "center_column_px": 117.0,
        }
        shares.append(unexplained_share(clean(image), table, type(estimate)(**truth), 20.0))
    assert shares[1] < 0.01
    assert shares[1] < min(shares[0], shares[2])


def test_threads_share_a_predictor(predictor):
    images = [pattern(predictor.bundle.table, thickness_nm=t) for t in (15.0, 30.0, 50.0, 70.0)]
    alone = [predictor.infer(image, 20.0).thickness_nm for image in images]
    together = [0.0] * len(images)

    def work(n):
        together[n] = predictor.infer(images[n], 20.0).thickness_nm

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(images))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == pytest.approx(alone, abs=1e-3)


@pytest.mark.parametrize("angle", [5.0, 40.0, float("nan")])
def test_convergence_outside_the_bundle(predictor, angle):
    with pytest.raises(OutOfRangeError, match="convergence"):
        predictor.infer(pattern(predictor.bundle.table), angle)


def test_bad_arguments(predictor):
    with pytest.raises(OutOfRangeError, match="mrad_per_pixel"):
        predictor.infer(pattern(predictor.bundle.table), 20.0, mrad_per_pixel=-1.0)
    with pytest.raises(PatternError, match="constant"):
        predictor.infer(np.ones((64, 64)), 20.0)
