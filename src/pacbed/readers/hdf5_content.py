"""What is in an HDF5 file: its arrays, what each may be, and what stands beside them."""

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.errors import FileFormatError, PatternError
from pacbed.links import check_hdf5
from pacbed.readers.axis_units import is_energy
from pacbed.readers.checks import not_readable, reason
from pacbed.readers.hdf5_array import Hdf5Array
from pacbed.readers.hdf5_described import LONGEST_TEXT, default_array, read_attributes, read_axes

#: More objects than these are not looked at.
_MOST_OBJECTS = 100_000
_DEEPEST = 40
#: Arrays of a detector that are no frames.
_CORRECTIONS = re.compile(
    r"(^|_)(mask|flat_?field|dark|gain|background|countrate|trimbits?|correction)"
)
#: Pieces of one series, as Dectris numbers them.
_NUMBERED = re.compile(r"(.*?)_?(\d{3,})")
#: Smallest side of an array that may be a pattern.
_LEAST_SIDE = 8


@dataclass(frozen=True)
class Hdf5Content:
    """Arrays and tags of an HDF5 file.

    Attributes
    ----------
    path : Path
    arrays : dict of str to Hdf5Array
        Everything that may be patterns, by name; series in several datasets as a whole
        under the name of their group.
    tags : dict
        Attributes and single values, nested as in the file.
    spectra : tuple of str
        Names of arrays that are left out because an axis is an energy.
    default : str or None
        The array that the file itself calls its default (NeXus).
    axes : dict of str to list of dict
        Name, step and unit of each array's axes, as far as they are there.
    identities : dict of str to tuple
        What is the same for two names of one array.
    """

    path: Path
    arrays: dict[str, Hdf5Array]
    tags: dict[str, Any]
    spectra: tuple[str, ...] = ()
    default: str | None = None
    axes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    identities: dict[str, tuple[Any, ...]] = field(default_factory=dict)


def read_content(path: Path, alone: bool) -> Hdf5Content:
    """Look through an HDF5 file; no frame is read.

    Parameters
    ----------
    path : Path
    alone : bool
        Refuse a file that has others read; see :mod:`pacbed.links`.

    Raises
    ------
    FileFormatError
        If it is damaged, no HDF5, or leads too far.
    """
    import h5py

    _check_matlab(path)
    check_hdf5(path, alone, beside=True)
    try:
        with h5py.File(path, "r") as file:
            walk = _Walk(path, _is_matlab(path))
            walk.down(file, "", walk.tags, 0)
            default = walk.first_name(file, default_array(file))
            walk.join_series()
            return Hdf5Content(
                path,
                walk.arrays,
                walk.tags,
                tuple(walk.spectra),
                default,
                walk.axes,
                walk.identities,
            )
    except Exception as error:  # h5py raises many classes on damaged files
        raise not_readable(path, reason(error)) from error


def choose_array(
    content: Hdf5Content, dataset: str | None, least_axes: int, otherwise: str
) -> tuple[str, Hdf5Array]:
    """The array that was asked for, the file's default, or the one that is largest.

    Parameters
    ----------
    content : Hdf5Content
    dataset : str or None
    least_axes : int
    otherwise : str
        What is said where no array has so many axes.

    Raises
    ------
    PatternError
        If there is none, or several are alike.
    """
    fitting = {n: a for n, a in content.arrays.items() if a.ndim >= least_axes}
    names = ", ".join(sorted(fitting)[:12]) or "none"
    if dataset is not None:
        name = dataset.strip("/")
        if name in content.arrays and name not in fitting:
            shape = content.arrays[name].shape
            series = "; for a series of frames add --scan-shape ROWS,COLUMNS"
            raise PatternError(
                f"{content.path}: {dataset} has the shape {shape}, which is no array of "
                f"{least_axes} axes or more{series if len(shape) == 3 else ''}."
            )
        if name not in fitting:
            raise PatternError(
                f"{content.path}: there is no array {dataset} of {least_axes} axes or more: "
                f"it has {names}."
            )
        return name, fitting[name]
    if not fitting and content.spectra:
        raise PatternError(
            f"{content.path}: {content.spectra[0]} is a spectrum (an axis of it is an energy), no "
            "pattern: give the file of the pattern."
        )
    if not fitting:
        raise PatternError(f"{content.path}: {otherwise}")
    if content.default in fitting:
        return str(content.default), fitting[str(content.default)]
    sizes = {name: math.prod(array.shape) for name, array in fitting.items()}
    largest = [name for name, size in sizes.items() if size == max(sizes.values())]
    if len({content.identities[name] for name in largest}) > 1:
        raise PatternError(
            f"{content.path}: holds several arrays of one size: choose one with --dataset NAME "
            f"({', '.join(sorted(largest)[:12])})."
        )
    return largest[0], fitting[largest[0]]


