"""Formats that hold arrays: of detectors, of programs, and several in one file."""

import shutil
import sys

import h5py
import numpy as np
import pytest
from rsciio import hspy

from pacbed.errors import FileFormatError, MissingExtraError, PatternError
from pacbed.readers import read_pattern
from pacbed.readers.pixel_mask import read_pixel_mask
from pacbed.scans.files import open_scan
from pacbed.scans.signal_file import write_signal
from pacbed.scans.windows import WindowGrid
from tests import array_files
from tests import format_files as files
from tests.format_checks import CUBE, STACK, check, check_scan
from tests.format_files import ANGLE, KV, MRAD, PATTERN, STEP


def test_dectris_master_with_its_frames_beside_it(tmp_path):
    path = array_files.dectris(tmp_path, STACK)
    check(path, 4, STACK[4], mrad=None, angle=None)
    check(path, "sum", STACK.sum(0), mrad=None, angle=None)
    part = {"mrad": None, "angle": None, "dataset": "entry/data/data_000002"}
    check(path, 1, STACK[4], **part)
    check_scan(path, scan_shape=(2, 3), mrad=None, angle=None, step=None)
    with pytest.raises(PatternError, match="--scan-shape ROWS,COLUMNS, such as 2,3"):
        open_scan(path)
    # One trigger a row: the file says the scan.
    (tmp_path / "rows").mkdir()
    triggered = array_files.dectris(tmp_path / "rows", STACK, triggers=2)
    check_scan(triggered, mrad=None, angle=None, step=None)
    mask = read_pixel_mask(path, PATTERN.shape)
    assert mask is not None
    assert mask.dtype == bool
    assert mask[3].all()
    assert mask[5, 7]
    assert mask.sum() == PATTERN.shape[1] + 1
    assert read_pixel_mask(path, (8, 8)) is None
    with pytest.raises(FileFormatError, match="external link"):
        read_pattern(path, 4, alone=True)
    with pytest.raises(FileFormatError, match="external link"):
        read_pixel_mask(path, PATTERN.shape, alone=True)


def test_a_master_whose_frames_are_missing_or_elsewhere(tmp_path):
    (tmp_path / "below").mkdir()
    path = array_files.dectris(tmp_path / "below", STACK)
    other = tmp_path / "below" / "scan_data_000002.h5"
    other.rename(tmp_path / other.name)
    with pytest.raises(FileFormatError, match="not there: copy it beside this file"):
        read_pattern(path, 4)
    other.symlink_to(tmp_path / other.name)
    with pytest.raises(FileFormatError, match="outside its own folder"):
        read_pattern(path, 4)


@pytest.mark.parametrize("how", ["soft", "external"])
def test_nexus_links(tmp_path, how):
    path = array_files.nexus(tmp_path / "a.nxs", CUBE, how)
    check(path, 4, CUBE[1, 1])
    check_scan(path)
    # Turned axes of NXem are told by nothing but the order, which the specification gives.
    check(array_files.nexus(tmp_path / "b.h5", PATTERN, how, "1/pm"), angle=100 * ANGLE)


def test_a_default_of_nexus_that_is_a_link_to_a_group(tmp_path):
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        file["entry/adetector/frames"] = PATTERN
        file["entry/adetector"].attrs["signal"] = "frames"
        file["entry/larger"] = np.zeros((2, *PATTERN.shape))
        file["entry/data"] = h5py.SoftLink("/entry/adetector")
        file.attrs["default"], file["entry"].attrs["default"] = "entry", "data"
    check(tmp_path / "a.nxs", kV=None, mrad=None, angle=None)


# ---------------------------------------------------------------- programs
@pytest.mark.parametrize("name", ["a.emd", "a.h5"])
@pytest.mark.parametrize(("unit", "step"), [("A^-1", 0.005), ("mrad", ANGLE)])
def test_py4dstem(tmp_path, name, unit, step):
    path = array_files.py4dstem(tmp_path / name, CUBE, unit, step)
    check(path, 4, CUBE[1, 1])
    check(path, "sum", CUBE.sum((0, 1)))
    check_scan(path)


