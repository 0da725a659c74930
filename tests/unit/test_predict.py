"""The networks as one function, as the earlier project's shared model was asked."""

import numpy as np
import pytest

import pacbed
from pacbed.errors import OutOfRangeError
from tests.label_tools import make_earlier_folder, recorded_pattern


def test_a_shipped_system_answers_with_thickness_mistilt_and_scale(repository):
    pattern = np.load(repository / "examples" / "sto-001-300kV_42nm.npy")
    thickness, mistilt, scale = pacbed.predict(pattern, 20.0, "sto-001-300kV")
    assert thickness == pytest.approx(419.8, abs=10)
    assert mistilt == pytest.approx(np.hypot(2, 1), abs=0.5)
    # As the whole answer has it, in its own unit.
    predictor = pacbed.open_predictor(pacbed.load_bundle("sto-001-300kV"))
    estimate = predictor.infer(pattern, 20.0, refine=False)
    assert (thickness / 10, mistilt, scale) == (
        pytest.approx(estimate.thickness_nm), estimate.mistilt_mrad, estimate.scale,
    )  # fmt: skip


@pytest.fixture
def data(tmp_path):
    return make_earlier_folder(tmp_path / "data")


@pytest.fixture(scope="module")
def table():
    return pacbed.load_bundle("sto-001-300kV").table


def test_a_folder_of_the_earlier_project_answers(data, table):
    found = pacbed.predict(recorded_pattern(table, 30.0, 3.0, 0.5, size=192), 20.0, 7, data)
    assert found.thickness_angstrom == pytest.approx(300, abs=50)
    assert found.mistilt_mrad == pytest.approx(3, abs=0.75)
    assert found.scale == pytest.approx(192 * 0.5 / 52, rel=0.12)


def test_the_end_of_the_labels_is_told(data, table):
    pattern = recorded_pattern(table, 10.0, 3.0, 0.5, size=192)
    with pytest.warns(UserWarning, match=r"^out_of_range: "):
        pacbed.predict(pattern, 20.0, 7, data)


def test_networks_need_the_convergence_angle():
    with pytest.raises(OutOfRangeError, match="convergence semi-angle"):
        pacbed.predict(np.zeros((64, 64)), None, 3)