class _Walk:
    """Goes through a file once, each group by its first name."""

    def __init__(self, path: Path, matlab: bool) -> None:
        self._path, self._matlab = path, matlab
        self.arrays: dict[str, Hdf5Array] = {}
        self.tags: dict[str, Any] = {}
        self.spectra: list[str] = []
        self.axes: dict[str, list[dict[str, Any]]] = {}
        self.identities: dict[str, tuple[Any, ...]] = {}
        self._seen: set[tuple[Any, ...]] = set()
        self._left = _MOST_OBJECTS

    def down(self, group: Any, place: str, tags: dict[str, Any], depth: int) -> None:
        """Collect what is in a group and below it, links followed."""
        import h5py

        identity = _identity(group)
        if identity in self._seen or depth > _DEEPEST:
            return
        self._seen.add(identity)
        tags.update(read_attributes(group))
        for key in group:
            self._left -= 1
            if self._left < 0:
                return
            name = f"{place}/{key}" if place else key
            try:
                item = group.get(key)
            except (KeyError, OSError):
                # A link to nothing.
                continue
            if isinstance(item, h5py.Group):
                self.down(item, name, tags.setdefault(key, {}), depth + 1)
            elif isinstance(item, h5py.Dataset):
                self._take(group, item, name, key, tags)

    def _take(self, group: Any, item: Any, name: str, key: str, tags: dict[str, Any]) -> None:
        tags.update({f"{key}@{n}": value for n, value in read_attributes(item).items()})
        if item.dtype.kind in "biufSO" and item.size == 1:
            value = item[()]
            if not isinstance(value, bytes) or len(value) <= LONGEST_TEXT:
                tags[key] = value
            return
        sides = sorted(item.shape)[-2:] if item.ndim >= 2 else [0]
        if item.dtype.kind not in "biuf" or min(sides) < _LEAST_SIDE:
            return
        if _CORRECTIONS.search(name.rsplit("/", 1)[-1].casefold()):
            return
        axes = read_axes(group, item)
        if any(is_energy(axis.get("units")) for axis in axes):
            self.spectra.append(name)
            return
        # MATLAB marks what it saves, and its axes run the other way round.
        turned = self._matlab or "MATLAB_class" in item.attrs
        shape = tuple(int(n) for n in (item.shape[::-1] if turned else item.shape))
        if min(shape[-2:]) < 1:
            return
        chunks = None if turned or item.chunks is None else tuple(int(n) for n in item.chunks)
        self.arrays[name] = Hdf5Array(
            self._path, (name,), (shape[0],), shape, np.dtype(item.dtype), turned, chunks
        )
        self.axes[name] = axes[::-1] if turned else axes
        self.identities[name] = _identity(item)

    def first_name(self, file: Any, name: str | None) -> str | None:
        """The name under which an array was met first; None where there is no such array."""
        import h5py

        item = None if name is None else file.get(name)
        if not isinstance(item, h5py.Dataset):
            return None
        identity = _identity(item)
        return next((n for n, known in self.identities.items() if known == identity), None)

    def join_series(self) -> None:
        """Put the numbered pieces of a detector's series together, under their group's name."""
        series: dict[tuple[Any, ...], list[str]] = defaultdict(list)
        for name, array in self.arrays.items():
            group, _, last = name.rpartition("/")
            numbered = _NUMBERED.fullmatch(last)
            if numbered and array.ndim == 3 and not array.reversed_axes:
                series[group, numbered[1], array.shape[1:], array.dtype].append(name)
        for (group, stem, frame, dtype), names in series.items():
            if len(names) < 2:
                continue
            names.sort(key=lambda name: int(_NUMBERED.fullmatch(name.rpartition("/")[2])[2]))  # type: ignore[index]
            lengths = tuple(self.arrays[name].shape[0] for name in names)
            whole = group or stem or "series"
            self.arrays[whole] = Hdf5Array(
                self._path, tuple(names), lengths, (sum(lengths), *frame), dtype
            )
            self.axes[whole] = self.axes[names[0]]
            self.identities[whole] = (whole,)


def _identity(item: Any) -> tuple[Any, ...]:
    """What is the same for one object under all its names."""
    import h5py

    info = h5py.h5o.get_info(item.id)
    return info.fileno, info.addr


def _is_matlab(path: Path) -> bool:
    """Whether MATLAB saved the file as its own (version 7.3)."""
    with path.open("rb") as file:
        return file.read(10) == b"MATLAB 7.3"


def _check_matlab(path: Path) -> None:
    """Refuse MATLAB's older format, which is no HDF5."""
    with path.open("rb") as file:
        older = file.read(10) in (b"MATLAB 5.0", b"MATLAB 6.0", b"MATLAB 7.0")
    if older:
        raise FileFormatError(
            f"{path}: a file of MATLAB's older format: save it there with save(..., '-v7.3')."
        )
