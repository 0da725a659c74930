"""The dictionary of patterns and the local fit, against the synthesis."""

import numpy as np
import pytest

from pacbed.errors import PatternError
from pacbed.infer.shared import fit as batch_fit
from pacbed.infer.shared.dictionary import PatternDictionary
from pacbed.infer.shared.fit import _Expansion, fit_locally
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.infer.shared.sampler import LatticeSampler, sampling_width
from pacbed.infer.shared.solve import _folding
from pacbed.library.installed import load_bundle
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

CENTER = np.array([31.2, 32.4])
GEOMETRY = SharedGeometry(
    11.0, 0.5, rotation_deg=20.0, ellipticity=(0.004, -0.002), center_x=(31.2, 0, 0),
    center_y=(32.4, 0, 0),
)  # fmt: skip


@pytest.fixture(scope="module")
def dictionary(small_table):
    bare = PatternDictionary(small_table, 11.0, 0.0)
    return PatternDictionary(small_table, 11.0, sampling_width(GEOMETRY, bare.lattice))


def pattern(table, thickness, tilt_in_crystal, center=CENTER):
    tilt = GEOMETRY.tilt_in_pattern(np.array(tilt_in_crystal))
    # The distortion 1 + [[a, b], [b, −a]] as an ellipticity of the pattern: angles over pixels
    # are what the geometry's matrix says.
    a, b = GEOMETRY.ellipticity
    strength = np.hypot(a, b)
    return synthesise(
        table,
        PatternParameters(
            thickness, *tilt, 11.0, 0.5, 20.0, center[1], center[0],
            ellipticity=-strength, ellipticity_angle_deg=np.degrees(np.arctan2(b, a)) / 2,
        ),
        (64, 64),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("thickness", "tilt"), [(12.0, (0.0, 0.0)), (21.0, (1.1, -0.4)), (17.5, (-1.6, 1.3))]
)
def test_noiseless_patterns_are_fitted_exactly(small_table, dictionary, thickness, tilt):
    sampler = LatticeSampler(dictionary, GEOMETRY)
    values, recorded = sampler.sample(pattern(small_table, thickness, tilt), CENTER)
    assert recorded.all()
    start = (thickness + 1.0, tilt[0] + 0.3, tilt[1] - 0.2)
    fit = fit_locally(dictionary, values, recorded, start, 0.05, 12)
    assert fit.thickness_nm == pytest.approx(thickness, abs=0.25)
    assert fit.tilt == pytest.approx(np.array(tilt), abs=0.12)
    assert np.linalg.norm(fit.shift) < 0.05
    assert fit.residual < 0.01


def test_the_errors_cover_what_noise_does(small_table, dictionary):
    sampler = LatticeSampler(dictionary, GEOMETRY)
    clean = np.clip(pattern(small_table, 20.0, (0.8, 0.5)), 0, None)
    rng = np.random.default_rng(0)
    pulls = []
    for _ in range(30):
        values, recorded = sampler.sample(rng.poisson(clean * 6e4), CENTER)
        fit = fit_locally(dictionary, values, recorded, (20.0, 0.8, 0.5), 0.05, 8)
        off = np.array([fit.thickness_nm - 20.0, *(fit.tilt - (0.8, 0.5))])
        pulls.append(off / np.sqrt(np.diag(fit.covariance)))
    assert 0.6 < np.sqrt(np.mean(np.square(pulls))) < 1.5


def test_a_shifted_disk_is_found(small_table, dictionary):
    sampler = LatticeSampler(dictionary, GEOMETRY)
    moved = CENTER + np.array([0.2, -0.15])
    values, recorded = sampler.sample(pattern(small_table, 18.0, (0.5, 0.5), moved), CENTER)
    fit = fit_locally(dictionary, values, recorded, (18.0, 0.5, 0.5), 1.0, 12)
    shift = GEOMETRY.tilt_in_pattern(fit.shift) / GEOMETRY.mrad_per_pixel
    # The model draws the edges, which say most of the shift, wider than the synthesis does.
    assert shift == pytest.approx(moved - CENTER, abs=0.08)
    assert fit.thickness_nm == pytest.approx(18.0, abs=0.3)


def test_derivatives_are_those_of_differences(dictionary):
    at = np.array([16.3, 0.7, -0.35, 0.0, 0.0])
    expansion = _Expansion(dictionary, 16.0, at[1:3])
    found = expansion.patterns(at)
    for place, step in ((0, 1e-3), (1, 1e-3), (2, 1e-3)):
        up, down = at.copy(), at.copy()
        up[place] += step
        down[place] -= step
        slope = (expansion.patterns(up)[0] - expansion.patterns(down)[0]) / (2 * step)
        assert np.abs(found[1 + place] - slope).max() < 2e-2 * np.abs(slope).max()


def test_what_the_linear_parts_may_not_do_is_left_to_thickness_and_tilt(
    small_table, dictionary, monkeypatch
):
    """Parts that are held at 0 take nothing off the derivatives: the errors are smaller."""
    values, recorded = LatticeSampler(dictionary, GEOMETRY).sample(
        pattern(small_table, 16.0, (0.4, -0.6)), CENTER
    )
    free = fit_locally(dictionary, values, recorded, (16.0, 0.4, -0.6), 0.05, 0)
    make_ridge = batch_fit.make_ridge
    monkeypatch.setattr(
        batch_fit, "make_ridge", lambda count, noise: 1e8 * make_ridge(count, noise)
    )
    held = fit_locally(dictionary, values, recorded, (16.0, 0.4, -0.6), 0.05, 0)
    errors = [np.sqrt(np.diag(fit.covariance) / fit.noise) for fit in (held, free)]
    assert errors[0][0] < 0.85 * errors[1][0]
    assert (errors[0] < 1.001 * errors[1]).all()


