"""Reading files of a data folder: never more than a bound, and only what is a file.

Anybody may have put a file there, and a service looks at it on its own accord. What is too
large, too deep, or no file at all (a pipe, a device) is told as if it could not be read:
:class:`OSError` where it is about the file, :class:`ValueError` where it is about its
content. Callers make an error of :mod:`pacbed.errors` of both.
"""

import errno
import io
import json
import math
import os
import re
import stat
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

#: Largest description (bundle.json, recipe.toml), bytes.
MOST_DESCRIPTION_BYTES = 4 * 2**20
#: Deepest nesting of a description; that of a Keras network has some twenty.
MOST_DEPTH = 64
#: Largest whole number of a description: more is no count, ID or size.
_LARGEST_WHOLE = 2**63 - 1
#: Digits that such a number has.
_MOST_DIGITS = 20
#: Dots between what ends a name in TOML; prose in a comment may have some more than a name.
_MOST_DOTS = 200
_BETWEEN = re.compile(r"[=,{}\[\]\n]")
_AT_ONCE = 2**20
#: Members of an archive of arrays.
_MOST_MEMBERS = 64


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading; nothing else is opened, and nothing waited for.

    Raises
    ------
    OSError
        If the file cannot be opened, or is a folder, a pipe, a socket or a device.
    """
    # Looked at first, since opening a device may do something, and again afterwards, since
    # another file may have taken its place; a pipe without a writer must not hang.
    _check_regular(path, os.stat(path))
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        _check_regular(path, os.fstat(file.fileno()))
        yield file


def _check_regular(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no file but a folder, pipe or device", str(path))


def read_bytes(path: Path, most: int) -> bytes:
    """Read a file that has at most so many bytes.

    Parameters
    ----------
    path : Path
    most : int
        Largest size, bytes.

    Raises
    ------
    OSError
        If it cannot be read, is no regular file, or is larger.
    """
    with open_regular(path) as file:
        # A file may grow while it is read: what is read counts. Memory is taken for what it has.
        size = os.fstat(file.fileno()).st_size
        large = size > most
        content = b"" if large else file.read(size + 1)
        if len(content) > size:
            content += file.read(most + 1 - len(content))
    if large or len(content) > most:
        limit = f"{most / 1e6:g} MB" if most >= 100_000 else f"{most} bytes"
        raise OSError(errno.EFBIG, f"it is larger than the {limit} that are read", str(path))
    return content


def read_json(path: Path) -> Any:
    """Read a description in JSON; see :func:`parse_json`."""
    return parse_json(read_bytes(path, MOST_DESCRIPTION_BYTES))


def parse_json(content: bytes | str) -> Any:
    """Understand JSON that nests little, with finite numbers and no name twice; NaN is None.

    Parameters
    ----------
    content : bytes or str
        UTF-8.

    Raises
    ------
    ValueError
        If it is something else.
    """
    text = content.decode("utf-8") if isinstance(content, bytes) else content
    try:
        parsed = json.loads(
            text,
            parse_int=_whole,
            parse_float=_finite,
            # Python writes NaN and Infinity, of which nobody can count on anything.
            parse_constant=lambda _: None,
            object_pairs_hook=_no_name_twice,
        )
    except RecursionError:
        raise ValueError(f"it is nested more than {MOST_DEPTH} deep") from None
    _check_depth(parsed)
    return parsed


def parse_toml(content: bytes) -> dict[str, Any]:
    """Understand TOML that nests little, with finite numbers.

    Raises
    ------
    ValueError
        If it is something else.
    """
    text = content.decode("utf-8")
    # The time for a name with many dots grows with their square.
    if any(piece.count(".") > _MOST_DOTS for piece in _BETWEEN.split(text)):
        raise ValueError(f"it is nested more than {MOST_DEPTH} deep")
    try:
        parsed = tomllib.loads(text, parse_float=_finite)
    except RecursionError:
        raise ValueError(f"it is nested more than {MOST_DEPTH} deep") from None
    _check_depth(parsed)
    return parsed


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS or abs(int(text)) > _LARGEST_WHOLE:
        raise ValueError(f"the number {text[:_MOST_DIGITS]}… is too large")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:_MOST_DIGITS]} is no finite number")
    return value


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in made if names.count(name) > 1)
        raise ValueError(f"{twice[:80]!r} stands there twice")
    return made


def _check_depth(parsed: Any) -> None:
    """Refuse what whoever walks through it by recursion could not, and numbers past 64 bits."""
    level: list[Any] = [parsed]
    for _ in range(MOST_DEPTH):
        inner: list[Any] = []
        for part in level:
            if isinstance(part, dict):
                inner += part.values()
            elif isinstance(part, list):
                inner += part
            elif isinstance(part, int) and abs(part) > _LARGEST_WHOLE:
                raise ValueError("a number is too large")
        level = inner
        if not level:
            return
    raise ValueError(f"it is nested more than {MOST_DEPTH} deep")


def parse_arrays(content: bytes, most_bytes: int) -> dict[str, np.ndarray]:
    """Understand an .npz without pickles whose arrays together have at most so many bytes.

    What a member's header says of its shape is compared with what is stored, before
    memory is taken for it.

    Raises
    ------
    OSError, ValueError, zipfile.BadZipFile, EOFError
        If it is something else.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if len(members) > _MOST_MEMBERS or sum(m.file_size for m in members) > most_bytes:
            raise ValueError(f"it holds more than {most_bytes >> 20} MiB")
        arrays = {}
        for member in members:
            with archive.open(member) as stored:
                arrays[member.filename.removesuffix(".npy")] = _array(stored, member.file_size)
        return arrays


def _array(stored: Any, size: int) -> np.ndarray:
    version = npy.read_magic(stored)
    if version == (1, 0):
        shape, by_columns, dtype = npy.read_array_header_1_0(stored)
    elif version == (2, 0):
        shape, by_columns, dtype = npy.read_array_header_2_0(stored)
    else:
        raise ValueError(f"an array is stored in the format {version}")
    count = math.prod(shape)
    if dtype.hasobject or min(shape, default=0) < 0 or count * dtype.itemsize > size:
        raise ValueError("an array is not as its header says")
    # Of as many bytes as the archive says, no more.
    content = b"".join(iter(lambda: stored.read(_AT_ONCE), b""))
    if len(content) != count * dtype.itemsize:
        raise ValueError("an array is not as long as its header says")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_columns else "C")
