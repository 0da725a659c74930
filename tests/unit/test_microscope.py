"""The record of a session's microscope, its file, and how several patterns are put together."""

import math
from dataclasses import replace

import numpy as np
import pytest

from pacbed import read_microscope
from pacbed.errors import FileFormatError, OutOfRangeError
from pacbed.microscope.combine import combine
from pacbed.microscope.file import microscope_text, parse_microscope
from pacbed.microscope.record import Microscope, Pattern, ellipse_of
from pacbed.microscope.shown import Shown
from pacbed.pattern.detector_geometry import DetectorGeometry

FOUND = Microscope(
    high_tension_kV=200.0,
    convergence_mrad=13.41,
    convergence_std_mrad=0.05,
    mrad_per_pixel=0.0994,
    mrad_per_pixel_std=0.0004,
    ellipticity=0.0074,
    ellipticity_direction_deg=82.0,
    ellipticity_std=0.001,
    rotation_deg=9.16,
    rotation_std_deg=0.07,
    system="sto-001-200kV",
    date="2026-11-26T14:00:00+00:00",
    patterns=(Pattern("a.dm4"), Pattern('b "2"\x7f\n\\.dm4', "its answer is mismatch")),
)


def test_a_file_says_the_same_again(tmp_path):
    path = tmp_path / "microscope.toml"
    path.write_text(microscope_text(FOUND), encoding="utf-8")
    assert read_microscope(path) == FOUND
    assert read_microscope(str(path)) == FOUND
    without = replace(FOUND, rotation_deg=None, rotation_std_deg=None, patterns=())
    assert parse_microscope(microscope_text(without).encode(), "x") == without


