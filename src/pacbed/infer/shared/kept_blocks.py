"""The blocks of patterns that a process has, from its own hands or from others'."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pacbed.arrays import Numbers, Singles
from pacbed.infer.shared.blocks import BlockMaker, Step
from pacbed.infer.shared.shelf import Shelf

#: Memory of what is kept, and how many blocks are in any case: a fit lies in four of them.
_KEPT_BYTES, _KEPT = 384 * 2**20, 12


@dataclass(frozen=True)
class Node:
    """Patterns at one tilt.

    Attributes
    ----------
    values : ndarray of float32, shape (E, R)
        Coefficients of the pattern in the common functions, at `PatternLattice.extended`.
    diffuse : ndarray of float32, shape (N, R)
        The same of the scattered copy, at the points.
    projected : ndarray of float32, shape (N, R)
        The pattern without backgrounds and weighted, for the comparison with all
        thicknesses.
    power : ndarray, shape (T,)
        Squared norm of the projected pattern of each thickness.
    """

    values: Singles
    diffuse: Singles
    projected: Singles
    power: Numbers


@dataclass(frozen=True)
class KeptBlock:
    """A block, and what has been made of it.

    Attributes
    ----------
    patterns : ndarray of float32, shape (9, E + N, R)
        See :meth:`.blocks.BlockMaker.make`.
    nodes : dict
        Of the places that were asked for.
    """

    patterns: Singles
    nodes: dict[int, Node] = field(default_factory=dict)


class KeptBlocks:
    """Blocks of one dictionary, made when they are first asked for.

    Parameters
    ----------
    maker : BlockMaker
    """

    def __init__(self, maker: BlockMaker) -> None:
        self._maker = maker
        self._blocks: OrderedDict[Step, KeptBlock] = OrderedDict()
        self._shelf: Shelf | None = None

    def take(self, block: Step) -> KeptBlock:
        """A block; it is made where nobody has made it."""
        found = self._blocks.get(block)
        if found is None:
            patterns = None
            if self._shelf is not None:
                patterns = self._shelf.take(block, self._maker.make)
            found = self._keep(block, self._maker.make(block) if patterns is None else patterns)
        self._blocks.move_to_end(block)
        return found

    def prepare(self, blocks: Iterable[Step]) -> None:
        """Make or read those that no other process is making."""
        if self._shelf is None:
            return
        for block in sorted(set(blocks) - self._blocks.keys()):
            found = self._shelf.take(block, self._maker.make, wait=False)
            if found is not None:
                self._keep(block, found)

    def share(self, folder: Path) -> None:
        """From now on make no block that lies in a folder, and lay there what is made.

        Parameters
        ----------
        folder : Path
            See :class:`.shelf.Shelf`. What has been made before is laid there at once.
        """
        self._shelf = Shelf(folder, self._maker.key(), self._maker.shape)
        for block, kept in self._blocks.items():
            self._shelf.lay(block, kept.patterns)

    def _keep(self, block: Step, patterns: Singles) -> KeptBlock:
        found = self._blocks[block] = KeptBlock(patterns)
        # As they are compared they take half as much again.
        if len(self._blocks) > max(_KEPT, _KEPT_BYTES // (3 * patterns.nbytes // 2)):
            self._blocks.popitem(last=False)
        return found
