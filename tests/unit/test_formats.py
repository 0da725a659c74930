"""Each format: pattern, orientation, voltage, convergence and calibration as it was written."""

import sys
from pathlib import Path

import numpy as np
import pytest
from rsciio import blockfile, hspy, tvips

from pacbed.errors import FileFormatError, MissingExtraError, PatternError
from pacbed.readers import read_pattern
from pacbed.readers.pixel_mask import read_pixel_mask
from pacbed.scans.files import open_scan
from pacbed.scans.signal_file import write_signal
from tests import format_files as files
from tests.format_files import ANGLE, KV, MRAD, PATTERN

STACK = np.stack([PATTERN + n for n in range(6)])
CUBE = STACK.reshape(2, 3, *PATTERN.shape)


def check(path: Path, frame=None, want=PATTERN, *, kV=KV, mrad=MRAD, angle=ANGLE, dataset=None):
    measurement = read_pattern(path, frame, dataset=dataset)
    np.testing.assert_array_equal(measurement.data, want)
    metadata = measurement.metadata
    assert metadata.high_tension_kV == (None if kV is None else pytest.approx(kV))
    assert metadata.convergence_mrad == (None if mrad is None else pytest.approx(mrad))
    assert metadata.mrad_per_pixel == (None if angle is None else pytest.approx(angle))
    if angle is not None:
        assert metadata.mrad_per_pixel_axes == pytest.approx((angle, angle))
    return measurement


def check_scan(path: Path, want=CUBE, *, kV=KV, mrad=MRAD, angle=ANGLE, step=(0.2, 0.2), **options):
    scan = open_scan(path, **options)
    np.testing.assert_array_equal(scan.read(0, want.shape[0]), want)
    assert scan.high_tension_kV == (None if kV is None else pytest.approx(kV))
    assert scan.convergence_mrad == (None if mrad is None else pytest.approx(mrad))
    assert scan.mrad_per_pixel == (None if angle is None else pytest.approx(angle))
    assert scan.step_nm == (None if step is None else pytest.approx(step))


# ---------------------------------------------------------------- microscopes
@pytest.mark.parametrize("unit", ["1/nm", "nm⁻¹", "nm^-1"])
def test_digitalmicrograph(tmp_path, unit):
    measurement = check(files.dm3(tmp_path / "a.dm3", PATTERN, unit))
    assert measurement.metadata.camera_length_mm == 91


def test_velox(tmp_path):
    measurement = check(files.velox(tmp_path / "a.emd", PATTERN))
    assert measurement.metadata.camera_length_mm == pytest.approx(91)
    check(files.velox(tmp_path / "b.emd", STACK), 4, STACK[4])
    check(files.velox(tmp_path / "c.emd", PATTERN, "rad", ANGLE * 1e-3))
    check_scan(tmp_path / "b.emd", scan_shape=(2, 3), step=None)


def test_tia(tmp_path):
    measurement = check(files.tia_emi(tmp_path / "a.emi", STACK), 4, STACK[4])
    assert measurement.metadata.camera_length_mm == pytest.approx(91)
    # The ser alone says neither voltage nor whether it is an image.
    check(tmp_path / "a_1.ser", 4, STACK[4], kV=None, mrad=None, angle=None)


def test_jeol_tif(tmp_path):
    check(files.jeol_tif(tmp_path / "a.tif", PATTERN), mrad=None)


# ---------------------------------------------------------------- cameras and detectors
def test_direct_electron_mrc(tmp_path):
    measurement = check(files.direct_electron(tmp_path, STACK), 4, STACK[4])
    assert measurement.metadata.camera_length_mm == pytest.approx(91)


def test_topspin_is_silent(tmp_path, capfd):
    check(files.topspin(tmp_path / "a.app5", CUBE), 4, CUBE[1, 1])
    check_scan(tmp_path / "a.app5")
    assert capfd.readouterr() == ("", "")
    check(files.topspin(tmp_path / "b.app5", CUBE, "rad", ANGLE * 1e-3), 4, CUBE[1, 1])


def blockfile_with(path: Path, cube: np.ndarray) -> Path:
    signal = files.rosettasciio_signal(cube)
    for axis in signal["axes"][2:]:
        # A pixel of 0.1 mm; the camera length follows from the angle it is seen under.
        axis["units"], axis["scale"] = "cm", 0.01
    blockfile.file_writer(str(path), signal, navigator=np.zeros(cube.shape[:2], "u1"),
                          show_progressbar=False)  # fmt: skip
    head = np.dtype(blockfile._api.get_header_dtype_list())
    content = bytearray(path.read_bytes())
    header = np.frombuffer(content, head, 1)
    header["Beam_energy"], header["Camera_length"] = 1e3 * KV, 10 * 91
    path.write_bytes(content)
    return path


