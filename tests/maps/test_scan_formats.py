"""Scans in the formats of microscopes and detectors, with headers written by hand."""

import pickle
import struct
import sys

import numpy as np
import pytest

from pacbed.errors import FileFormatError, MissingExtraError, PatternError
from pacbed.readers.formats import ROSETTASCIIO_MODULES
from pacbed.scans.files import open_scan
from pacbed.scans.signal_file import EMPTY_SIGNAL, write_signal
from tests.service.dm4 import dm4_bytes

#: The pixels of an EMPAD, and a scan that is not square.
SHAPE = (3, 4, 128, 128)
DATA = np.random.default_rng(2).integers(0, 4000, SHAPE).astype("u2")


def check(path, data=DATA, **options):
    scan = open_scan(path, **options)
    assert scan.shape == data.shape
    assert np.array_equal(np.stack([frames for _, frames in scan.rows(0, data.shape[0])]), data)
    assert np.array_equal(pickle.loads(pickle.dumps(scan)).read(1, 2), data[1:2])
    return scan


def signal_of(data, title):
    units = ("nm", "nm", "mrad", "mrad")
    axes = [
        {"name": n, "size": s, "offset": 0.0, "scale": c, "units": u, "navigate": k < 2,
         "index_in_array": k}
        for k, (n, s, c, u) in enumerate(
            zip(("y", "x", "ky", "kx"), data.shape, (0.2, 0.2, 0.5, 0.5), units, strict=True)
        )
    ]  # fmt: skip
    metadata = {"General": {"title": title}, "Signal": {"signal_type": ""}}
    return {**EMPTY_SIGNAL, "data": data, "axes": axes, "metadata": metadata}


# ---------------------------------------------------------------- DigitalMicrograph
CALIBRATIONS = (("nm", 0.2), ("nm", 0.2), ("mrad", 0.5), ("mrad", 0.5))


def test_dm4_as_digitalmicrograph_writes_it_now(tmp_path):
    path = tmp_path / "a.dm4"
    path.write_bytes(dm4_bytes(DATA, axes=CALIBRATIONS, swapped=True))
    scan = check(path)
    assert (scan.step_nm, scan.mrad_per_pixel) == (pytest.approx((0.2, 0.2)), pytest.approx(0.5))
    assert scan.high_tension_kV == pytest.approx(300)


def test_dm4_of_earlier_versions_where_the_scan_runs_fastest(tmp_path):
    path = tmp_path / "a.dm4"
    stored = np.ascontiguousarray(DATA.transpose(2, 3, 0, 1))
    path.write_bytes(dm4_bytes(stored, axes=CALIBRATIONS[2:] + CALIBRATIONS[:2], swapped=False))
    scan = check(path)
    assert (scan.step_nm, scan.mrad_per_pixel) == (pytest.approx((0.2, 0.2)), pytest.approx(0.5))


