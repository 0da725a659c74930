"""Zip files of shared systems: written the same every time, and read within bounds.

An archive comes from somebody else. Nothing of it is written to the disk here, no name in it is
taken for a path, and no member is read beyond what it says of its size.
"""

import io
import re
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pacbed.bounded import read_bytes
from pacbed.errors import FileFormatError

#: Largest archive, and largest content of all members together.
MOST_BYTES = 512 * 2**20
_MOST_MEMBERS, _MOST_DIRECTORY_BYTES = 64, 2**16
#: The only names: the card, and files of four folders, none of them hidden.
_NAME = re.compile(r"system\.json|(?:model|crystal|test)/[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
#: The record that ends an archive without a comment, and the one that says it is a large one.
_END, _END_BYTES = b"PK\x05\x06", 22
_LARGE, _LARGE_BYTES = b"PK\x06\x07", 20
_AT_ONCE = 2**20
_DATE = (1980, 1, 1, 0, 0, 0)
_MODES = frozenset({0, stat.S_IFREG})


def write_archive(files: Mapping[str, bytes]) -> bytes:
    """Pack files; the same files make the same bytes.

    Parameters
    ----------
    files : mapping of str to bytes
        In the order that they shall have.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name, _DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(member, data)
    return content.getvalue()


def read_archive(path: Path) -> dict[str, bytes]:
    """Read all members of an archive.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to bytes
        By name; all names are of the form that :func:`write_archive` is given.

    Raises
    ------
    FileFormatError
        If it cannot be read, is no archive of a system, or holds something that no such archive
        does: other paths, links, encrypted or too large members, a name twice.
    """
    try:
        content = read_bytes(path, MOST_BYTES)
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({error.strerror}); check it") from error
    try:
        _check_end(content)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            _check_members(members)
            return {member.filename: _member(archive, member) for member in members}
    except (ValueError, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise _refused(path, str(error)) from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise _refused(path, f"no whole zip file, {error}") from error
    except Exception as error:  # what a decompressor makes of bytes that nobody foresaw
        raise _refused(path, type(error).__name__) from error


def _refused(path: Path, why: str) -> FileFormatError:
    return FileFormatError(
        f"{path}: is no packed system ({' '.join(why.split())[:200]}): ask for the file again, as "
        "pacbed pack writes it"
    )


def _check_end(content: bytes) -> None:
    """Bound the list of members before it is read: a file can have millions of them."""
    end = content[-_END_BYTES:]
    if len(end) < _END_BYTES or end[:4] != _END or end[-2:] != b"\0\0":
        raise ValueError("it does not end like a zip file without a comment")
    if content[-_END_BYTES - _LARGE_BYTES :][:4] == _LARGE:
        raise ValueError("it is of the form for large archives")
    members = int.from_bytes(end[10:12], "little")
    directory = int.from_bytes(end[12:16], "little")
    if members > _MOST_MEMBERS or directory > _MOST_DIRECTORY_BYTES:
        raise ValueError(f"it has {members} members")


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    for member in members:
        # What zipfile makes of a name that has a zero byte, or of another system's separators, must
        # not be what is looked at.
        if not _NAME.fullmatch(member.filename) or member.orig_filename != member.filename:
            raise ValueError(f"the name {member.orig_filename[:80]!r} belongs to no such file")
        if stat.S_IFMT(member.external_attr >> 16) not in _MODES:
            raise ValueError(f"{member.filename} is a link or a device")
        if member.flag_bits & 0x1:
            raise ValueError(f"{member.filename} is encrypted")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{member.filename} is compressed in another way")
    if len({name.lower() for name in names}) < len(names):
        raise ValueError("it has a name twice")
    if sum(member.file_size for member in members) > MOST_BYTES:
        raise ValueError(f"unpacked it is larger than {MOST_BYTES >> 20} MiB")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A member, of as many bytes as it says that it has."""
    parts, left = [], member.file_size
    with archive.open(member) as stored:
        while part := stored.read(min(_AT_ONCE, left + 1)):
            left -= len(part)
            if left < 0:
                raise ValueError(f"{member.filename} is larger than it says")
            parts.append(part)
    if left:
        raise ValueError(f"{member.filename} is shorter than it says")
    return b"".join(parts)
