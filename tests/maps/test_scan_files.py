"""Opening scans: what is in them, and every refusal."""

import pickle

import h5py
import numpy as np
import pytest

from pacbed.errors import FileFormatError, PatternError
from pacbed.scans.files import RawLayout, open_scan
from pacbed.scans.signal_file import EMPTY_SIGNAL
from pacbed.scans.windows import WindowGrid
from pacbed.scans.writer import write_hspy, write_npy_rows

DATA = np.random.default_rng(1).integers(0, 4000, (5, 6, 32, 34)).astype("u2")


def whole(scan) -> np.ndarray:
    return np.stack([frames for _, frames in scan.rows(0, scan.shape[0])])


def check(scan) -> None:
    assert scan.shape == DATA.shape
    assert np.array_equal(whole(scan), DATA)
    assert np.array_equal(scan.read(2, 4), DATA[2:4])
    # As it is sent to a worker.
    assert np.array_equal(pickle.loads(pickle.dumps(scan)).read(1, 2), DATA[1:2])


def test_npy(tmp_path):
    np.save(tmp_path / "a.npy", DATA)
    check(open_scan(tmp_path / "a.npy"))


def test_npy_written_row_by_row(tmp_path):
    write_npy_rows(tmp_path / "a.npy", DATA.shape, DATA.dtype, iter(DATA))
    assert np.array_equal(np.load(tmp_path / "a.npy"), DATA)


def test_a_series_of_frames_with_its_scan_shape(tmp_path):
    np.save(tmp_path / "a.npy", DATA.reshape(30, 32, 34))
    check(open_scan(tmp_path / "a.npy", scan_shape=(5, 6)))
    with pytest.raises(PatternError, match="add --scan-shape"):
        open_scan(tmp_path / "a.npy")
    with pytest.raises(PatternError, match="30 frames"):
        open_scan(tmp_path / "a.npy", scan_shape=(5, 5))


@pytest.mark.parametrize("kind", ["npy", "h5"])
def test_a_scan_shape_that_the_array_contradicts_is_refused(tmp_path, kind):
    """Read as 6 x 5 the rows of a scan of 5 x 6 would be sheared."""
    path = tmp_path / f"a.{kind}"
    if kind == "npy":
        np.save(path, DATA)
    else:
        with h5py.File(path, "w") as file:
            file["data"] = DATA
    with pytest.raises(PatternError, match=r"itself says that the scan is 5 x 6, not 6 x 5"):
        open_scan(path, scan_shape=(6, 5))
    check(open_scan(path, scan_shape=(5, 6)))


@pytest.mark.parametrize("kind", ["npy", "h5", "raw"])
def test_a_pixel_that_is_nan_in_every_frame_stops_no_window(tmp_path, kind):
    data = DATA.astype("f4")
    data[..., 3, 4] = np.nan
    data[2, 3, 9, 9] = np.nan
    path = tmp_path / f"a.{kind}"
    if kind == "npy":
        np.save(path, data)
    elif kind == "raw":
        data.tofile(path)
    else:
        with h5py.File(path, "w") as file:
            file["data"] = data
    scan = open_scan(path, RawLayout(data.shape, "float32") if kind == "raw" else None)
    [sums] = scan.sums(WindowGrid((5, 6), (5, 6), (5, 6)), 0, 1)
    assert (sums.frames.tolist(), sums.bad.tolist()) == ([29], [1])
    assert np.argwhere(np.isnan(sums.patterns)).tolist() == [[0, 3, 4]]


@pytest.mark.parametrize("kind", ["<u2", ">u2", "<f4"])
def test_raw(tmp_path, kind):
    path = tmp_path / "a.raw"
    path.write_bytes(b"x" * 7 + DATA.astype(kind).tobytes())
    check(open_scan(path, RawLayout(DATA.shape, kind, 7)))


