"""Where the work of a map is done: the job that all its pieces share, and who runs them.

A job is sent to each process once, and a piece says little more than which windows it is about.
The answers of a piece do not depend on where and in which order pieces are run.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeVar

from pacbed.infer.open_predictor import FittingPredictor, open_fitting_predictor
from pacbed.library.models.kinds import Model
from pacbed.scans.scan import Scan
from pacbed.scans.windows import WindowGrid

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


@dataclass(frozen=True)
class Job:
    """What all pieces of a map share; may be sent to other processes and machines.

    Attributes
    ----------
    scan : Scan
    grid : WindowGrid
    bundle : Model
        With a table.
    shared : Path or None
        Folder in which processes share the patterns of the scan's tilts, see :func:`sharing`.
    """

    scan: Scan
    grid: WindowGrid
    bundle: Model
    shared: Path | None = None

    @property
    def predictor(self) -> FittingPredictor:
        """The model's predictor: its networks are loaded once in a process."""
        return shared_predictor(self.bundle)

    def __reduce__(self) -> "tuple[type[Job], tuple[object, ...]]":
        """Travels without what has been read of the model, also from one worker to the next."""
        return Job, (self.scan, self.grid, dataclasses.replace(self.bundle), self.shared)

    def __call__(self, piece: "Piece[Result]") -> list[Result]:
        """All that a piece answers."""
        return list(piece(self))


class Piece(Protocol[Result_co]):
    """A part of a map's work; may be sent."""

    def __call__(self, job: Job, /) -> Iterator[Result_co]:
        """Do it, and give answers as they come."""


class Run(Protocol):
    """Runs pieces, in any order; the answers come in any order."""

    def __call__(self, pieces: Sequence[Piece[Result]], /) -> Iterator[Result]:
        """Answers of all pieces."""


#: Opens what runs the pieces of a job, for as long as the map is made.
Spread = Callable[[Job], AbstractContextManager[Run]]


@contextmanager
def here(job: Job) -> Iterator[Run]:
    """Run pieces one after the other in this process."""

    def run(pieces: Sequence[Piece[Result]]) -> Iterator[Result]:
        for piece in pieces:
            yield from piece(job)

    yield run


@contextmanager
def sharing(job: Job, folder: Path | None = None) -> Iterator[Job]:
    """A job for several processes, of which one alone makes each pattern of the scan's tilts.

    Parameters
    ----------
    job : Job
    folder : Path, optional
        That all processes reach, such as one on a shared file system; by default that for
        temporary files, for processes of this machine. What is laid there is removed at the end.

    Yields
    ------
    Job
        To be sent.
    """
    with TemporaryDirectory(prefix=".pacbed-", dir=folder, ignore_cleanup_errors=True) as shared:
        yield dataclasses.replace(job, shared=Path(shared))


def apart(pieces: Sequence[Result], workers: int) -> list[Result]:
    """The pieces in an order in which so many workers are in different parts of the scan.

    There they need patterns of different tilts, and need not wait for each other.
    """
    stride = -(-len(pieces) // max(workers, 1))
    return [piece for first in range(stride) for piece in pieces[first::stride]]


def shared_predictor(bundle: Model) -> FittingPredictor:
    """The predictor of a model, kept for the next who asks: its networks are loaded once."""
    return _predictor(_Key(bundle))


class _Key:
    """A model that counts as equal where its files are the same."""

    def __init__(self, bundle: Model) -> None:
        self.bundle = bundle
        self._key = (bundle.folder, str(bundle.hashes))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=2)
def _predictor(key: _Key) -> FittingPredictor:
    return open_fitting_predictor(key.bundle)
