"""Inference with the shipped bundles on synthesised patterns.

What holds for other engines than the training's is measured by the benchmarks. Here
the pattern comes from the bundle's own table, so the fit must find what made it, and
the networks alone must come near.
"""

import threading

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pacbed.errors import OutOfRangeError, PatternError
from pacbed.infer.networks.predictor import Predictor
from pacbed.library.installed import load_bundle
from pacbed.library.models.bundle import READER
from pacbed.pattern.geometry import PatternParameters
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
def test_fit_finds_what_made_the_pattern(name):
    """Without the camera length; the table is sampled twice in different ways."""
    bundle = load_bundle(name)
    estimate = Predictor(bundle).infer(pattern(bundle.table), 20.0)
    assert estimate.status == "ok"
    assert estimate.thickness_nm == pytest.approx(22, abs=0.5)
    assert (estimate.tilt_x_mrad, estimate.tilt_y_mrad) == pytest.approx((3, -2), abs=0.15)
    assert estimate.mrad_per_pixel == pytest.approx(0.31, rel=0.005)
    assert estimate.center_row_px == pytest.approx(130, abs=0.5)
    assert estimate.center_column_px == pytest.approx(117, abs=0.5)
    assert estimate.rotation_deg == pytest.approx(17, abs=0.5)
    low, high = estimate.thickness_interval95_nm
    assert low < 22 < high
    assert estimate.residual < 0.03


@pytest.mark.parametrize("name", NAMES)
def test_networks_alone_come_near(name):
    bundle = load_bundle(name)
    estimate = Predictor(bundle).infer(pattern(bundle.table), 20.0, refine=False)
    assert estimate.thickness_nm == pytest.approx(22, abs=3)
    assert (estimate.tilt_x_mrad, estimate.tilt_y_mrad) == pytest.approx((3, -2), abs=0.5)
    assert estimate.mrad_per_pixel == pytest.approx(0.31, rel=0.03)
    assert estimate.rotation_deg == pytest.approx(17, abs=3)
    assert estimate.residual is None
    assert estimate.provenance["method"] == "network"
    assert "networks alone" in estimate.warnings[0]


def test_estimate_is_consistent(predictor):
    estimate = predictor.infer(pattern(predictor.bundle.table), 20.0)
    assert estimate.mistilt_mrad == pytest.approx(
        np.hypot(estimate.tilt_x_mrad, estimate.tilt_y_mrad)
    )
    assert sum(estimate.thickness_distribution.probability) == pytest.approx(1, abs=1e-4)
    low, high = estimate.thickness_interval95_nm
    assert 0 <= low < estimate.thickness_nm < high <= 121
    provenance = estimate.provenance
    assert provenance["bundle_sha256"] == predictor.bundle.hashes[READER]
    assert provenance["method"] == "fit"
    assert 0 <= provenance["structured_residual"] < 0.1


def test_given_scale_guides_the_fit(predictor):
    image = pattern(predictor.bundle.table)
    estimate = predictor.infer(image, 20.0, mrad_per_pixel=0.312)
    assert estimate.mrad_per_pixel == pytest.approx(0.31, rel=0.005)
    alone = predictor.infer(image, 20.0, mrad_per_pixel=0.312, refine=False)
    assert alone.mrad_per_pixel == pytest.approx(0.312)


def test_gain_offset_and_type_do_not_matter(predictor):
    image = pattern(predictor.bundle.table)
    first = predictor.infer(image, 20.0)
    counts = np.round(image / image.max() * 60000 + 400).astype(np.uint16)
    second = predictor.infer(counts, 20.0)
    assert second.tilt_x_mrad == pytest.approx(first.tilt_x_mrad, abs=0.02)
    assert second.thickness_nm == pytest.approx(first.thickness_nm, abs=0.1)


def test_another_crystal_is_refused(predictor):
    foreign = pattern(load_bundle("rutile-001-80kV").table)
    assert predictor.infer(foreign, 20.0).status == "mismatch"


def test_noise_is_refused(predictor):
    for seed in (1, 0):
        noise = np.random.default_rng(seed).poisson(100, (256, 256))
        with pytest.raises(PatternError, match="empty frame"):
            predictor.infer(noise, 20.0)
    smooth = gaussian_filter(noise.astype(float), 6.0)
    assert predictor.infer(smooth, 20.0).status == "mismatch"


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
