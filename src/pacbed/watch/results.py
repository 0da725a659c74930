"""The table that answers are added to, line by line, and which is gone on with after a restart."""

import contextlib
import csv
import importlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from pacbed.bounded import read_bytes
from pacbed.errors import FileFormatError
from pacbed.files import telling_full
from pacbed.library.csv_table import CsvRows, csv_text

_fcntl: Any = None  # not on Windows
with contextlib.suppress(ImportError):
    _fcntl = importlib.import_module("fcntl")

#: Larger tables are begun anew.
MOST_BYTES = 100_000_000
#: What a spreadsheet would take for a formula is text here, as in the page's table.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_SHIELDED = re.compile(r"^'(?='*[=+\-@\t\r])")


class Results:
    """A table that is open for adding; no other process adds to it meanwhile.

    Parameters
    ----------
    path : Path
        Made with its header where it is not there.
    columns : sequence of str

    Raises
    ------
    FileFormatError
        If it has other columns, is too large, or another process adds to it.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path, self._columns = path, tuple(columns)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        try:
            self._file = os.open(path, flags, 0o666)
        except OSError as error:
            raise FileFormatError(f"{path}: cannot be written ({error.strerror})") from error
        try:
            self._lock()
            self.done = self._read()
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> "Results":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        os.close(self._file)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a line, whole or not at all, and have it on the disk.

        Raises
        ------
        DiskFullError
        """
        line = csv_text([_text(row.get(name)) for name in self._columns], [], ",", "\r\n")
        self._append(line)
        self.done.add((str(row["file"]), str(row["file_sha256"])))

    def _append(self, text: str) -> None:
        before = os.fstat(self._file).st_size
        content = text.encode("utf-8", "replace")
        with telling_full(f"the table {self.path}"):
            try:
                # One call: who reads meanwhile sees all of the line, or nothing.
                if os.write(self._file, content) < len(content):
                    raise OSError(28, os.strerror(28))
                os.fsync(self._file)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, before)
                raise

    def _lock(self) -> None:
        if _fcntl is None:
            return
        try:
            _fcntl.flock(self._file, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FileFormatError(
                f"{self.path}: another process adds to it: give another one with --output"
            ) from error
        except OSError:
            pass  # a file system without locks

    def _read(self) -> set[tuple[str, str]]:
        """Name and SHA-256 of the files that the table has."""
        content = read_bytes(self.path, MOST_BYTES)
        if len(content) > MOST_BYTES:
            raise FileFormatError(f"{self.path}: is too large: give another table with --output")
        if not content:
            self._append(csv_text(self._columns, [], ",", "\r\n"))
            return set()
        rows = CsvRows(content.decode("utf-8-sig", "replace"), ",")
        try:
            if rows.header() != list(self._columns):
                raise FileFormatError(
                    f"{self.path}: is no table of these answers: give another one with --output"
                )
            whole = [row for row in rows if len(row) == len(self._columns)]
        except csv.Error as error:
            raise FileFormatError(f"{self.path}: line {rows.line}: {error}; correct it") from error
        if not content.endswith(b"\n"):
            # A power cut in the middle of a line: the next one begins a line of its own.
            self._append("\r\n")
        file, digest = self._columns.index("file"), self._columns.index("file_sha256")
        return {(_SHIELDED.sub("", row[file]), row[digest]) for row in whole}


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value