def test_hdf5_takes_the_largest_or_the_one_asked_for(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["small"] = DATA[:2]
        file["group/data"] = DATA
        file["series"] = DATA.reshape(30, 32, 34)
    check(open_scan(tmp_path / "a.h5"))
    check(open_scan(tmp_path / "a.h5", scan_shape=(5, 6), dataset="series"))
    assert open_scan(tmp_path / "a.h5", dataset="/small").shape[0] == 2
    with pytest.raises(PatternError, match="group/data"):
        open_scan(tmp_path / "a.h5", dataset="none")


def test_hspy_brings_its_calibration(tmp_path):
    write_hspy(tmp_path / "a.hspy", DATA, 0.12, 0.5, 300.0, 20.0)
    scan = open_scan(tmp_path / "a.hspy")
    check(scan)
    assert scan.step_nm == pytest.approx((0.12, 0.12))
    assert scan.mrad_per_pixel == pytest.approx(0.5)
    assert (scan.high_tension_kV, scan.convergence_mrad) == (300.0, 20.0)


def test_emd_with_its_axes_in_angstroms(tmp_path):
    from rsciio.emd import file_writer

    axes = [
        {"name": n, "size": s, "offset": 0.0, "scale": c, "units": u, "navigate": v,
         "index_in_array": i}
        for i, (n, s, c, u, v) in enumerate(
            zip(("y", "x", "dy", "dx"), DATA.shape, (2.0, 2.0, 0.5, 0.5),
                ("Å", "Å", "mrad", "mrad"), (True, True, False, False), strict=True)
        )
    ]  # fmt: skip
    signal = {"data": DATA, "axes": axes, **EMPTY_SIGNAL}
    signal["metadata"] = {"General": {"title": "a"}, "Signal": {}}
    file_writer(str(tmp_path / "a.emd"), signal)
    scan = open_scan(tmp_path / "a.emd")
    check(scan)
    assert scan.step_nm == pytest.approx((0.2, 0.2))


@pytest.mark.parametrize("name", ["a.npy", "a.hspy", "a.h5", "a.raw"])
def test_a_file_that_is_cut_short_is_refused(tmp_path, name):
    path = tmp_path / name
    raw = None
    if name == "a.npy":
        np.save(path, DATA)
    elif name == "a.hspy":
        write_hspy(path, DATA, 0.1, 0.5, 300.0, 20.0)
    elif name == "a.h5":
        with h5py.File(path, "w") as file:
            file["data"] = DATA
    else:
        path.write_bytes(DATA.tobytes())
        raw = RawLayout(DATA.shape)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(FileFormatError, match="cut short"):
        whole(open_scan(path, raw))


def test_a_file_that_shrinks_while_it_is_read_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", DATA)
    scan = open_scan(tmp_path / "a.npy")
    with (tmp_path / "a.npy").open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(FileFormatError, match="cut short"):
        whole(scan)


@pytest.mark.parametrize(
    ("array", "error", "words"),
    [
        (np.zeros((4, 4)), PatternError, "no 4D-STEM scan"),
        (np.zeros((4, 4, 32, 32), complex), FileFormatError, "not numbers"),
        (np.asfortranarray(DATA), FileFormatError, "Fortran"),
        (np.zeros((64, 64, 8, 8), "u1"), PatternError, "in the order scan row"),
        (np.zeros((0, 4, 32, 32), "u1"), PatternError, "empty"),
        (np.array([{"a": 1}]), FileFormatError, "not numbers"),
    ],
)
def test_arrays_that_are_no_scan_are_refused(tmp_path, array, error, words):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(error, match=words):
        open_scan(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.npy", "no such file"),
        ("a.docx", "unknown format"),
        ("a.raw", "--raw-shape"),
        ("folder", "folder"),
        ("bad.npy", "not a NumPy"),
        ("bad.h5", "not a readable HDF5"),
        ("bad.dm4", "not a readable dm4"),
        ("bad.mib", "not a readable mib"),
    ],
)
def test_files_that_cannot_be_opened_are_refused(tmp_path, name, words):
    (tmp_path / "folder").mkdir()
    for made in ("a.docx", "a.raw", "bad.npy", "bad.h5", "bad.dm4", "bad.mib"):
        (tmp_path / made).write_bytes(b"nothing of use" * 40)
    with pytest.raises(FileFormatError, match=words):
        open_scan(tmp_path / name)


def test_raw_layouts_that_make_no_sense_are_refused(tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(100))
    for layout in (RawLayout((5, 6, 32, 34), "nonsense"), RawLayout((5, 6, 32, 34), "U3")):
        with pytest.raises(FileFormatError, match="such as uint16"):
            open_scan(tmp_path / "a.raw", layout)
    with pytest.raises(FileFormatError, match="impossible"):
        open_scan(tmp_path / "a.raw", RawLayout((0, 6, 32, 34)))
