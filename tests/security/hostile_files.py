"""Files that somebody made to do harm, in every format that is read; from a seed."""

import io
import json
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import tifffile
from PIL import Image

from pacbed.scans.signal_file import write_signal
from tests.array_files import matlab
from tests.maps.test_scan_formats import mib_bytes, seq_bytes, signal_of
from tests.security.hostile_hdf5 import CHANGES
from tests.security.linked_files import LINKERS, empad_xml, ome_tiff, write_linked
from tests.service.dm4 import dm4_bytes
from tests.service.malformed import good_files, npy_header, pattern_place
from tests.unit import test_readers_microscope as microscope

SIDE = 64
SCAN = (2, 3, SIDE, SIDE)
#: Bytes at the beginning of a file that are taken for its header.
_HEADER = 1500
PASSWORDS = "/etc/passwd"


class Hostile(NamedTuple):
    """One file; `leads` says whether it names another."""

    title: str
    name: str
    content: bytes
    leads: bool = False


def hostile_patterns(folder: Path, canary: Path) -> list[Hostile]:
    """Files that claim to be a pattern.

    Parameters
    ----------
    folder : Path
        To make them in.
    canary : Path
        A folder with ``canary.raw`` and ``canary.h5``, which no answer may hold.
    """
    good = _good_patterns(folder)
    return [
        *_damaged(good, np.random.default_rng(17)),
        *_links(folder, canary),
        *_hdf5_structures(folder),
        *_tiffs(folder, canary),
        *_texts(),
        *_declared(),
        *_scan_links(folder, canary),
        *_xml(canary),
        *_tia(),
    ]


def hostile_scans(folder: Path, canary: Path) -> list[Hostile]:
    """Files that claim to be a scan; parameters as of :func:`hostile_patterns`."""
    good = _good_scans(folder)
    others = [
        Hostile(f"noise as {kind}", f"a.{kind}", np.random.default_rng(3).bytes(6000))
        for kind in ("ser", "emi", "app5", "tvips", "xml", "hdr", "de5", "raw", "nxs", "zspy")
    ]
    return [
        *_damaged(good, np.random.default_rng(18), changes=4),
        *others,
        *_scan_links(folder, canary),
        *_archives(folder),
        *_declared(),
        *_xml(canary),
        *_tia(),
    ]


