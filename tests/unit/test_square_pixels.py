"""Pixels that are not square: stretched as the user, the file or the disk says."""

import json

import hyperspy.api as hs
import numpy as np
import pytest

from pacbed.errors import OutOfRangeError
from pacbed.infer.frames.on_square_pixels import OnSquarePixels
from pacbed.infer.open_predictor import open_predictor
from pacbed.library.installed import load_bundle
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.square_pixels import square_pixels
from pacbed.pattern.synthesis import synthesise
from tests.cli_tools import succeed

SYSTEM, ALPHA, PITCH = "sto-001-300kV", 20.0, 0.5
#: Thickness and tilt of the pattern, nm and mrad.
THICKNESS, TILT = 38.0, (1.2, -1.8)


@pytest.fixture(scope="module")
def predictor():
    return open_predictor(load_bundle(SYSTEM))


@pytest.fixture(scope="module")
def recorded(predictor):
    """A pattern as a detector counts it whose pixels have an aspect."""
    fine = 4
    parameters = PatternParameters(
        THICKNESS, *TILT, convergence_mrad=ALPHA, mrad_per_pixel=PITCH / fine, rotation_deg=11.0
    )
    side = 160
    sharp = synthesise(predictor.bundle.table, parameters, (side * fine, side * fine))
    sharp = np.nan_to_num(sharp).clip(0)

    def made(aspect: float) -> np.ndarray:
        rows, columns = (round(fine * n) for n in (max(aspect, 1), max(1 / aspect, 1)))
        cut = sharp[: len(sharp) // rows * rows, : len(sharp) // columns * columns]
        counts = cut.reshape(len(cut) // rows, rows, -1, columns).sum(axis=(1, 3))
        return np.random.default_rng(3).poisson(counts / counts.sum() * 3e6)

    return made


def is_right(estimate) -> bool:
    return (
        estimate.status == "ok"
        and abs(estimate.thickness_nm - THICKNESS) < 1.5
        and np.hypot(estimate.tilt_x_mrad - TILT[0], estimate.tilt_y_mrad - TILT[1]) < 0.3
    )


def test_values_lie_where_the_pixels_were():
    ramp = np.arange(8.0)[:, None] + np.zeros((8, 5))
    stretched = square_pixels(ramp, 2.0)
    assert stretched.shape == (16, 5)
    assert stretched[3:5, 0] == pytest.approx([1.25, 1.75])
    assert square_pixels(ramp.T, 0.5) == pytest.approx(stretched.T)
    assert square_pixels(ramp, 1.25).shape == (10, 5)
    assert square_pixels(ramp, 1.003) is not None
    known = np.ones((8, 5), bool)
    known[3, 2] = False
    assert np.isnan(square_pixels(ramp, 2.0, known)).sum() == 4
    with pytest.raises(OutOfRangeError, match="pixel aspect"):
        square_pixels(ramp, 9.0)


@pytest.mark.parametrize("aspect", [0.5, 1.25, 1.5])
def test_a_given_aspect_is_believed(predictor, recorded, aspect):
    asked = OnSquarePixels(predictor, aspect)
    found = asked.infer(recorded(aspect), ALPHA)
    assert is_right(found)
    assert found.basis.pixel_aspect == aspect
    assert "as given" in found.warnings[0]
    assert found.mrad_per_pixel == pytest.approx(PITCH, rel=0.02)


def test_the_disk_shows_its_pixels(predictor, recorded):
    """Hardly oblong ones; tests/maps/test_pixel_aspect.py has some of twice their width."""
    found = OnSquarePixels(predictor).infer(recorded(1.25), ALPHA, PITCH)
    assert is_right(found)
    assert "as the bright disk shows" in found.warnings[0]
    assert found.basis.pixel_aspect == pytest.approx(1.25, rel=0.02)


@pytest.mark.parametrize("aspect", [1.05, 1.12])
def test_pixels_that_are_nearly_square_are_fitted(predictor, recorded, aspect):
    counts = recorded(1.0)
    found = OnSquarePixels(predictor).infer(square_pixels(counts, 1 / aspect), ALPHA)
    assert is_right(found)


def test_the_file_is_believed_where_the_pattern_agrees(predictor, recorded):
    found = OnSquarePixels(predictor, stated=1.5).infer(recorded(1.5), ALPHA)
    assert is_right(found)
    assert "as the file says" in found.warnings[0]
    wrong = OnSquarePixels(predictor, stated=1.5).infer(recorded(1.0), ALPHA)
    assert is_right(wrong)
    assert wrong.basis.pixel_aspect == 1.0


def test_gaps_and_saturation_survive_the_stretching(predictor, recorded):
    counts = recorded(1.5).astype(np.int64)
    counts[52:54] = 2**32 - 1
    found = OnSquarePixels(predictor, 1.5).infer(counts, ALPHA)
    assert is_right(found)
    assert found.pixels_left_out == 2 * counts.shape[1]


def test_on_the_command_line(recorded, tmp_path):
    np.save(tmp_path / "binned.npy", recorded(1.5))
    words = ("infer", tmp_path / "binned.npy", "--system", SYSTEM, "--convergence", "20", "--json")
    report = tmp_path / "fit.png"
    said = json.loads(succeed(*words, "--pixel-aspect", "1.5", "--report", report))
    assert said["status"] == "ok"
    assert abs(said["thickness_nm"] - THICKNESS) < 1.5
    assert report.read_bytes().startswith(b"\x89PNG")


def test_two_calibrations_of_a_file(recorded, tmp_path):
    signal = hs.signals.Signal2D(recorded(1.5).astype(np.float32))
    for axis, scale in zip(signal.axes_manager._axes, (1.5 * PITCH, PITCH), strict=True):
        axis.scale, axis.units = scale, "mrad"
    signal.save(tmp_path / "binned.hspy")
    words = ("infer", tmp_path / "binned.hspy", "--system", SYSTEM, "--convergence", "20")
    said = json.loads(succeed(*words, "--json"))
    assert said["status"] == "ok"
    assert any("as the file says" in warning for warning in said["warnings"])
    assert abs(said["thickness_nm"] - THICKNESS) < 1.5
