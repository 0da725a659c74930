"""``pacbed stage``, and ``pacbed infer --stage``."""

import json

import numpy as np
import pytest

from pacbed.stage import calibrate_stage, read_stage, stage_text
from tests.cli_tools import SYSTEM, fail, make_data_folder, make_pattern, succeed
from tests.service.dm4 import dm4_bytes
from tests.stage.test_stage import axes, patterns

OPTIONS = ("--system", SYSTEM.name, "--convergence", 12)


@pytest.fixture(scope="module")
def shared(tmp_path_factory, small_table):
    folder = tmp_path_factory.mktemp("stage")
    np.save(folder / "a.npy", np.maximum(make_pattern(small_table), 0))
    np.save(folder / "noise.npy", np.random.default_rng(9).poisson(9, (64, 64)))
    make_data_folder(folder / "data", small_table)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch, shared):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PACBED_DATA", str(shared / "data"))
    (tmp_path / "a.npy").write_bytes((shared / "a.npy").read_bytes())
    return tmp_path


def kept(mirrored=None):
    found = calibrate_stage(patterns(axes(0), [(0, 0), (1, 0)], start=(0, 0)), "", mirrored)
    with open("stage.toml", "w", encoding="utf-8") as file:
        file.write(stage_text(found))


def test_an_answer_says_where_to_tilt(here):
    kept(mirrored=False)
    words = succeed("infer", "a.npy", *OPTIONS, "--stage", "stage.toml").splitlines()
    (line,) = [n for n, text in enumerate(words) if text.split()[0] == "stage"]
    assert words[line - 1].split()[:2] == ["zone", "axis"]
    assert "tilt α by −" in words[line]
    said = json.loads(succeed("infer", "a.npy", *OPTIONS, "--stage", "stage.toml", "--json"))
    x, y = said["tilt_x_mrad"], said["tilt_y_mrad"]
    stage = said["stage"]
    assert stage["decided"]
    assert (17.45 * stage["alpha_deg"], 17.45 * stage["beta_deg"]) == pytest.approx((-x, -y), 0.01)
    # β turns less where α is far.
    far = succeed("infer", "a.npy", *OPTIONS, "--stage", "stage.toml", "--alpha", 60, "--json")
    assert json.loads(far)["stage"]["beta_deg"] == pytest.approx(2 * stage["beta_deg"], rel=0.01)
    assert "give --stage too" in fail("infer", "a.npy", *OPTIONS, "--alpha", 1)
    # A file may say itself where the stage is.
    pattern, volts = np.load("a.npy").astype(np.float32), 1e3 * SYSTEM.high_tension_kV
    (here / "a.dm4").write_bytes(dm4_bytes(pattern, volts, stage_deg=(60, 0)))
    own = json.loads(succeed("infer", "a.dm4", *OPTIONS, "--stage", "stage.toml", "--json"))
    assert own["stage"]["beta_deg"] == pytest.approx(2 * stage["beta_deg"], rel=0.02)


def test_one_pattern_again_is_no_move(here):
    """The same pattern at two angles says that the zone axis did not move."""
    said = fail("stage", "calibrate", "a.npy", "a.npy", "--at", "0 0", "--at", "0,0", *OPTIONS,
                "-o", "stage.toml")  # fmt: skip
    assert "hardly moved" in said
    words = succeed("stage", "calibrate", "a.npy", "a.npy", "--at", "0 0", "--at", "1,0", *OPTIONS,
                    "-o", "stage.toml", "--name", "ARM")  # fmt: skip
    assert "did not move as the stage did" in words
    assert "the sign of β is open" in words
    assert read_stage("stage.toml").name == "ARM"


def test_a_pattern_is_added_and_guides(here):
    kept()
    words = succeed("stage", "add", "a.npy", "--at", "0.06 0.03", *OPTIONS, "--stage", "stage.toml")
    assert len(read_stage("stage.toml").patterns) == 3
    assert "a.npy" in words
    assert "tilt α by" in words


def test_a_rotation_and_two_signs_may_be_stated(here):
    words = succeed(
        "stage", "state", "--alpha-direction", 30, "--beta-direction", -60, "-o", "s.toml"
    )
    assert "towards 30.0 ± 2.8 degrees" in words
    assert "mirrored" in words
    assert read_stage("s.toml").decided


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--at", "0 0"), "2 patterns and 1 pairs"),
        (("--at", "0 0", "--at", "x"), 'such as "0.5 -0.2"'),
    ],
)
def test_wrong_angles_are_said_before_any_work(here, options, words):
    missing = ("none.npy", "none.npy")
    assert words in fail("stage", "calibrate", *missing, *options, *OPTIONS, "-o", "stage.toml")


def test_a_pattern_without_an_answer_is_named(here, shared):
    said = fail("stage", "calibrate", shared / "noise.npy", "a.npy", "--at", "0 0", "--at", "1 0",
                *OPTIONS, "-o", "stage.toml")  # fmt: skip
    assert "noise.npy" in said
