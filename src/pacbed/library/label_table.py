"""Label tables: which value each output of a network stands for."""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

from pacbed.bounded import read_bytes
from pacbed.errors import BundleError

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
    try:
        text = read_bytes(path, _LARGEST_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); restore it") from error
    except UnicodeDecodeError as error:
        raise BundleError(f"{path}: is not text; write the table of labels again") from error
    separator = ";" if ";" in text.partition("\n")[0] else ","
    reader = csv.DictReader(io.StringIO(text), delimiter=separator)
    column = COLUMNS[target]
    try:
        names = {str(name).strip(): name for name in reader.fieldnames or ()}
        if column not in names:
            found = ", ".join(names)[:200] or "nothing"
            raise BundleError(
                f"{path}: has no column {column!r}; its first line must name it (found: {found})"
            )
        rows = [(row.get(names.get(_INDEX, "")), float(row[names[column]])) for row in reader]
        order = [n if index is None else int(index) for n, (index, _) in enumerate(rows)]
    except (TypeError, ValueError, csv.Error) as error:
        words = str(error)[:200]
        raise BundleError(f"{path}: holds a label that is not a number ({words})") from error
    return LabelTable(target, _checked(path, target, order, [value for _, value in rows]))


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