def test_berkeley_emd_whichever_axis_comes_first(tmp_path):
    check(array_files.berkeley(tmp_path / "a.emd", PATTERN, ("y", "x")))
    check(array_files.berkeley(tmp_path / "b.emd", PATTERN.T.copy(), ("x", "y")))
    check(array_files.berkeley(tmp_path / "c.emd", PATTERN, ("dim1", "dim2"), "[1/n_m]"))
    path = array_files.berkeley(tmp_path / "d.emd", CUBE, ("y", "x", "ky", "kx"))
    check(path, 4, CUBE[1, 1])
    check_scan(path)


@pytest.mark.parametrize("unit", ["$k_{nm}^{-1}$", "nm^-1", "1 / nm"])
def test_hspy_and_zspy(tmp_path, unit):
    hspy.file_writer(str(tmp_path / "a.hspy"), array_files.rosettasciio_signal(PATTERN, unit))
    check(tmp_path / "a.hspy")
    write_signal(tmp_path / "b.zspy", array_files.rosettasciio_signal(CUBE, unit))
    check(tmp_path / "b.zspy", 4, CUBE[1, 1])
    check(tmp_path / "b.zspy", "sum", CUBE.sum((0, 1)))
    check_scan(tmp_path / "b.zspy")


@pytest.mark.parametrize(
    ("unit", "step"),
    [("nm⁻¹", STEP), ("nm-1", STEP), ("Å⁻¹", 0.1 * STEP), ("k_A^{-1}", 0.1 * STEP),
     ("1/angstrom", 0.1 * STEP), ("1/pm", 1e-3 * STEP), ("1/m", 1e9 * STEP), ("urad", 1e3 * ANGLE),
     ("µrad", 1e3 * ANGLE), ("mrad", ANGLE), ("rad", 1e-3 * ANGLE),
     ("deg", np.degrees(1e-3 * ANGLE))],
)  # fmt: skip
def test_a_signal_in_every_unit(tmp_path, unit, step):
    hspy.file_writer(str(tmp_path / "a.hspy"), array_files.rosettasciio_signal(CUBE, unit, step))
    check(tmp_path / "a.hspy", 4, CUBE[1, 1])
    check_scan(tmp_path / "a.hspy")
    # The same words in NeXus, where the axis holds places instead of a step.
    path = array_files.nexus(tmp_path / "a.nxs", CUBE, "soft", unit)
    check(path, 4, CUBE[1, 1], angle=ANGLE * (0.1 * STEP / step))


@pytest.mark.parametrize("kind", ["hspy", "emd"])
def test_volts_that_a_file_calls_kilovolts(tmp_path, kind):
    signal = array_files.rosettasciio_signal(PATTERN)
    if kind == "hspy":
        signal["metadata"]["Acquisition_instrument"]["TEM"]["beam_energy"] = 1e3 * KV
        hspy.file_writer(str(tmp_path / "a.hspy"), signal)
    else:
        path = array_files.berkeley(tmp_path / "a.emd", PATTERN, ("y", "x"))
        with h5py.File(path, "r+") as file:
            file["microscope"].attrs["voltage_units"] = "kV"
    check(tmp_path / f"a.{kind}")


def test_a_file_that_calibrates_rows_and_columns_differently(tmp_path):
    signal = array_files.rosettasciio_signal(CUBE, "mrad", ANGLE)
    signal["axes"][-2]["scale"] = 1.5 * ANGLE
    hspy.file_writer(str(tmp_path / "a.hspy"), signal)
    metadata = read_pattern(tmp_path / "a.hspy", 4).metadata
    assert metadata.mrad_per_pixel is None
    assert metadata.pixel_aspect == pytest.approx(1.5)
    scan = open_scan(tmp_path / "a.hspy")
    assert (scan.pixel_aspect, scan.mrad_per_pixel) == (pytest.approx(1.5), pytest.approx(ANGLE))
    [sums] = scan.sums(WindowGrid((2, 3), (2, 3), (2, 3)), 0, 1)
    assert sums.patterns.shape == (1, 72, 64)


