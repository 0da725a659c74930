"""Right patterns as detectors record them: what says nothing does no harm to the answer."""

import csv
from pathlib import Path

import numpy as np
import pytest

from pacbed.errors import PatternError
from pacbed.infer.judge.causes import of_rim
from pacbed.infer.networks.predictor import Predictor
from pacbed.library.installed import load_bundle
from pacbed.pattern.clean import clean
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

THICKNESS_NM, CONVERGENCE_MRAD, SCALE = 41.0, 20.0, 0.4
CENTER = (78.0, 83.0)
SET = Path(__file__).parents[1] / "data" / "reference_set"


@pytest.fixture(scope="module")
def predictor():
    return Predictor(load_bundle("sto-001-300kV"))


@pytest.fixture(scope="module")
def counts(predictor):
    """A pattern as counts; its disk has a radius of 50 pixels."""
    truth = PatternParameters(
        thickness_nm=THICKNESS_NM,
        tilt_x_mrad=2.0,
        tilt_y_mrad=-1.0,
        convergence_mrad=CONVERGENCE_MRAD,
        mrad_per_pixel=SCALE,
        rotation_deg=25.0,
        center_row_px=CENTER[0],
        center_column_px=CENTER[1],
    )
    mean = np.maximum(synthesise(predictor.bundle.table, truth, (160, 160)), 0)
    rng = np.random.default_rng(7)
    return rng.poisson(mean / mean.max() * 3000 + 20).astype(float)


def cross(counts, width, fill):
    spoilt = counts.copy()
    spoilt[64 : 64 + width] = fill
    spoilt[:, 100 : 100 + width] = fill
    return spoilt


def beam_stop(counts, width):
    y, x = np.indices(counts.shape)
    hidden = (np.abs(y - x - CENTER[0] + CENTER[1]) < width * 0.7) & (x < CENTER[1])
    return np.where(hidden, np.random.default_rng(1).poisson(20, counts.shape), counts)


@pytest.mark.parametrize("fill", [0, -1, 2**32 - 1, np.nan])
@pytest.mark.parametrize("width", [2, 4])
def test_a_dead_cross_leaves_the_answer_right(predictor, counts, width, fill):
    found = predictor.infer(cross(counts, width, fill), CONVERGENCE_MRAD)
    assert found.status == "ok"
    assert found.thickness_nm == pytest.approx(THICKNESS_NM, abs=0.7)
    assert found.pixels_left_out == width * (2 * 160 - width)
    assert found.to_dict()["pixels_left_out"] == found.pixels_left_out


@pytest.mark.parametrize("width", [8, 20])
def test_a_beam_stop_leaves_the_answer_right(predictor, counts, width):
    found = predictor.infer(beam_stop(counts, width), CONVERGENCE_MRAD)
    assert found.status == "ok"
    assert found.thickness_nm == pytest.approx(THICKNESS_NM, abs=0.7)
    assert found.pixels_left_out > 60 * width


def test_saturation_leaves_the_answer_right_and_is_said(predictor, counts):
    level = np.quantile(counts, 0.97)
    found = predictor.infer(np.minimum(counts, level), CONVERGENCE_MRAD)
    assert found.status == "ok"
    assert found.thickness_nm == pytest.approx(THICKNESS_NM, abs=0.7)
    assert "saturated" in found.warnings[0]


def test_a_mask_leaves_out_what_nothing_gives_away(predictor, counts):
    rng = np.random.default_rng(3)
    mask = rng.random(counts.shape) < 0.15
    spoilt = np.where(mask, counts * rng.uniform(0.2, 3, counts.shape), counts)
    found = predictor.infer(spoilt, CONVERGENCE_MRAD, mask=mask)
    assert found.status == "ok"
    assert found.thickness_nm == pytest.approx(THICKNESS_NM, abs=0.7)
    assert found.pixels_left_out == mask.sum()
    alone = predictor.infer(spoilt, CONVERGENCE_MRAD, refine=False, mask=mask)
    assert alone.thickness_nm == pytest.approx(THICKNESS_NM, abs=3)
    with pytest.raises(PatternError, match="mask has shape"):
        predictor.infer(spoilt, CONVERGENCE_MRAD, mask=mask.T[:-1])


