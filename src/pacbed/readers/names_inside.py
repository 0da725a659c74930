"""Names of other files in the formats that are not HDF5, checked before anything is read.

Which reader takes up which files, by their code: RosettaSciIO's (empad, mib, mrc, tvips,
tia, zspy), tifffile's and LiberTEM's (seq).
"""

import json
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

import tifffile

from pacbed.errors import FileFormatError
from pacbed.links import Reach, check_companions, check_hdf5
from pacbed.readers.formats import FOLDERS

#: Formats that are HDF5, by extension.
_HDF5 = (".emd", ".hspy", ".de5", ".app5")
#: A description longer than this, bytes, is not read.
_LONGEST = 2**24
#: A codec that runs what it reads.
_PICKLE = "pickle"


def check_names_inside(path: Path, alone: bool) -> None:
    """Refuse a file in a format of RosettaSciIO that would have others read, too far away.

    Parameters
    ----------
    path : Path
        An existing file, or the folder of a zspy.
    alone : bool
        Whether it may name no file at all; see :class:`pacbed.links.Reach`.

    Raises
    ------
    FileFormatError
        If it names such files, or cannot be looked through.
    """
    suffix = path.suffix.lower()
    check_companions(path, _companions(path))
    if suffix in _HDF5:
        # The reader of hspy goes down whatever has a name.
        check_hdf5(path, alone, tree=suffix == ".hspy")
    elif suffix == ".xml":
        _check_empad(path, alone)
    elif suffix in FOLDERS:
        _check_zspy(path)


def check_tiff_names(file: tifffile.TiffFile, path: Path, alone: bool) -> None:
    """Refuse a tif file whose planes lie in other files, too far away.

    Parameters
    ----------
    file : TiffFile
        Opened; its series must not have been asked for.
    path : Path
    alone : bool

    Raises
    ------
    FileFormatError
        If it names such files.
    """
    reach = Reach(path, alone)
    for name in _ome_names(file, reach):
        reach.check(name, "its description has planes in another file (OME-TIFF)", (path.parent,))
    if file.is_ndtiff and (path.parent / "NDTiff.index").exists():
        entries = tifffile.tifffile.read_ndtiff_index(path.parent / "NDTiff.index")
        for name in {entry[1] for entry in entries}:
            reach.check(name, "NDTiff.index names another file", (path.parent,))


def _companions(path: Path) -> list[Path]:
    """Files that a reader looks for beside the one it is given."""
    if path.suffix == ".mib":
        # The reader replaces the ending wherever it stands in the path.
        return [Path(str(path).replace(".mib", ".hdr"))]
    stem = re.escape(path.stem)
    acquisition = re.match(r"[0-9]{8}_[0-9]+_", path.name)
    pattern = {
        # Direct Electron: what has the date and the number of the acquisition.
        ".mrc": acquisition and re.escape(acquisition[0]) + ".*",
        ".tvips": re.escape(path.name[:-9]) + "[0-9]{3,}.*",
        ".emi": f"{stem}_[0-9].ser",
        ".seq": f"{stem.removesuffix('.seq')}.*",
        ".tif": r".*_MMStack.*|NDTiff\.index",
        ".tiff": r".*_MMStack.*|NDTiff\.index",
    }.get(path.suffix.lower())
    if pattern is None:
        return []
    return [path.parent / name for name in os.listdir(path.parent) if re.fullmatch(pattern, name)]


def _check_empad(path: Path, alone: bool) -> None:
    reach = Reach(path, alone)
    if path.stat().st_size > _LONGEST:
        raise reach.refusal("is too long for the description of an EMPAD's scan")
    for name in _raw_names(path, reach):
        # RosettaSciIO takes what stands in quotes for text in the way of Python.
        if re.search(r"['\"\\]", name):
            raise reach.refusal("the name of its raw file has quotes in it")
        reach.check(name, "its frames lie in a raw file that it names", (path.parent,))


def _raw_names(path: Path, reach: Reach) -> list[str]:
    """All text at or below an element ``raw_file``, in attributes or between tags."""
    found: list[str] = []
    inside = 0

    def begin(tag: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        if inside or tag.split(":")[-1] == "raw_file":
            inside += 1
            found.extend(attributes.values())

    def end(_: str) -> None:
        nonlocal inside
        inside -= inside > 0

    def text(content: str) -> None:
        if inside and content.strip():
            found.append(content.strip())

    def declared(*_: Any) -> None:
        raise reach.refusal("declares entities, which an EMPAD does not")

    parser = expat.ParserCreate()
    # Text in one piece.
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text, declared
    try:
        parser.Parse(path.read_bytes(), True)
    except expat.ExpatError as error:
        raise FileFormatError(
            f"{path}: not a readable xml file, or cut short ({error}): copy or export it again."
        ) from error
    return found


def _check_zspy(path: Path) -> None:
    """Refuse symbolic links out of the folder, and codecs that run what they read."""
    reach = Reach(path, alone=False)
    if path.is_dir():
        top = path.resolve()
        for folder, folders, names in os.walk(top):
            for name in (*folders, *names):
                place = Path(folder) / name
                if place.is_symlink() and not place.resolve().is_relative_to(top):
                    raise reach.refusal(f"{name} in it is a symbolic link that leads out of it")
    for name, content in _zarr_descriptions(path):
        try:
            waiting = [json.loads(content)]
        except (ValueError, RecursionError):
            raise reach.refusal(f"{name} in it cannot be read; copy it again") from None
        while waiting:
            entry = waiting.pop()
            if isinstance(entry, dict):
                if any(_PICKLE in str(entry.get(key)) for key in ("id", "name")):
                    raise reach.refusal(f"{name} in it asks for pickles, which may run code")
                waiting += entry.values()
            elif isinstance(entry, list):
                waiting += entry


def _zarr_descriptions(path: Path) -> Iterator[tuple[str, bytes]]:
    """The descriptions of a zspy's or zarr's arrays, whether it is a folder or an archive."""
    wanted = (".zarray", ".zmetadata", "zarr.json")
    if path.is_dir():
        for folder, _, names in os.walk(path):
            for name in set(names) & set(wanted):
                with (Path(folder) / name).open("rb") as file:
                    yield name, file.read(_LONGEST)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.namelist():
                if entry.endswith(wanted):
                    with archive.open(entry) as file:
                        yield entry, file.read(_LONGEST)


def _ome_names(file: tifffile.TiffFile, reach: Reach) -> Iterator[str]:
    """Names of files in the description of an OME-TIFF, without its own."""
    from xml.etree import ElementTree

    if not file.is_ome or not file.ome_metadata:
        return
    try:
        # A description with entities of its own would be refused by the parser's limits.
        root = ElementTree.fromstring(file.ome_metadata)  # noqa: S314
    except ElementTree.ParseError:
        return
    own = root.attrib.get("UUID")
    for entry in root.iter():
        name = entry.attrib.get("FileName")
        if name is None or name.lower() == reach.path.name.lower():
            continue
        # tifffile knows the file itself by its number, or by its name.
        if own is None or entry.text != own:
            yield name
