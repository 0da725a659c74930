"""The errors a user can meet, as one documented tree.

Every message is one line that names what was wrong and how to mend it. The
command line prints it and leaves with status 2; the service maps each class to
a status code. A fit or a network that finds no good answer is not an error but
a status of the :class:`~pacbed.answer.estimate.Estimate`.

::

    PacbedError
    ├── FileFormatError     a file that cannot be read as what it should be, or not written
    │   └── DiskFullError   a file for which there is no space
    ├── PatternError        an array that cannot be a diffraction pattern
    ├── CrystalError        a structure or zone axis that makes no sense
    ├── RecipeError         a recipe with a wrong or misspelt entry
    ├── BundleError         a model folder that is broken or not ours
    ├── UnknownSystemError  no installed system fits the request
    ├── OutOfRangeError     a parameter outside what the system covers
    └── MissingExtraError   a part that needs an optional dependency
"""

from typing import Self

__all__ = [
    "BundleError",
    "CrystalError",
    "DiskFullError",
    "FileFormatError",
    "MissingExtraError",
    "OutOfRangeError",
    "PacbedError",
    "PatternError",
    "RecipeError",
    "UnknownSystemError",
]


class PacbedError(Exception):
    """Base of all errors that are the input's fault, not the program's.

    Attributes
    ----------
    parameter : str or None
        Name of the parameter that is wrong, where it is one alone; forms show the words there.
    """

    parameter: str | None = None

    def about(self, parameter: str | None) -> Self:
        """Say which parameter is wrong, unless that was said already; returns the error."""
        if self.parameter is None:
            self.parameter = parameter
        return self


class FileFormatError(PacbedError):
    """A file is missing, truncated, unsafe or of an unknown format."""


class DiskFullError(FileFormatError):
    """A file cannot be written because the disk, or the user's share of it, is full."""


class PatternError(PacbedError):
    """An array cannot be used as a diffraction pattern."""


class CrystalError(PacbedError):
    """A crystal structure or zone axis is unusable."""


class RecipeError(PacbedError):
    """A recipe has a missing, wrong or misspelt entry."""


class BundleError(PacbedError):
    """A bundle (network, table, provenance) is broken or incompatible."""


class UnknownSystemError(PacbedError):
    """No installed system has this ID, name or set of physical parameters."""


class OutOfRangeError(PacbedError):
    """A parameter lies outside the range that a system was made for."""


class MissingExtraError(PacbedError):
    """An optional dependency is needed and not installed."""
