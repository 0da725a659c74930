"""Maps as files: nothing is lost, nothing half-written."""

import csv
import io
import json
import resource
import shutil
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from pacbed.errors import FileFormatError, MissingExtraError
from pacbed.files import write_atomically
from pacbed.maps.output import check_ending, load_map, save_map, to_signal
from pacbed.maps.picture import map_png
from pacbed.maps.store import WorkFolder
from pacbed.maps.table import map_table
from pacbed.scans.writer import write_npy_rows
from tests.maps.test_infer_map import same


@contextmanager
def full_disk(room: int):
    """No file may grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_npz_keeps_everything(eager, tmp_path):
    save_map(tmp_path / "m.npz", eager)
    again = load_map(tmp_path / "m.npz")
    assert same(eager, again)
    for name in ("system", "geometry", "warnings", "settings", "provenance"):
        assert getattr(again, name) == getattr(eager, name)
    assert np.array_equal(again.position_nm[1], eager.position_nm[1])


def test_hspy_has_calibrated_axes_and_says_what_it_holds(eager, tmp_path):
    from rsciio.hspy import file_reader

    save_map(tmp_path / "m.hspy", eager)
    [signal] = file_reader(str(tmp_path / "m.hspy"))
    axes = {axis["name"]: axis for axis in signal["axes"]}
    assert axes["x"]["units"] == axes["y"]["units"] == "nm"
    assert axes["x"]["scale"] == pytest.approx(0.4)
    assert axes["y"]["offset"] == pytest.approx(0.15)
    held = signal["metadata"]["PACBED"]
    index = list(held["maps"]).index("thickness_nm")
    assert np.allclose(signal["data"][index], eager.thickness_nm)
    assert json.loads(held["description"])["settings"]["window"] == [4, 4]


def test_the_table_has_a_line_for_each_window(eager):
    lines = list(csv.DictReader(io.StringIO(map_table(eager))))
    assert len(lines) == eager.status.size
    assert float(lines[5]["thickness_nm"]) == pytest.approx(eager.thickness_nm[1, 1], rel=1e-3)
    assert (lines[5]["row"], lines[5]["column"], lines[5]["status"]) == ("1", "1", "ok")


def test_the_picture_is_one(eager):
    image = Image.open(io.BytesIO(map_png(eager, 50)))
    assert image.format == "PNG"
    assert np.asarray(image.convert("L")).std() > 10


def test_other_endings_are_refused(eager, tmp_path):
    with pytest.raises(FileFormatError, match=r"\.hspy"):
        save_map(tmp_path / "m.xlsx", eager)


def test_zspy_is_read_back_as_it_was(eager, tmp_path):
    from rsciio.zspy import file_reader

    path = tmp_path / "m.zspy"
    for _ in range(2):  # the second takes the place of the first
        save_map(path, eager)
    [signal] = file_reader(str(path), mode="r")
    expected = to_signal(eager)
    assert np.array_equal(signal["data"], expected["data"], equal_nan=True)
    assert [axis["name"] for axis in signal["axes"]] == [a["name"] for a in expected["axes"]]
    held = signal["metadata"]["PACBED"]
    assert list(held["maps"]) == list(expected["metadata"]["PACBED"]["maps"])
    assert held["description"] == expected["metadata"]["PACBED"]["description"]
    assert [p.name for p in tmp_path.iterdir()] == ["m.zspy"]


def test_zspy_without_zarr_is_refused_early(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(MissingExtraError, match=r"pacbed-cnn\[zspy\]"):
        check_ending(tmp_path / "m.zspy")


@pytest.mark.parametrize("name", ["m.npz", "m.hspy"])
def test_a_full_disk_is_an_error_and_leaves_the_old_file(eager, tmp_path, monkeypatch, name):
    def limited(path, content):
        # HDF5 itself, whose file is made elsewhere, must not meet the limit.
        with full_disk(2000):
            write_atomically(path, content)

    for module in ("maps.output", "scans.signal_file"):
        monkeypatch.setattr(f"pacbed.{module}.write_atomically", limited)
    path = tmp_path / name
    path.write_bytes(b"old")
    with pytest.raises(FileFormatError, match="cannot be written"):
        save_map(path, eager)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_no_room_to_make_an_hspy_is_an_error(eager, tmp_path, monkeypatch):
    room = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: room)
    with pytest.raises(FileFormatError, match="no room"):
        save_map(tmp_path / "m.hspy", eager)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_under_a_scan_leaves_nothing(tmp_path):
    rows = iter(np.zeros((4, 4, 32, 32), "u2"))
    with full_disk(3000), pytest.raises(FileFormatError, match="cannot be written"):
        write_npy_rows(tmp_path / "a.npy", (4, 4, 32, 32), np.dtype("u2"), rows)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_an_error(eager, tmp_path):
    for name in ("m.npz", "m.hspy"):
        with pytest.raises(FileFormatError, match="cannot be written"):
            save_map(tmp_path / "none" / name, eager)


def test_what_is_no_map_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", a=1)
    (tmp_path / "b.npz").write_bytes(b"nothing")
    for name in ("a.npz", "b.npz", "none.npz"):
        with pytest.raises(FileFormatError, match="not a map"):
            load_map(tmp_path / name)


def test_the_work_folder_gives_back_what_it_keeps(eager, tmp_path):
    store = WorkFolder(tmp_path / "w", {"a": 1}, resume=False)
    row = {name: values[1:2] for name, values in eager.alternatives.items()}
    store.keep_geometry(eager.geometry)
    store.keep_row(1, row)
    (tmp_path / "w" / "row-000002.npz").write_bytes(b"cut short")
    again = WorkFolder(tmp_path / "w", {"a": 1}, resume=True)
    assert again.geometry() == eager.geometry
    assert list(again.rows()) == [1]
    assert np.array_equal(again.rows()[1]["thickness_nm"], row["thickness_nm"], equal_nan=True)
    with pytest.raises(FileFormatError, match="another scan or of other settings"):
        WorkFolder(tmp_path / "w", {"a": 2}, resume=True)
    assert WorkFolder(tmp_path / "w", {"a": 2}, resume=False).rows() == {}
