"""Blocks of rows of windows: the work that can be done anywhere, in any order.

A row of windows is inferred from its own scan rows and the shared geometry alone, so the
answers are the same, bit for bit, wherever and in whatever order the blocks are computed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from threadpoolctl import ThreadpoolController

from pacbed.infer.open_predictor import FittingPredictor
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.maps.geometry import places
from pacbed.maps.layers import Layers
from pacbed.maps.solver import WindowSolver
from pacbed.maps.spread import Job


@dataclass(frozen=True)
class Block:
    """Infers consecutive rows of windows, in one pass over their scan rows.

    Attributes
    ----------
    first, end : int
        First and last-plus-one row of windows.
    geometry : SharedGeometry
    refine : bool
        Fit; without it the answers are the networks' alone, where there are networks.
    """

    first: int
    end: int
    geometry: SharedGeometry
    refine: bool

    def __call__(self, job: Job) -> Iterator[tuple[int, Layers]]:
        """Each row's number and answers."""
        solver = _solver(job.predictor, self.geometry, self.refine, job.shared)
        where = places(job.grid)
        positions = job.grid.window[0] * job.grid.window[1]
        # Whether pixels are square may have been seen in the patterns alone.
        scan = replace(job.scan, pixel_aspect=self.geometry.pixel_aspect)
        for sums in scan.sums(job.grid, self.first, self.end):
            # The matrices are small, and the order of their sums must not depend on threads.
            with ThreadpoolController().limit(limits=1, user_api="blas"):
                layers = solver.solve(sums, where[sums.row], positions)
            yield sums.row, layers


def cut(rows: list[int], largest: int) -> list[tuple[int, int]]:
    """First and last-plus-one row of blocks of consecutive rows, of a bounded size.

    Parameters
    ----------
    rows : list of int
        In ascending order.
    largest : int
        Rows in a block at most.
    """
    blocks: list[tuple[int, int]] = []
    for row in rows:
        if blocks and blocks[-1][1] == row and row - blocks[-1][0] < largest:
            blocks[-1] = (blocks[-1][0], row + 1)
        else:
            blocks.append((row, row + 1))
    return blocks


@lru_cache(maxsize=2)
def _solver(
    predictor: FittingPredictor, geometry: SharedGeometry, refine: bool, shared: Path | None
) -> WindowSolver:
    """The solver of a scan, kept for its next block."""
    return WindowSolver(predictor, geometry, refine, shared)
