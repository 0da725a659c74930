"""The order of a scan's axes, and the size of a raw file, are seen before anything is mapped."""

import time

import h5py
import numpy as np
import pytest

from pacbed.errors import FileFormatError, PatternError
from pacbed.scans.files import RawLayout, open_scan
from tests.cli_tools import fail

SIDE, SCAN = 128, 32


@pytest.fixture(scope="module")
def scan():
    """A disk on a detector, a specimen whose thickness changes, and shot noise."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    disk = (np.hypot(x, y) < 30) * (3 + np.cos(x / 3)) + 0.02
    thickness = 1 - 0.3 * random.random((SCAN, SCAN))
    return random.poisson(thickness[:, :, None, None] * disk).astype("u2")


def test_detector_axes_first_are_seen_at_once(scan, tmp_path):
    turned = np.ascontiguousarray(scan.transpose(2, 3, 0, 1))
    np.save(tmp_path / "a.npy", turned)
    turned.tofile(tmp_path / "a.raw")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = turned
    raw = RawLayout(turned.shape)
    begin = time.monotonic()
    for name, layout in (("a.npy", None), ("a.raw", raw), ("a.h5", None)):
        with pytest.raises(PatternError, match=r"detector's axes come first.*numpy\.moveaxis"):
            open_scan(tmp_path / name, layout)
    assert time.monotonic() - begin < 10
    line = fail("map", tmp_path / "a.npy", "--system", 3, "--convergence", 20, "--window", 8,
                "-o", tmp_path / "map.npz")  # fmt: skip
    assert "128 x 128, look like the detector and 32 x 32 like the scan" in line


@pytest.mark.parametrize("what", ["as it is", "beam off", "few electrons", "full", "nan", "empty"])
def test_a_scan_in_its_order_is_taken(scan, tmp_path, what):
    data = scan.astype("f4")
    if what == "beam off":
        data[: SCAN // 2] = 0
    elif what == "few electrons":
        data = np.random.default_rng(1).poisson(data * 0.003).astype("f4")
    elif what == "full":
        data = np.random.default_rng(1).poisson(np.full(data.shape, 0.5)).astype("f4")
    elif what == "nan":
        data[..., 7] = np.nan
    elif what == "empty":
        data[:] = 0
    np.save(tmp_path / "a.npy", data)
    assert open_scan(tmp_path / "a.npy").shape == scan.shape


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (RawLayout((32, 31, 128, 128)), "the scan may be 32,32 or"),
        (RawLayout((16, 31, 128, 128)), "the scan may be 16,64"),
        (RawLayout((32, 64, 128, 128)), "cut short.*this shape its type is uint8"),
        (RawLayout((32, 32, 128, 128), "uint8"), "with this shape its type is uint16"),
        (RawLayout((32, 31, 128, 128)), "--raw-offset 1048576"),
        (RawLayout((32, 32, 128, 128), offset=512), "cut short"),
        (RawLayout((32, 32, 130, 128)), "holds 33554432 bytes.*needs 34078720"),
    ],
)
def test_a_raw_file_of_another_size_says_what_would_fit(scan, tmp_path, layout, words):
    scan.tofile(tmp_path / "a.raw")
    with pytest.raises(FileFormatError, match=words) as caught:
        open_scan(tmp_path / "a.raw", layout)
    assert "\n" not in str(caught.value)


def test_an_empad_told_as_128_rows_is_read_with_its_two_others(tmp_path):
    frames = np.random.default_rng(2).random((32, 32, 130, 128)).astype("<f4")
    frames.tofile(tmp_path / "a.raw")
    scan = open_scan(tmp_path / "a.raw", RawLayout((32, 32, 128, 128), "float32"))
    np.testing.assert_array_equal(scan.read(3, 5), frames[3:5, :, :128])
