"""Reader and widget inside napari as it is published, on a screen that is none."""

import os
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from napari.components import ViewerModel
from napari.layers import Image, Shapes
from npe2 import PluginManager, PluginManifest
from pacbed import read_pattern
from pacbed.errors import PatternError
from qtpy.QtWidgets import QApplication

from pacbed_napari.reader import get_reader

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "sto-001-300kV_42nm.npy"
CUBE = Path(__file__).resolve().parents[3] / "tests" / "data" / "py4dstem_cube.h5"


@pytest.fixture(scope="module")
def plugins():
    """The manager that napari asks, with this plug-in as it is installed."""
    manager = PluginManager.instance()
    manager.discover(include_npe1=False)
    return manager


@pytest.fixture
def widget():
    from pacbed_napari.widget import PacbedWidget

    app = QApplication.instance() or QApplication([])
    viewer = ViewerModel()
    made = PacbedWidget(viewer)
    made.viewer, made.app = viewer, app
    yield made
    made.close()


def press(widget):
    """Press the button, and wait for the end."""
    widget.button.changed.emit(True)
    until = time.monotonic() + 120
    while not widget.button.enabled and time.monotonic() < until:
        widget.app.processEvents()
        time.sleep(0.02)
    return widget.answer.value


def test_the_manifest_is_valid_and_names_what_is_there(plugins):
    manifest = PluginManifest.from_distribution("pacbed-napari")
    manifest.validate_imports()
    assert manifest.name in plugins
    (contribution,) = manifest.contributions.widgets
    assert contribution.get_callable().__name__ == "PacbedWidget"


def test_every_pattern_of_the_manifest_is_a_format_that_is_read():
    (contribution,) = PluginManifest.from_distribution("pacbed-napari").contributions.readers
    for pattern in contribution.filename_patterns:
        assert get_reader(pattern.replace("*", "some file")) is not None
    assert get_reader("notes.txt") is None
    assert get_reader(["a.dm4", "notes.txt"]) is None


def test_napari_opens_a_pattern_by_the_reader(plugins):
    viewer = ViewerModel()
    viewer.open(EXAMPLE, plugin="pacbed-napari")
    (layer,) = viewer.layers
    assert isinstance(layer, Image)
    assert layer.name == "sto-001-300kV_42nm"
    assert np.array_equal(layer.data, np.load(EXAMPLE))


def test_a_scan_is_summed_and_the_file_s_conditions_are_kept(tmp_path):
    ((data, shown, kind),) = get_reader(str(CUBE))(str(CUBE))
    summed = read_pattern(CUBE, "sum")
    assert (kind, data.ndim) == ("image", 2)
    assert np.array_equal(data, summed.data)
    known = shown["metadata"]["pacbed"]
    assert known["frames"] == summed.frames > 1
    assert known["mrad_per_pixel"] == summed.metadata.mrad_per_pixel
    with h5py.File(tmp_path / "nothing.h5", "w"):
        pass
    with pytest.raises(Exception, match="nothing"):
        get_reader("nothing.h5")([str(tmp_path / "nothing.h5")])


def test_the_widget_answers_and_draws_the_disk(widget):
    assert press(widget) == "Open a diffraction pattern first."
    pattern = np.load(EXAMPLE)
    known = {"pacbed": {"convergence_mrad": 20.0, "mrad_per_pixel": None}}
    widget.viewer.add_image(pattern, scale=(2, 2), metadata=known)
    assert (widget.convergence.value, widget.scale.value) == (20.0, 0.0)
    widget.system.value = "sto-001-300kV"
    for _ in range(2):
        # The second time replaces what the first has drawn.
        assert "Status: ok" in press(widget)
    (drawn,) = [layer for layer in widget.viewer.layers if isinstance(layer, Shapes)]
    answer = drawn.metadata["pacbed"]
    assert answer["thickness_nm"] == pytest.approx(42.0, abs=1.0)
    assert drawn.shape_type == ["ellipse", "line"]
    corners, line = drawn.data
    middle = corners.mean(axis=0)
    assert middle == pytest.approx([answer["center_row_px"], answer["center_column_px"]], abs=1e-3)
    radius = np.ptp(corners[:, 0]) / 2
    assert radius * answer["mrad_per_pixel"] == pytest.approx(20.0, rel=0.03)
    tilt = (line[1] - line[0]) * answer["mrad_per_pixel"]
    assert tilt == pytest.approx([answer["tilt_y_mrad"], answer["tilt_x_mrad"]], abs=1e-3)
    assert drawn.scale == pytest.approx([2, 2])
    # The disk is where the pattern is bright.
    rows, columns = np.indices(pattern.shape)
    inside = np.hypot(rows - middle[0], columns - middle[1]) < 0.9 * radius
    assert pattern[inside].mean() > 5 * np.median(pattern[~inside])


def test_what_is_wrong_is_said(widget):
    widget.viewer.add_image(np.ones((64, 64, 3), np.uint8), rgb=True)
    assert "no image of real numbers" in press(widget)
    widget.viewer.layers.clear()
    widget.viewer.add_image(np.ones((64, 64)))
    widget.convergence.value = 20.0
    answer = press(widget)
    assert "PACBED" not in answer
    assert answer not in ("", "…")
    assert not [layer for layer in widget.viewer.layers if isinstance(layer, Shapes)]


def test_frames_are_averaged():
    from pacbed_napari.answer import pattern_of

    assert pattern_of(np.arange(24).reshape(2, 3, 2, 2)).tolist() == [[10, 11], [12, 13]]
    with pytest.raises(PatternError, match="real numbers"):
        pattern_of(np.ones((4, 4), complex))
