"""Blocks of patterns in a folder: made by one process, read by all that reach it.

Whoever needs a block that is not there claims it, makes it and lays it down; others wait for
it meanwhile, or begin with another block. Every file names what it was made of, so a wrong
one is not used. Where the folder cannot be reached, or a maker has died, a process makes what
it needs for itself: the patterns are the same.
"""

import contextlib
import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from pacbed.arrays import Singles
from pacbed.bounded import parse_arrays, read_bytes
from pacbed.errors import PacbedError
from pacbed.files import write_atomically
from pacbed.infer.shared.blocks import Step

#: A folder takes no more than this, bytes: enough for every tilt of a system that ships.
_LARGEST_BYTES = 2**30
#: Seconds to wait for a block that another process makes, and between two looks.
_PATIENCE, _PAUSE = 30.0, 0.02
#: What a file has beside its numbers, bytes.
_HEADERS = 4096


class Shelf:
    """Blocks of one dictionary.

    Parameters
    ----------
    folder : Path
        Is there, and is the same for all processes that share.
    key : bytes
        Of the dictionary, see :meth:`.blocks.BlockMaker.key`.
    shape : tuple of int
        Of a block.
    """

    def __init__(self, folder: Path, key: bytes, shape: tuple[int, ...]) -> None:
        self._folder = folder / key.hex()
        self._key = np.frombuffer(key, np.uint8)
        self._shape = shape
        self._bytes = 4 * int(np.prod(shape)) + _HEADERS
        self._reachable = True
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError:
            self._reachable = False

    def take(
        self, block: Step, make: Callable[[Step], Singles], wait: bool = True
    ) -> Singles | None:
        """A block, read or made.

        Parameters
        ----------
        block : tuple of int
        make : callable
            Makes the block where it is not there.
        wait : bool
            Whether to wait where another process is making it.

        Returns
        -------
        ndarray or None
            None where it was not waited for.
        """
        patience = time.monotonic() + _PATIENCE
        while self._reachable:
            found = self._read(block)
            if found is not None:
                return found
            if self._claimed(block):
                return self._lay(block, make)
            if not wait:
                return None
            if time.monotonic() > patience:
                # Its maker has died: nobody else shall wait for it as long.
                return self._lay(block, make)
            time.sleep(_PAUSE)
        return make(block)

    def lay(self, block: Step, values: Singles) -> None:
        """Lay down a block that has been made before there was a shelf."""
        if self._reachable and not self._path(block).exists() and self._claimed(block):
            self._lay(block, lambda _: values)

    def _lay(self, block: Step, make: Callable[[Step], Singles]) -> Singles:
        try:
            # It may have been laid down between the look and the claim.
            found = self._read(block)
            if found is None:
                found = make(block)
                self._write(block, found)
            return found
        finally:
            with contextlib.suppress(OSError):
                self._path(block, "claim").unlink(missing_ok=True)

    def _path(self, block: Step, ending: str = "npz") -> Path:
        return self._folder / f"{block[0]}_{block[1]}.{ending}"

    def _claimed(self, block: Step) -> bool:
        """Whether the block is this process's to make."""
        try:
            os.close(os.open(self._path(block, "claim"), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            return False
        except OSError:
            # Nothing can be written: make everything for oneself.
            self._reachable = False
        return True

    def _read(self, block: Step) -> Singles | None:
        try:
            content = read_bytes(self._path(block), self._bytes)
            found = parse_arrays(content, self._bytes)
        except (OSError, ValueError, EOFError, BadZipFile):
            return None
        key, values = found.get("key"), found.get("patterns")
        if key is None or values is None or not np.array_equal(key, self._key):
            return None
        if values.shape != self._shape or values.dtype != np.float32:
            return None
        values.flags.writeable = False
        return values

    def _write(self, block: Step, values: Singles) -> None:
        content = io.BytesIO()
        np.savez(content, key=self._key, patterns=values)
        # Without space for it every process makes the block for itself.
        with contextlib.suppress(OSError, PacbedError):
            held = sum(1 for _ in self._folder.glob("*.npz"))
            if (held + 1) * self._bytes <= _LARGEST_BYTES:
                write_atomically(self._path(block), content.getvalue(), durable=False)
