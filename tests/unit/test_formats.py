"""Formats of microscopes and cameras, as they were written."""

from pathlib import Path

import numpy as np
import pytest
from rsciio import blockfile, tvips

from pacbed.errors import FileFormatError, PatternError
from pacbed.readers import read_pattern
from pacbed.scans.files import open_scan
from tests import array_files
from tests import format_files as files
from tests.format_checks import CUBE, STACK, check, check_scan
from tests.format_files import ANGLE, KV, MRAD, PATTERN, STEP


# ---------------------------------------------------------------- microscopes
@pytest.mark.parametrize(
    ("unit", "step"),
    [("1/nm", STEP), ("nm⁻¹", STEP), ("nm^-1", STEP), ("1/A", 0.1 * STEP), ("mrad", ANGLE),
     ("rad", 1e-3 * ANGLE)],
)  # fmt: skip
def test_digitalmicrograph(tmp_path, unit, step):
    measurement = check(files.dm3(tmp_path / "a.dm3", PATTERN, unit, step))
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
    # One of several that the emi describes.
    files.tia_emi(tmp_path / "a.emi", STACK, objects=2)
    files.tia_ser(tmp_path / "a_2.ser", STACK + 1)
    check(tmp_path / "a_2.ser", 4, STACK[4] + 1)
    check(tmp_path / "a_1.ser", 4, STACK[4])
    with pytest.raises(FileFormatError, match="2 images"):
        read_pattern(tmp_path / "a.emi", 4)
    # The ser alone says neither voltage nor whether it is an image.
    (tmp_path / "a.emi").unlink()
    check(tmp_path / "a_1.ser", 4, STACK[4], kV=None, mrad=None, angle=None)
    (tmp_path / "below").mkdir()
    files.tia_emi(tmp_path / "below" / "a.emi", STACK)
    (tmp_path / "a.emi").symlink_to("/etc/passwd")
    with pytest.raises(FileFormatError, match=r"a\.emi beside it is a symbolic link"):
        read_pattern(tmp_path / "a_1.ser", 4)


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
    signal = array_files.rosettasciio_signal(cube)
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
    signal = array_files.rosettasciio_signal(STACK)
    signal["axes"][0]["units"] = "s"
    tvips.file_writer(str(tmp_path / "a_000.tvips"), signal, show_progressbar=False)
    check(tmp_path / "a_000.tvips", 4, STACK[4], mrad=None, angle=None)
    check_scan(tmp_path / "a_000.tvips", scan_shape=(2, 3), mrad=None, angle=None, step=None)


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
