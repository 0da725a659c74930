"""Where the axes of a stage lie in the pattern, and where to tilt."""

import math
from dataclasses import replace

import numpy as np
import pytest

from pacbed.errors import FileFormatError, OutOfRangeError
from pacbed.stage import (
    StagePattern,
    calibrate_stage,
    guide,
    read_stage,
    stage_text,
    stated_patterns,
)
from tests.stage.simulated_stage import MRAD, Stage, reached

#: What answers are off by; a stage that shows its angles to 0.01°, and keeps them better.
ERRORS = {"answer_mrad": 0.06, "shown_deg": 0.01, "kept_deg": 0.001, "backlash_deg": 0.002}
#: A crystal of middling thickness, and a stage that shows and keeps hundredths of a degree.
GOOD = {"answer_mrad": 0.05, "shown_deg": 0.003, "kept_deg": 0.003, "backlash_deg": 0.0}
ALPHA, BETA, BOTH = (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)
EXACT = {"answer_mrad": 0.0, "shown_deg": 0.0, "kept_deg": 0.0, "backlash_deg": 0.0}


def patterns(matrix, angles, start=(3.0, -2.0), std=0.05):
    """Patterns of a stage that moves the zone axis by a matrix, mrad per degree."""
    return [
        StagePattern(a, b, *(np.array(start) + np.array(matrix) @ (a, b)), std) for a, b in angles
    ]


def axes(turn_deg, mirrored=False):
    turn = math.radians(turn_deg)
    rotation = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
    return MRAD * np.array(rotation) @ np.diag([1, -1 if mirrored else 1])


@pytest.mark.parametrize(
    ("errors", "first", "hand_known", "most"),
    [
        # Two patterns between which both axes are tilted: the first move tells the hand.
        (GOOD, [BOTH], False, 2),
        # Two patterns, at a microscope whose hand is known.
        (ERRORS, [ALPHA], True, 2),
        # Two patterns, one axis tilted alone.
        (ERRORS, [ALPHA], False, 3),
        # A tilt of each axis.
        (ERRORS, [ALPHA, BETA], False, 2),
    ],
)
def test_the_zone_axis_is_reached_in_a_few_moves(errors, first, hand_known, most):
    """200 stages with random axes, signs, mirrors and angles up to 15°."""
    assert reached(errors, first, most, hand_known) >= 0.95


def test_both_axes_tilted_alike_tell_more_than_one():
    """Where the axes are not at right angles, the direction across one of them is not known."""
    both, alone = (reached(GOOD, [first], count=60) for first in (BOTH, ALPHA))
    assert both > alone


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turn", [0, 37, 181, -90])
def test_three_patterns_tell_axes_and_hand(turn, mirrored):
    matrix = axes(turn, mirrored)
    found = calibrate_stage(patterns(matrix, [(0, 0), (0.5, 0), (0.5, 0.5)]))
    assert found.decided
    assert found.hands[0].mirrored == mirrored
    assert found.hands[0].matrix == pytest.approx(matrix, abs=1e-3)
    said = guide(found, *(matrix @ (0.12, -0.05)), 0.05)
    assert (said.alpha_deg, said.beta_deg) == pytest.approx((-0.12, 0.05), abs=1e-4)
    assert said.words.startswith("tilt α by −0.12° ± 0.0")


@pytest.mark.parametrize(("move", "words"), [((0.5, 0), "sign of β"), ((0, 0.5), "sign of α"),
                                             ((0.4, 0.4), "a sign is open")])  # fmt: skip
@pytest.mark.parametrize("mirrored", [False, True])
def test_two_patterns_leave_the_hand_open_and_guidance_is_safe(move, words, mirrored):
    """Along the calibration's own move all is sure; across it a little is tried."""
    matrix = axes(70, mirrored)
    found = calibrate_stage(patterns(matrix, [(0, 0), move]))
    assert not found.decided
    assert found.hands[0].probability == pytest.approx(0.5)
    assert any(words in line for line in stage_text(found).splitlines())
    along = guide(found, *(matrix @ move), 0.05)
    assert along.decided
    assert (along.alpha_deg, along.beta_deg) == pytest.approx((-move[0], -move[1]), abs=1e-3)
    across = matrix @ (-move[1], move[0])
    said = guide(found, *(across + matrix @ move), 0.05)
    assert not said.decided
    assert "sign is still open" in said.words
    left = across + matrix @ move + matrix @ (said.alpha_deg, said.beta_deg)
    assert math.hypot(*left) < math.hypot(*across) + 1.6
    # The move along is done in any case: what is left lies across.
    assert left @ (matrix @ move) == pytest.approx(0, abs=1)
    # With the next pattern it is known.
    there = move[0] + said.alpha_deg, move[1] + said.beta_deg
    more = calibrate_stage(patterns(matrix, [(0, 0), move, there]))
    assert more.decided
    assert more.hands[0].mirrored == mirrored


def test_a_known_hand_is_taken_and_a_wrong_one_is_said():
    three = patterns(axes(20, mirrored=True), [(0, 0), (1, 0), (1, 1)])
    assert calibrate_stage(three[:2], mirrored=True).decided
    assert not calibrate_stage(three, mirrored=True).warnings
    assert "contradict the hand" in calibrate_stage(three, mirrored=False).warnings[0]


