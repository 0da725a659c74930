"""What a hostile HDF5 file may be made of, beside names of other files."""

import zlib
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

SIDE = 64


def _replace(file: h5py.File, place: str, make: Callable[[h5py.Group, str], Any]) -> None:
    group, name = place.rsplit("/", 1)
    del file[place]
    make(file[group], name)


def _in_itself(file: h5py.File, place: str) -> None:
    group = file[place.rsplit("/", 1)[0]]
    for name in ("metadata", "again", "more"):
        if name in group:
            group[name]["loop"] = group
        else:
            group[name] = group


def _doubling(file: h5py.File, place: str) -> None:
    group = file[place.rsplit("/", 1)[0]].require_group("metadata")
    for number in range(40):
        below = file.create_group(f"d{number}")
        group["a"], group["b"] = below, below
        group = below


def _deep(file: h5py.File, place: str) -> None:
    group = file[place.rsplit("/", 1)[0]].require_group("metadata")
    for _ in range(1500):
        group = group.create_group("g")


def _many(file: h5py.File) -> None:
    group = file.create_group("many")
    for number in range(2000):
        group.create_group(str(number))


def _circle(file: h5py.File, _: str) -> None:
    file["one"], file["two"] = h5py.SoftLink("/two/x"), h5py.SoftLink("/one/x")


def _unknown_filter(group: h5py.Group, name: str) -> None:
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((SIDE, SIDE))
    made.set_filter(31999, h5py.h5z.FLAG_OPTIONAL)
    space = h5py.h5s.create_simple((SIDE, SIDE))
    h5py.h5d.create(group.id, name.encode(), h5py.h5t.NATIVE_UINT16, space, made)


def _bomb(group: h5py.Group, name: str) -> None:
    """One chunk of 1 GiB, of which 64 MiB are there, in some kB."""
    data = group.create_dataset(
        name, (SIDE, SIDE), "f8", chunks=(16384, 8192), maxshape=(None, None), compression=1
    )
    data.id.write_direct_chunk((0, 0), zlib.compress(bytes(2**26), 1))


def _endless(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (2**40, 2**20), "f8", chunks=(1, 1))


def _strings(group: h5py.Group, name: str) -> None:
    group.create_dataset(
        name, data=np.array([["a" * 9999] * 8] * 8, object), dtype=h5py.string_dtype()
    )


def _lists(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (8, 8), h5py.vlen_dtype(np.uint16))


def _records(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (SIDE, SIDE), [("R", "u1"), ("x", "f8", (3,))])


def _references(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (SIDE, SIDE), h5py.ref_dtype)


def _enumeration(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (SIDE, SIDE), h5py.enum_dtype({"a": 1, "b": 2}, "i1"))


def _no_axes(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, data=1)


def _nothing(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, data=h5py.Empty("f4"))


def _attributes(file: h5py.File, value: Any) -> None:
    def change(_: str, item: Any) -> None:
        for name in list(item.attrs):
            if name in ("scale", "offset", "size", "units", "title", "emd_group_type"):
                item.attrs[name] = value

    file.visititems(change)


#: By their titles: each changes a file whose pattern lies at a place.
CHANGES: dict[str, Callable[[h5py.File, str], None]] = {
    "a group in itself": _in_itself,
    "a tree that doubles": _doubling,
    "deep groups": _deep,
    "many groups": lambda file, _: _many(file),
    "a soft link to itself": lambda file, _: file.__setitem__("s", h5py.SoftLink("/s")),
    "two soft links in a circle": _circle,
    "an unknown filter": lambda file, place: _replace(file, place, _unknown_filter),
    "a bomb of zeros": lambda file, place: _replace(file, place, _bomb),
    "endless chunks": lambda file, place: _replace(file, place, _endless),
    "text of any length": lambda file, place: _replace(file, place, _strings),
    "lists of any length": lambda file, place: _replace(file, place, _lists),
    "records": lambda file, place: _replace(file, place, _records),
    "references": lambda file, place: _replace(file, place, _references),
    "an enumeration": lambda file, place: _replace(file, place, _enumeration),
    "no axes": lambda file, place: _replace(file, place, _no_axes),
    "nothing": lambda file, place: _replace(file, place, _nothing),
    "long text": lambda file, _: _attributes(file, "x" * 3000),
    "no numbers": lambda file, _: _attributes(file, np.nan),
    "endless numbers": lambda file, _: _attributes(file, np.inf),
    "negative sizes": lambda file, _: _attributes(file, -(2**31)),
    "nested brackets": lambda file, _: _attributes(file, "(" * 3000),
    "dates": lambda file, _: file.attrs.__setitem__("_datetime_date", "(" * 5000),
}  # fmt: skip
