"""Tables of a data folder: text cells between semicolons, as pandas writes and reads them."""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pacbed.bounded import read_bytes
from pacbed.errors import FileFormatError
from pacbed.files import write_atomically

#: Larger tables are refused; a row has some hundred bytes.
MAX_BYTES = 8_000_000
#: More systems than this nobody has, nor models of one; so many take a second to look through.
MAX_ROWS = 2_000
#: So much of a cell is told in messages.
_SHOWN = 60
#: How pandas writes that a value is missing.
_MISSING = frozenset({"", "nan", "na", "n/a", "none", "null", "<na>"})


@dataclass(frozen=True)
class CsvTable:
    """A table as it stands in its file, whether its columns are known here or not.

    Attributes
    ----------
    path : Path
    header : tuple of str
    rows : tuple of tuple of str
        Cells, as many in each row as in the header.
    lines : tuple of int
        Line of the file that each row ends on.
    newline : str
        How lines end.
    """

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    newline: str = "\n"

    def cell(self, row: int, column: str) -> str:
        """Text of a cell; empty where it is missing or the column is not there."""
        if column not in self.header:
            return ""
        text = self.rows[row][self.header.index(column)].strip()
        return "" if text.lower() in _MISSING else text

    def number(self, row: int, column: str) -> float | None:
        """Value of a cell, None where it is missing.

        Raises
        ------
        FileFormatError
            If the cell holds something else than a finite number.
        """
        text = self.cell(row, column)
        if not text:
            return None
        try:
            # A spreadsheet of half the world writes 0,5.
            value = float(text.replace(",", "."))
        except ValueError:
            value = float("nan")
        if not abs(value) < 1e300:
            raise self.fault(row, f'"{text[:_SHOWN]}" in the column "{column}" is not a number')
        return value

    def whole(self, row: int, column: str) -> int | None:
        """Value of a cell as a whole number (300.0 is one), None where it is missing.

        Raises
        ------
        FileFormatError
            If the cell holds something else.
        """
        value = self.number(row, column)
        if value is not None and value != int(value):
            text = self.cell(row, column)[:_SHOWN]
            raise self.fault(row, f'"{text}" in the column "{column}" is not a whole number')
        return None if value is None else int(value)

    def fault(self, row: int, words: str) -> FileFormatError:
        """Error that names the file and the line of a row."""
        return FileFormatError(f"{self.path}: line {self.lines[row]}: {words}; correct the table")

    def with_row(self, cells: dict[str, str]) -> "CsvTable":
        """Add a row; columns that it does not name stay empty, those it needs are added."""
        header, rows = self._with_columns(cells)
        added = tuple(cells.get(name, "") for name in header)
        return replace(self, header=header, rows=(*rows, added), lines=(*self.lines, 0))

    def with_cells(self, row: int, cells: dict[str, str]) -> "CsvTable":
        """Change some cells of a row; columns that it needs are added."""
        header, rows = self._with_columns(cells)
        changed = tuple(cells.get(n, old) for n, old in zip(header, rows[row], strict=True))
        return replace(self, header=header, rows=(*rows[:row], changed, *rows[row + 1 :]))

    def without_row(self, row: int) -> "CsvTable":
        """Leave out a row."""
        rows, lines = list(self.rows), list(self.lines)
        del rows[row], lines[row]
        return replace(self, rows=tuple(rows), lines=tuple(lines))

    def _with_columns(
        self, wanted: Iterable[str]
    ) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        header = self.header + tuple(name for name in wanted if name not in self.header)
        return header, tuple(row + ("",) * (len(header) - len(row)) for row in self.rows)

    def write(self) -> None:
        """Write the table whole or not at all.

        Raises
        ------
        FileFormatError
            If its folder cannot be written.
        """
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, delimiter=";", lineterminator=self.newline)
        writer.writerow(self.header)
        writer.writerows(self.rows)
        write_atomically(self.path, buffer.getvalue().encode("utf-8"))


def read_table(
    path: Path,
    index: str,
    columns: tuple[str, ...] = (),
    refused: list[FileFormatError] | None = None,
) -> CsvTable:
    """Read a table with semicolons.

    Parameters
    ----------
    path : Path
    index : str
        Name of the first column where the file gives it none, as pandas does with an
        index that has no name.
    columns : tuple of str
        Columns that must be there besides `index`.
    refused : list, optional
        Rows with too many cells are left out and told here, instead of refusing the table.

    Raises
    ------
    FileFormatError
        If the file cannot be read, is too large, lacks a column, or a row has too many
        cells.
    """
    text = _text(path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    header: tuple[str, ...] = ()
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(path, cells, index, columns)
                continue
            if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
                fault = FileFormatError(
                    f"{path}: line {reader.line_num}: has {len(cells)} cells, the header "
                    f"{len(header)}; correct the table"
                )
                if refused is None:
                    raise fault
                refused.append(fault)
                continue
            if len(rows) == MAX_ROWS:
                raise FileFormatError(
                    f"{path}: has more than {MAX_ROWS} rows; take out what is no system or model"
                )
            rows.append(tuple((cells + [""] * len(header))[: len(header)]))
            lines.append(reader.line_num)
    except csv.Error as error:
        raise FileFormatError(f"{path}: line {reader.line_num}: {error}; correct it") from error
    if not header:
        raise FileFormatError(f"{path}: is empty; it needs a line with the names of its columns")
    newline = "\r\n" if "\r\n" in text else "\n"
    return CsvTable(path, header, tuple(rows), tuple(lines), newline)


def _text(path: Path) -> str:
    try:
        content = read_bytes(path, MAX_BYTES)
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({error.strerror})") from error
    if b"\0" in content:
        raise FileFormatError(f"{path}: is not a text file; save it as UTF-8 with semicolons")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What spreadsheets on Windows write; every byte means something in it.
        return content.decode("latin-1")


def _header(path: Path, cells: list[str], index: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    names = [cell.strip() for cell in cells]
    if names[0] == "" and index not in names:
        names[0] = index
    for wanted in (index, *columns):
        if wanted not in names:
            hint = ", with semicolons between the columns" if len(names) == 1 else ""
            raise FileFormatError(f'{path}: has no column "{wanted}"; add it{hint}')
    counted = Counter(names)
    doubled = next((name for name in names if counted[name] > 1), None)
    if doubled is not None:
        raise FileFormatError(f'{path}: has the column "{doubled[:_SHOWN]}" twice; remove one')
    return tuple(names)
