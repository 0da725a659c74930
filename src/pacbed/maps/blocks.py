"""Blocks of rows of windows: the work that can be done anywhere, in any order.

A row of windows is inferred from its own scan rows and the shared geometry alone, so the
answers are the same, bit for bit, wherever and in whatever order the blocks are computed.
"""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from threadpoolctl import ThreadpoolController

from pacbed.infer.open_predictor import FittingPredictor, open_fitting_predictor
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.library.models.kinds import Model
from pacbed.maps.geometry import places
from pacbed.maps.layers import Layers
from pacbed.maps.solver import WindowSolver
from pacbed.scans.scan import Scan
from pacbed.scans.windows import WindowGrid

#: First and last-plus-one row of windows.
Block = tuple[int, int]
Rows = Iterator[tuple[int, Layers]]


@dataclass(frozen=True)
class BlockTask:
    """Infers blocks of a scan; may be sent to other processes and machines.

    Attributes
    ----------
    scan : Scan
    grid : WindowGrid
    bundle : Model
        With a table.
    geometry : SharedGeometry
    refine : bool
    shared : Path or None
        Folder in which the patterns of the scan's tilts are shared; see :func:`sharing`.
    """

    scan: Scan
    grid: WindowGrid
    bundle: Model
    geometry: SharedGeometry
    refine: bool
    shared: Path | None = None

    def rows(self, block: Block) -> Rows:
        """Answers of the rows of windows of a block, in one pass over its scan rows."""
        solver = _solver(shared_predictor(self.bundle), self.geometry, self.refine, self.shared)
        where = places(self.grid)
        positions = self.grid.window[0] * self.grid.window[1]
        for sums in self.scan.sums(self.grid, *block):
            # The matrices are small, and the order of their sums must not depend on threads.
            with ThreadpoolController().limit(limits=1, user_api="blas"):
                layers = solver.solve(sums, where[sums.row], positions)
            yield sums.row, layers

    def __call__(self, block: Block) -> list[tuple[int, Layers]]:
        """As :meth:`rows`, all at once."""
        return list(self.rows(block))

    def light(self) -> "BlockTask":
        """The same without what the bundle has read, for sending."""
        return dataclasses.replace(self, bundle=dataclasses.replace(self.bundle))


@contextmanager
def sharing(task: BlockTask, folder: Path | None = None) -> Iterator[BlockTask]:
    """A task for several processes, of which one alone makes each pattern of the scan's tilts.

    What this process has made of them while it looked for the geometry is there at once. The
    networks alone need none.

    Parameters
    ----------
    task : BlockTask
    folder : Path, optional
        That all processes reach, such as one on a shared file system; by default that for
        temporary files, for processes of this machine. What is laid there is removed at the end.

    Yields
    ------
    BlockTask
        To be sent.
    """
    if not task.refine:
        yield task.light()
        return
    with TemporaryDirectory(prefix=".pacbed-", dir=folder, ignore_cleanup_errors=True) as shared:
        task = dataclasses.replace(task, shared=Path(shared))
        # Of this process as well: it lays down what it has.
        _solver(shared_predictor(task.bundle), task.geometry, task.refine, task.shared)
        yield task.light()


def apart(blocks: list[Block], workers: int) -> list[Block]:
    """The blocks in an order in which so many workers are in different parts of the scan.

    There they need patterns of different tilts, and need not wait for each other.
    """
    stride = -(-len(blocks) // max(workers, 1))
    return [block for first in range(stride) for block in blocks[first::stride]]


#: How blocks are computed: here, in processes or on a cluster.
Spread = Callable[[BlockTask, list[Block]], Rows]


def here(task: BlockTask, blocks: list[Block]) -> Rows:
    """Compute blocks one after the other in this process."""
    for block in blocks:
        yield from task.rows(block)


def cut(rows: list[int], largest: int) -> list[Block]:
    """Blocks of consecutive rows of windows, of a bounded size.

    Parameters
    ----------
    rows : list of int
        In ascending order.
    largest : int
        Rows in a block at most.
    """
    blocks: list[Block] = []
    for row in rows:
        if blocks and blocks[-1][1] == row and row - blocks[-1][0] < largest:
            blocks[-1] = (blocks[-1][0], row + 1)
        else:
            blocks.append((row, row + 1))
    return blocks


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


@lru_cache(maxsize=2)
def _solver(
    predictor: FittingPredictor, geometry: SharedGeometry, refine: bool, shared: Path | None
) -> WindowSolver:
    """The solver of a scan, kept for its next block."""
    return WindowSolver(predictor, geometry, refine, shared)