def test_dm4_cut_short(tmp_path):
    content = dm4_bytes(DATA)
    (tmp_path / "a.dm4").write_bytes(content[: len(content) // 2])
    with pytest.raises(FileFormatError, match="cut short"):
        check(tmp_path / "a.dm4")


# ---------------------------------------------------------------- Quantum Detectors
def mib_bytes(frames: np.ndarray) -> bytes:
    """Frames of one Medipix3 chip as a Merlin writes them: 384 bytes of text before each, and
    the lowest row first.
    """
    content = b""
    rows, columns = frames.shape[1:]
    for number, frame in enumerate(frames, start=1):
        text = (
            f"MQ1,{number:06d},00384,01,{columns:04d},{rows:04d},U16,   1x1,01,"
            "2026-11-25 12:00:00.000000,0.001000,0,0,0,1.200000E+2,"
            "2026-11-25T12:00:00.000000000Z,1000000ns,12"
        )
        content += (text + ",").encode().ljust(384, b"\0") + frame[::-1].astype(">u2").tobytes()
    return content


def test_mib_with_its_scan_shape(tmp_path):
    path = tmp_path / "a.mib"
    path.write_bytes(mib_bytes(DATA.reshape(-1, 128, 128)))
    check(path, scan_shape=(3, 4))
    with pytest.raises(PatternError, match="12 frames"):
        open_scan(path, scan_shape=(4, 4))
    with pytest.raises(PatternError, match="--scan-shape"):
        open_scan(path)


def test_mib_with_the_header_file_beside_it(tmp_path):
    (tmp_path / "a.mib").write_bytes(mib_bytes(DATA.reshape(-1, 128, 128)))
    (tmp_path / "a.hdr").write_text(
        "HDR,\t\nTime and Date Stamp (day, mnth, yr, hr, min, s):\t25/11/2026 12:00:00\n"
        "Frames in Acquisition (Number):\t12\nFrames per Trigger (Number):\t4\nEnd\t\n"
    )
    check(tmp_path / "a.mib")


# ---------------------------------------------------------------- EMPAD
def write_empad(folder, data):
    """A raw file with two further lines in each frame, and the xml that describes it."""
    rows, columns = data.shape[:2]
    frames = np.zeros((rows, columns, 130, 128), "<f4")
    frames[:, :, :128] = data
    (folder / "scan_x4_y3.raw").write_bytes(frames.tobytes())
    (folder / "a.xml").write_text(
        f'<root><raw_file filename="scan_x{columns}_y{rows}.raw"/>'
        f"<pix_x>{columns}</pix_x><pix_y>{rows}</pix_y>"
        "<iom_measurements><calibrated_pixelsize>1.5e8</calibrated_pixelsize></iom_measurements>"
        '<timestamp isoformat="2026-11-25T12:00:00.000000+00:00"/></root>'
    )


def test_empad_by_its_xml(tmp_path):
    write_empad(tmp_path, DATA)
    check(tmp_path / "a.xml", DATA.astype("f4"))


def test_empad_without_its_frames_or_cut_short(tmp_path):
    write_empad(tmp_path, DATA)
    raw = tmp_path / "scan_x4_y3.raw"
    content = raw.read_bytes()
    raw.write_bytes(content[: len(content) // 2])
    with pytest.raises(FileFormatError, match="cut short"):
        check(tmp_path / "a.xml", DATA.astype("f4"))
    raw.unlink()
    with pytest.raises(FileFormatError, match=r"scan_x4_y3\.raw, which is not there"):
        check(tmp_path / "a.xml", DATA.astype("f4"))


# ---------------------------------------------------------------- others of RosettaSciIO
def test_blo(tmp_path):
    from rsciio.blockfile import file_writer

    small = (DATA[..., :64, :64] % 256).astype("u1")
    signal = signal_of(small, "a")
    for axis, unit in zip(signal["axes"], ("nm", "nm", "cm", "cm"), strict=True):
        axis["units"] = unit
    file_writer(str(tmp_path / "a.blo"), signal, navigator=np.zeros((3, 4), "u1"),
                show_progressbar=False)  # fmt: skip
    check(tmp_path / "a.blo", small)


def test_zspy(tmp_path):
    write_signal(tmp_path / "a.zspy", signal_of(DATA, "a"))
    scan = check(tmp_path / "a.zspy")
    assert (scan.step_nm, scan.mrad_per_pixel) == (pytest.approx((0.2, 0.2)), pytest.approx(0.5))


def test_a_package_that_lacks_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.zspy").mkdir()
    monkeypatch.setitem(sys.modules, f"rsciio.{ROSETTASCIIO_MODULES['.zspy']}", None)
    with pytest.raises(MissingExtraError, match="pip install"):
        open_scan(tmp_path / "a.zspy")


# ---------------------------------------------------------------- Norpix
def seq_bytes(frames: np.ndarray, footer: int = 8) -> bytes:
    """Frames of 16 bit as StreamPix writes them; each ends in a time stamp."""
    rows, columns = frames.shape[1:]
    size = rows * columns * 2
    header = struct.pack(
        "<L24sll512s9Ldl",
        0xFEED, "Norpix seq\n".encode("utf-16-le"), 5, 1024, "a scan".encode("utf-16-le"),
        columns, rows, 16, 16, size, 100, len(frames), 0, size + footer, 1000.0, 0,
    )  # fmt: skip
    body = b"".join(f.astype("<u2").tobytes() + bytes(footer) for f in frames)
    return header.ljust(8192, b"\0") + body


def test_seq(tmp_path):
    path = tmp_path / "a.seq"
    content = seq_bytes(DATA.reshape(-1, 128, 128))
    path.write_bytes(content)
    check(path, scan_shape=(3, 4))
    with pytest.raises(PatternError, match="add --scan-shape"):
        open_scan(path)
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(PatternError, match="the file 7 frames"):
        open_scan(path, scan_shape=(3, 4))
    path.write_bytes(b"nothing of use" * 400)
    with pytest.raises(FileFormatError, match="not a readable seq"):
        open_scan(path, scan_shape=(3, 4))


def test_seq_needs_libertem(tmp_path, monkeypatch):
    (tmp_path / "a.seq").write_bytes(seq_bytes(DATA.reshape(-1, 128, 128)))
    monkeypatch.setitem(sys.modules, "libertem.io.dataset.seq", None)
    with pytest.raises(MissingExtraError, match=r"pacbed-cnn\[libertem\]"):
        open_scan(tmp_path / "a.seq")
