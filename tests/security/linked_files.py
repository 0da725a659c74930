"""Files that name other files: every kind of link, in every format that can have one."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tifffile
from rsciio import emd, hspy

from tests.service.malformed import pattern_place, pattern_signal

#: Pixels of one pattern, and of a scan.
SIDE = 64
SCAN = (2, 3, SIDE, SIDE)

#: Which part of an HDF5 file is turned into a link: makes it, given the group, the name, the
#: shape, and the file that it shall lead to (raw numbers, or HDF5 with a dataset "z").
Linker = Callable[[h5py.Group, str, tuple[int, ...], str], None]


def external_storage(group: h5py.Group, name: str, shape: tuple[int, ...], target: str) -> None:
    size = int(np.prod(shape))
    group.create_dataset(name, shape, "u1", external=[(target, 0, size)])


def virtual_dataset(group: h5py.Group, name: str, shape: tuple[int, ...], target: str) -> None:
    layout = h5py.VirtualLayout(shape, "u1")
    layout[...] = h5py.VirtualSource(target, "z", shape)
    group.create_virtual_dataset(name, layout)


def external_link(group: h5py.Group, name: str, shape: tuple[int, ...], target: str) -> None:
    group[name] = h5py.ExternalLink(target, "/z")


def link_to_a_link(group: h5py.Group, name: str, shape: tuple[int, ...], target: str) -> None:
    group.file["out"] = h5py.ExternalLink(target, "/z")
    group.file["step"] = h5py.SoftLink("/out")
    group[name] = h5py.SoftLink("/step")


#: Each kind with the words that name it.
LINKERS: dict[str, tuple[Linker, str]] = {
    "external storage": (external_storage, "external storage"),
    "virtual dataset": (virtual_dataset, "virtual dataset"),
    "external link": (external_link, "external link"),
    "soft link to an external link": (link_to_a_link, "external link"),
}


def write_target(folder: Path, kind: str, name: str, pixels: np.ndarray) -> Path:
    """Write what a link leads to: plain numbers, or an HDF5 file with a dataset "z"."""
    if kind == "external storage":
        (folder / f"{name}.raw").write_bytes(pixels.tobytes())
        return folder / f"{name}.raw"
    with h5py.File(folder / f"{name}.h5", "w") as file:
        # RosettaSciIO reads what has chunks.
        file.create_dataset("z", data=pixels, chunks=True)
    return folder / f"{name}.h5"


def write_linked(path: Path, kind: str, target: str, shape: tuple[int, ...]) -> Path:
    """Write an HDF5 file whose pattern or scan is a link of a kind."""
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            LINKERS[kind][0](file, "data", shape, target)
        return path
    writer = {".emd": emd, ".hspy": hspy}[path.suffix]
    writer.file_writer(str(path), pattern_signal(np.ones(shape, "u1")))
    with h5py.File(path, "r+") as file:
        place = pattern_place(file)
        del file[place]
        group, name = place.rsplit("/", 1)
        LINKERS[kind][0](file[group], name, shape, target)
    return path


def empad_xml(target: str, size: tuple[int, int] = (2, 3)) -> bytes:
    return (
        f'<root><raw_file filename="{target}"/><pix_x>{size[1]}</pix_x><pix_y>{size[0]}</pix_y>'
        "</root>"
    ).encode()


def ome_tiff(path: Path, target: str, uuid: str = "urn:uuid:1") -> Path:
    """An OME-TIFF of two planes, of which the second lies in another file."""
    text = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" '
        f'SizeX="{SIDE}" SizeY="{SIDE}" SizeZ="2" SizeC="1" SizeT="1">'
        f'<TiffData IFD="0" FirstZ="0" PlaneCount="1"><UUID FileName="{path.name}">a</UUID>'
        "</TiffData>"
        f'<TiffData IFD="0" FirstZ="1" PlaneCount="1"><UUID FileName="{target}">{uuid}</UUID>'
        "</TiffData></Pixels></Image></OME>"
    )
    pixels = np.arange(SIDE * SIDE, dtype="u1").reshape(SIDE, SIDE)
    tifffile.imwrite(path, pixels, description=text, metadata=None)
    return path


class Evil:
    """What a pickle may do when it is read."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._mark,)


def ask_for_pickles(zspy: Path, mark: Path) -> None:
    """Have the codec of a zspy's array be that of pickles."""
    description = next(zspy.rglob("data/.zarray"))
    entries = json.loads(description.read_text())
    entries["filters"] = [{"id": "pickle"}]
    description.write_text(json.dumps(entries))
    for chunk in description.parent.glob("[0-9]*"):
        if chunk.is_file():
            chunk.write_bytes(pickle.dumps(Evil(mark)))
