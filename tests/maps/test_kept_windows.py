"""Patterns of a map's windows that are kept after its scan is gone."""

import numpy as np
import pytest

from pacbed.errors import FileFormatError
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.maps.kept_windows import KeptWindows, _Cut, load_windows, save_windows


def test_a_cut_bins_to_what_may_be_kept_and_knows_where_centres_went():
    geometry = SharedGeometry(20.0, 0.25)
    centers = np.full((2, 3, 2), (150.0, 120.0))
    cut = _Cut.around(centers, geometry, (256, 256), 60 * 60)
    assert cut.side <= 60
    pattern = np.zeros((1, 256, 256))
    pattern[0, 120, 150] = 1.0
    pattern[0, 100] = np.nan
    kept = cut.of(pattern)[0]
    row, column = np.unravel_index(np.nanargmax(kept), kept.shape)
    x, y = cut.places(centers)[0, 0]
    assert (abs(row - y), abs(column - x)) <= (0.5, 0.5)
    # A row that says nothing leaves the mean of the others; what is beyond the detector is none.
    assert np.isnan(kept[:, 0]).sum() < kept.shape[0]
    assert np.nansum(kept) == pytest.approx(1 / cut.binning**2, rel=0.5)


def test_what_was_written_is_read(tmp_path):
    patterns = np.array([[[[0, 1], [32768, 65535]]]], np.uint16)
    one = np.ones((1, 1))
    windows = KeptWindows(patterns, 0 * one, 2 * one, np.zeros((1, 1, 2)), np.array(0.5), one)
    save_windows(tmp_path / "a.npz", windows)
    found = load_windows(tmp_path / "a.npz").measured(0, 0)
    np.testing.assert_allclose(found, [[np.nan, 0], [1, 2]], atol=1e-4)
    (tmp_path / "a.npz").write_bytes(b"PK")
    with pytest.raises(FileFormatError, match="holds no patterns"):
        load_windows(tmp_path / "a.npz")
