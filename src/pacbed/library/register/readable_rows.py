"""What can be read of a register that is faulty in places."""

from dataclasses import dataclass
from pathlib import Path

from pacbed.errors import FileFormatError
from pacbed.library.csv_table import read_table
from pacbed.library.register.rows import REGISTER, RegisterRow, register_row, row_id

#: Faults that are told one by one.
_MOST_FAULTS = 100


@dataclass(frozen=True)
class RowFault:
    """A row of the register that cannot be used.

    Attributes
    ----------
    id : int or None
        None where the row does not even say this.
    error : FileFormatError
    """

    id: int | None
    error: FileFormatError


def readable_rows(data: Path) -> tuple[list[RegisterRow], list[RowFault]]:
    """Read what can be read of a register; a faulty row costs its own system alone.

    Parameters
    ----------
    data : Path
        Data folder.

    Returns
    -------
    rows : list of RegisterRow
        In their order.
    faults : list of RowFault

    Raises
    ------
    FileFormatError
        If the table as a whole cannot be read.
    """
    path = Path(data) / REGISTER
    if not path.exists():
        return [], []
    refused: list[FileFormatError] = []
    table = read_table(path, "id", refused=refused)
    faults = [RowFault(None, error) for error in refused]
    rows: dict[int, RegisterRow | None] = {}
    for place in range(len(table.rows)):
        number = None
        try:
            number = row_id(table, place)
            if number in rows:
                rows[number] = None
                raise table.fault(place, f"the ID {number} stands there twice")
            rows[number] = None
            rows[number] = register_row(table, place)
        except FileFormatError as error:
            faults.append(RowFault(number, error))
    if len(faults) > _MOST_FAULTS:
        left = len(faults) - _MOST_FAULTS
        faults[_MOST_FAULTS:] = [
            RowFault(None, FileFormatError(f"{path}: {left} more rows cannot be used"))
        ]
    return [row for row in rows.values() if row is not None], faults