@pytest.mark.parametrize("factor", [1e-30, 1e-12, 1e30, 1e36])
def test_the_unit_of_intensity_does_not_matter(predictor, counts, factor):
    first = predictor.infer(counts, CONVERGENCE_MRAD)
    second = predictor.infer(counts * factor, CONVERGENCE_MRAD)
    assert second.status == first.status == "ok"
    assert second.thickness_nm == pytest.approx(first.thickness_nm, abs=1e-3)
    assert second.residual == pytest.approx(first.residual, rel=1e-3)


@pytest.mark.parametrize("share", [0.9, 1.0, 1.1])
def test_the_convergence_angle_is_measured(predictor, counts, share):
    found = predictor.infer(counts, share * CONVERGENCE_MRAD)
    assert found.status == "ok"
    assert found.thickness_nm == pytest.approx(THICKNESS_NM, abs=0.7)
    assert found.convergence_mrad == pytest.approx(CONVERGENCE_MRAD, rel=0.01)
    assert abs(found.convergence_mrad - CONVERGENCE_MRAD) < 3 * found.convergence_std_mrad
    said = [words for words in found.warnings if "convergence semi-angle" in words]
    assert bool(said) == (share != 1.0)


def test_a_wrong_calibration_is_said_and_does_no_harm(predictor, counts):
    found = predictor.infer(counts, CONVERGENCE_MRAD, 3 * SCALE)
    assert found.status == "ok"
    assert found.thickness_nm == pytest.approx(THICKNESS_NM, abs=0.7)
    assert found.warnings == ("you gave 1.2 mrad per pixel; the pattern says 0.4",)


@pytest.mark.parametrize(("number", "turns", "radii"), [(15, 1, 0.6), (19, 0, 0.4)])
def test_a_cropped_disk_is_not_answered_wrong(number, turns, radii):
    """Frozen-phonon patterns whose disk the frame cuts were ``ok`` and 2.7 and 7.2 nm off."""
    with (SET / "patterns.csv").open(encoding="utf-8") as file:
        row = list(csv.DictReader(file))[number]
    with np.load(SET / "patterns.npz", allow_pickle=False) as arrays:
        whole = arrays["patterns"][number].astype(float)
    radius = float(row["convergence_mrad"]) / float(row["mrad_per_pixel"])
    kept = round(31.5 + radii * radius) + 1
    cut = np.rot90(np.rot90(whole, turns)[:kept], -turns)
    found = Predictor(load_bundle(row["system"])).infer(cut, float(row["convergence_mrad"]))
    low, high = found.thickness_interval95_nm
    assert found.status != "ok" or low <= float(row["thickness_nm"]) <= high
    assert "cuts the bright-field disk" in " ".join(found.warnings)


@pytest.mark.parametrize("refine", [True, False])
def test_a_ramp_beside_dead_rows_is_no_confident_answer(predictor, refine):
    """A smooth corner of something is explained by the rim of a disk outside of the frame."""
    line = np.linspace(0, 1, 64)
    ramp = np.outer(line, line)
    ramp[:8] = np.nan
    found = predictor.infer(ramp, CONVERGENCE_MRAD, refine=refine)
    assert found.status != "ok"
    assert any("the frame cuts the bright-field disk" in words for words in found.warnings)


def test_a_frame_that_cuts_is_suspected_without_a_fit(counts):
    """At a mismatch no fit says where the disk lies: what reaches the rim does."""
    assert of_rim(clean(counts)) == []
    (words,) = of_rim(clean(counts[:90]))
    assert "if the bright-field disk is cut there" in words
