"""Arrays and pictures: what is read, and what is refused in which words."""

import io
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pacbed.errors import FileFormatError, PacbedError, PatternError
from pacbed.readers import EXTENSIONS, read_pattern

PATTERN = (np.arange(48 * 64).reshape(48, 64) * 21).astype(np.uint16)


def _save(tmp_path: Path, name: str, array: np.ndarray) -> Path:
    path = tmp_path / name
    np.save(path, array)
    return path


def _message(path: Path, error: type[PacbedError], frame: int | None = None) -> str:
    with pytest.raises(error) as raised:
        read_pattern(path, frame)
    message = str(raised.value)
    assert "\n" not in message
    assert str(path) in message
    return message


@pytest.mark.parametrize("dtype", ["u1", "i2", ">u2", "i8", "f2", "f4", "f8", "?"])
def test_npy_of_any_real_type(tmp_path: Path, dtype: str) -> None:
    array = (PATTERN % 2).astype(dtype)
    measurement = read_pattern(_save(tmp_path, "a.npy", array))
    assert measurement.data.dtype == np.float32
    np.testing.assert_array_equal(measurement.data, array)
    assert measurement.metadata.high_tension_kV is None


def test_npy_in_fortran_order_keeps_rows_and_columns(tmp_path: Path) -> None:
    measurement = read_pattern(_save(tmp_path, "a.npy", np.asfortranarray(PATTERN)))
    np.testing.assert_array_equal(measurement.data, PATTERN)
    assert measurement.data.flags.c_contiguous


def test_npy_frame_counts_along_the_leading_axes(tmp_path: Path) -> None:
    scan = np.random.default_rng(0).random((2, 3, 8, 9), dtype=np.float32)
    path = _save(tmp_path, "scan.npy", scan)
    np.testing.assert_array_equal(read_pattern(path, 4).data, scan[1, 1])
    assert "(2, 3, 8, 9)" in _message(path, PatternError)
    assert "--frame N" in _message(path, PatternError)
    assert "0 to 5" in _message(path, PatternError, frame=6)
    assert "frame -1" in _message(path, PatternError, frame=-1)


def test_npy_stack_of_one_needs_no_frame(tmp_path: Path) -> None:
    path = _save(tmp_path, "one.npy", PATTERN[None])
    np.testing.assert_array_equal(read_pattern(path).data, PATTERN)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(64), "shape (64,)"),
        (np.zeros(()), "shape ()"),
        (np.zeros((8, 8), complex), "complex"),
        (np.zeros((0, 8)), "empty"),
        (np.zeros((0, 8, 8)), "empty"),
        (np.array([["a", "b"]]), "not numbers"),
        (np.zeros((4, 4), [("x", "f4")]), "not numbers"),
    ],
)
def test_npy_that_is_no_pattern(tmp_path: Path, array: np.ndarray, words: str) -> None:
    assert words in _message(_save(tmp_path, "a.npy", array), PatternError)


def test_npy_too_large_is_refused_from_its_header(tmp_path: Path) -> None:
    path = tmp_path / "large.npy"
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(8193, 8192))
    assert "8193 x 8192" in _message(path, PatternError)


def test_npy_with_a_false_header_is_cut_short(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)}
    )
    path = tmp_path / "false.npy"
    path.write_bytes(buffer.getvalue())
    assert "cut short" in _message(path, FileFormatError)


def test_npy_pickle_is_never_loaded(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Payload:
        def __reduce__(self):  # type: ignore[no-untyped-def]
            return (Path.touch, (ran,))

    path = tmp_path / "objects.npy"
    np.save(path, np.array([[Payload()]], dtype=object), allow_pickle=True)
    assert "pickled" in _message(path, FileFormatError)
    path.write_bytes(pickle.dumps(Payload()))
    _message(path, FileFormatError)
    assert not ran.exists()


@pytest.mark.parametrize("length", [0, 3, 40, 130, 1000])
def test_npy_cut_short(tmp_path: Path, length: int) -> None:
    path = _save(tmp_path, "a.npy", PATTERN)
    path.write_bytes(path.read_bytes()[:length])
    assert "cut short" in _message(path, FileFormatError)


def test_png_of_8_and_16_bits(tmp_path: Path) -> None:
    for array in (PATTERN, (PATTERN // 256).astype(np.uint8)):
        path = tmp_path / "a.png"
        Image.fromarray(array).save(path)
        np.testing.assert_array_equal(read_pattern(path).data, array)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "CMYK"])
def test_grey_picture_in_a_colour_mode(tmp_path: Path, mode: str) -> None:
    grey = (PATTERN // 256).astype(np.uint8)
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    image = Image.fromarray(grey)
    if mode == "CMYK":
        image = image.convert("RGB")
    image.convert(mode).save(path)
    np.testing.assert_allclose(read_pattern(path).data, grey, atol=6 if mode == "CMYK" else 0)


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.bmp"])
def test_grey_picture_of_other_formats(tmp_path: Path, name: str) -> None:
    grey = (PATTERN // 256).astype(np.uint8)
    Image.fromarray(grey).convert("RGB").save(tmp_path / name, quality=95)
    np.testing.assert_allclose(read_pattern(tmp_path / name).data, grey, atol=6)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.tif", "a.npy"])
def test_coloured_picture(tmp_path: Path, name: str) -> None:
    colours = np.zeros((48, 64, 3), np.uint8)
    colours[..., 0] = PATTERN // 256
    path = tmp_path / name
    if name.endswith("npy"):
        np.save(path, colours)
    else:
        Image.fromarray(colours).save(path)
    assert "colour" in _message(path, PatternError)


def test_small_coloured_mark_is_left_out_of_account(tmp_path: Path) -> None:
    colours = np.full((100, 100, 3), 80, np.uint8)
    colours[3, 3:8] = (255, 0, 0)
    Image.fromarray(colours).save(tmp_path / "a.png")
    assert read_pattern(tmp_path / "a.png").data[50, 50] == 80


def test_decompression_bomb_is_refused_before_decoding(tmp_path: Path) -> None:
    for width, height in ((8193, 8192), (10000, 10000), (60000, 60000)):
        chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
        path = tmp_path / "bomb.png"
        path.write_bytes(
            b"\x89PNG\r\n\x1a\n\0\0\0\r"
            + chunk
            + struct.pack(">I", zlib.crc32(chunk))
            + b"\0\0\0\0IDAT\x35\xaf\x06\x1e"
        )
        assert "8192 x 8192" in _message(path, PatternError)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp"])
@pytest.mark.parametrize("share", [0, 0.1, 0.7])
def test_picture_cut_short(tmp_path: Path, name: str, share: float) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "cut short" in _message(path, FileFormatError)


def test_missing_file_folder_and_unknown_format(tmp_path: Path) -> None:
    assert "no such file" in _message(tmp_path / "none.npy", FileFormatError)
    folder = tmp_path / "folder.npy"
    folder.mkdir()
    assert "folder" in _message(folder, FileFormatError)
    for name in ("notes.txt", "noextension", "a.npz"):
        (tmp_path / name).write_bytes(b"x")
        message = _message(tmp_path / name, FileFormatError)
        assert all(extension in message for extension in EXTENSIONS)
