"""Microscope formats through RosettaSciIO: data, frames, metadata and damage."""

import gc
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from rsciio import emd, hspy

from pacbed.errors import FileFormatError, PacbedError, PatternError
from pacbed.readers import read_pattern
from pacbed.readers.metadata import read_metadata
from pacbed.units import electron_wavelength

PATTERN = (np.arange(48 * 64).reshape(48, 64) * 21).astype(np.uint16)
STACK = np.stack([PATTERN, PATTERN + 1, PATTERN + 2, PATTERN + 3])
#: Angle of 0.05 1/nm at 200 kV, mrad.
ANGLE = 0.05 * 0.1 * electron_wavelength(200) * 1e3


def _message(path: Path, error: type[PacbedError], frame: int | None = None) -> str:
    with pytest.raises(error) as raised:
        read_pattern(path, frame)
    message = str(raised.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def _group(name: str, *tags: bytes) -> bytes:
    return (
        b"\x14" + struct.pack(">h", len(name)) + name.encode() + b"\1\0"
        + struct.pack(">i", len(tags)) + b"".join(tags)
    )  # fmt: skip


def _tag(name: str, kind: int, value: Any) -> bytes:
    head = b"\x15" + struct.pack(">h", len(name)) + name.encode() + b"%%%%"
    if isinstance(value, str):
        return head + struct.pack(">4i", 3, 20, 4, len(value)) + value.encode("utf-16-le")
    if isinstance(value, np.ndarray):
        return head + struct.pack(">4i", 3, 20, kind, value.size) + value.tobytes()
    return head + struct.pack(">2i", 1, kind) + struct.pack({5: "<L", 7: "<d"}[kind], value)


def _calibration(name: str, scale: float, units: str) -> bytes:
    return _group(
        name, _tag("Origin", 7, 0.0), _tag("Scale", 7, scale), _tag("Units", 4, units)
    )  # fmt: skip


def _dm3(path: Path, array: np.ndarray, units: str = "1/nm", voltage: float = 200e3) -> Path:
    """Write the tags of a DigitalMicrograph 3 file that a pattern needs."""
    axes = [_calibration("", 0.05, units)] * array.ndim
    image = _group(
        "",
        _group(
            "ImageData",
            _group("Calibrations", _calibration("Brightness", 1.0, ""), _group("Dimension", *axes)),
            _tag("Data", 4, array),
            _tag("DataType", 5, 10),
            _group("Dimensions", *[_tag("", 5, size) for size in array.shape[::-1]]),
        ),
        _group(
            "ImageTags",
            _group(
                "Microscope Info",
                _tag("Voltage", 7, voltage),
                _tag("STEM Camera Length", 7, 91.0),
                _tag("Name", 4, "Titan"),
            ),
        ),
        _tag("Name", 4, "pacbed 12"),
    )
    tags = b"\1\0" + struct.pack(">i", 1) + _group("ImageList", image)
    path.write_bytes(struct.pack(">3i", 3, len(tags), 1) + tags)
    return path


def _mrc(path: Path, array: np.ndarray) -> Path:
    header = np.zeros(256, "<i4")
    frames = array.shape[0] if array.ndim == 3 else 1
    header[:4] = (array.shape[-1], array.shape[-2], frames, 6)
    path.write_bytes(header.tobytes() + array.astype("<u2").tobytes())
    return path


def _mib(path: Path, frames: np.ndarray) -> Path:
    """Write frames of a Merlin detector (one chip, 16 bits)."""
    rows, columns = frames.shape[-2:]
    with path.open("wb") as file:
        for number, frame in enumerate(frames, start=1):
            header = (
                f"MQ1,{number:06d},00384,01,{columns:04d},{rows:04d},U16,   1x1,01,"
                f"2020-05-18 16:51:49.{number:06d},0.000555,0,0,0,1.2E2,5.11E2,0,0,"
                f"2020-05-18T16:51:49.{number:06d}178Z,0.000555000ns,6,"
            )
            file.write(header.ljust(384, "\0").encode() + frame.astype(">u2")[::-1].tobytes())
    return path


def _signal(data: np.ndarray, units: str = "1/nm", **tem: float) -> dict[str, Any]:
    navigation = data.ndim - 2
    return {
        "data": data,
        "axes": [
            {
                "name": f"axis{index}",
                "size": size,
                "scale": 0.05,
                "offset": 0.0,
                "units": units,
                "navigate": index < navigation,
            }
            for index, size in enumerate(data.shape)
        ],
        "metadata": {
            "General": {"title": "pacbed"},
            "Signal": {"signal_type": ""},
            "Acquisition_instrument": {"TEM": dict(tem)},
        },
        "original_metadata": {},
        "attributes": {"_lazy": False, "ragged": False},
        "package_info": {},
        "learning_results": {},
        "models": {},
        "tmp_parameters": {},
    }


def test_dm3_with_voltage_and_calibration(tmp_path: Path) -> None:
    measurement = read_pattern(_dm3(tmp_path / "a.dm3", PATTERN))
    np.testing.assert_array_equal(measurement.data, PATTERN)
    metadata = measurement.metadata
    assert metadata.high_tension_kV == 200
    assert metadata.camera_length_mm == 91
    assert metadata.mrad_per_pixel == pytest.approx(ANGLE)
    assert metadata.extra == {"title": "pacbed 12", "microscope": "Titan"}


def test_dm3_without_voltage_has_no_angle(tmp_path: Path) -> None:
    metadata = read_pattern(_dm3(tmp_path / "a.dm3", PATTERN, voltage=0.0)).metadata
    assert metadata.high_tension_kV is None
    assert metadata.mrad_per_pixel is None


def test_dm3_stack(tmp_path: Path) -> None:
    path = _dm3(tmp_path / "a.dm3", STACK)
    assert "(4, 48, 64)" in _message(path, PatternError)
    np.testing.assert_array_equal(read_pattern(path, 2).data, STACK[2])


@pytest.mark.parametrize(
    ("units", "angle"),
    [("mrad", 0.05), ("1/nm", ANGLE), ("1/Å", 10 * ANGLE), ("nm", None), ("", None)],
)
def test_hspy_axis_units(tmp_path: Path, units: str, angle: float | None) -> None:
    path = tmp_path / "a.hspy"
    signal = _signal(PATTERN, units, beam_energy=200.0, convergence_angle=20.0, camera_length=80.0)
    hspy.file_writer(str(path), signal)
    measurement = read_pattern(path)
    np.testing.assert_array_equal(measurement.data, PATTERN)
    metadata = measurement.metadata
    assert (metadata.high_tension_kV, metadata.convergence_mrad) == (200, 20)
    assert metadata.camera_length_mm == 80
    assert metadata.mrad_per_pixel == (None if angle is None else pytest.approx(angle))


def test_axes_of_different_scale_give_no_angle() -> None:
    signal = _signal(PATTERN, "mrad")
    signal["axes"][0]["scale"] = 0.06
    assert read_metadata(signal).mrad_per_pixel is None


def test_senseless_entries_are_left_out() -> None:
    signal = _signal(PATTERN, "mrad", beam_energy=float("nan"), camera_length=-1.0)
    signal["original_metadata"] = {"Optics": {"AccelerationVoltage": "300000"}}
    metadata = read_metadata(signal)
    assert metadata.high_tension_kV == 300
    assert metadata.camera_length_mm is None


def test_hspy_scan_takes_the_detector_axes(tmp_path: Path) -> None:
    path = tmp_path / "scan.hspy"
    scan = np.arange(2 * 3 * 8 * 9).reshape(2, 3, 8, 9).astype("f4")
    hspy.file_writer(str(path), _signal(scan))
    np.testing.assert_array_equal(read_pattern(path, 5).data, scan[1, 2])
    assert "6 frames" in _message(path, PatternError)


def test_hspy_of_false_size_is_refused_unread(tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "huge.hspy"
    hspy.file_writer(str(path), _signal(PATTERN))
    with h5py.File(path, "r+") as file:
        group = next(iter(file["Experiments"].values()))
        del group["data"]
        group.create_dataset("data", shape=(200_000, 200_000), dtype="u2", chunks=(100, 100))
    assert "200000 x 200000" in _message(path, PatternError)


def test_emd(tmp_path: Path) -> None:
    path = tmp_path / "a.emd"
    emd.file_writer(str(path), _signal(PATTERN, "mrad"))
    measurement = read_pattern(path)
    np.testing.assert_array_equal(measurement.data, PATTERN)
    assert measurement.metadata.mrad_per_pixel == pytest.approx(0.05)


def test_mrc_image_and_stack(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_pattern(_mrc(tmp_path / "a.mrc", PATTERN)).data, PATTERN)
    path = _mrc(tmp_path / "s.mrc", STACK)
    np.testing.assert_array_equal(read_pattern(path, 3).data, STACK[3])
    assert "--frame N" in _message(path, PatternError)


def test_mib_frames(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_pattern(_mib(tmp_path / "a.mib", STACK[:1])).data, PATTERN)
    path = _mib(tmp_path / "s.mib", STACK)
    np.testing.assert_array_equal(read_pattern(path, 1).data, STACK[1])


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_tif_of_16_bits_and_floats(tmp_path: Path, compression: str) -> None:
    for array in (PATTERN, PATTERN.astype(np.float32) / 7):
        path = tmp_path / "a.tif"
        Image.fromarray(array).save(path, compression=compression)
        np.testing.assert_array_equal(read_pattern(path).data, array)


def test_what_rosettasciio_cannot_read_is_left_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(PATTERN).save(path, compression="tiff_lzw")
    gc.collect()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        read_pattern(path)
        gc.collect()
    assert not told


def test_tif_stack_grey_colours_and_inverted_greys(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    tifffile.imwrite(path, STACK, photometric="minisblack")
    np.testing.assert_array_equal(read_pattern(path, 2).data, STACK[2])
    assert "(4, 48, 64)" in _message(path, PatternError)
    tifffile.imwrite(path, np.repeat(PATTERN[..., None], 3, axis=-1), photometric="rgb")
    np.testing.assert_array_equal(read_pattern(path).data, PATTERN)
    tifffile.imwrite(path, PATTERN, photometric="miniswhite")
    np.testing.assert_array_equal(read_pattern(path).data, 65535.0 - PATTERN)


def test_tif_with_several_images(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(PATTERN, photometric="minisblack")
        writer.write(PATTERN[:8, :8], photometric="minisblack")
    np.testing.assert_array_equal(read_pattern(path).data, PATTERN)
    with tifffile.TiffWriter(path) as writer:
        writer.write(PATTERN, photometric="minisblack")
        writer.write(PATTERN.astype("f4"), photometric="minisblack")
    assert "2 images" in _message(path, FileFormatError)


@pytest.mark.parametrize("name", ["a.dm3", "a.mrc", "a.mib", "a.hspy", "a.emd", "a.tif"])
@pytest.mark.parametrize("share", [0, 0.02, 0.6, 0.97])
def test_cut_short(tmp_path: Path, name: str, share: float) -> None:
    path = tmp_path / name
    if name == "a.dm3":
        _dm3(path, PATTERN)
    elif name == "a.mrc":
        _mrc(path, PATTERN)
    elif name == "a.mib":
        _mib(path, PATTERN[None])
    elif name == "a.hspy":
        hspy.file_writer(str(path), _signal(PATTERN))
    elif name == "a.emd":
        emd.file_writer(str(path), _signal(PATTERN))
    else:
        tifffile.imwrite(path, PATTERN)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "cut short" in _message(path, PacbedError)


def test_nothing_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read_pattern(_mib(tmp_path / "a.mib", STACK[:1]))  # RosettaSciIO misses the .hdr aloud
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == ""
