"""A table that is too large, and what makes it smaller, in the words of who asks for it."""

from pacbed.errors import OutOfRangeError

_RANGES = "a smaller largest convergence angle, mistilt or thickness"
_STEP = "direction_step_mrad"


class TableTooLargeError(OutOfRangeError):
    """A table that cannot be made, held or stored.

    Parameters
    ----------
    what : str
        What it would be, and what is allowed.
    coarser : bool
        Whether a coarser grid of directions would do.
    coarsest_mrad : float, optional
        The coarsest one that does, where that is known.
    """

    def __init__(
        self, what: str, coarser: bool = False, coarsest_mrad: float | None = None
    ) -> None:
        self.what, self.coarser, self.coarsest_mrad = what, coarser, coarsest_mrad
        super().__init__(self.words())

    def words(self, ranges: str = _RANGES, step: str | None = _STEP) -> str:
        """The message, with what to give.

        Parameters
        ----------
        ranges : str
            Smaller ranges, by the names that they have where they are given.
        step : str or None
            Name of the step of directions; None where it cannot be given.
        """
        words = f"{self.what}: give {ranges}"
        if step is None or not self.coarser:
            return words
        most = "" if self.coarsest_mrad is None else f", up to {self.coarsest_mrad:g}"
        return f"{words}, or a larger {step}{most}"
