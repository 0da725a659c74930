"""Names of other files inside a file: found, and judged, before anything is read.

Some formats let a file say that its numbers lie elsewhere. Whoever writes such a file
chooses which file of the reader's computer is read. So a file that somebody sent may name
no other at all, and a user's own file only what lies in its own folder and below, where
symbolic links are followed before that is asked.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pacbed.errors import FileFormatError

#: A file of more objects, or of groups that are nested deeper, is not walked through.
_MOST_OBJECTS = 100_000
_DEEPEST = 500
#: Longest part of a name that is shown.
_SHOWN = 120


@dataclass(frozen=True)
class Reach:
    """How far the names in a file may lead.

    Attributes
    ----------
    path : Path
        The file.
    alone : bool
        Nowhere, as for a file that somebody sent; else to the file's folder and below.
    """

    path: Path
    alone: bool

    def check(self, name: str, what: str, folders: Sequence[Path]) -> list[Path]:
        """Refuse a name that leads too far.

        Parameters
        ----------
        name : str
            As it stands in the file.
        what : str
            Which part of the file has it, and what kind of link it is.
        folders : sequence of Path
            Where a relative name is looked for.

        Returns
        -------
        list of Path
            The files that are there, without symbolic links.

        Raises
        ------
        FileFormatError
            If there is nothing of this name, or it lies elsewhere.
        """
        if self.alone:
            raise self.refusal(f"{what}: only the file itself is read; save all of it in one file")
        found = [real for folder in folders if (real := _regular(folder / name)) is not None]
        for real in found:
            self.check_place(real, f"{what}, {_short(name)}")
        if not found:
            raise self.refusal(
                f"{what}, {_short(name)}, which is not there: copy it beside this file"
            )
        return found

    def check_place(self, real: Path, what: str) -> None:
        """Refuse a file outside the folder; `real` has no symbolic links.

        Raises
        ------
        FileFormatError
            If it lies elsewhere.
        """
        if not real.is_relative_to(self.path.resolve().parent):
            raise self.refusal(
                f"{what}, which lies outside its own folder: put both files into one folder"
            )

    def refusal(self, words: str) -> FileFormatError:
        """One line, whatever stands in the names."""
        line = "".join(c if c.isprintable() else "?" for c in words)
        return FileFormatError(f"{self.path}: {line}.")


def check_companions(path: Path, others: Sequence[Path]) -> None:
    """Refuse files that a reader takes up beside the one it is given, where they lie elsewhere.

    Parameters
    ----------
    path : Path
    others : sequence of Path
        Their names follow from that of the file. They need not be there.

    Raises
    ------
    FileFormatError
        If one of them is a symbolic link to another folder.
    """
    for other in others:
        real = _resolved(other)
        if real is not None:
            Reach(path, alone=False).check_place(
                real, f"the file {_short(other.name)} beside it is a symbolic link to a file"
            )


def check_hdf5(path: Path, alone: bool, *, beside: bool = False, tree: bool = False) -> None:
    """Refuse an HDF5 file with links that lead too far.

    Every link and every dataset is looked at, and no number is read. Files that are linked
    to are walked through likewise.

    Parameters
    ----------
    path : Path
    alone : bool
        See :class:`Reach`.
    beside : bool
        Names of external storage start at the file's folder, as the reader has asked for;
        HDF5 itself takes the current folder.
    tree : bool
        The reader goes down every name: refuse groups with several, which may hold
        themselves, or double at each step.

    Raises
    ------
    FileFormatError
        If a link leads too far, or the file cannot be walked through.
    """
    reach = Reach(Path(path), alone)
    waiting, seen = [reach.path], set()
    while waiting:
        file = waiting.pop()
        if file.resolve() in seen:
            continue
        seen.add(file.resolve())
        try:
            links = list(_hdf5_links(file, reach, tree))
        except FileFormatError:
            raise
        except Exception as error:  # h5py raises many classes on damaged files
            reason = " ".join(str(error).split())[:160] or type(error).__name__
            raise FileFormatError(
                f"{path}: not a readable HDF5 file, or cut short ({reason}): copy it again."
            ) from error
        for link in links:
            if link.raw:
                first = file == reach.path
                here = Path.cwd()
                nested = (file.parent, reach.path.parent, here)
                own = (reach.path.parent,) if beside else (here,)
                reach.check(link.name, link.what, own if first else nested)
            else:
                waiting += _linked(link, file, reach)


@dataclass(frozen=True)
class _Link:
    """A name in an HDF5 file: of a raw file, or of another HDF5 file."""

    what: str
    name: str
    raw: bool


def _linked(link: _Link, file: Path, reach: Reach) -> list[Path]:
    """The HDF5 files that a link leads to, taken from where HDF5 finds them first."""
    import h5py

    if reach.alone:
        reach.check(link.name, link.what, ())
    names = [link.name]
    if "%" in link.name:
        names = _numbered(link.name, file, reach, link.what)
    found = []
    for name in names:
        places = (_regular(place) for place in _hdf5_places(name, file))
        real = next((place for place in places if place is not None), None)
        if real is None:
            real = reach.check(name, link.what, (file.parent,))[0]
        reach.check_place(real, f"{link.what}, {_short(link.name)}")
        # With another file HDF5 would go on to the next folder.
        if not h5py.is_hdf5(real):
            raise reach.refusal(f"{link.what}, {_short(link.name)}, which is no HDF5 file")
        found.append(real)
    return found


def _hdf5_places(name: str, file: Path) -> list[Path]:
    """Where HDF5 looks for a file that is named in another, in order."""
    folders = (file.parent, Path.cwd(), file.resolve().parent)
    if not os.path.isabs(name):
        return [folder / name for folder in folders]
    return [Path(name), *(folder / Path(name).name for folder in folders)]


def _numbered(name: str, file: Path, reach: Reach, what: str) -> list[str]:
    """Write out a name that has the number of a block in it (``%b``)."""
    folder, last = os.path.split(name)
    pattern = re.sub("%%|%[0-9]*b", lambda m: "%" if m[0] == "%%" else r"[0-9]+", re.escape(last))
    if "%" in folder:
        raise reach.refusal(f"{what}, {_short(name)}, whose folder has a number in it")
    found = set()
    for place in _hdf5_places(os.path.join(folder, "x"), file):
        if place.parent.is_dir():
            matching = (other for other in os.listdir(place.parent) if re.fullmatch(pattern, other))
            found |= {str(place.parent / other) for other in matching}
    return sorted(found) or [name]


def _hdf5_links(path: Path, reach: Reach, tree: bool) -> Iterator[_Link]:
    """All names of other files in an HDF5 file; no dataset is read."""
    import h5py

    with h5py.File(path, "r") as file:
        waiting = [("", 0, h5py.h5g.open(file.id, b"/"))]
        seen: dict[Any, bool] = {h5py.h5o.get_info(waiting[0][2]).addr: True}
        while waiting:
            place, depth, group = waiting.pop()
            if depth > _DEEPEST or len(seen) > _MOST_OBJECTS:
                raise reach.refusal("holds too many groups and datasets to be read safely")
            for key in group:
                name = f"{place}/{os.fsdecode(key)}"[-_SHOWN:]
                link = group.links.get_info(key)
                if link.type == h5py.h5l.TYPE_EXTERNAL:
                    other = os.fsdecode(group.links.get_val(key)[0])
                    yield _Link(f"{name} is a link to another file (external link)", other, False)
                    continue
                # A soft link leads to another name in the same file, which is looked at too.
                if link.type == h5py.h5l.TYPE_SOFT:
                    several = tree and isinstance(_opened(group, key), h5py.h5g.GroupID)
                elif link.type == h5py.h5l.TYPE_HARD:
                    several = tree and seen.get(link.u, False)
                else:
                    raise reach.refusal(f"{name} is a link of an unknown kind (user-defined link)")
                if several:
                    raise reach.refusal(f"{name} is a further name of a group, which none needs")
                if link.type == h5py.h5l.TYPE_HARD and link.u not in seen:
                    item = h5py.h5o.open(group, key)
                    seen[link.u] = isinstance(item, h5py.h5g.GroupID)
                    if seen[link.u]:
                        waiting.append((name, depth + 1, item))
                    elif isinstance(item, h5py.h5d.DatasetID):
                        yield from _dataset_links(item.get_create_plist(), name)


def _opened(group: Any, key: bytes) -> Any:
    """What a soft link leads to; None where that is nothing."""
    import h5py

    try:
        return h5py.h5o.open(group, key)
    except Exception:  # h5py raises many classes
        return None


def _dataset_links(made: Any, name: str) -> Iterator[_Link]:
    """Names in the description of a dataset."""
    import h5py

    for number in range(made.get_external_count()):
        other = os.fsdecode(made.get_external(number)[0])
        yield _Link(
            f"the dataset {name} has its numbers in another file (external storage)", other, True
        )
    if made.get_layout() == h5py.h5d.VIRTUAL:
        count = made.get_virtual_count()
        # The name of the file itself is a dot.
        for other in sorted({made.get_virtual_filename(n) for n in range(count)} - {"."}):
            yield _Link(
                f"the dataset {name} is put together from other files (virtual dataset)",
                other,
                False,
            )


def _resolved(path: Path) -> Path | None:
    """The file itself, without symbolic links; None where there is nothing."""
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return None


def _regular(path: Path) -> Path | None:
    """The file itself; None where there is nothing, or a folder, a pipe or a device."""
    real = _resolved(path)
    return real if real is not None and real.is_file() else None


def _short(name: str) -> str:
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
