"""What the networks' numbers mean: fields with units, in the frames that their names say."""

import numpy as np
import pytest

from pacbed.infer.networks import networks as module
from pacbed.infer.networks.networks import Networks
from pacbed.infer.networks.predictor import Predictor
from pacbed.library.installed import load_bundle
from pacbed.pattern.crystal_frame import Pose
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.preprocess import INPUT_SIZE
from pacbed.pattern.synthesis import synthesise

FRAMES = np.random.default_rng(0).random((2, INPUT_SIZE, INPUT_SIZE), np.float32)


class _Says:
    """Stands for ONNX Runtime's session."""

    def __init__(self, *answers):
        self.answers = [np.array(answer, np.float32) for answer in answers]

    def run(self, _, feed):
        self.feed = feed
        return self.answers


@pytest.fixture
def networks(monkeypatch):
    monkeypatch.setattr(module, "_session", lambda *_: _Says())
    return Networks(load_bundle("sto-001-300kV"))


def test_locator_says_where_the_crystal_is(networks):
    turn = np.deg2rad(4 * 17.0)
    row = [0.1, -0.2, -3.0, np.log(0.9), 0.05, -0.03, 2 * np.cos(turn), 2 * np.sin(turn)]
    networks._locator = _Says([row, row])
    found = networks.locate(FRAMES, 20.0)
    assert found.tilt == pytest.approx(np.array([[2.0, -4.0]] * 2), rel=1e-6)
    assert found.tilt_error == pytest.approx([-3.0, -3.0])
    assert found.zoom == pytest.approx([0.9, 0.9])
    assert found.center == pytest.approx(np.array([[0.05, -0.03]] * 2))
    assert np.degrees(found.rotation) == pytest.approx([17.0, 17.0], rel=1e-5)
    assert networks._locator.feed["convergence_mrad"].tolist() == [20.0, 20.0]


def test_reader_says_errors_in_the_frame_of_the_crystal(networks):
    """Of a tilt that is shown mirrored, errors are mirrored back, and large ones bounded."""
    row = [0.5, 9.0, np.log(0.08), 0.02, 0.3, 0.1, 0.04]
    bins = len(networks.bins)
    networks._reader = _Says(np.zeros((2, bins)), [row, row])
    tilt = np.array([networks.frame.sector, -networks.frame.sector]) * 3
    tilt[1] = tilt[1][::-1]
    pose = Pose(tilt, np.zeros(2), np.zeros(2), np.zeros((2, 2)))
    found = networks.read(FRAMES, pose, 20.0)
    fold = networks.frame.fold(tilt)
    assert not np.allclose(fold[1], np.eye(2))
    for n in range(2):
        assert found.tilt[n] == pytest.approx(fold[n] @ [0.5, 3.0])
        assert found.center[n] == pytest.approx(fold[n] @ [0.3, 0.1], rel=1e-6)
        assert found.rotation[n] == pytest.approx(0.04 * np.linalg.det(fold[n]), rel=1e-6)
    assert found.probability == pytest.approx(np.full((2, bins), 1 / bins))
    assert found.tilt_error_mrad == pytest.approx([0.08, 0.08], rel=1e-6)
    assert found.log_zoom == pytest.approx([0.02, 0.02], rel=1e-6)


def test_solve_gives_what_an_answer_is_made_of(small_pattern):
    predictor = Predictor(load_bundle("sto-001-300kV"))
    alone = predictor.solve(small_pattern, 20.0, refine=False)
    assert alone.solutions == []
    answer = predictor.infer(small_pattern, 20.0, refine=False)
    assert alone.readings[0].placement.rotation_deg == pytest.approx(answer.rotation_deg)
    assert alone.readings[0].placement.pattern_tilt == pytest.approx(
        [answer.tilt_x_mrad, answer.tilt_y_mrad]
    )
    solved = predictor.solve(small_pattern, 20.0)
    assert solved.solutions[0].fit.parameters.thickness_nm == pytest.approx(22.0, abs=0.5)


@pytest.fixture(scope="module")
def small_pattern():
    table = load_bundle("sto-001-300kV").table
    parameters = PatternParameters(22.0, 2.0, -1.0, 20.0, 0.6, 12.0)
    return synthesise(table, parameters, (128, 128))
