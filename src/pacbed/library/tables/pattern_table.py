"""Tables of simulated patterns: which file holds the pattern of which crystal.

The earlier system wrote them with pandas (``;`` or ``,``, sometimes with a column of
row numbers); any multislice program can. Columns: ``Path``, ``Thickness`` (Å),
``Mistilt`` (mrad), ``Conv_Angle`` (mrad); others are kept as text.
"""

import csv
import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pacbed.bounded import read_bytes
from pacbed.errors import FileFormatError
from pacbed.library.csv_table import CsvRows

#: Column of each quantity, and its unit.
NUMBERS = {"Thickness": "Å", "Mistilt": "mrad", "Conv_Angle": "mrad"}
REQUIRED = ("Path", *NUMBERS)
#: Largest file that is taken as a table, bytes.
_LARGEST = 500_000_000


@dataclass(frozen=True)
class PatternTable:
    """Simulated patterns and their labels; row `i` of every entry is one pattern.

    Attributes
    ----------
    path : Path
        The table's file.
    lines : ndarray of int, shape (n,)
        Line of the file, for messages.
    files : tuple of Path
        Existing files.
    thickness_angstrom, mistilt_mrad, convergence_mrad : ndarray, shape (n,)
    others : dict
        The other columns as text.
    """

    path: Path
    lines: np.ndarray
    files: tuple[Path, ...]
    thickness_angstrom: np.ndarray
    mistilt_mrad: np.ndarray
    convergence_mrad: np.ndarray
    others: dict[str, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.files)

    def keep(
        self,
        thickness_angstrom: tuple[float, float] = (0.0, math.inf),
        convergence_mrad: tuple[float, float] = (0.0, math.inf),
    ) -> "PatternTable":
        """Rows whose thickness and convergence angle lie inside the ranges.

        Raises
        ------
        FileFormatError
            If none does; the message says what there is.
        """
        inside = np.ones(len(self), bool)
        for values, (low, high) in (
            (self.thickness_angstrom, thickness_angstrom),
            (self.convergence_mrad, convergence_mrad),
        ):
            tolerance = 1e-6 * max(1.0, float(np.abs(values).max()))
            inside &= (values >= low - tolerance) & (values <= high + tolerance)
        if not inside.any():
            t, c = self.thickness_angstrom, self.convergence_mrad
            there = f"{t.min():g} to {t.max():g} Å at {c.min():g} to {c.max():g} mrad"
            raise FileFormatError(
                f"{self.path}: no row is left inside the ranges to keep; the table has {there}: "
                "widen the ranges."
            )
        return self.take(np.flatnonzero(inside))

    def take(self, rows: np.ndarray) -> "PatternTable":
        """Some of the rows, in the order given."""
        return PatternTable(
            self.path,
            self.lines[rows],
            tuple(self.files[i] for i in rows),
            self.thickness_angstrom[rows],
            self.mistilt_mrad[rows],
            self.convergence_mrad[rows],
            {name: tuple(column[i] for i in rows) for name, column in self.others.items()},
        )

    def one_value(self, column: str) -> str | None:
        """The text that all rows have in another column, None where they differ or lack it."""
        values = set(self.others.get(column, ()))
        return values.pop().strip() or None if len(values) == 1 else None

    def digest(self) -> str:
        """SHA-256 of the rows: files (name, size, time of change) and numbers."""
        digest = hashlib.sha256()
        for file in self.files:
            state = file.stat()
            digest.update(f"{file.resolve()}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
        for values in (self.thickness_angstrom, self.mistilt_mrad, self.convergence_mrad):
            digest.update(np.ascontiguousarray(values, np.float64).tobytes())
        return digest.hexdigest()


def read_pattern_table(path: Path, data: Path | None = None) -> PatternTable:
    """Read a table of simulated patterns and find its files.

    Parameters
    ----------
    path : Path
        CSV, separated by ``,`` or ``;`` (with ``;`` a decimal comma is understood).
    data : Path, optional
        Data folder. Paths in the table are absolute, or relative to the table's
        folder, to this folder or to one of the three above the table's; of an absolute
        path that is not here the last folders are looked for there. Backslashes are
        taken as slashes.

    Returns
    -------
    PatternTable
        With at least two rows.

    Raises
    ------
    FileFormatError
        If the file is no such table; the message names file and line.
    """
    path = Path(path)
    header, rows = _parse(path)
    columns = _columns(path, header)
    if len(rows) < 2:
        raise FileFormatError(
            f"{path}: the table has {len(rows)} row{'s' * (len(rows) != 1)}: "
            "training needs many patterns, at least one for each label and convergence angle."
        )
    finder = _Finder(path, data)
    lines = np.array([line for line, _ in rows])
    files = tuple(finder.find(line, row[columns["Path"]]) for line, row in rows)
    thickness, mistilt, convergence = (
        np.array([_number(path, line, name, row[columns[name]]) for line, row in rows])
        for name in NUMBERS
    )
    others = {
        name: tuple(row[place] for _, row in rows)
        for place, name in enumerate(header)
        if name and name not in REQUIRED
    }
    return PatternTable(path, lines, files, thickness, mistilt, convergence, others)


def _parse(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header, and each row with its line in the file."""
    try:
        text = read_bytes(path, _LARGEST).decode("utf-8-sig")
    except OSError as error:
        raise FileFormatError(
            f"{path}: cannot be read ({error.strerror}); check the path"
        ) from error
    except UnicodeDecodeError:
        raise FileFormatError(f"{path}: is not text in UTF-8: save the table as CSV.") from None
    reader = CsvRows(text)
    try:
        header = reader.header()
        rows = [(reader.line, row) for row in reader]
    except csv.Error as error:
        raise FileFormatError(f"{path}: is not a CSV table ({error}): export it again.") from None
    for line, row in rows:
        if len(row) != len(header):
            raise FileFormatError(
                f"{path}: line {line} has {len(row)} entries where the header has {len(header)}: "
                "mend the line."
            )
    return header, rows


def _columns(path: Path, header: list[str]) -> dict[str, int]:
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise FileFormatError(
            f"{path}: has no column {' or '.join(missing)}; it has {', '.join(header) or 'none'}: "
            "name the columns Path, Thickness (Å), Mistilt (mrad) and Conv_Angle (mrad)."
        )
    twice = [name for name in REQUIRED if header.count(name) > 1]
    if twice:
        raise FileFormatError(f"{path}: has the column {twice[0]} twice: remove one.")
    return {name: header.index(name) for name in REQUIRED}


def _number(path: Path, line: int, name: str, text: str) -> float:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        raise FileFormatError(
            f'{path}: line {line}: {name} "{text}" is not a number: '
            f"give it in {NUMBERS[name]}, or remove the line."
        ) from None
    if not math.isfinite(value) or value < 0 or (name == "Conv_Angle" and value == 0):
        raise FileFormatError(
            f"{path}: line {line}: {name} is {text.strip()}: give a value in {NUMBERS[name]} "
            "that is not negative, or remove the line."
        )
    return value


class _Finder:
    """Finds the files of a table; what led to the last one is tried first."""

    def __init__(self, path: Path, data: Path | None) -> None:
        self._path = path
        parent = path.resolve().parent
        given = [] if data is None else [data.resolve()]
        self._bases = [parent, *given, *list(parent.parents)[:3]]
        self._last = (parent, 0)

    def find(self, line: int, text: str) -> Path:
        name = text.strip().replace("\\", "/")
        if not name:
            raise FileFormatError(
                f"{self._path}: line {line}: Path is empty: name the pattern's file."
            )
        parts = name.split("/")
        # Of an absolute path of another computer the last folders may be here.
        absolute = name.startswith("/") or parts[0].endswith(":")
        cuts = range(len(parts)) if absolute else range(1)
        for base, cut in (self._last, *((b, c) for c in cuts for b in self._bases)):
            file = base / "/".join(parts[cut:])  # an absolute name stands for itself
            if file.is_file():
                self._last = (base, cut)
                return file
        raise FileFormatError(
            f"{self._path}: line {line}: there is no file {name}, neither in "
            f"{_listed(self._bases[:2])} nor above: check the path, or give --data."
        )


def _listed(folders: Iterable[Path]) -> str:
    return " nor in ".join(str(folder) for folder in folders)
