"""Pixels of the detector that say nothing have no weight in a map, whoever says so."""

import dataclasses

import h5py
import numpy as np
import pytest

from pacbed.commands.map.options import WindowOptions
from pacbed.errors import PatternError
from pacbed.maps.layers import OK, SETTLED
from pacbed.maps.mapping import infer_map
from pacbed.maps.output import description, load_map, save_map
from pacbed.maps.window_view import view_window
from pacbed.scans.files import open_scan
from pacbed.scans.scan import Scan
from tests.maps.conftest import GEOMETRY_ALONE, OPTIONS, Known, assert_like_the_wedge

SIDE = 64


def cross() -> np.ndarray:
    dead = np.zeros((SIDE, SIDE), bool)
    dead[31:33], dead[:, 30:32] = True, True
    return dead


def patch() -> np.ndarray:
    """A module's corner that counts too much, and looks like nothing else."""
    wrong = np.zeros((SIDE, SIDE), bool)
    wrong[20:27, 36:44] = True
    return wrong


def with_patch(counts: np.ndarray) -> np.ndarray:
    counts = counts.copy()
    counts[..., patch()] = np.random.default_rng(0).poisson(30, counts[..., patch()].shape)
    return counts


@pytest.fixture(scope="module")
def right(simulated, eager):
    """Whether a map is that of the scan before it was spoiled."""

    def check(found):
        assert np.isin(found.status, (OK, SETTLED)).all()
        # With 48,000 electrons a window's own error is 0.56 nm.
        assert np.abs(found.thickness_nm - simulated.thickness_nm).max() < 1.4
        assert np.abs(found.tilt_x_mrad - simulated.tilt_mrad[..., 0]).max() < 0.35
        assert np.abs(found.tilt_y_mrad - simulated.tilt_mrad[..., 1]).max() < 0.35

    return check


@pytest.mark.parametrize(
    ("fill", "dtype"), [(0, "u2"), (-1, "i4"), (2**32 - 1, "u4"), (np.nan, "f4")]
)
def test_a_dead_cross_is_found(simulated, bundle, eager, right, fill, dtype):
    counts = simulated.counts.astype(dtype)
    counts[..., cross()] = fill
    found = infer_map(Scan.from_array(counts), bundle, OPTIONS, store=Known(eager.geometry))
    right(found)
    assert (found.detector_mask == cross()).all()
    assert found.bad_frames.sum() == 0
    assert any("252 of 4096 pixels" in words for words in found.warnings)


def test_the_geometry_is_found_with_a_dead_cross(simulated, bundle):
    """The map of this geometry is above."""
    counts = simulated.counts.copy()
    counts[..., cross()] = 0
    assert_like_the_wedge(infer_map(Scan.from_array(counts), bundle, GEOMETRY_ALONE).geometry)


def test_the_shadow_of_a_beam_stop_is_found(simulated, bundle, eager, right):
    counts = simulated.counts.copy()
    counts[..., 28:36, :33] = 0
    found = infer_map(Scan.from_array(counts), bundle, OPTIONS, store=Known(eager.geometry))
    right(found)
    assert found.pixels_left_out == pytest.approx(8 * 33, rel=0.2)


def test_a_mask_is_given(simulated, bundle, eager, right, tmp_path):
    scan = Scan.from_array(with_patch(simulated.counts), step_nm=(0.1, 0.1))
    options = dataclasses.replace(OPTIONS, detector_mask=patch())
    found = infer_map(scan, bundle, options, store=Known(eager.geometry))
    right(found)
    assert found.settings["detector_masked"]
    assert any("56 masked" in words for words in found.warnings)
    save_map(tmp_path / "map.npz", found)
    kept = load_map(tmp_path / "map.npz")
    assert (kept.detector_mask == patch()).all()
    assert description(kept)["pixels_left_out"] == 56
    view = view_window(scan, kept, bundle, 1, 1)
    assert np.isnan(view.measured[patch()]).all()
    assert view.unexplained < 0.1


def test_the_mask_of_the_command_is_of_the_detector(simulated, tmp_path):
    np.save(tmp_path / "bad.npy", patch().astype(np.uint8))
    options = WindowOptions(detector_mask=tmp_path / "bad.npy").map_options(simulated.scan)
    assert (options.detector_mask == patch()).all()
    assert options.mask is None


def test_the_files_own_list_is_read(simulated, bundle, eager, right, tmp_path):
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        file["entry/data/data"] = with_patch(simulated.counts)
        file["entry/instrument/detector/pixel_mask"] = patch().astype("u4")
    scan = open_scan(path)
    assert (scan.pixel_mask == patch()).all()
    found = infer_map(scan, bundle, OPTIONS, store=Known(eager.geometry))
    right(found)
    assert any("bad in the file's own list" in words for words in found.warnings)


def test_a_mask_of_another_shape_is_refused(simulated, bundle):
    options = dataclasses.replace(OPTIONS, detector_mask=np.zeros((12, 16), bool))
    with pytest.raises(PatternError, match=r"mask of the detector has the shape \(12, 16\)"):
        infer_map(simulated.scan, bundle, options)


def test_nothing_is_left_out_of_a_whole_detector(eager):
    assert eager.detector_mask is None
    assert eager.pixels_left_out == 0