def test_a_direct_electron_file_of_hdf5(tmp_path):
    path = array_files.berkeley(tmp_path / "a.emd", PATTERN, ("y", "x"))
    path.rename(tmp_path / "a.de5")
    check(tmp_path / "a.de5")


@pytest.mark.parametrize("shifted", [True, False])
def test_abtem(tmp_path, shifted):
    from abtem.core.axes import ScanAxis
    from abtem.measurements import DiffractionPatterns

    stored = PATTERN.T if shifted else np.fft.ifftshift(PATTERN.T)
    known = {"sampling": 0.005, "fftshift": shifted,
             "metadata": {"energy": 1e3 * KV, "semiangle_cutoff": MRAD}}  # fmt: skip
    DiffractionPatterns(stored.astype("f4"), **known).to_zarr(str(tmp_path / "a.zarr"))
    check(tmp_path / "a.zarr")
    # Positions and pixels both with x first.
    scan = CUBE.transpose(1, 0, 3, 2)
    stored = scan if shifted else np.fft.ifftshift(scan, axes=(2, 3))
    places = [ScanAxis(label=name, sampling=2.0, units="Å") for name in "xy"]
    DiffractionPatterns(stored.astype("f4"), ensemble_axes_metadata=places, **known).to_zarr(
        str(tmp_path / "b.zarr")
    )
    check(tmp_path / "b.zarr", 5, CUBE[1, 2])
    check(tmp_path / "b.zarr", "sum", CUBE.sum((0, 1)))
    check_scan(tmp_path / "b.zarr")
    with pytest.raises(PatternError, match="it has array0"):
        read_pattern(tmp_path / "b.zarr", 0, dataset="none")
    # An archive of the folder.
    shutil.make_archive(str(tmp_path / "c"), "zip", tmp_path / "b.zarr")
    (tmp_path / "c.zip").rename(tmp_path / "c.zarr")
    check(tmp_path / "c.zarr", 5, CUBE[1, 2])
    check_scan(tmp_path / "c.zarr")


def test_zarr_is_an_extra(tmp_path, monkeypatch):
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(FileFormatError, match="not a readable zarr"):
        read_pattern(tmp_path / "a.zarr")
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(MissingExtraError, match=r"pacbed-cnn\[zspy\]"):
        read_pattern(tmp_path / "a.zarr")


def test_matlab_has_its_axes_the_other_way_round(tmp_path):
    bare = {"kV": None, "mrad": None, "angle": None}
    check(array_files.matlab(tmp_path / "a.mat", PATTERN), **bare)
    check(array_files.matlab(tmp_path / "b.mat", CUBE), 4, CUBE[1, 1], **bare)
    check_scan(tmp_path / "b.mat", step=None, **bare)
    # The same content under another name.
    check(array_files.matlab(tmp_path / "c.h5", PATTERN), **bare)


def test_older_matlab_files_say_what_to_do(tmp_path):
    (tmp_path / "a.mat").write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + bytes(200))
    with pytest.raises(FileFormatError, match=r"-v7\.3"):
        read_pattern(tmp_path / "a.mat")


