"""The table of labelled patterns that an evaluation reads."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pacbed.errors import CrystalError, FileFormatError
from pacbed.library.csv_table import CsvRows
from pacbed.library.zone_axis import parse_zone_axis

REQUIRED_COLUMNS = (
    "path",
    "high_tension_kV",
    "zone_axis",
    "thickness_min_nm",
    "thickness_max_nm",
)
#: One of them says which crystal it is.
CRYSTAL_COLUMNS = ("material", "cif")
OPTIONAL_COLUMNS = (
    "convergence_mrad",
    "label_origin",
    "tilt_x_mrad",
    "tilt_y_mrad",
    "mrad_per_pixel",
)


@dataclass(frozen=True)
class Label:
    """One pattern and what is known of it.

    Attributes
    ----------
    name : str
        Path of the pattern as the table has it.
    path : Path
        Path of the pattern, seen from the working directory.
    line : int
        Line of the table, from 1, for messages.
    material : str
        Empty where a structure file is given.
    high_tension_kV : float
    zone_axis : tuple of int
        Direction [uvw] along the beam.
    convergence_mrad : float or None
        Convergence semi-angle, mrad; None where it is to be found from the pattern.
    thickness_min_nm, thickness_max_nm : float
        Range that holds the true thickness, nm.
    label_origin : str
        Where the label comes from; may be empty.
    tilt_x_mrad, tilt_y_mrad : float or None
        True tilt vector in the pattern, mrad.
    mrad_per_pixel : float or None
        Known angle per pixel, mrad; given to the inference.
    cif : Path or None
        Structure file in place of the material, seen from the working directory.
    """

    name: str
    path: Path
    line: int
    material: str
    high_tension_kV: float
    zone_axis: tuple[int, int, int]
    convergence_mrad: float | None
    thickness_min_nm: float
    thickness_max_nm: float
    label_origin: str = ""
    tilt_x_mrad: float | None = None
    tilt_y_mrad: float | None = None
    mrad_per_pixel: float | None = None
    cif: Path | None = None


def read_labels(table: Path) -> tuple[Label, ...]:
    """Read a table of labelled patterns.

    Parameters
    ----------
    table : Path
        CSV file, separated by commas or semicolons, with the columns
        ``REQUIRED_COLUMNS``, one of ``CRYSTAL_COLUMNS`` and any of
        ``OPTIONAL_COLUMNS``; others are passed over. Paths in it are relative to its
        folder; structure files lie inside it.

    Returns
    -------
    tuple of Label
        In the order of the table, at least one.

    Raises
    ------
    FileFormatError
        If the table is missing or not text, lacks a column, has no line, or a line
        has an empty or impossible entry or names a file that does not exist.
    """
    text = _read_text(table)
    rows = CsvRows(text)
    try:
        header = CsvRows(text).header()
        missing = [name for name in REQUIRED_COLUMNS if name not in header]
        if missing:
            raise FileFormatError(
                f"{table}: the column {missing[0]} is missing: "
                f"the first line names {', '.join(REQUIRED_COLUMNS)}."
            )
        if not any(name in header for name in CRYSTAL_COLUMNS):
            raise FileFormatError(
                f"{table}: neither of the columns {' and '.join(CRYSTAL_COLUMNS)} is there: add "
                "one, which says the crystal."
            )
        labels = tuple(_label(table, rows.line, row) for row in rows.records())
    except csv.Error as error:
        raise FileFormatError(
            f"{table}: line {rows.line} is no CSV ({error}): export the table again."
        ) from error
    if not labels:
        raise FileFormatError(f"{table}: the table has no patterns: add a line for each.")
    return labels


def _read_text(table: Path) -> str:
    if not table.exists():
        raise FileFormatError(f"{table}: there is no such file: check the name and the folder.")
    if table.is_dir():
        raise FileFormatError(f"{table}: this is a folder: give the CSV table of labels.")
    try:
        return table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"{table}: not a text file in UTF-8: export the table as CSV in UTF-8."
        ) from error


def _label(table: Path, line: int, row: Mapping[str, str]) -> Label:
    where = f"{table}: line {line}"
    name = row["path"].strip()
    path = table.parent / name.replace("\\", "/")
    if not name or not path.is_file():
        raise FileFormatError(
            f'{where}: there is no file "{name}": paths are relative to the folder of the table.'
        )
    try:
        zone_axis = parse_zone_axis(row["zone_axis"])
    except CrystalError as error:
        raise FileFormatError(f"{where}: {error}") from error
    low = _number(where, row, "thickness_min_nm")
    high = _number(where, row, "thickness_max_nm")
    if not 0 <= low <= high:
        raise FileFormatError(
            f"{where}: the thickness range {low:g} to {high:g} nm is impossible: "
            "thickness_min_nm is at least 0 and at most thickness_max_nm."
        )
    tilt_x = _optional(where, row, "tilt_x_mrad")
    tilt_y = _optional(where, row, "tilt_y_mrad")
    if (tilt_x is None) != (tilt_y is None):
        raise FileFormatError(
            f"{where}: only one component of the tilt is given: "
            "fill both tilt_x_mrad and tilt_y_mrad or neither."
        )
    material, cif = row.get("material", "").strip(), row.get("cif", "").strip()
    if bool(material) == bool(cif):
        raise FileFormatError(
            f"{where}: the crystal is given {'twice' if cif else 'not at all'}: fill either "
            "material or cif."
        )
    return Label(
        name=name,
        path=path,
        line=line,
        material=material,
        high_tension_kV=_positive(where, row, "high_tension_kV"),
        zone_axis=zone_axis,
        convergence_mrad=_optional_positive(where, row, "convergence_mrad"),
        thickness_min_nm=low,
        thickness_max_nm=high,
        label_origin=row.get("label_origin", "").strip(),
        tilt_x_mrad=tilt_x,
        tilt_y_mrad=tilt_y,
        mrad_per_pixel=_optional_positive(where, row, "mrad_per_pixel"),
        cif=_structure(where, table, cif) if cif else None,
    )


def _structure(where: str, table: Path, name: str) -> Path:
    """A structure file in the folder of the table; tables are passed on, and lead nowhere else."""
    home = table.parent.resolve()
    path = table.parent / name.replace("\\", "/")
    if not path.resolve().is_relative_to(home):
        raise FileFormatError(
            f'{where}: the structure "{name}" lies outside the folder of the table: put it inside.'
        )
    if not path.is_file():
        raise FileFormatError(
            f'{where}: there is no file "{name}": paths are relative to the folder of the table.'
        )
    return path


def _optional(where: str, row: Mapping[str, str], column: str) -> float | None:
    return _number(where, row, column) if row.get(column, "").strip() else None


def _optional_positive(where: str, row: Mapping[str, str], column: str) -> float | None:
    return _positive(where, row, column) if row.get(column, "").strip() else None


def _positive(where: str, row: Mapping[str, str], column: str) -> float:
    number = _number(where, row, column)
    if number <= 0:
        raise FileFormatError(f"{where}: {column} is {number:g}: it must be above 0.")
    return number


def _number(where: str, row: Mapping[str, str], column: str) -> float:
    text = row[column].strip()
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FileFormatError(
            f'{where}: {column} is "{text}": write a number with a decimal point.'
        )
    return number