def _good_patterns(folder: Path) -> dict[str, bytes]:
    pattern = np.random.default_rng(1).integers(0, 1000, (SIDE, SIDE)).astype(np.uint16)
    grey = (pattern // 4).astype(np.uint8)
    files = good_files(folder, pattern)
    for kind, name in (("jpg", "JPEG"), ("bmp", "BMP")):
        buffer = io.BytesIO()
        Image.fromarray(grey).save(buffer, name)
        files[kind] = buffer.getvalue()
    files["dm3"] = microscope._dm3(folder / "good.dm3", pattern).read_bytes()
    files["mrc"] = microscope._mrc(folder / "good.mrc", pattern).read_bytes()
    files["mib"] = microscope._mib(folder / "good.mib", pattern[None]).read_bytes()
    files["blo"] = _blo(folder, np.repeat(grey[None, None], 2, axis=1))
    files["prz"] = _prz(pattern)
    return files | _any_arrays(folder, pattern)


def _any_arrays(folder: Path, array: np.ndarray) -> dict[str, bytes]:
    """Formats that hold arrays of any kind: NeXus, MATLAB's and zarr."""
    import zarr

    hdf5 = io.BytesIO()
    with h5py.File(hdf5, "w") as file:
        file["entry/data/frames"] = array
        file["entry"].attrs["default"] = "data"
        file["entry/data"].attrs.update({"signal": "frames", "axes": [".", "x"]})
    store = folder / f"good{array.ndim}.zarr"
    zarr.open_group(str(store), mode="w").create_array("array0", data=array)
    return {
        "nxs": hdf5.getvalue(),
        "mat": matlab(folder / "good.mat", array).read_bytes(),
        "zarr": _zipped(store),
    }


def _good_scans(folder: Path) -> dict[str, bytes]:
    from rsciio.tvips import file_writer as write_tvips

    scan = np.random.default_rng(2).integers(0, 1000, SCAN).astype(np.uint16)
    npy, hdf5 = io.BytesIO(), io.BytesIO()
    np.save(npy, scan)
    with h5py.File(hdf5, "w") as file:
        file["data"] = scan
    write_signal(folder / "scan.hspy", signal_of(scan, "a"))
    write_signal(folder / "scan.zspy", signal_of(scan, "a"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_tvips(str(folder / "scan_000.tvips"), signal_of(scan, "a"), show_progressbar=False)
    frames = scan.reshape(-1, SIDE, SIDE)
    return {
        "npy": npy.getvalue(),
        "h5": hdf5.getvalue(),
        "hspy": (folder / "scan.hspy").read_bytes(),
        "zspy": _zipped(folder / "scan.zspy"),
        "dm4": dm4_bytes(scan),
        "mib": mib_bytes(frames),
        "seq": seq_bytes(frames),
        "blo": _blo(folder, (scan % 256).astype("u1")),
        "tvips": (folder / "scan_000.tvips").read_bytes(),
        "prz": _prz(scan),
    } | _any_arrays(folder, scan)


def _blo(folder: Path, scan: np.ndarray) -> bytes:
    from rsciio.blockfile import file_writer

    signal = signal_of(scan, "a")
    for axis, unit in zip(signal["axes"], ("nm", "nm", "cm", "cm"), strict=True):
        axis["units"] = unit
    path = folder / "good.blo"
    path.unlink(missing_ok=True)
    file_writer(str(path), signal, navigator=np.zeros(scan.shape[:2], "u1"), show_progressbar=False)
    return path.read_bytes()


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder))
    return buffer.getvalue()


def _prz(array: np.ndarray, header: bytes | None = None) -> bytes:
    """A scan as Panta Rhei stores it; `header` replaces that of the array."""
    buffer, stored = io.BytesIO(), io.BytesIO()
    np.save(stored, array)
    meta = io.BytesIO()
    np.save(meta, np.array(json.dumps([{"type": "STEM"}])))
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.npy", stored.getvalue() if header is None else header)
        archive.writestr("meta_data_json.npy", meta.getvalue())
    return buffer.getvalue()


# ---------------------------------------------------------------- damage
def _damaged(
    files: dict[str, bytes], random: np.random.Generator, changes: int = 8
) -> Iterator[Hostile]:
    """Cut short, bits turned over, and sizes that are huge, negative or nothing."""
    for kind, content in files.items():
        for number in range(changes):
            part = bytearray(content)
            header = min(_HEADER, len(part))
            how = ("cut", "flipped", "huge", "nothing")[number % 4]
            if how == "cut":
                part = part[: int(random.integers(1, len(part)))]
            elif how == "flipped":
                for place in random.integers(0, header, 6):
                    part[place] ^= 1 << int(random.integers(8))
            else:
                place = int(random.integers(4, max(5, header - 8)))
                part[place : place + 8] = (b"\xff" if how == "huge" else b"\0") * 8
            yield Hostile(f"{kind} {how} {number}", f"a.{kind}", bytes(part))


# ---------------------------------------------------------------- names of other files
def _links(folder: Path, canary: Path) -> Iterator[Hostile]:
    for ending in (".emd", ".hspy"):
        for kind in LINKERS:
            for target in _targets(kind, canary):
                path = folder / f"linked{ending}"
                path.unlink(missing_ok=True)
                write_linked(path, kind, target, (SIDE, SIDE))
                title = f"{ending} by {kind} to {target}"
                yield Hostile(title, path.name, path.read_bytes(), leads=True)


def _scan_links(folder: Path, canary: Path) -> Iterator[Hostile]:
    for kind in LINKERS:
        for target in _targets(kind, canary):
            path = write_linked(folder / "linked.h5", kind, target, SCAN)
            title = f"scan by {kind} to {target}"
            yield Hostile(title, path.name, path.read_bytes(), leads=True)


def _targets(kind: str, canary: Path) -> tuple[str, ...]:
    own = "canary.raw" if kind == "external storage" else "canary.h5"
    return str(canary / own), f"../{canary.name}/{own}", PASSWORDS


# ---------------------------------------------------------------- HDF5
def _hdf5_structures(folder: Path) -> Iterator[Hostile]:
    for kind in ("hspy", "emd"):
        for title, change in CHANGES.items():
            path = folder / f"changed.{kind}"
            path.unlink(missing_ok=True)
            path.write_bytes(good_files(folder, np.ones((SIDE, SIDE), np.uint16))[kind])
            with h5py.File(path, "r+") as file:
                change(file, pattern_place(file))
            yield Hostile(f"{kind} with {title}", path.name, path.read_bytes())
        content = path.read_bytes()
        yield Hostile(f"{kind} behind other bytes", path.name, bytes(512) + content)
        yield Hostile(f"{kind} behind a page", path.name, b"<html>".ljust(1024) + content)


# ---------------------------------------------------------------- tif and text
def _tiffs(folder: Path, canary: Path) -> Iterator[Hostile]:
    for target in (str(canary / "canary.tif"), f"../{canary.name}/canary.tif", PASSWORDS):
        path = ome_tiff(folder / "upload.tif", target)
        yield Hostile(f"OME-TIFF to {target}", path.name, path.read_bytes(), leads=True)
    grow = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    laughs = f'<!DOCTYPE O [<!ENTITY e0 "ha">{grow}]><OME a="&e9;"></OME>'
    outside = f'<!DOCTYPE O [<!ENTITY e SYSTEM "file://{PASSWORDS}">]><OME>&e;</OME>'
    deep = "<a>" * 20_000 + "</a>" * 20_000 + "<OME></OME>"
    pixels = np.ones((SIDE, SIDE), "u1")
    for title, text in (("laughs", laughs), ("an entity", outside), ("deep XML", deep)):
        tifffile.imwrite(folder / "x.tif", pixels, description=text, metadata=None)
        yield Hostile(f"OME-TIFF with {title}", "a.tif", (folder / "x.tif").read_bytes())
    # Lists of pages that follow each other in a circle, or say that there are thousands.
    entries = ((256, 64), (257, 64), (258, 8), (259, 1), (262, 1), (273, 8), (279, 4096))
    tags = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    for following in (8, 0xFFFFFFF0, 2**31):
        content = b"II*\0" + struct.pack("<IH", 8, len(entries)) + tags
        yield Hostile(f"tif, next page at {following}", "a.tif",
                      content + struct.pack("<I", following) + bytes(5000))  # fmt: skip
    yield Hostile("tif of 65535 tags", "a.tif", b"II*\0" + struct.pack("<IH", 8, 65535) + tags)
    for described in ("ImageJ=1.0\nimages=99999999\nslices=99999999\n", '{"shape": [-1, 64, 64]}',
                      '{"shape": [99999999, 99999999]}', "[" * 50_000):  # fmt: skip
        tifffile.imwrite(folder / "x.tif", pixels, description=described, metadata=None)
        yield Hostile(f"tif of {described[:12]!r}", "a.tif", (folder / "x.tif").read_bytes())


def _texts() -> Iterator[Hostile]:
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(/etc/passwd) (r) file\n"
    for name in ("a.png", "a.jpg", "a.bmp", "a.tif"):
        yield Hostile(f"PostScript as {name}", name, postscript, leads=True)
        yield Hostile(f"a name as {name}", name, PASSWORDS.encode())
    for shape in ("(" * 4000, "[" * 9000, "(64, nan)", "(-1, -1)", "(1e400, 2)", "(" + "9" * 5000):
        yield Hostile(f"npy of {shape[:12]}", "a.npy", npy_header(shape, data=bytes(100)))
    for dtype in ("'<M8[ns]'", "'|V999999999'", "[('a', '<u2', (9999, 9999))]", "'<U99999999'"):
        yield Hostile(f"npy of {dtype}", "a.npy", npy_header("(64, 64)", dtype))
    for kind in ("dm3", "dm4"):
        head = struct.pack(">3i", 3, 99, 1) if kind == "dm3" else struct.pack(">iqi", 4, 99, 1)
        yield Hostile(f"{kind} of endless groups", f"a.{kind}", head + b"\x14\0\0\1\0" * 4000)
        yield Hostile(f"{kind} of endless tags", f"a.{kind}", head + b"\1\0\xff\xff\xff\xff" * 900)


# ---------------------------------------------------------------- scans alone
def _declared() -> Iterator[Hostile]:
    """Headers that claim far more than the file holds."""
    for sizes in ((64, 64, 2**31), (64, 64, 2**32 - 1), (2**20, 2**20, 2**20), (0, 0, 0)):
        head = struct.pack("<4I", *sizes, 6)
        yield Hostile(f"mrc of {sizes}", "a.mrc", head + bytes(9000))
    for columns, side in ((65535, 64), (65535, 65535), (0, 0)):
        head = b"IMGBLO" + struct.pack("<H3I4H", 0x102, 500, 600, 0, side, 0, columns, columns)
        yield Hostile(f"blo of {columns} x {side}", "a.blo", head + bytes(9000))


def _archives(folder: Path) -> Iterator[Hostile]:
    """Archives that unpack to far more, lead out of themselves, or ask for pickles."""
    stored = _zipped(folder / "scan.zspy")

    def changed(change: Callable[[str, bytes], tuple[str, bytes]]) -> bytes:
        buffer = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(stored)) as old,
            zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
        ):
            for name in old.namelist():
                new.writestr(*change(name, old.read(name)))
        return buffer.getvalue()

    def described(**entries: Any) -> Callable[[str, bytes], tuple[str, bytes]]:
        def change(name: str, content: bytes) -> tuple[str, bytes]:
            if name.endswith("data/.zarray"):
                content = json.dumps(json.loads(content) | entries).encode()
            return name, content

        return change

    def bomb(name: str, content: bytes) -> tuple[str, bytes]:
        return name, bytes(2**26) if "/data/0" in name else content

    yield Hostile("zspy bomb", "a.zspy", changed(bomb))
    yield Hostile("zspy upwards", "a.zspy", changed(lambda n, c: (f"../../{n}", c)))
    for entries in (
        {"filters": [{"id": "pickle"}]}, {"compressor": {"id": "pickle"}},
        {"shape": [2**40, 3, 64, 64]}, {"shape": [-2, 3, 64, 64]}, {"chunks": [0, 0, 0, 0]},
        {"chunks": [2**31, 2**31, 64, 64]}, {"dtype": "|O"}, {"dtype": "x"}, {"zarr_format": 9},
    ):  # fmt: skip
        yield Hostile(f"zspy with {entries}", "a.zspy", changed(described(**entries)))
    array = np.zeros(SCAN, "u2")
    for shape, dtype in (
        ("(99999, 99999, 64, 64)", "'<u2'"), ("(-2, 3, 64, 64)", "'<u2'"),
        ("(2, 3, 64, 64)", "'|O'"), ("(" * 3000, "'<u2'"),
    ):  # fmt: skip
        yield Hostile(
            f"prz of {shape[:20]} {dtype}", "a.prz", _prz(array, npy_header(shape, dtype))
        )