# ---------------------------------------------------------------- several arrays, and spectra
def test_a_named_dataset_and_one_of_several(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["first"], file["second"] = PATTERN, PATTERN + 1
        file["again"] = h5py.SoftLink("/first")
        file["small"] = PATTERN[:16, :16]
    bare = {"kV": None, "mrad": None, "angle": None}
    check(tmp_path / "a.h5", want=PATTERN + 1, dataset="second", **bare)
    check(tmp_path / "a.h5", dataset="/again", **bare)
    with pytest.raises(PatternError, match=r"--dataset NAME \(again, first, second\)"):
        read_pattern(tmp_path / "a.h5")
    with pytest.raises(PatternError, match="no array third"):
        read_pattern(tmp_path / "a.h5", dataset="third")


def test_a_named_signal_of_an_emd(tmp_path):
    from ncempy.io.emd import defaultDims, fileEMD

    path = array_files.berkeley(tmp_path / "a.emd", PATTERN, ("y", "x"))
    with fileEMD(str(path), readonly=False) as file:
        file.put_emdgroup("other", PATTERN + 1, defaultDims(PATTERN))
    with pytest.raises(FileFormatError, match=r"choose one with --dataset \(other, pattern\)"):
        read_pattern(path)
    for name in ("pattern", "data/pattern", "/data/pattern/data"):
        check(path, dataset=name)
    with pytest.raises(PatternError, match="no signal third: it has"):
        read_pattern(path, dataset="third")
    # Velox names pictures by their detectors.
    two = files.velox(tmp_path / "b.emd", PATTERN, others={"HAADF": PATTERN + 1})
    with pytest.raises(FileFormatError, match=r"\(BM-Ceta, HAADF\)"):
        read_pattern(two)
    check(two, dataset="BM-Ceta")


def test_spectra_are_no_patterns(tmp_path):
    spectra = np.ones((40, 200), "u2")
    signal = array_files.rosettasciio_signal(spectra, "eV")
    signal["axes"][0].update(navigate=True, units="nm")
    hspy.file_writer(str(tmp_path / "a.hspy"), signal)
    with pytest.raises(PatternError, match=r"spectra.*an axis is an energy"):
        read_pattern(tmp_path / "a.hspy")
    path = files.dm3(tmp_path / "a.dm3", spectra, "eV")
    with pytest.raises(PatternError, match="spectra"):
        read_pattern(path)
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        data = file.create_group("entry/data")
        data["counts"], data["energy"] = spectra, np.arange(200.0)
        data["energy"].attrs["units"] = "eV"
        data.attrs["axes"] = [".", "energy"]
    with pytest.raises(PatternError, match="is a spectrum"):
        read_pattern(tmp_path / "a.nxs")
    write_signal(
        tmp_path / "b.zspy", array_files.rosettasciio_signal(np.ones((6, 5, 40, 50), "u2"), "eV")
    )
    with pytest.raises(PatternError, match="spectra"):
        open_scan(tmp_path / "b.zspy")


def test_a_file_without_arrays(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["text"], file["line"] = "words", np.arange(100)
    with pytest.raises(PatternError, match="no array that can be a pattern"):
        read_pattern(tmp_path / "a.h5")
    with pytest.raises(PatternError, match="four axes"):
        open_scan(tmp_path / "a.h5")


def test_a_sum_of_frames_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("pacbed.readers.checks._SUMMED_VALUES", PATTERN.size)
    np.save(tmp_path / "a.npy", CUBE)
    np.testing.assert_array_equal(read_pattern(tmp_path / "a.npy", "sum").data, CUBE.sum((0, 1)))
    np.save(tmp_path / "b.npy", PATTERN)
    np.testing.assert_array_equal(read_pattern(tmp_path / "b.npy", "sum").data, PATTERN)


@pytest.mark.parametrize("kind", ["npy", "h5"])
def test_a_lost_frame_and_a_dead_pixel_spoil_no_sum(tmp_path, kind):
    cube = CUBE.astype("f4")
    cube[..., 5, 7] = np.nan
    cube[1, 2] = np.inf
    path = tmp_path / f"a.{kind}"
    if kind == "npy":
        np.save(path, cube)
    else:
        with h5py.File(path, "w") as file:
            file["data"] = cube
    expected = CUBE.sum((0, 1), dtype=float) - CUBE[1, 2]
    expected[5, 7] = np.nan
    np.testing.assert_allclose(read_pattern(path, "sum").data, expected, rtol=1e-6)


@pytest.mark.parametrize("kind", ["Bitshuffle", "LZ4"])
def test_dectris_compression(tmp_path, kind):
    import hdf5plugin

    path = array_files.dectris(tmp_path, STACK)
    with h5py.File(tmp_path / "scan_data_000001.h5", "r+") as file:
        del file["entry/data/data"]
        file.create_dataset(
            "entry/data/data", data=STACK[:3], chunks=(1, *PATTERN.shape),
            **getattr(hdf5plugin, kind)(),
        )  # fmt: skip
    check(path, 1, STACK[1], mrad=None, angle=None)