def test_blockfile(tmp_path):
    cube = (np.arange(6 * 48 * 48) % 251).reshape(2, 3, 48, 48).astype("u1")
    path = blockfile_with(tmp_path / "a.blo", cube)
    angle = 0.1 / 91 * 1e3
    measurement = check(path, 4, cube[1, 1], mrad=None, angle=angle)
    assert measurement.metadata.camera_length_mm == pytest.approx(91)
    check_scan(path, cube, mrad=None, angle=angle)


def test_tvips(tmp_path):
    signal = files.rosettasciio_signal(STACK)
    signal["axes"][0]["units"] = "s"
    tvips.file_writer(str(tmp_path / "a_000.tvips"), signal, show_progressbar=False)
    measurement = read_pattern(tmp_path / "a_000.tvips", 4)
    np.testing.assert_array_equal(measurement.data, STACK[4])
    assert measurement.metadata.high_tension_kV == KV


def test_prz_compressed_and_plain(tmp_path):
    import json

    meta = {
        "type": "Stack", "content.types": ["CameraX", "CameraY", "Index"], "id": "a",
        "electron_gun.voltage": 1e3 * KV, "condenser.convergence_semi_angle": MRAD * 1e-3,
        "projector.camera_length": 91.0,
        "device.calib": [{"unit": "rad", "value": ANGLE * 1e-3, "offset": 0.0}] * 2
        + [{"unit": "", "value": 1.0, "offset": 0.0}],
    }  # fmt: skip
    for name, save in (("a.prz", np.savez), ("b.prz", np.savez_compressed)):
        with (tmp_path / name).open("wb") as file:
            save(file, data=STACK, meta_data_json=json.dumps([meta]))
        check(tmp_path / name, 4, STACK[4])
        check_scan(tmp_path / name, scan_shape=(2, 3), step=None)


EMPAD_XML = (
    '<root><raw_file filename="{}"/><pix_x>3</pix_x><pix_y>2</pix_y><iom_measurements>'
    "<ColumnSourceHighVoltageState>1</ColumnSourceHighVoltageState>"
    "<ColumnSourceHighVoltage>200000.0</ColumnSourceHighVoltage>"
    "<ColumnOpticsGetCameraLengthNominalCameraLength>0.091"
    "</ColumnOpticsGetCameraLengthNominalCameraLength>"
    "<calibrated_diffraction_angle>{}</calibrated_diffraction_angle>"
    "<calibrated_pixelsize>2.1e-12</calibrated_pixelsize></iom_measurements></root>"
)


def test_empad_by_its_xml_and_by_its_raw_file_alone(tmp_path):
    frames = np.random.default_rng(0).random((2, 3, 130, 128)).astype("<f4")
    pixels = frames[:, :, :128]
    raw = tmp_path / "scan_x3_y2.raw"
    raw.write_bytes(frames.tobytes())
    (tmp_path / "a.xml").write_text(EMPAD_XML.format(raw.name, ANGLE * 1e-3))
    measurement = check(tmp_path / "a.xml", 4, pixels[1, 1], mrad=None)
    assert measurement.metadata.camera_length_mm == pytest.approx(91)
    check_scan(tmp_path / "a.xml", pixels, mrad=None, step=None)
    bare = {"kV": None, "mrad": None, "angle": None}
    check(raw, 4, pixels[1, 1], **bare)
    check_scan(raw, pixels, step=None, **bare)
    # Without a scan in its name.
    raw.rename(tmp_path / "b.raw")
    check(tmp_path / "b.raw", 4, pixels[1, 1], **bare)
    check_scan(tmp_path / "b.raw", pixels, step=None, scan_shape=(2, 3), **bare)
    with pytest.raises(PatternError, match="such as 2,3"):
        open_scan(tmp_path / "b.raw")
    # As numpy.save keeps them.
    np.save(tmp_path / "c.npy", frames)
    check(tmp_path / "c.npy", 4, pixels[1, 1], **bare)
    check_scan(tmp_path / "c.npy", pixels, step=None, **bare)
    (tmp_path / "d.raw").write_bytes(bytes(1000))
    with pytest.raises(FileFormatError, match="not of an EMPAD's size"):
        read_pattern(tmp_path / "d.raw")


def test_dectris_master_with_its_frames_beside_it(tmp_path):
    path = files.dectris(tmp_path, STACK)
    check(path, 4, STACK[4], mrad=None, angle=None)
    check(path, "sum", STACK.sum(0), mrad=None, angle=None)
    part = {"mrad": None, "angle": None, "dataset": "entry/data/data_000002"}
    check(path, 1, STACK[4], **part)
    check_scan(path, scan_shape=(2, 3), mrad=None, angle=None, step=None)
    with pytest.raises(PatternError, match="--scan-shape ROWS,COLUMNS, such as 2,3"):
        open_scan(path)
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
    path = files.dectris(tmp_path / "below", STACK)
    other = tmp_path / "below" / "scan_data_000002.h5"
    other.rename(tmp_path / other.name)
    with pytest.raises(FileFormatError, match="not there: copy it beside this file"):
        read_pattern(path, 4)
    other.symlink_to(tmp_path / other.name)
    with pytest.raises(FileFormatError, match="outside its own folder"):
        read_pattern(path, 4)


