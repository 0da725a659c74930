"""The column ``Azimuth`` of a table of patterns: in which direction each is tilted."""

import math

import numpy as np

from pacbed.errors import FileFormatError
from pacbed.library.tables.pattern_table import PatternTable

#: Name of the column; it holds degrees from +x (right) towards +y (down).
AZIMUTH = "Azimuth"
_MEND = f"or leave {AZIMUTH} out of --targets"


def read_azimuths(table: PatternTable) -> np.ndarray:
    """Direction of the tilt of each row.

    Parameters
    ----------
    table : PatternTable

    Returns
    -------
    ndarray, shape (rows,)
        Degrees, 0 to 360; NaN where the mistilt is 0, whatever the table says there.

    Raises
    ------
    FileFormatError
        If the table has no such column, or an entry of a tilted pattern is no number.
    """
    if AZIMUTH not in table.others:
        raise FileFormatError(
            f"{table.path}: has no column {AZIMUTH}, from which the tilt's direction is learned: "
            f"add it, in degrees from +x (right) towards +y (down), {_MEND}."
        )
    azimuths = np.full(len(table), np.nan)
    for row in np.flatnonzero(table.mistilt_mrad > 0):
        azimuths[row] = _number(table, int(row)) % 360
    return azimuths


def azimuths_to_learn(table: PatternTable) -> np.ndarray:
    """Direction of the tilt of each row, where it can be learned from them.

    Returns
    -------
    ndarray, shape (rows,)
        As of :func:`read_azimuths`.

    Raises
    ------
    FileFormatError
        As :func:`read_azimuths`, and if all tilted patterns have the same direction.
    """
    azimuths = read_azimuths(table)
    found = np.unique(azimuths[np.isfinite(azimuths)].round(6))
    if len(found) < 2:
        have = f"one {AZIMUTH} only ({found[0]:g}°)" if len(found) else "no tilted pattern"
        raise FileFormatError(
            f"{table.path}: has {have}, so that there is nothing to learn about the tilt's "
            f"direction: simulate others, {_MEND}."
        )
    return azimuths


def _number(table: PatternTable, row: int) -> float:
    text = table.others[AZIMUTH][row]
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FileFormatError(
            f'{table.path}: line {table.lines[row]}: {AZIMUTH} "{text.strip()}" is not a number: '
            f"give it in degrees, {_MEND}."
        )
    return value
