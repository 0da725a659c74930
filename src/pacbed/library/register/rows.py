r"""The register of a data folder: which systems it holds, and the models of each.

::

    data/Register.csv                       one row for each system
    data/<id>/models/Register_models.csv    one row for each of its models

The columns are those of the earlier system, a missing letter included. Paths in the
tables may have backslashes and come from another computer.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pacbed.errors import BundleError, CrystalError
from pacbed.library.csv_table import CsvTable, read_table
from pacbed.library.stored_path import LONGEST_PATH, resolve_stored
from pacbed.library.system import LARGEST_ID, LONGEST_TEXT
from pacbed.library.zone_axis import parse_zone_axis

REGISTER, MODELS = "Register.csv", "Register_models.csv"
CRYSTAL_FILE = "crystal_file.cif"
#: Above this a high tension was given in volts.
_LARGEST_KV = 3000.0

#: Column of the table for each field of a row that holds a number.
_NUMBERS = {
    "thickness_angstrom": "thickness",
    "thickness_step_angstrom": "thickness step",
    "high_tension_kV": "high tension",
    "convergence_min_mrad": "convergenc angle min",
    "convergence_max_mrad": "convergenc angle max",
    "convergence_step_mrad": "convergenc angle step",
    "mistilt_min_mrad": "mistilt min",
    "mistilt_max_mrad": "mistilt max",
    "mistilt_step_mrad": "mistilt step",
    "azimuth_min_deg": "azimuth min",
    "azimuth_max_deg": "azimuth max",
    "azimuth_step_deg": "azimuth step",
}
_TEXTS = ("path", "material", "composition", "direction")
#: All columns in their order, the index first.
COLUMNS = ("id", *_TEXTS, *_NUMBERS.values(), "dim")


@dataclass(frozen=True)
class RegisterRow:
    """A system as the register knows it; None where a cell is empty.

    Attributes
    ----------
    id : int
    path : str or None
        Folder of the system as it is stored; :func:`system_folder` finds it.
    material, composition : str or None
    direction : str or None
        Zone axis as it is stored; see `zone_axis`.
    thickness_angstrom, thickness_step_angstrom : float or None
        Largest thickness, and the step of the patterns' thicknesses, Å.
    high_tension_kV : float or None
        In kV, also where the table has volts.
    convergence_min_mrad, convergence_max_mrad, convergence_step_mrad : float or None
    mistilt_min_mrad, mistilt_max_mrad, mistilt_step_mrad : float or None
    azimuth_min_deg, azimuth_max_deg, azimuth_step_deg : float or None
    dim : int or None
        Pixels along a side of the patterns.
    name : str or None
        From a column that a table has only where a system was renamed that has no
        other place for its name.
    """

    id: int
    path: str | None = None
    material: str | None = None
    composition: str | None = None
    direction: str | None = None
    thickness_angstrom: float | None = None
    thickness_step_angstrom: float | None = None
    high_tension_kV: float | None = None
    convergence_min_mrad: float | None = None
    convergence_max_mrad: float | None = None
    convergence_step_mrad: float | None = None
    mistilt_min_mrad: float | None = None
    mistilt_max_mrad: float | None = None
    mistilt_step_mrad: float | None = None
    azimuth_min_deg: float | None = None
    azimuth_max_deg: float | None = None
    azimuth_step_deg: float | None = None
    dim: int | None = None
    name: str | None = None

    @property
    def zone_axis(self) -> tuple[int, int, int] | None:
        """Direction [uvw] along the beam, None where the stored text is none."""
        # The earlier system writes (0, 0, 1).
        text = (self.direction or "").strip("() ")
        if text.endswith(".0"):
            text = text[:-2]
        # pandas takes 001 for a number and writes 1.
        if text.isdigit() and len(text) < 3:
            text = text.zfill(3)
        try:
            return parse_zone_axis(text)
        except CrystalError:
            return None

    def to_cells(self) -> dict[str, str]:
        """The row as text by column, in the order of the columns."""
        values = dataclasses.asdict(self)
        cells = {name: values[name] for name in ("id", *_TEXTS)}
        cells |= {column: values[name] for name, column in _NUMBERS.items()}
        cells["dim"] = self.dim
        if self.name is not None:
            cells["name"] = self.name
        return {name: _written(value) for name, value in cells.items()}


@dataclass(frozen=True)
class ModelRow:
    """A model of a system.

    Attributes
    ----------
    id : int
        Counts the system's models.
    path : str or None
        As stored.
    folder : Path
        Inside the data folder; need not exist.
    """

    id: int
    path: str | None
    folder: Path


def read_register(data: Path) -> list[RegisterRow]:
    """Read the register of a data folder, in the order of its rows.

    Parameters
    ----------
    data : Path
        Data folder; one without a register has no rows.

    Raises
    ------
    FileFormatError
        If the table cannot be read; the message names file and line.
    """
    path = Path(data) / REGISTER
    if not path.exists():
        return []
    table = read_table(path, "id")
    return [register_row(table, row) for row in rows_by_id(table).values()]


def register_models(data: Path, id: int, row: RegisterRow | None = None) -> list[ModelRow]:
    """Read which models a system has, in the order of the rows.

    Parameters
    ----------
    data : Path
        Data folder.
    id : int
        Number of the system.
    row : RegisterRow, optional
        Its row, where it was read already.

    Returns
    -------
    list of ModelRow
        Empty where the system has no ``models/Register_models.csv``.

    Raises
    ------
    FileFormatError
        If a table cannot be read.
    BundleError
        If a stored path leads outside the data folder.
    """
    if row is None:
        row = next((row for row in read_register(data) if row.id == id), RegisterRow(id))
    models = system_folder(data, row) / "models"
    path = models / MODELS
    if not path.exists():
        return []
    table = read_table(path, "id", ("path",))
    return [
        ModelRow(number, table.cell(place, "path") or None, _model_folder(data, table, place))
        for number, place in rows_by_id(table).items()
    ]


def system_folder(data: Path, row: RegisterRow) -> Path:
    """Folder of a registered system: as its row says, else the one named after its ID.

    Raises
    ------
    BundleError
        If the stored path leads outside the data folder.
    """
    usual = Path(data) / str(row.id)
    if row.path is None:
        return usual
    try:
        return resolve_stored(Path(data), row.path)
    except BundleError as error:
        # A full path of another computer, where the data folder had another name.
        if usual.is_dir() and ".." not in row.path and not usual.is_symlink():
            return usual
        raise BundleError(f"{Path(data) / REGISTER}: system {row.id}: {error}") from error


def register_row(table: CsvTable, row: int) -> RegisterRow:
    """Make a row of the table into a record.

    Raises
    ------
    FileFormatError
        If a cell holds no number where one is expected.
    """
    number = row_id(table, row)
    for name in (*_TEXTS, "name"):
        most = LONGEST_PATH if name == "path" else LONGEST_TEXT
        if len(table.cell(row, name)) > most:
            raise table.fault(row, f'the column "{name}" holds more than {most} characters')
    values: dict[str, Any] = {name: table.cell(row, name) or None for name in _TEXTS}
    values |= {name: table.number(row, column) for name, column in _NUMBERS.items()}
    tension = values["high_tension_kV"]
    if tension is not None and tension > _LARGEST_KV:
        values["high_tension_kV"] = tension / 1000
    values |= {"dim": table.whole(row, "dim"), "name": table.cell(row, "name") or None}
    return RegisterRow(number, **values)


def rows_by_id(table: CsvTable) -> dict[int, int]:
    """Row of each ID.

    Raises
    ------
    FileFormatError
        If an ID is missing, no whole number, or there twice.
    """
    found: dict[int, int] = {}
    for row in range(len(table.rows)):
        number = row_id(table, row)
        if number in found:
            raise table.fault(row, f"the ID {number} stands there twice")
        found[number] = row
    return found


def row_id(table: CsvTable, row: int) -> int:
    """ID of a row.

    Raises
    ------
    FileFormatError
        If it is missing or no whole number.
    """
    number = table.whole(row, "id")
    if number is None or not 0 <= number <= LARGEST_ID:
        raise table.fault(row, 'the column "id" needs a whole number from 0 on')
    return number


def _model_folder(data: Path, table: CsvTable, row: int) -> Path:
    stored = table.cell(row, "path")
    models = table.path.parent
    if not stored:
        raise table.fault(row, 'the column "path" is empty')
    # Most tables name the folder beside them, whatever stands before it.
    if len(stored) > LONGEST_PATH:
        raise table.fault(row, f'the column "path" holds more than {LONGEST_PATH} characters')
    beside = models / stored.replace("\\", "/").rstrip("/").split("/")[-1]
    try:
        found = resolve_stored(Path(data), stored)
    except BundleError as error:
        if ".." not in stored and beside.is_dir() and not beside.is_symlink():
            return beside
        raise BundleError(f"{table.path}: line {table.lines[row]}: {error}") from error
    if not found.exists() and beside.is_dir() and not beside.is_symlink():
        return beside
    return found


def _written(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)