def test_a_name_that_is_no_text_is_written(tmp_path):
    path = tmp_path / "microscope.toml"
    strange = replace(FOUND, patterns=(Pattern("caf\udce9.dm4"),))
    path.write_bytes(microscope_text(strange).encode())
    assert read_microscope(path).patterns == (Pattern("caf?.dm4"),)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("version = 1", "version = 2"), "is no calibration of version 1"),
        (("[microscope]", "[telescope]"), r"has no \[microscope\]"),
        (("convergence_mrad = 13.41", "convergence_mrad = -1.0"), "convergence_mrad is -1"),
        (("convergence_mrad = 13.41", "convergence_mrad = true"), "which is no number"),
        (("convergence_mrad = 13.41", ""), "convergence_mrad is missing"),
        (("ellipticity = 0.0074", "ellipticity = 0.5"), "ellipticity is 0.5"),
        (("mrad_per_pixel_std = 0.0004", "mrad_per_pixel_std = 0"), "mrad_per_pixel_std is 0"),
        (("rotation_deg = 9.16", "rotation_deg = 1e9"), "rotation_deg"),
        (("version = 1", "version = "), "not valid TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said(change, words):
    text = microscope_text(FOUND)
    assert change[0] in text
    with pytest.raises(FileFormatError, match=f"^m.toml: .*{words}"):
        parse_microscope(text.replace(*change).encode(), "m.toml")


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_microscope(tmp_path / "none.toml")
    with pytest.raises(FileFormatError, match="is larger"):
        parse_microscope(b" " * (2**18 + 1), "m.toml")
    with pytest.raises(FileFormatError, match="not valid TOML"):
        parse_microscope(b"\xff\xfe", "m.toml")


def test_an_ellipse_is_the_same_in_all_words():
    for direction in (-89.0, -30.0, 0.0, 45.0, 82.0):
        microscope = replace(FOUND, ellipticity=0.01, ellipticity_direction_deg=direction)
        size, again = ellipse_of(microscope.distortion)
        assert (size, again) == pytest.approx((0.01, direction))
        # Disks are longest along that axis: there a pixel is the smallest angle.
        matrix = DetectorGeometry(1.0, 0.0, microscope.distortion).to_crystal
        axis = math.radians(direction)
        along = matrix @ [math.cos(axis), math.sin(axis)]
        assert np.linalg.norm(along) == pytest.approx(1 - 0.01)


def test_another_high_tension_is_seen():
    assert FOUND.is_at(200.0)
    assert FOUND.is_at(None)
    assert not FOUND.is_at(300.0)
    assert FOUND.contradictions(13.45, 0.0996) == ()
    angle, scale = FOUND.contradictions(14.5, 0.2)
    assert "13.41 mrad; the patterns say 14.50" in angle
    assert "0.0994 mrad per pixel; the patterns say 0.2" in scale


@pytest.mark.parametrize("name", ["convergence_mrad", "mrad_per_pixel", "high_tension_kV"])
def test_no_number_is_none(name):
    with pytest.raises(OutOfRangeError, match=name):
        replace(FOUND, **{name: math.nan})


def drawn(rng, count, rotation=30.0, period=90.0):
    """What patterns of one session show; errors from 0.1 to 1 %."""
    std = np.exp(rng.uniform(np.log(1e-3), np.log(1e-2), count))
    return [
        Shown(
            20 * math.exp(s * rng.normal()),
            20 * s,
            0.3 * math.exp(s * rng.normal()),
            0.3 * s,
            (0.01 + s * rng.normal(), -0.004 + s * rng.normal()),
            s,
            rotation + math.degrees(s * rng.normal()) + period * rng.integers(4),
            math.degrees(s),
            period,
        )
        for s in std
    ]


def test_errors_together_hold():
    rng = np.random.default_rng(1)
    pulls = []
    for _ in range(200):
        found = combine(drawn(rng, 5))
        assert found.rotation_deg is not None
        a, b = replace(
            FOUND,
            ellipticity=found.ellipticity,
            ellipticity_direction_deg=found.ellipticity_direction_deg,
        ).distortion
        pulls.append(
            (
                (found.convergence_mrad.value - 20) / found.convergence_mrad.std,
                (found.mrad_per_pixel.value - 0.3) / found.mrad_per_pixel.std,
                (a - 0.01) / found.ellipticity_std,
                (b + 0.004) / found.ellipticity_std,
                (found.rotation_deg.value - 30) / found.rotation_deg.std,
            )
        )
    held = (np.abs(pulls) < 2).mean(axis=0)
    assert held.min() > 0.9
    # The errors are no larger than they need be, but for what all patterns share.
    assert np.std(pulls, axis=0).min() > 0.3


def test_more_scatter_than_errors_widens_them():
    rng = np.random.default_rng(2)
    one = drawn(rng, 6)
    spread = [
        replace(s, mrad_per_pixel=0.3 * f, mrad_per_pixel_std=3e-5)
        for s, f in zip(one, (0.99, 1.01, 0.985, 1.0, 1.015, 1.005), strict=True)
    ]
    found = combine(spread)
    assert found.far == ("",) * 6
    # Six that scatter by 1.1 %.
    assert found.mrad_per_pixel.std / 0.3 == pytest.approx(0.011 / math.sqrt(6), rel=0.2)


def test_of_two_that_contradict_each_other_nobody_knows_which_is_right():
    one = drawn(np.random.default_rng(6), 2)
    found = combine([replace(one[0], mrad_per_pixel=0.3, mrad_per_pixel_std=3e-4),
                     replace(one[1], mrad_per_pixel=0.33, mrad_per_pixel_std=3e-4)])  # fmt: skip
    assert found.far == ("", "")
    assert found.mrad_per_pixel.std == pytest.approx(0.015, rel=0.1)


def test_a_pattern_of_another_camera_length_is_left_out():
    rng = np.random.default_rng(3)
    shown = drawn(rng, 5)
    shown[2] = replace(shown[2], mrad_per_pixel=0.33)
    found = combine(shown)
    assert "its angle per pixel is" in found.far[2]
    assert [bool(words) for words in found.far] == [False, False, True, False, False]
    assert found.mrad_per_pixel.value == pytest.approx(0.3, rel=0.01)


def test_several_grains_have_no_rotation():
    rng = np.random.default_rng(4)
    shown = drawn(rng, 3) + drawn(rng, 3, rotation=50.0)
    found = combine(shown)
    assert found.rotation_deg is None
    assert found.far == ("",) * 6


def test_one_pattern_alone_keeps_its_error():
    (shown,) = drawn(np.random.default_rng(5), 1)
    found = combine([shown])
    assert found.convergence_mrad.value == pytest.approx(shown.convergence_mrad)
    assert found.convergence_mrad.std >= shown.convergence_std_mrad
