"""Maps from detectors whose pixels are not square."""

import dataclasses

import numpy as np
import pytest

from pacbed.commands.map.options import WindowOptions
from pacbed.errors import OutOfRangeError
from pacbed.maps.layers import AMBIGUOUS, OK, SETTLED
from pacbed.maps.mapping import infer_map
from pacbed.maps.options import MapOptions, make_grid
from pacbed.maps.output import load_map, save_map
from pacbed.maps.sample import read_sample
from pacbed.maps.window_view import view_window
from pacbed.readers.measurement import Metadata
from pacbed.scans.formats import with_angles
from pacbed.scans.scan import Scan
from tests.maps.conftest import GEOMETRY_ALONE, OPTIONS, WEDGE, Known


@pytest.fixture(scope="module")
def binned(simulated):
    """The scan with two rows of the detector read as one, of which one is dead."""
    counts = simulated.counts.reshape(12, 16, 32, 2, 64).sum(axis=3)
    counts[..., 20, :] = 0
    return Scan.from_array(counts)


@pytest.fixture(scope="module")
def seen(binned, bundle):
    return infer_map(binned, bundle, OPTIONS)


def check(found, simulated):
    # Of few pixels; two windows of twelve may be open.
    assert np.isin(found.status, (OK, AMBIGUOUS, SETTLED)).all()
    assert np.sum(found.status == AMBIGUOUS) <= 2
    assert np.abs(found.thickness_nm - simulated.thickness_nm).max() < 1.5
    assert np.abs(found.tilt_x_mrad - simulated.tilt_mrad[..., 0]).max() < 0.4
    assert np.abs(found.tilt_y_mrad - simulated.tilt_mrad[..., 1]).max() < 0.4
    assert any("pixels are not square" in words for words in found.warnings)


def test_the_disk_shows_the_pixels(seen, simulated, binned, bundle, tmp_path):
    check(seen, simulated)
    assert seen.geometry.pixel_aspect == pytest.approx(2, rel=0.03)
    assert seen.geometry.mrad_per_pixel == pytest.approx(WEDGE.mrad_per_pixel, rel=0.03)
    assert np.argwhere(seen.detector_mask.all(axis=1)).tolist() == [[20]]
    save_map(tmp_path / "map.npz", seen)
    view = view_window(binned, load_map(tmp_path / "map.npz"), bundle, 1, 2)
    assert view.measured.shape == (round(32 * seen.geometry.pixel_aspect), 64)
    assert view.unexplained < 0.1


def test_a_stopped_map_goes_on_with_the_pixels_that_were_seen(seen, binned, bundle, simulated):
    options = dataclasses.replace(OPTIONS, refine=False)
    again = infer_map(binned, bundle, options, store=Known(seen.geometry))
    assert np.median(np.abs(again.thickness_nm - simulated.thickness_nm)) < 4


def test_the_file_says_how_the_pixels_are(binned, bundle):
    known = Metadata(mrad_per_pixel_axes=(2.0, 1.0))
    scan = with_angles(binned, known)
    assert (scan.pixel_aspect, scan.mrad_per_pixel) == (2.0, 1.0)
    stretched, sample = read_sample(scan, make_grid(scan, bundle, OPTIONS)[0], OPTIONS)
    assert (stretched.pixel_aspect, sample.pixel_aspect) == (2.0, 2.0)
    assert sample.patterns.shape[1:] == (64, 64)
    square = with_angles(binned, Metadata(mrad_per_pixel=1.0, mrad_per_pixel_axes=(1.0, 1.004)))
    assert (square.pixel_aspect, square.mrad_per_pixel) == (1.0, 1.0)


def test_the_command_and_the_options_take_an_aspect(binned, seen, bundle, simulated):
    assert WindowOptions(pixel_aspect=1.5).map_options(binned).pixel_aspect == 1.5
    with pytest.raises(OutOfRangeError, match="pixel aspect"):
        MapOptions(20.0, pixel_aspect=0.0)
    # The map of such a geometry is above.
    options = dataclasses.replace(GEOMETRY_ALONE, pixel_aspect=2.0)
    found = infer_map(binned, bundle, options)
    assert found.geometry.pixel_aspect == 2.0
    assert found.geometry.mrad_per_pixel == pytest.approx(WEDGE.mrad_per_pixel, rel=0.03)
    assert found.geometry.rotation_deg == pytest.approx(seen.geometry.rotation_deg, abs=1)
    assert any("pixels are not square" in words for words in found.warnings)
    assert np.median(np.abs(found.thickness_nm - simulated.thickness_nm[:, :3])) < 4