def test_errors_are_as_large_as_what_they_tell():
    """Of the guided moves, squares in units of the errors are one on average."""
    rng = np.random.default_rng(3)
    squares = []
    for _ in range(100):
        stage = Stage(rng, **(EXACT | {"answer_mrad": 0.06, "shown_deg": 0.01}))
        seen = [stage.pattern()]
        for move in (ALPHA, BETA):
            stage.move(move)
            seen.append(stage.pattern())
        here = seen[-1]
        said = guide(calibrate_stage(seen), here.tilt_x_mrad, here.tilt_y_mrad, 0.06,
                     stage.angles[0])  # fmt: skip
        stage.move((said.alpha_deg, said.beta_deg))
        left = stage.tilt()
        squares.append(left @ left / said.left_mrad**2)
    assert 0.5 < np.mean(squares) < 1.5


def test_axes_that_are_not_at_right_angles_are_found_and_said():
    matrix = axes(10) @ np.array([[1, 0.5], [0, 0.8]])
    found = calibrate_stage(patterns(matrix, [(0, 0), (1, 0), (0, 1), (1, 1), (2, -1)]))
    assert found.hands[0].matrix == pytest.approx(matrix, rel=0.02, abs=0.05)
    assert "58 degrees apart" in found.warnings[0]


def test_a_grain_of_its_own_says_the_same_of_the_axes():
    matrix = axes(130)
    mine = patterns(matrix, [(0, 0), (1, 0)])
    other = [replace(p, grain="b") for p in patterns(matrix, [(5, 2), (5, 3)], start=(80, 9))]
    found = calibrate_stage(mine + other)
    assert found.decided
    assert not found.warnings
    as_one = calibrate_stage([replace(pattern, grain="") for pattern in mine + other])
    assert any("did not move as the stage did" in warning for warning in as_one.warnings)


def test_beta_counts_by_the_cosine_of_alpha():
    stage = Stage(np.random.default_rng(1), **EXACT)
    stage.skew_deg, stage.angles = 0, np.array([40.0, 0.0])
    stage.crystal = np.linalg.solve(stage.rotation(), [0.004, 0.003, 1])
    seen = [stage.pattern()]
    for move in (ALPHA, BETA):
        stage.move(move)
        seen.append(stage.pattern())
    found = calibrate_stage(seen)
    assert [axis.mrad_per_degree for axis in found.axes] == pytest.approx([MRAD, MRAD], rel=0.005)
    here = seen[-1]
    said = guide(found, here.tilt_x_mrad, here.tilt_y_mrad, 0.05)
    stage.move((said.alpha_deg, said.beta_deg))
    assert math.hypot(*stage.tilt()) < 0.1


def test_what_is_stated_is_a_start_that_patterns_improve(tmp_path):
    stated = stated_patterns(30, -60)
    found = calibrate_stage(stated, "ARM, 8 cm")
    assert found.decided
    assert found.hands[0].mirrored
    assert [axis.direction_deg for axis in found.axes] == pytest.approx([30, -60])
    better = calibrate_stage([*stated, *patterns(axes(32, mirrored=True), [(0, 0), (2, 0)])])
    assert better.axes[0].direction_deg == pytest.approx(32, abs=0.3)
    assert better.axes[0].direction_std_deg < found.axes[0].direction_std_deg / 3
    with pytest.raises(OutOfRangeError, match="5 degrees apart"):
        stated_patterns(30, 35)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "2 to 200 patterns"),
        (patterns(axes(0), [(0, 0), (0.01, 0)]), "hardly moved"),
        ([replace(p, grain=str(i)) for i, p in enumerate(patterns(axes(0), [(0, 0), (1, 0)]))],
         "hardly moved"),
    ],
)  # fmt: skip
def test_what_says_nothing_is_refused(given, words):
    with pytest.raises(OutOfRangeError, match=words):
        calibrate_stage(given)


def test_a_file_gives_the_calibration_again(tmp_path):
    found = calibrate_stage(patterns(axes(33), [(0, 0), (1, 0)]), 'Titan "A", 91 mm', True)
    path = tmp_path / "stage.toml"
    path.write_text(stage_text(found), encoding="utf-8")
    again = read_stage(path)
    assert (again.name, again.mirrored) == (found.name, True)
    assert again.hands[0].matrix == pytest.approx(found.hands[0].matrix, rel=1e-4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version = 1\n", "no calibration of a stage"),
        ("version = [", "not valid TOML"),
        ("version = 1\n[stage]\n", "2 to 200 patterns"),
        ("version = 1\n[stage]\n[[pattern]]\nalpha_deg = true\n", "pattern 1: alpha_deg"),
        ('version = 1\n[stage]\nmirrored = "no"\n', "mirrored"),
        ("version = 1\npattern = 3\n[stage]\n", "2 to 200 patterns"),
    ],
)
def test_a_wrong_file_is_named_with_its_fault(tmp_path, text, words):
    path = tmp_path / "stage.toml"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=words) as caught:
        read_stage(path)
    assert str(path) in str(caught.value)