def _xml(canary: Path) -> Iterator[Hostile]:
    for target in (str(canary / "canary.raw"), f"../{canary.name}/canary.raw", PASSWORDS,
                   "../../../../../../etc/passwd", "file:///etc/passwd", "scan.xml",
                   "&quot;/etc/passwd&quot;", "request.json"):  # fmt: skip
        yield Hostile(f"EMPAD to {target}", "a.xml", empad_xml(target), leads=True)
    outside = f'<!DOCTYPE r [<!ENTITY e SYSTEM "file://{PASSWORDS}">]>'.encode()
    yield Hostile("EMPAD with an entity", "a.xml", outside + empad_xml("&e;"))
    yield Hostile("EMPAD, deep", "a.xml", b"<a>" * 90_000)
    named = f"<root><raw_file><filename>{PASSWORDS}</filename></raw_file></root>".encode()
    yield Hostile("EMPAD in an element", "a.xml", named, leads=True)
    yield Hostile("EMPAD of no size", "a.xml", empad_xml("a.raw", (-1, 2**40)))


def _tia() -> Iterator[Hostile]:
    for elements, offset in ((2**32 - 1, 30), (1, 2**32 - 1), (2**31, 0)):
        head = struct.pack("<3H6I", 0x4949, 0x197, 0x210, 0x4122, 0x4152, elements, elements,
                           offset, 2**16)  # fmt: skip
        yield Hostile(f"ser of {elements} at {offset}", "a.ser", head + bytes(4000))
    yield Hostile("emi of endless objects", "a.emi", b"<ObjectInfo>" * 500)
