"""The physical fit: derivatives, what it finds, what does not disturb it."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest

from pacbed.infer.fit.closely import fit_closely
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.model import FitModel, ModelShelf
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.fit.pattern_fit import REACH, fit_pattern
from pacbed.infer.fit.samples import take_samples
from pacbed.infer.fit.scan import ScannedImage, ThicknessScan, valleys
from pacbed.library.installed import load_bundle
from pacbed.pattern.clean import clean
from pacbed.pattern.disks import grid_stride
from pacbed.pattern.geometry import PatternParameters, rotation_matrix
from pacbed.pattern.preprocess import DiskLocation
from pacbed.pattern.recorded import CleanPattern
from pacbed.pattern.synthesis import synthesise

ALPHA, SCALE, ROTATION_DEG = 18.0, 0.3, 20.0
THICKNESS_NM, TILT = 31.0, np.array([2.0, -1.0])
CENTER = (64.0, 61.5)
NAMES = (
    "thickness", "tilt x", "tilt y", "centre x", "centre y", "log scale", "rotation",
    "ellipticity a", "ellipticity b", "log convergence",
)  # fmt: skip
#: Steps of the finite differences: wide enough for single precision, and so narrow that
#: few directions cross a kink of the aperture's edge.
STEPS = (5e-3, 5e-3, 5e-3, 0.02, 0.02, 2e-4, 5e-4, 2e-4, 2e-4, 3e-4)


@pytest.fixture(scope="module")
def table():
    return load_bundle("sto-001-300kV").table


@pytest.fixture(scope="module")
def image(table):
    x, y = rotation_matrix(ROTATION_DEG) @ TILT
    parameters = PatternParameters(
        THICKNESS_NM, x, y, ALPHA, SCALE, ROTATION_DEG,
        center_row_px=CENTER[1], center_column_px=CENTER[0],
    )  # fmt: skip
    return synthesise(table, parameters, (128, 128)) * np.float32(1e6)


def truth():
    return np.array(
        [THICKNESS_NM, *TILT, *CENTER, math.log(SCALE), math.radians(ROTATION_DEG), 0, 0,
         math.log(ALPHA)]
    )  # fmt: skip


def samples_of(image):
    return take_samples(clean(image), DiskLocation(CENTER[1], CENTER[0], ALPHA / SCALE), REACH)


@pytest.mark.parametrize("number", range(10), ids=NAMES)
def test_derivatives(table, image, number):
    # A blur as wide as most of a grid step: narrower ones leave the edge too sharp for
    # the spectral derivative of the pattern to equal the spline's.
    samples, blur = samples_of(image), 0.8
    model = FitModel(table, TILT, ALPHA, REACH)
    at = truth()
    at[7:9] = 0.004, -0.003
    analytic = model.evaluate(at, samples, blur).jacobian[:, number]
    step = STEPS[number] * np.eye(10)[number]
    ahead, behind = (model.evaluate(at + s, samples, blur).pattern for s in (step, -step))
    difference = (ahead - behind) / (2 * STEPS[number])
    error = np.sqrt(((analytic - difference) ** 2).mean() / (difference**2).mean())
    assert error < 0.02


def test_pattern_is_that_of_the_synthesis(table, image):
    """But for the width of the pixels, and the edge, which is twice as wide in the model."""
    samples = samples_of(image)
    model = FitModel(table, TILT, ALPHA, REACH)
    pattern = model.evaluate(truth(), samples, 0.0).pattern
    radius = np.hypot(samples.x - CENTER[0], samples.y - CENTER[1]) * SCALE / ALPHA
    inside = radius < 0.93
    factor, offset = np.polyfit(pattern[inside], samples.values[inside], 1)
    left = samples.values - (factor * pattern + offset)
    assert np.sqrt((left[inside] ** 2).mean()) < 0.02
    assert np.sqrt((left**2).mean()) < 0.06


START = np.array([1.5, 0.25, -0.2, 1.0, -0.8, 0.01, 0.02, 0, 0, 0])


@pytest.mark.parametrize("sign", [1, -1])
def test_recovers_the_parameters_of_its_own_pattern(table, image, sign):
    samples = samples_of(image)
    pattern = FitModel(table, TILT, ALPHA, REACH).evaluate(truth(), samples, 0.3).pattern
    own = dataclasses.replace(samples, values=pattern)
    fit = fit_pattern(
        own, table, FitParameters.from_vector(truth() + sign * START), Known(), 25, 0.2
    )
    found = fit.parameters.to_vector() - truth()
    assert found[0] == pytest.approx(0, abs=0.05)
    assert np.abs(found[1:3]).max() < 5e-3
    assert np.abs(found[3:5]).max() < 0.01
    assert np.abs(found[5:]).max() < 1e-3
    assert fit.residual < 1e-5


def test_finds_what_made_the_pattern(table, image):
    """The synthesis draws the edge of the aperture on a grid twice as fine."""
    fit = fit_pattern(
        samples_of(image), table, FitParameters.from_vector(truth() + START), Known(), 25, 0.3
    )
    found = fit.parameters.to_vector() - truth()
    assert found[0] == pytest.approx(0, abs=0.2)
    assert np.abs(found[1:3]).max() < 0.08
    assert np.abs(found[3:5]).max() < 0.15
    assert found[5] == pytest.approx(0, abs=7e-3)
    assert np.degrees(found[6]) == pytest.approx(0, abs=0.2)
    assert fit.structured_residual < 0.01


def test_dead_and_saturated_pixels_do_little_harm(table, image):
    rng = np.random.default_rng(4)
    spoilt = rng.poisson(image * 20).astype(np.float32)
    places = rng.choice(image.size, round(0.003 * image.size), replace=False)
    spoilt.ravel()[places] = np.where(rng.random(len(places)) < 0.5, 0, 3 * spoilt.max())
    disk = DiskLocation(CENTER[1], CENTER[0], ALPHA / SCALE)
    samples = take_samples(CleanPattern(spoilt), disk, REACH)
    fit = fit_pattern(samples, table, FitParameters.from_vector(truth() + START), Known(), 25, 0.3)
    assert fit.parameters.thickness_nm == pytest.approx(THICKNESS_NM, abs=0.25)
    assert np.abs(fit.parameters.tilt - TILT).max() < 0.1


def test_errors_follow_the_noise(table, image):
    """Ten times fewer electrons, about √10 times larger errors that hold the truth."""
    rng = np.random.default_rng(6)
    share = image / image.sum()
    deviations = []
    for electrons in (1e6, 1e5):
        counts = rng.poisson(share * electrons).astype(np.float32)
        start = FitParameters.from_vector(truth() + START / 2)
        fit = fit_pattern(samples_of(counts), table, start, Known(), 25, 0.3)
        deviation = fit.thickness_std_nm
        assert abs(fit.parameters.thickness_nm - THICKNESS_NM) < 4 * deviation + 0.15
        deviations.append(deviation)
    assert deviations[1] / deviations[0] == pytest.approx(math.sqrt(10), rel=0.5)


def test_a_fit_of_few_electrons_ends_where_it_ends_from_any_start(table, image):
    """Steps are judged with weights that are held: those of each state follow the noise."""
    share = image / image.sum()
    apart = []
    # Of seed 5 the valley has two bottoms, half a nanometre and 0.9 standard errors apart.
    for seed in (0, 1, 2, 7, 8):
        counts = np.random.default_rng(seed).poisson(share * 3e4).astype(np.float32)
        starts = [FitParameters.from_vector(truth() + sign * START) for sign in (1, -1)]
        ends = [
            fit_pattern(samples_of(counts), table, start, Known(), 15, 0.36).parameters
            for start in starts
        ]
        apart.append(ends[0].thickness_nm - ends[1].thickness_nm)
    assert np.abs(apart).max() < 0.3


@pytest.mark.parametrize("thickness_nm", [12.0, 31.0, 75.0])
def test_scan_is_least_at_the_thickness(table, thickness_nm):
    x, y = rotation_matrix(ROTATION_DEG) @ TILT
    parameters = PatternParameters(thickness_nm, x, y, ALPHA, SCALE, ROTATION_DEG)
    image = synthesise(table, parameters, (128, 128))
    scan = ThicknessScan(table, TILT, ALPHA, 0.1)
    matrix = rotation_matrix(ROTATION_DEG) / SCALE
    left = scan.explained(ScannedImage(image, None, np.array([63.5, 63.5])), matrix, TILT)
    assert scan.thickness_nm[left.argmin()] == pytest.approx(thickness_nm, abs=0.5)
    assert left.min() < 0.03
    first, *others = valleys(left, scan.thickness_nm, 3)
    assert first == scan.thickness_nm[left.argmin()]
    assert len(others) <= 2


@pytest.mark.parametrize("thickness_nm", [12.0, 31.0, 75.0])
def test_scan_of_a_cut_disk_compares_what_was_recorded(table, thickness_nm):
    x, y = rotation_matrix(ROTATION_DEG) @ TILT
    parameters = PatternParameters(thickness_nm, x, y, ALPHA, SCALE, ROTATION_DEG)
    image = synthesise(table, parameters, (128, 128))
    scan = ThicknessScan(table, TILT, ALPHA, 0.1)
    matrix = rotation_matrix(ROTATION_DEG) / SCALE
    cut = ScannedImage(image[:, 50:], None, np.array([13.5, 63.5]))
    left = scan.explained(cut, matrix, TILT)
    assert scan.thickness_nm[left.argmin()] == pytest.approx(thickness_nm, abs=0.5)
    assert left.min() < 0.03


def test_valleys_are_local_minima_the_deepest_first():
    left = np.array([0.5, 0.4, 0.6, 0.2, 0.7, 0.3, 0.1])
    thickness = np.arange(7.0)
    assert valleys(left, thickness, 2) == [6.0, 3.0]
    assert valleys(left, thickness, 9) == [6.0, 3.0, 1.0]


def test_scan_leaves_out_what_says_nothing(table):
    """What hidden pixels hold makes no difference."""
    x, y = rotation_matrix(ROTATION_DEG) @ TILT
    parameters = PatternParameters(31.0, x, y, ALPHA, SCALE, ROTATION_DEG)
    image = synthesise(table, parameters, (128, 128))
    known = np.ones(image.shape, bool)
    known[50:70] = False
    scan = ThicknessScan(table, TILT, ALPHA, 0.1)
    matrix = rotation_matrix(ROTATION_DEG) / SCALE
    center = np.array([63.5, 63.5])
    left = []
    for fill in (0.0, 1e3):
        spoilt = np.where(known, image, fill).astype(np.float32)
        left.append(scan.explained(ScannedImage(spoilt, known, center), matrix, TILT))
    assert left[0] == pytest.approx(left[1], abs=1e-6)
    assert scan.thickness_nm[left[0].argmin()] == pytest.approx(31.0, abs=0.5)


def test_a_fit_ends_with_every_direction_of_its_table(table):
    """With every second one, 1 mrad apart, the fringes of a thick crystal are blurred."""
    thickness, tilt = 85.0, np.array([2.0, -1.0])
    x, y = rotation_matrix(ROTATION_DEG) @ tilt
    asked = PatternParameters(
        thickness, x, y, ALPHA, SCALE, ROTATION_DEG,
        center_row_px=CENTER[1], center_column_px=CENTER[0],
    )  # fmt: skip
    samples = samples_of(np.maximum(synthesise(table, asked, (128, 128)), 0))
    true = FitParameters.from_vector(np.array([thickness, *truth()[1:]]))
    coarse = fit_pattern(samples, table, true, Known(), 12, 0.36)
    shelf = ModelShelf(table, REACH)
    close = fit_closely(samples, table, true, coarse, shelf)
    assert abs(coarse.parameters.thickness_nm - thickness) > 0.1
    assert abs(close.parameters.thickness_nm - thickness) < 0.05
    assert close.thickness_std_nm < 0.5 * coarse.thickness_std_nm
    # What is known beforehand stays centred on the start, not on where the first fit ended.
    sure = dataclasses.replace(coarse, known=Known(convergence=1e-4))
    far = dataclasses.replace(true, log_alpha=true.log_alpha + 0.02)
    near, held = (
        fit_closely(samples, table, start, sure, shelf).parameters for start in (true, far)
    )
    assert held.log_alpha > near.log_alpha + 1e-5


def test_a_fit_with_every_direction_and_narrow_edges_already_is_left_alone(small_table):
    parameters = FitParameters.from_vector(np.array([*truth()[:9], math.log(24.0)]))
    fit = SimpleNamespace(parameters=parameters)
    assert grid_stride(small_table, 24.0) == 1
    assert fit_closely(None, small_table, None, fit, None) is fit


def test_the_part_of_the_error_that_is_noise_falls_with_the_dose(table, image):
    """What the model lacks, here a smooth halo, does not count as noise at any dose."""
    rng = np.random.default_rng(3)
    y, x = np.indices(image.shape)
    halo = 1 + 0.06 * np.cos(x / 9.0) * np.cos(y / 7.0)
    noise, whole = [], []
    for dose in (1e5, 1e7):
        spoilt = image * halo
        counts = rng.poisson(np.maximum(spoilt, 0) / spoilt.sum() * dose).astype(np.float32)
        start = FitParameters.from_vector(truth())
        fit = fit_pattern(samples_of(counts), table, start, Known(), 12, 0.36)
        noise.append(fit.thickness_std_nm * math.sqrt(fit.noise_share))
        whole.append(fit.thickness_std_nm)
    assert noise[0] / noise[1] > 5
    assert whole[0] / whole[1] < 3
