"""A pattern as the rest of the program takes it: checked, and which of its pixels say something."""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Mask, Pattern


@dataclass(frozen=True)
class LeftOut:
    """Pixels that say nothing, by why.

    Attributes
    ----------
    given : int
        In the mask that was given.
    not_finite : int
        NaN or infinite.
    gaps : int
        Dead lines and gaps between modules, of one value, and what lies outside of the field.
    saturated : int
        At the largest value that was recorded.
    beam_stop : int
        In the shadow of a beam stop.
    """

    given: int = 0
    not_finite: int = 0
    gaps: int = 0
    saturated: int = 0
    beam_stop: int = 0

    @property
    def words(self) -> str:
        """The numbers with what they are of; empty where there are none."""
        said = (
            (self.given, "masked"),
            (self.not_finite, "not finite"),
            (self.gaps, "in gaps of one value"),
            (self.saturated, "saturated"),
            (self.beam_stop, "in the shadow of a beam stop"),
        )
        return ", ".join(f"{number} {words}" for number, words in said if number)

    @property
    def count(self) -> int:
        """All of them."""
        return self.given + self.not_finite + self.gaps + self.saturated + self.beam_stop


@dataclass(frozen=True)
class CleanPattern:
    """A checked pattern.

    Attributes
    ----------
    values : ndarray of float32, shape (rows, columns)
        Intensities times a power of two, so that the unit that they were recorded in does not
        matter; pixels that say nothing are filled from their neighbours.
    known : ndarray of bool, shape (rows, columns), or None
        Which pixels say something; None where all do.
    left_out : LeftOut
        How many do not, and why.
    remarks : tuple of str
        What the user should know of how the pattern was recorded.
    """

    values: Pattern
    known: Mask | None = None
    left_out: LeftOut = LeftOut()
    remarks: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.values.shape
        return rows, columns

    def repeated(self, axis: int) -> "CleanPattern":
        """The same with every pixel twice along an axis."""
        known = None if self.known is None else np.repeat(self.known, 2, axis)
        return CleanPattern(np.repeat(self.values, 2, axis), known, self.left_out, self.remarks)

    def share_known(self, row: float, column: float, radius: float) -> float:
        """Share of a disk that lies on the array and says something.

        Parameters
        ----------
        row, column, radius : float
            Pixels.
        """
        reach = int(np.ceil(radius))
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        inside = x**2 + y**2 <= radius**2
        rows, columns = y[inside] + round(row), x[inside] + round(column)
        height, width = self.shape
        on = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        said = int(on.sum())
        if self.known is not None:
            said = int(self.known[rows[on], columns[on]].sum())
        return said / max(1, int(inside.sum()))
