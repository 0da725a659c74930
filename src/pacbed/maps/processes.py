"""Blocks on the cores of this machine."""

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from pacbed.children import end_with_parent
from pacbed.errors import PacbedError
from pacbed.maps.blocks import Block, BlockTask, Rows, Spread, apart, here, sharing
from pacbed.maps.layers import Layers

#: Windows from which a second process is worth its start.
_WORTH_WINDOWS = 256


def spread_over_processes(workers: int) -> Spread:
    """Compute blocks in so many processes.

    Parameters
    ----------
    workers : int
        1 stays in this process.
    """
    if workers <= 1:
        return here

    def spread(task: BlockTask, blocks: list[Block]) -> Rows:
        if not blocks:
            return
        # Spawned, not forked: the networks' threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        count = min(workers, len(blocks))
        with (
            sharing(task) as sent,
            ProcessPoolExecutor(count, context, _start, (sent,)) as pool,
        ):
            futures = [pool.submit(_solve, block) for block in apart(blocks, count)]
            try:
                for future in as_completed(futures):
                    yield from future.result()
            except BrokenProcessPool as error:
                raise PacbedError(
                    "a worker process ended, perhaps for lack of memory: use fewer with "
                    "--workers, and go on with --resume."
                ) from error
            finally:
                for future in futures:
                    future.cancel()

    return spread


def default_workers(windows: int) -> int:
    """Processes for a map of so many windows: the cores, unless the map is small."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores or 1, windows // _WORTH_WINDOWS))


#: In a worker process: its one task.
_kept: list[BlockTask] = []


def _start(task: BlockTask) -> None:
    """Keep the task in a worker process."""
    # A killed process cannot end its workers, and these wait for work for ever.
    end_with_parent()
    # Ctrl-C reaches every process of the terminal; the first one ends the others in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _kept[:] = [task]


def _solve(block: Block) -> list[tuple[int, Layers]]:
    return _kept[0](block)
