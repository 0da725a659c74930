"""What goes wrong in a model's folder, kept to that model."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pacbed.errors import BundleError, PacbedError

_T = TypeVar("_T")


def contained(folder: Path, load: Callable[[], _T]) -> _T:
    """Load a model; whatever goes wrong in it is its own fault and nobody else's.

    Parameters
    ----------
    folder : Path
        What messages name.
    load : callable

    Raises
    ------
    PacbedError
        As `load` does.
    BundleError
        For everything else that a file may make its readers raise.
    """
    try:
        return load()
    except PacbedError:
        raise
    except Exception as error:
        raise in_words(folder, error) from error


def in_words(folder: Path, error: Exception) -> PacbedError:
    """Make an error of this program of any that a folder's files may have raised."""
    if isinstance(error, PacbedError):
        return error
    if isinstance(error, OSError) and error.filename is not None:
        return BundleError(f"{error.filename}: cannot be read ({error.strerror})")
    return BundleError(
        f"{folder}: cannot be read ({type(error).__name__}: {str(error)[:200]}); restore it"
    )
