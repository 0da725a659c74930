"""A window opened up."""

import dataclasses

import numpy as np
import pytest

from pacbed.errors import OutOfRangeError
from pacbed.library.installed import load_bundle
from pacbed.maps.output import load_map, save_map
from pacbed.maps.window_view import view_window
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise
from pacbed.scans.scan import Scan
from tests.maps_clients.conftest import SYSTEM


def test_fitted_pattern_lies_on_the_measured_one(recorded, fitted):
    bundle = load_bundle(SYSTEM)
    view = view_window(Scan.from_array(recorded.data), fitted, bundle, 1, 2)
    np.testing.assert_allclose(view.measured, recorded.data[3:6, 6:9].mean(axis=(0, 1)), rtol=1e-12)
    # Noise is all that is left; half a pixel aside would leave more.
    assert view.unexplained < 0.05
    aside = np.roll(view.fitted, 1, axis=1)
    known = np.isfinite(aside)
    left = np.var((view.measured - aside)[known]) / np.var(view.measured[known])
    assert left > 2 * view.unexplained
    with pytest.raises(OutOfRangeError, match="no window 2, 0"):
        view_window(Scan.from_array(recorded.data), fitted, bundle, 2, 0)


def test_the_window_is_of_the_frames_that_the_map_used(recorded, tmp_path):
    mask = np.ones(recorded.data.shape[:2], bool)
    mask[3:5, 6:8] = False
    save_map(tmp_path / "map.npz", recorded.map(mask=mask))
    masked = load_map(tmp_path / "map.npz")
    scan, bundle = Scan.from_array(recorded.data), load_bundle(SYSTEM)
    view = view_window(scan, masked, bundle, 1, 2)
    used = recorded.data[3:6, 6:9][mask[3:6, 6:9]]
    assert len(used) == 5
    np.testing.assert_allclose(view.measured, used.mean(axis=0), rtol=1e-12)
    with pytest.raises(OutOfRangeError, match="with a mask"):
        view_window(scan, dataclasses.replace(masked, mask=None), bundle, 1, 2)


@pytest.mark.parametrize("angle_deg", [0.0, 25.0, 110.0])
def test_the_fitted_distortion_is_in_the_fitted_pattern(fitted, angle_deg):
    bundle, stretch = load_bundle(SYSTEM), 0.03
    where = PatternParameters(
        34.0, 1.5, -1.0, 20.0, 1.6, 11.0, 22.0, 24.5, stretch, angle_deg
    )  # fmt: skip
    pattern = np.nan_to_num(synthesise(bundle.table, where, (48, 48)))
    whole = np.full(fitted.shape, 0.0)
    double = np.radians(2 * angle_deg)
    result = dataclasses.replace(
        fitted,
        thickness_nm=whole + 34.0,
        tilt_x_mrad=whole + 1.5,
        tilt_y_mrad=whole - 1.0,
        center_shift_px=np.zeros((*fitted.shape, 2)),
        geometry=dataclasses.replace(
            fitted.geometry,
            convergence_mrad=20.0,
            mrad_per_pixel=1.6 / (1 - stretch**2),
            rotation_deg=11.0,
            ellipticity=(-stretch * np.cos(double), -stretch * np.sin(double)),
            blur_mrad=0.0,
            center_x=(24.5, 0.0, 0.0),
            center_y=(22.0, 0.0, 0.0),
        ),
    )
    scan = Scan.from_array(np.broadcast_to(pattern, (6, 9, 48, 48)))
    assert view_window(scan, result, bundle, 0, 1).unexplained < 1e-6
