"""A window opened up."""

import numpy as np
import pytest

from pacbed.errors import OutOfRangeError
from pacbed.library.register import load_bundle
from pacbed.maps.scan import Scan
from pacbed.maps.window_view import view_window
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
