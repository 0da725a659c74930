"""Uploads that are wrong in every way that we could think of."""

import io
import json
import pickle
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from PIL import Image
from rsciio import emd, hspy

from tests.service.conftest import raw_parameters
from tests.service.dm4 import dm4_bytes

KNOWN = {"system": "sto-001-300kV", "convergence_angle": 20, "validation": False, "refine": False}


class Upload(NamedTuple):
    """One malformed request."""

    title: str
    parameters: str
    content: bytes
    name: str


def upload(title: str, content: bytes, name: str, typ: str = "auto") -> Upload:
    parameters = json.dumps({**KNOWN, "file_params": {"typ": typ}})
    return Upload(title, parameters, content, name)


def every_upload(folder: Path) -> list[Upload]:
    """All cases; files are made in ``folder``."""
    pattern = (np.random.default_rng(1).random((64, 64)) * 1000).astype(np.uint16)
    files = good_files(folder, pattern)
    return [
        *cut_short(files),
        *wrong_types(files),
        *wrong_raw(pattern),
        *huge_headers(folder, pattern),
        *pickles(),
        *not_a_pattern(),
        *bombs(folder),
        *wrong_parameters(pattern),
        *odd_names(),
    ]


def good_files(folder: Path, pattern: np.ndarray) -> dict[str, bytes]:
    """The same pattern in several formats."""
    files = {"dm4": dm4_bytes(pattern)}
    for kind, name in (("png", "PNG"), ("tif", "TIFF"), ("npy", "")):
        buffer = io.BytesIO()
        if name:
            Image.fromarray(pattern).save(buffer, name)
        else:
            np.save(buffer, pattern)
        files[kind] = buffer.getvalue()
    for kind, writer in (("hspy", hspy), ("emd", emd)):
        path = folder / f"good.{kind}"
        writer.file_writer(str(path), pattern_signal(pattern))
        files[kind] = path.read_bytes()
    return files


def pattern_signal(array: Any) -> dict[str, Any]:
    axes = [
        {"name": name, "scale": 1.0, "offset": 0.0, "size": size, "units": "", "navigate": False,
         "index_in_array": index}
        for index, (name, size) in enumerate(zip("yx", array.shape, strict=True))
    ]  # fmt: skip
    return {
        "data": array,
        "axes": axes,
        "metadata": {"General": {"title": "a"}, "Signal": {"signal_type": ""}},
        "original_metadata": {},
        "tmp_parameters": {},
        "package_info": {},
        "attributes": {"_lazy": False, "ragged": False},
        "learning_results": {},
        "models": {},
    }


def cut_short(files: dict[str, bytes]) -> Iterator[Upload]:
    shares = (0.0005, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 0.9)
    for kind, content in files.items():
        for share in shares:
            size = max(1, int(share * len(content)))
            yield upload(f"{kind} cut to {size} bytes", content[:size], f"a.{kind}", kind)
    for size in (4, 12, 16, 20, 40, 80, 200, 400):
        yield upload(f"dm4 cut to {size} bytes", files["dm4"][:size], "a.dm4", "dm4")


def wrong_types(files: dict[str, bytes]) -> Iterator[Upload]:
    noise = np.random.default_rng(0).bytes(5000)
    kinds = ("dm3", "dm4", "npy", "tif", "mrc", "emd", "hspy", "blo", "mib", "png", "jpg", "bmp")
    for kind in kinds:
        yield upload(f"{kind} without content", b"", f"a.{kind}", kind)
        yield upload(f"noise as {kind}", noise, f"a.{kind}", kind)
        yield upload(f"text as {kind}", b"thickness;mistilt\n12;3\n" * 50, f"a.{kind}", kind)
        yield upload(f"zeros as {kind}", bytes(4096), f"a.{kind}", kind)
    for sent in files:
        for said in ("npy", "dm4", "hspy"):
            # RosettaSciIO tells the two HDF5 formats apart by content.
            if said != sent and {said, sent} != {"hspy", "emd"}:
                yield upload(f"{sent} sent as {said}", files[sent], f"a.{said}", said)
    yield upload("unknown ending", noise, "a.xyz")
    yield upload("no ending", noise, "a")
    yield upload("program", b"\x7fELF" + noise, "a.exe")
    yield upload("page", b"<!doctype html><script>alert(1)</script>", "a.html")
    yield upload("unknown typ", noise, "a.npy", "exe")