def test_folded_samples_are_those_of_the_folded_tilt(dictionary):
    operations, places = dictionary.foldings
    tilt = np.array([-2, 1]) @ dictionary.lattice
    number = _folding(operations, tilt)
    folded = np.rint(operations[number].T @ tilt @ dictionary.inverse).astype(int)
    mixing = dictionary.mixing(15.0)
    whole = (dictionary.node((-2, 1)).values @ mixing)[dictionary.inner]
    image = (dictionary.node((int(folded[0]), int(folded[1]))).values @ mixing)[dictionary.inner]
    assert np.abs(whole[places[number]] - image).max() < 2e-3


def test_every_equal_tilt_folds_to_the_same(dictionary):
    operations, _ = dictionary.foldings
    tilt = np.array([1.3, 0.4])
    images = [operation @ tilt for operation in operations]
    folded = [operations[_folding(operations, t)].T @ t for t in images]
    assert np.allclose(folded, folded[0])


@pytest.mark.parametrize("pixel", [0.3, 0.5, 1.4])
def test_counts_are_shared_out_without_loss_of_level(dictionary, pixel):
    geometry = SharedGeometry(11.0, pixel)
    size = round(40 / pixel)
    middle = (size - 1) / 2
    y, x = np.mgrid[:size, :size] - middle
    flat = 5.0 + 0.1 * pixel * x
    values, recorded = LatticeSampler(dictionary, geometry).sample(flat, np.full(2, middle))
    assert recorded.all()
    expected = (5.0 + 0.1 * dictionary.angles[:, 0]) / 5.0
    inside = dictionary.radius < 0.9
    assert np.abs(values - expected)[inside].max() < 0.02
    assert y.shape == flat.shape


def test_a_disk_beside_the_detector_is_refused(dictionary):
    with pytest.raises(PatternError, match="outside the array"):
        LatticeSampler(dictionary, GEOMETRY).sample(np.ones((64, 64)), np.array([500.0, 500.0]))


@pytest.mark.parametrize("cut", [12, 24, 30])
def test_a_cut_window_is_judged_by_what_was_recorded(small_table, dictionary, cut):
    """Of the disk 90 %, 60 % and half are left: the scan over thicknesses, then the fit."""
    step = (1, 0)
    tilt = np.array(step) @ dictionary.lattice
    image, center = pattern(small_table, 19.0, tilt)[:, cut:], CENTER - [cut, 0]
    values, recorded = LatticeSampler(dictionary, GEOMETRY).sample(image, center)
    assert not recorded.all()
    measured = dictionary.measured(values, recorded)
    share = dictionary.explained(measured, step) / float((measured.values**2).sum())
    thickness = float(dictionary.thickness_nm[share.argmax()])
    assert thickness == pytest.approx(19.0, abs=0.5)
    assert share.max() > 0.97
    fit = fit_locally(dictionary, values, recorded, (thickness, *tilt), 0.05, 8)
    assert fit.thickness_nm == pytest.approx(19.0, abs=0.4)


def test_points_without_pixels_all_around_do_not_count(dictionary):
    """Theirs would be the value of another place; here less than half is recorded."""
    x = np.arange(33, 64) - CENTER[0]
    image = np.tile(5.0 + 0.1 * x, (64, 1))
    values, recorded = LatticeSampler(dictionary, GEOMETRY).sample(image, CENTER - [33, 0])
    assert 0.3 < recorded.mean() < 0.5
    offset = dictionary.angles @ np.linalg.inv(GEOMETRY.to_crystal).T
    expected = 5.0 + 0.1 * offset[recorded, 0]
    level = expected[dictionary.radius[recorded] < 0.9].mean()
    assert np.abs(values[recorded] - expected / level).max() < 0.02
    with pytest.raises(PatternError, match="too little"):
        LatticeSampler(dictionary, GEOMETRY).sample(np.ones((64, 15)), CENTER)


def test_fringes_between_the_points_belong_to_the_pixels_around():
    # Of a table of 0.5 mrad every second direction lies on the dictionary's points: from these
    # alone, windows of thick crystals came out 0.6 nm too thin.
    table = load_bundle("sto-001-200kV").table
    geometry = SharedGeometry(20.0, 0.5, center_x=(63.2, 0, 0), center_y=(64.1, 0, 0))
    bare = PatternDictionary(table, 20.0, 0.0)
    dictionary = PatternDictionary(table, 20.0, sampling_width(geometry, bare.lattice))
    asked = PatternParameters(85.0, 1.0, 0.5, 20.0, 0.5, 0.0, 64.1, 63.2)
    recorded_pattern = np.nan_to_num(synthesise(table, asked, (128, 128)))
    values, recorded = LatticeSampler(dictionary, geometry).sample(
        recorded_pattern, np.array([63.2, 64.1])
    )
    fit = fit_locally(dictionary, values, recorded, (84.0, 1.2, 0.4), 0.05, 12)
    assert fit.thickness_nm == pytest.approx(85.0, abs=0.25)
