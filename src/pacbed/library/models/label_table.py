"""Label tables: which value each output of a network stands for."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from pacbed.errors import BundleError
from pacbed.library.csv_table import CsvRows
from pacbed.library.models.model_files import read_file

#: What label networks predict, and the column of their tables that holds it.
COLUMNS = {
    "Thickness": "Thickness / A",
    "Mistilt": "Mistilt / mrad",
    "Scale": "Scale / []",
    "Azimuth": "Azimuth / deg",
}
#: Of them, those whose labels go around a circle, and how long it is.
PERIODS = {"Azimuth": 360.0}

_LARGEST_BYTES = 2**20
_INDEX = "Index"


@dataclass(frozen=True)
class LabelTable:
    """The labels of one network.

    Attributes
    ----------
    target : str
        ``Thickness`` (Å), ``Mistilt`` (mrad), ``Scale`` (a zoom) or ``Azimuth`` (the
        direction of the tilt in what the network sees, degrees from +x towards +y).
    values : tuple of float
        The label of each output, in the outputs' order.
    """

    target: str
    values: tuple[float, ...]


def read_label_table(path: Path, target: str) -> LabelTable:
    """Read a table of labels.

    Parameters
    ----------
    path : Path
        ``;`` or ``,`` separated, with the column of :data:`COLUMNS` and, optionally,
        ``Index``, the number of the output; without it the rows are in their order.
    target : str

    Raises
    ------
    BundleError
        If the table cannot be read or its labels cannot be used.
    """
    return parse_label_table(read_file(path, None), target, path)


def parse_label_table(content: bytes, target: str, path: Path) -> LabelTable:
    """Make a file that was read into labels; see :func:`read_label_table`.

    Parameters
    ----------
    content : bytes
    target : str
    path : Path
        Of the file, for messages.
    """
    if len(content) > _LARGEST_BYTES:
        raise BundleError(f"{path}: is too large for a table of labels; write it again")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BundleError(f"{path}: is not text; write the table of labels again") from error
    column = COLUMNS[target]
    try:
        names = CsvRows(text).header()
        if column not in names:
            found = ", ".join(names)[:200] or "nothing"
            raise BundleError(
                f"{path}: has no column {column!r}; its first line must name it (found: {found})"
            )
        rows = list(CsvRows(text).records())
        values = [float(row[column]) for row in rows]
        order = [int(row.get(_INDEX, n)) for n, row in enumerate(rows)]
    except (ValueError, csv.Error) as error:
        words = str(error)[:200]
        raise BundleError(f"{path}: holds a label that is not a number ({words})") from error
    return LabelTable(target, _checked(path, target, order, values))


def _checked(path: Path, target: str, order: list[int], values: list[float]) -> tuple[float, ...]:
    if sorted(order) != list(range(len(order))):
        raise BundleError(f"{path}: {_INDEX} must number the labels from 0 on, each once")
    if len(set(values)) != len(values) or len(values) < 2:
        raise BundleError(f"{path}: needs two different labels or more, none of them twice")
    lowest = 0.0 if target in ("Mistilt", "Azimuth") else 1e-6
    above = PERIODS.get(target, math.inf)
    if not all(lowest <= value < above for value in values):
        raise BundleError(f"{path}: holds a label that no {target.lower()} can have")
    return tuple(value for _, value in sorted(zip(order, values, strict=True)))