def wrong_raw(pattern: np.ndarray) -> Iterator[Upload]:
    content = pattern.tobytes()
    changes: list[dict[str, Any]] = [
        {"width": 63}, {"width": 65}, {"height": 63}, {"height": 128}, {"frames": 2},
        {"dtype": "uint8"}, {"dtype": "float64"}, {"dtype": "int32"}, {"width": 0}, {"height": 0},
        {"width": -64}, {"height": -1, "width": -4096}, {"width": 65536, "height": 65536},
        {"width": 10**9, "height": 1}, {"width": 10**30}, {"width": "many"}, {"width": 1.5},
        {"width": None}, {"height": None}, {"dtype": None}, {"dtype": ""}, {"dtype": "O"},
        {"dtype": "object"}, {"dtype": "V2"}, {"dtype": "U1"}, {"dtype": "S2"}, {"dtype": "M8"},
        {"dtype": "complex64"}, {"dtype": "i4,i4"}, {"dtype": "(2,)u1"}, {"dtype": "u2" * 500},
        {"dtype": "__import__('os')"}, {"dtype": "x" * 9}, {"dtype": "uint17"}, {"dtype": 3},
        {"frames": 0}, {"frames": -1}, {"frames": 10**12}, {"frame": 1}, {"frame": -1},
        {"frame": 10**20}, {"typ": None}, {"typ": ["raw"]}, {"typ": "RAW\0"},
    ]  # fmt: skip
    for change in changes:
        parameters = raw_parameters(pattern, validation=False)
        parameters["file_params"] |= change
        yield Upload(f"raw with {change}", json.dumps(parameters), content, "a.raw")
    plain = json.dumps(raw_parameters(pattern, validation=False))
    for title, wrong in (
        ("nothing", b""), ("a byte too few", content[:-1]), ("a byte too many", content + b"\0"),
        ("half", content[: len(content) // 2]), ("twice", content * 2),
    ):  # fmt: skip
        yield Upload(f"raw, {title} sent", plain, wrong, "a.raw")


def npy_header(shape: str, dtype: str = "'<u2'", data: bytes = b"") -> bytes:
    text = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + data


def huge_headers(folder: Path, pattern: np.ndarray) -> Iterator[Upload]:
    for shape in (
        "(1000000000,)", "(1000000000, 1)", "(31623, 31623)", "(1000000, 1000000)",
        "(9223372036854775807, 2)", "(2, 4611686018427387904, 4)", "(0, 64)", "(64, 0)", "(0,)",
        "()", "(64,)", "(-64, 64)", "(64.0, 64)", "'64'", "(1, 1, 1, 1, 1, 1, 1)",
    ):  # fmt: skip
        yield upload(f"npy header {shape}", npy_header(shape, data=bytes(128)), "a.npy")
    for rows, columns in ((31623, 31623), (2**31 - 1, 2**31 - 1), (0, 64)):
        size = struct.pack(">2I5B", columns, rows, 16, 0, 0, 0, 0)
        chunk = (
            struct.pack(">I", 13) + b"IHDR" + size + struct.pack(">I", zlib.crc32(b"IHDR" + size))
        )
        yield upload(f"png header {rows} x {columns}", b"\x89PNG\r\n\x1a\n" + chunk, "a.png")
    content = dm4_bytes(pattern)
    for size in (10**9 // 64, 2**31, 0):
        wrong = content.replace(struct.pack("<L", 64), struct.pack("<L", size), 1)
        yield upload(f"dm4 of {size} columns", wrong, "a.dm4")
    for rows, columns in ((31623, 31623), (2**32 - 1, 2**32 - 1)):
        entries = ((256, columns), (257, rows), (258, 16), (259, 1), (262, 1), (273, 8), (279, 100))
        tags = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
        tiff = b"II*\0" + struct.pack("<IH", 8, len(entries)) + tags + bytes(200)
        yield upload(f"tif header {rows} x {columns}", tiff, "a.tif")
    for size in (31623, 2**31 - 1):
        head = struct.pack("<10i", size, size, 1, 1, 0, 0, 0, size, size, 1) + bytes(984)
        yield upload(f"mrc header {size}", head, "a.mrc")


def pickles() -> Iterator[Upload]:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (eval, ("__import__('os').abort()",))

    buffer = io.BytesIO()
    np.save(buffer, np.array([[Evil(), Evil()]], dtype=object), allow_pickle=True)
    yield upload("npy of objects", buffer.getvalue(), "a.npy")
    yield upload("pickle as npy", pickle.dumps(Evil()), "a.npy")
    yield upload(
        "npy header of objects", npy_header("(2, 2)", "'|O'", pickle.dumps(Evil())), "a.npy"
    )
    yield upload("npy of records", npy_header("(8, 8)", "[('a', '<u2'), ('b', '|O')]"), "a.npy")
    archive = io.BytesIO()
    np.savez(archive, a=np.ones((64, 64)))
    yield upload("npz as npy", archive.getvalue(), "a.npy")
    yield upload("header that is code", npy_header("__import__('os').abort()"), "a.npy")


def not_a_pattern() -> Iterator[Upload]:
    line = np.linspace(0, 1, 64)
    nan = np.outer(line, line)
    nan[:56] = np.nan
    arrays = {
        "all NaN": np.full((64, 64), np.nan), "seven eighths NaN": nan,
        "infinite": np.full((64, 64), np.inf), "constant": np.ones((64, 64)),
        "complex": np.ones((64, 64)) * 1j, "text": np.full((64, 64), "a"),
        "one dimension": line, "no dimension": np.float64(1), "tiny": np.outer(line, line)[:4, :4],
        "a strip": np.outer(line, line)[:2], "dates": np.full((64, 64), np.datetime64("2020")),
        "beyond float32": np.full((64, 64), 1e300), "many frames": np.ones((5, 64, 64)),
        "no frames": np.ones((0, 64, 64)), "colours": np.random.default_rng(0).random((64, 64, 3)),
    }  # fmt: skip
    for title, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, array)
        yield upload(title, buffer.getvalue(), "a.npy")
    buffer = io.BytesIO()
    colours = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(colours).save(buffer, "PNG")
    yield upload("a photograph", buffer.getvalue(), "a.png")


def bombs(folder: Path) -> Iterator[Upload]:
    """Small files that declare, or unpack to, far more."""
    for kind, writer in (("hspy", hspy), ("emd", emd)):
        for shape in ((8192, 8192), (100_000, 8192, 8192), (200_000, 200_000)):
            path = folder / f"bomb.{kind}"
            path.unlink(missing_ok=True)
            writer.file_writer(str(path), pattern_signal(np.ones((64, 64), np.float32)))
            with h5py.File(path, "r+") as file:
                place = pattern_place(file)
                parent, name = place.rsplit("/", 1)
                del file[place]
                data = file[parent].create_dataset(
                    name, shape=shape, dtype="f8", compression="gzip",
                    chunks=(1,) * (len(shape) - 2) + (2048, 2048),
                )  # fmt: skip
                # One chunk of zeros is 32 MiB unpacked and a few kB in the file.
                data[(0,) * (len(shape) - 2) + (slice(2048), slice(2048))] = 0.0
            yield upload(f"{kind} bomb {shape}", path.read_bytes(), f"a.{kind}", kind)
    png = io.BytesIO()
    Image.new("L", (9000, 9000)).save(png, "PNG")
    yield upload("png bomb", png.getvalue(), "a.png")
    tif = io.BytesIO()
    Image.new("L", (9000, 9000)).save(tif, "TIFF", compression="tiff_deflate")
    yield upload("tif bomb", tif.getvalue(), "a.tif")


def pattern_place(file: h5py.File) -> str:
    places: list[str] = []

    def visit(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset) and entry.ndim == 2:
            places.append(f"/{name}")

    file.visititems(visit)
    return places[0]


def wrong_parameters(pattern: np.ndarray) -> Iterator[Upload]:
    content = pattern.tobytes()
    for text in (
        "", "x", "null", "[]", "3", '"a"', "{}", "{", "[" * 5000, '{"a":' * 2000, "\0", "{'a': 1}",
        '{"system": 3}', '{"system": {}}', '{"system": 99}', '{"system": "' + "s" * 10000 + '"}',
        '{"system": 3, "system2": 4}',
    ):  # fmt: skip
        yield Upload(f"parameters {text[:20]!r}", text, content, "a.raw")
    physical: list[dict[str, Any]] = [
        {"acceleration_voltage": 12345}, {"acceleration_voltage": "high"},
        {"acceleration_voltage": -1}, {"acceleration_voltage": 1e400},
        {"acceleration_voltage": None}, {"crystal_structure": "Unobtainium"},
        {"crystal_structure": ""}, {"crystal_structure": None}, {"crystal_structure": ["a"]},
        {"zone_axis": {"u": 1, "v": 1, "w": 1}}, {"zone_axis": {"u": 0, "v": 0}},
        {"zone_axis": {"u": 0.5, "v": 0, "w": 1}}, {"zone_axis": "001"},
        {"zone_axis": {"u": 10**40, "v": 0, "w": 1}}, {"convergence_angle": 0},
        {"convergence_angle": -20}, {"convergence_angle": 500}, {"convergence_angle": 1e400},
        {"convergence_angle": float("nan")}, {"convergence_angle": "wide"},
    ]  # fmt: skip
    for change in physical:
        parameters = raw_parameters(pattern, validation=False)
        parameters["physical_params"] |= change
        yield Upload(f"conditions {change}", json.dumps(parameters), content, "a.raw")
    for others in (
        {"mrad_per_pixel": 0}, {"mrad_per_pixel": -1}, {"mrad_per_pixel": float("inf")},
        {"refine": "perhaps"}, {"validation": "poster"}, {"views": 7}, {"system": 3},
        {"validaton": False},
    ):  # fmt: skip
        parameters = raw_parameters(pattern, **others)
        yield Upload(f"option {others}", json.dumps(parameters), content, "a.raw")


ODD_NAMES = (
    "../../../etc/passwd", "/etc/passwd", "..\\..\\windows\\system32\\a.npy", "C:\\a.npy",
    "a/b/../c.npy", "~root/.ssh/id.npy", "$(reboot).npy", "a;rm -rf /.npy", "|a.npy", "-rf.npy",
    "a\tb.npy", "CON.npy", "." * 300 + ".npy", "ä" * 300 + ".npy", "\u202etxt.npy",
    "%2e%2e%2fa.npy",
)  # fmt: skip


def odd_names() -> Iterator[Upload]:
    for name in ODD_NAMES:
        yield upload(f"name {name[:24]!r}", b"\x93NUMPY\1\0", name, "npy")
