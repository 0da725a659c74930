"""The labels of a table, and which rows are held back."""

from dataclasses import dataclass

import numpy as np

from pacbed.errors import FileFormatError
from pacbed.learn.labels.options import DIRECTION, Distortion
from pacbed.library.models.label_table import PERIODS
from pacbed.library.tables.pattern_azimuth import azimuths_to_learn
from pacbed.library.tables.pattern_table import PatternTable

#: More labels than this are no grid.
_MOST = 1000
#: Directions that are told apart; patterns are turned by any angle, so that they need not
#: be those of the table.
DIRECTIONS = 72


@dataclass(frozen=True)
class Labels:
    """What a label model tells apart.

    Attributes
    ----------
    target : str
    values : ndarray, shape (n_labels,)
        Rising, in the unit of the target.
    of_row : ndarray of int or None, shape (rows,)
        Label of each row; None for scale and direction, which are drawn anew each time.
    azimuth_deg : ndarray or None, shape (rows,)
        Direction of the tilt in each pattern before it is turned, NaN where there is
        none; None for other targets.
    """

    target: str
    values: np.ndarray
    of_row: np.ndarray | None
    azimuth_deg: np.ndarray | None = None

    @property
    def circular(self) -> bool:
        """Whether the first label lies beside the last."""
        return self.target in PERIODS

    def distance(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """How many labels lie between the numbers of two."""
        off = np.asarray(np.abs(one - other))
        return np.minimum(off, len(self.values) - off) if self.circular else off

    def rows_with_label(self, rows: np.ndarray) -> np.ndarray:
        """Of some rows, those that have a label: a pattern without tilt has no direction."""
        if self.azimuth_deg is None:
            return rows
        return np.asarray(rows[np.isfinite(self.azimuth_deg[rows])])

    def turned(self, rows: np.ndarray, turn_deg: np.ndarray) -> np.ndarray:
        """Labels of the directions of some rows whose patterns are turned, int64."""
        if self.azimuth_deg is None:
            raise ValueError(f"{self.target} does not turn with the pattern")
        step = 360.0 / len(self.values)
        places = np.rint((self.azimuth_deg[rows] + turn_deg) / step)
        return np.asarray(places.astype(np.int64) % len(self.values))


def make_labels(table: PatternTable, target: str, distortion: Distortion) -> Labels:
    """List the labels of a target.

    Raises
    ------
    FileFormatError
        If the table has one label only, or so many that they are no grid, or no usable
        directions where they are the target.
    """
    if target == DIRECTION:
        directions = np.arange(DIRECTIONS) * (360.0 / DIRECTIONS)
        return Labels(target, directions, None, azimuths_to_learn(table))
    if target == "Scale":
        low, high, step = distortion.scales
        return Labels(target, low + step * np.arange(round((high - low) / step) + 1), None)
    column = table.thickness_angstrom if target == "Thickness" else table.mistilt_mrad
    unit = "Å" if target == "Thickness" else "mrad"
    values, of_row = np.unique(column.round(6), return_inverse=True)
    if len(values) == 1:
        raise FileFormatError(
            f"{table.path}: has one {target} only ({values[0]:g} {unit}), so that there is nothing "
            f"to learn about it: simulate others, or leave {target} out of --targets."
        )
    if len(values) > _MOST:
        raise FileFormatError(
            f"{table.path}: has {len(values)} different values of {target}: "
            "labels must be a grid; round them."
        )
    return Labels(target, values, of_row)


def split_rows(table: PatternTable, share: float, seed: int) -> np.ndarray:
    """Choose the rows that are held back, evenly from all labels.

    Rows are sorted by convergence angle, mistilt and thickness, equal ones in random
    order, and of these every so-and-so-manieth is taken.

    Parameters
    ----------
    table : PatternTable
    share : float
    seed : int

    Returns
    -------
    ndarray of bool, shape (rows,)

    Raises
    ------
    FileFormatError
        If no row, or all of some label, would be held back.
    """
    rng = np.random.default_rng([seed, 11])
    keys = (rng.random(len(table)), table.thickness_angstrom, table.mistilt_mrad)
    order = np.lexsort((*keys, table.convergence_mrad))
    count = max(1, round(share * len(table)))
    places = ((np.arange(count) + rng.random()) * len(table) / count).astype(int)
    held = np.zeros(len(table), bool)
    held[order[places]] = True
    for name, column in (
        ("Thickness", table.thickness_angstrom),
        ("Mistilt", table.mistilt_mrad),
        ("Conv_Angle", table.convergence_mrad),
    ):
        # A label that only held-back rows have could not be learned.
        lost = np.setdiff1d(column[held], column[~held])
        held[np.isin(column, lost)] = False
        if len(lost) > 0.5 * len(np.unique(column)):
            raise FileFormatError(
                f"{table.path}: too few rows for each {name} to hold some back: simulate more "
                "tilts, azimuths or convergence angles, or give a smaller --validation-share."
            )
    if not held.any() or held.all():
        raise FileFormatError(
            f"{table.path}: {len(table)} rows are too few to hold {share:.0%} back: simulate more."
        )
    return held