@pytest.mark.parametrize("how", ["soft", "external"])
def test_nexus_links(tmp_path, how):
    path = files.nexus(tmp_path / "a.nxs", CUBE, how)
    check(path, 4, CUBE[1, 1])
    check_scan(path)
    # Turned axes of NXem are told by nothing but the order, which the specification gives.
    check(files.nexus(tmp_path / "b.h5", PATTERN, how, "1/pm"), angle=100 * ANGLE)


# ---------------------------------------------------------------- programs
@pytest.mark.parametrize("name", ["a.emd", "a.h5"])
@pytest.mark.parametrize(("unit", "step"), [("A^-1", 0.005), ("mrad", ANGLE)])
def test_py4dstem(tmp_path, name, unit, step):
    path = files.py4dstem(tmp_path / name, CUBE, unit, step)
    check(path, 4, CUBE[1, 1])
    check(path, "sum", CUBE.sum((0, 1)))
    check_scan(path)


def test_berkeley_emd_whichever_axis_comes_first(tmp_path):
    check(files.berkeley(tmp_path / "a.emd", PATTERN, ("y", "x")))
    check(files.berkeley(tmp_path / "b.emd", PATTERN.T.copy(), ("x", "y")))
    check(files.berkeley(tmp_path / "c.emd", PATTERN, ("dim1", "dim2"), "[1/n_m]"))
    path = files.berkeley(tmp_path / "d.emd", CUBE, ("y", "x", "ky", "kx"))
    check(path, 4, CUBE[1, 1])
    check_scan(path)


@pytest.mark.parametrize("unit", ["$k_{nm}^{-1}$", "nm^-1", "1 / nm"])
def test_hspy_and_zspy(tmp_path, unit):
    hspy.file_writer(str(tmp_path / "a.hspy"), files.rosettasciio_signal(PATTERN, unit))
    check(tmp_path / "a.hspy")
    write_signal(tmp_path / "b.zspy", files.rosettasciio_signal(CUBE, unit))
    check(tmp_path / "b.zspy", 4, CUBE[1, 1])
    check(tmp_path / "b.zspy", "sum", CUBE.sum((0, 1)))
    check_scan(tmp_path / "b.zspy")


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


def test_zarr_is_an_extra(tmp_path, monkeypatch):
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(FileFormatError, match="not a readable zarr"):
        read_pattern(tmp_path / "a.zarr")
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(MissingExtraError, match=r"pacbed-cnn\[zspy\]"):
        read_pattern(tmp_path / "a.zarr")


def test_matlab_has_its_axes_the_other_way_round(tmp_path):
    bare = {"kV": None, "mrad": None, "angle": None}
    check(files.matlab(tmp_path / "a.mat", PATTERN), **bare)
    check(files.matlab(tmp_path / "b.mat", CUBE), 4, CUBE[1, 1], **bare)
    check_scan(tmp_path / "b.mat", step=None, **bare)
    # The same content under another name.
    check(files.matlab(tmp_path / "c.h5", PATTERN), **bare)


def test_older_matlab_files_say_what_to_do(tmp_path):
    (tmp_path / "a.mat").write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + bytes(200))
    with pytest.raises(FileFormatError, match=r"-v7\.3"):
        read_pattern(tmp_path / "a.mat")


# ---------------------------------------------------------------- several arrays, and spectra
def test_a_named_dataset_and_one_of_several(tmp_path):
    import h5py

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


def test_spectra_are_no_patterns(tmp_path):
    import h5py

    spectra = np.ones((40, 200), "u2")
    signal = files.rosettasciio_signal(spectra, "eV")
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
        tmp_path / "b.zspy", files.rosettasciio_signal(np.ones((6, 5, 40, 50), "u2"), "eV")
    )
    with pytest.raises(PatternError, match="spectra"):
        open_scan(tmp_path / "b.zspy")


def test_a_file_without_arrays(tmp_path):
    import h5py

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


@pytest.mark.parametrize("kind", ["Bitshuffle", "LZ4"])
def test_dectris_compression(tmp_path, kind):
    import h5py
    import hdf5plugin

    path = files.dectris(tmp_path, STACK)
    with h5py.File(tmp_path / "scan_data_000001.h5", "r+") as file:
        del file["entry/data/data"]
        file.create_dataset(
            "entry/data/data", data=STACK[:3], chunks=(1, *PATTERN.shape),
            **getattr(hdf5plugin, kind)(),
        )  # fmt: skip
    check(path, 1, STACK[1], mrad=None, angle=None)
